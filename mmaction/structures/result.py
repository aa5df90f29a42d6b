"""What a test found: the scores of every sample, what the classes consist of, and the facts of the run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mmaction.label_spaces import LabelSpace
from mmaction.structures.scores import as_labels, as_scores
from mmaction.utils.files import read_json, read_scores, replacing

SCORES, METRICS = "scores.npz", "metrics.json"
META_PREFIX = "meta_"
MISSING = ("broken", "nobody")  # columns: the sample could not be loaded; its skeleton shows no person


def missing_reason(sample: Any) -> str | None:
    """Return why a data sample has no prediction, one of :data:`MISSING`, or None where it has one."""
    return next((name for name in MISSING if sample.get(name)), None)


@dataclass(frozen=True)
class Result:
    """The scores of N samples over C classes, with all that is needed to measure, compare and explain them.

    Attributes:
        ids: One name for each sample, unique: it finds the same sample in another run.
        labels: Class indices, int64 of shape ``(N,)``; for samples with several labels 0 or 1, int64 of ``(N, C)``.
        scores: float32 of shape ``(N, C)``.
        classes: Names of the C classes; by default the label space's, or none.
        meta: Columns, arrays of length N by name, each where it is known: ``frames`` (count), ``width`` and ``height``
            (pixels), ``pose_quality`` (mean joint score, 0 to 1), ``source`` (path of the clip), ``broken`` and
            ``nobody`` (1 where it applies, else NaN or 0).
        label_space: What the classes consist of, where it is known.
        train_counts: Training samples of each class, where they are known.
        listed: Samples of the official list, where some are known to be missing here; None: N.
        run: Facts of the run, plain values: config, checkpoint, seed and the like.

    Raises:
        ValueError: If lengths disagree, an id occurs twice, or a score is not finite.
    """

    ids: Sequence[str]
    labels: np.ndarray
    scores: np.ndarray
    classes: Sequence[str] = ()
    meta: Mapping[str, np.ndarray] = field(default_factory=dict)
    label_space: LabelSpace | None = None
    train_counts: Sequence[int] | None = None
    listed: int | None = None
    run: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        scores = as_scores(self.scores).astype(np.float32)
        count, num_classes = scores.shape
        labels = np.asarray(self.labels)
        multi = labels.ndim == 2 and labels.shape == scores.shape and num_classes > 1
        labels = labels.astype(np.int64) if multi else as_labels(labels, count, num_classes)
        ids = tuple(str(name) for name in self.ids)
        if len(set(ids)) != len(ids):
            double = next(name for i, name in enumerate(ids) if name in ids[:i])
            raise ValueError(f"sample ids must be unique, {double!r} occurs twice ({len(ids) - len(set(ids))} in all)")
        classes = tuple(map(str, self.classes)) or (self.label_space.names if self.label_space else ())
        meta = {name: np.asarray(values) for name, values in self.meta.items()}
        sizes = {"ids": len(ids)} | {f"meta[{name!r}]": len(values) for name, values in meta.items()}
        _check_lengths(sizes, count, "samples")
        by_class = {"class names": classes or None, "label space": self.label_space, "train_counts": self.train_counts}
        _check_lengths({n: len(v) for n, v in by_class.items() if v is not None}, num_classes, "classes")
        changed = {"ids": ids, "labels": labels, "scores": scores, "classes": classes, "meta": meta}
        for name, value in changed.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def num_classes(self) -> int:
        """C, the number of columns of the scores."""
        return self.scores.shape[1]

    @property
    def is_multi_label(self) -> bool:
        """True where a sample may have several labels."""
        return self.labels.ndim == 2

    def column(self, name: str) -> np.ndarray:
        """Return where column ``name`` is set, bool of shape ``(N,)``; nowhere if there is no such column."""
        noted = self.meta.get(name)
        return np.zeros(len(self), bool) if noted is None else np.nan_to_num(noted.astype(np.float64)) > 0

    @property
    def missing(self) -> np.ndarray:
        """True for samples without a prediction, which count as wrong: ``broken`` or ``nobody``; shape ``(N,)``."""
        return np.any([self.column(name) for name in MISSING], axis=0)

    @property
    def predicted(self) -> np.ndarray:
        """The class with the highest score, int64 of shape ``(N,)``; -1 where there is no prediction."""
        return np.where(self.missing, -1, self.scores.argmax(axis=1))

    def rows(self) -> list[tuple[str, str]]:
        """Return what is worth telling at a glance: a word and a text for each line."""
        rows = [("samples", f"{len(self)} of {self.num_classes} classes")]
        if len(self) and not self.is_multi_label:
            hits = self.predicted == self.labels
            means = [hits[self.labels == label].mean() for label in np.unique(self.labels)]
            rows += [("top 1", f"{hits.mean():.3f}"), ("mean class", f"{np.mean(means):.3f}")]
        if count := int(self.missing.sum()):
            rows.append(("missing", f"{count} samples without a prediction count as wrong"))
        return rows + [(name, str(self.run[name])) for name in ("config", "checkpoint") if self.run.get(name)]

    def __repr__(self) -> str:
        return f"Result({', '.join(f'{word}: {text}' for word, text in self.rows())})"

    def _repr_html_(self) -> str:
        cells = "".join(f"<tr><th>{word}</th><td>{escape(text)}</td></tr>" for word, text in self.rows())
        return f"<table>{cells}</table>"

    def class_name(self, index: int) -> str:
        """Return the name of class ``index``, or its number as text where it has none."""
        return self.classes[index] if self.classes else str(index)

    def select(self, indices: ArrayLike) -> "Result":
        """Return the samples at ``indices`` (or where a boolean mask is true), in that order."""
        chosen = np.arange(len(self))[np.asarray(indices)]
        meta = {name: values[chosen] for name, values in self.meta.items()}
        ids = [self.ids[i] for i in chosen]
        return replace(self, ids=ids, labels=self.labels[chosen], scores=self.scores[chosen], meta=meta)

    @classmethod
    def join(cls, parts: Sequence["Result"]) -> "Result":
        """Return tests of different samples of one data set as one; columns of ``meta`` stay where all have them."""
        first = parts[0]
        names = [name for name in first.meta if name not in MISSING and all(name in part.meta for part in parts)]
        meta = {name: np.concatenate([part.meta[name] for part in parts]) for name in names}
        meta |= {name: np.concatenate([part.column(name) for part in parts]).astype(float) for name in MISSING}
        return replace(
            first,
            ids=[name for part in parts for name in part.ids],
            labels=np.concatenate([part.labels for part in parts]),
            scores=np.concatenate([part.scores for part in parts]),
            meta={name: column for name, column in meta.items() if name not in MISSING or column.any()},
            listed=None,
            run={},
        )

    def save(self, path: str | Path) -> None:
        """Write everything into one file, ``scores.npz``.

        Its arrays: ``ids``, ``labels``, ``scores``, ``classes``, a ``meta_NAME`` for each column, and ``facts``, a JSON
        text with ``label_space``, ``train_counts``, ``listed`` and ``run``.
        """
        facts = {
            "label_space": asdict(self.label_space) if self.label_space else None,
            "train_counts": self.train_counts,
            "listed": self.listed,
            "run": self.run,
        }
        arrays: dict[str, Any] = {META_PREFIX + name: values for name, values in self.meta.items()}
        arrays |= {"labels": self.labels, "scores": self.scores, "facts": np.array(json.dumps(facts, default=str))}
        arrays |= {name: np.array(getattr(self, name), dtype=np.str_) for name in ("ids", "classes")}
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> "Result":
        """Read a ``scores.npz``, or the one in a test's folder; ValueError if it is damaged or lacks an array.

        The facts of results of version 2.0, whose ``scores.npz`` has none, come from the ``metrics.json`` beside it.
        """
        path = Path(path)
        arrays = read_scores(path)
        texts = {name: arrays[name].tolist() for name in ("ids", "classes") if name in arrays}
        meta = {name[len(META_PREFIX) :]: array for name, array in arrays.items() if name.startswith(META_PREFIX)}
        metrics = (path if path.is_dir() else path.parent) / METRICS
        facts: dict[str, Any] = {}
        try:
            if "facts" in arrays:
                facts = _facts(json.loads(str(arrays["facts"])))
            elif metrics.is_file():
                facts = _facts_in_metrics(metrics, len(arrays["scores"]))
            return cls(texts["ids"], arrays["labels"], arrays["scores"], texts.get("classes", ()), meta, **facts)
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(f"{path}: {error}") from error


def _check_lengths(sizes: Mapping[str, int], expected: int, unit: str) -> None:
    """Raise ValueError if one of the named things has another length than the scores."""
    for name, size in sizes.items():
        if size != expected:
            raise ValueError(f"{name}: {size} entries, but the scores have {expected} {unit}")


def _facts(content: Any) -> dict[str, Any]:
    """Return the arguments of :class:`Result` that ``facts`` holds."""
    try:
        space = content["label_space"]
        return {
            "label_space": LabelSpace.from_dict(space) if space else None,
            "train_counts": content["train_counts"] and [int(count) for count in content["train_counts"]],
            "listed": content["listed"] and int(content["listed"]),
            "run": dict(content["run"] or {}),
        }
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise ValueError(f"the facts of the test are damaged: {error!r}") from error


def _facts_in_metrics(file: Path, count: int) -> dict[str, Any]:
    """Return the same from the ``metrics.json`` that version 2.0 wrote."""
    try:
        summary = read_json(file)
        rows, space, evaluated = summary.get("per_class") or [], summary.get("label_space"), summary["evaluated"]
        if space:
            table = {name: [row["attributes"][name] for row in rows] for name in rows[0]["attributes"]}
            space = {**space, "names": [row["name"] for row in rows], "table": table}
        known = rows and "train_count" in rows[0]
        counts = [row["train_count"] for row in rows] if known else None
        belongs = evaluated["count"] == count
        facts = {"label_space": space, "train_counts": counts, "listed": evaluated["listed"], "run": summary.get("run")}
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"{file} is no metrics.json of a test: {error!r}") from error
    if not belongs:
        raise ValueError(f"{file} does not belong to the scores beside it; run the test again")
    return _facts(facts)
