"""Scores of clips or of stretches of them as a table, JSON or CSV."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from mmaction.utils.files import csv_text

FORMATS = ("table", "json", "csv")
NOBODY = "nobody"  # stands for the name of a class where a skeleton shows no person
CSV_COLUMNS = ("input", "start_s", "end_s", "rank", "label", "name", "score")


@dataclass(frozen=True)
class Prediction:
    """Scores of a clip, or of the stretch of it from ``start_s`` to ``end_s``.

    Args:
        clip: Name of the clip.
        scores: Score of every class, shape (num_classes,); all 0 with ``nobody``.
        start_s: Begin in seconds; None: the whole clip.
        end_s: End in seconds; None: the whole clip.
        nobody: Whether it is a skeleton without a person, in which no class can be recognized.
        names: Class names, where they are known.
    """

    clip: str
    scores: np.ndarray = field(repr=False)
    start_s: float | None = None
    end_s: float | None = None
    nobody: bool = False
    names: Sequence[str] | None = field(default=None, repr=False)

    @property
    def score(self) -> float | None:
        """The score of the best class; None where there is nobody."""
        return next((score for _, score in self.top(1)), None)

    @property
    def label(self) -> int | None:
        """The index of the best class; None where there is nobody."""
        return next((label for label, _ in self.top(1)), None)

    @property
    def name(self) -> str:
        """The name of the best class, or ``nobody``."""
        return NOBODY if self.label is None else class_name(self.names, self.label)

    def __str__(self) -> str:
        return render_predictions([self], self.names, "table")

    def _repr_html_(self) -> str:
        rows = [(class_name(self.names, label), f"{score:.3f}") for label, score in self.top(5)] or [(NOBODY, "")]
        cells = "".join(f"<tr><td>{escape(name)}</td><td>{score}</td></tr>" for name, score in rows)
        return f"<table><caption>{escape(self.clip)}</caption>{cells}</table>"

    def top(self, count: int) -> list[tuple[int, float]]:
        """Return the ``count`` best classes with their scores, best first; none where there is nobody."""
        if self.nobody:
            return []
        best = np.argsort(-self.scores, kind="stable")[:count]
        return [(int(label), float(self.scores[label])) for label in best]


def class_name(names: Sequence[str] | None, label: int) -> str:
    """Return the name of a class, or ``class 3`` where it has none."""
    return names[label] if names is not None and label < len(names) else f"class {label}"


def render_predictions(predictions: Sequence[Prediction], names: Sequence[str] | None, form: str, topk: int = 5) -> str:
    """Return predictions as text.

    Args:
        predictions: In the order of the output.
        names: Class names, or None.
        form: ``table``; ``json``: a list with one entry per prediction; ``csv``: one line per prediction and rank.
            A skeleton without a person has no classes: ``nobody`` stands in their place.
        topk: Classes to list.
    """
    if form == "json":
        return json.dumps([_as_dict(prediction, names, topk) for prediction in predictions], indent=2)
    if form == "csv":
        return _as_csv(predictions, names, topk)
    return "\n".join(_table_lines(predictions, names, topk))


def _as_dict(prediction: Prediction, names: Sequence[str] | None, topk: int) -> dict:
    times = {} if prediction.start_s is None else {"start_s": prediction.start_s, "end_s": prediction.end_s}
    top = [{"label": i, "name": class_name(names, i), "score": score} for i, score in prediction.top(topk)]
    return {"input": prediction.clip, **times, **({"nobody": True} if prediction.nobody else {}), "top": top}


def _as_csv(predictions: Sequence[Prediction], names: Sequence[str] | None, topk: int) -> str:
    rows: list[Sequence[object]] = [CSV_COLUMNS]
    for prediction in predictions:
        entry = _as_dict(prediction, names, topk)
        for rank, row in enumerate([{"name": NOBODY}] if prediction.nobody else entry["top"], 1):
            rows.append([{**entry, "rank": rank, **row}.get(column, "") for column in CSV_COLUMNS])
    return csv_text(rows).rstrip("\n")


def _table_lines(predictions: Sequence[Prediction], names: Sequence[str] | None, topk: int) -> list[str]:
    """Return five lines per clip, or one line per stretch with its two best classes, below the name of the clip."""
    lines = []
    for index, prediction in enumerate(predictions):
        if index == 0 or prediction.clip != predictions[index - 1].clip:
            lines.append(prediction.clip)
        best = [(f"{score:6.3f}", class_name(names, label), label) for label, score in prediction.top(topk)]
        if prediction.start_s is None:
            rows = [f"{score}  {label:>4}  {name}" for score, name, label in best]
            lines += [f"  {row}" for row in ([NOBODY] if prediction.nobody else rows)]
        else:
            shown = NOBODY if prediction.nobody else "   ".join(f"{score} {name}" for score, name, _ in best[:2])
            lines.append(f"  {prediction.start_s:8.2f} - {prediction.end_s:8.2f} s  {shown}")
    return lines
