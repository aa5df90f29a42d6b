"""What a test run leaves behind: the scores of every sample with its id, and their files."""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from mmaction.evaluation.functional import as_labels, as_scores, label_ranks, top_k_predictions
from mmaction.utils.files import read_scores, replacing

META_PREFIX = "meta_"
NUM_TOP = 5


@dataclass(frozen=True)
class Predictions:
    """Scores and labels of the samples of one test set.

    Attributes:
        ids: One name for each of the N samples, unique: it finds the same sample in another run.
        labels: Class indices, int64 of shape ``(N,)``; for samples with several labels 0 or 1, int64 of ``(N, C)``.
        scores: float32 of shape ``(N, C)``.
        classes: Names of the C classes, or empty where nobody knows them.
        meta: Facts of each sample, arrays of length N by name: ``frames`` (count), ``width`` and ``height`` (pixels),
            ``pose_quality`` (mean joint score, 0 to 1), ``source`` (path of the clip), each where it is known.

    Raises:
        ValueError: If the lengths disagree, an id occurs twice, or a score is not finite.
    """

    ids: Sequence[str]
    labels: np.ndarray
    scores: np.ndarray
    classes: Sequence[str] = ()
    meta: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        scores = as_scores(self.scores).astype(np.float32)
        count, num_classes = scores.shape
        labels = np.asarray(self.labels)
        multi = labels.ndim == 2 and labels.shape == scores.shape and num_classes > 1
        labels = labels.astype(np.int64) if multi else as_labels(labels, count, num_classes)
        ids = tuple(str(name) for name in self.ids)
        if len(ids) != count:
            raise ValueError(f"one id for each sample is needed: got {len(ids)} ids for {count} samples")
        if len(set(ids)) != count:
            seen: set[str] = set()
            double = next(name for name in ids if name in seen or seen.add(name))
            raise ValueError(
                f"sample ids must be unique, {double!r} occurs twice ({count - len(set(ids))} repetitions)"
            )
        classes = tuple(str(name) for name in self.classes)
        if classes and len(classes) != num_classes:
            raise ValueError(f"got {len(classes)} class names for scores of {num_classes} classes")
        meta = {name: np.asarray(values) for name, values in self.meta.items()}
        for name, values in meta.items():
            if len(values) != count:
                raise ValueError(f"meta[{name!r}] has {len(values)} entries for {count} samples")
        for name, value in (("ids", ids), ("labels", labels), ("scores", scores), ("classes", classes), ("meta", meta)):
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

    @property
    def predicted(self) -> np.ndarray:
        """The class with the highest score, int64 of shape ``(N,)``."""
        return self.scores.argmax(axis=1)

    @property
    def broken(self) -> np.ndarray:
        """True for samples that could not be loaded and count as wrong, shape ``(N,)``."""
        noted = self.meta.get("broken")
        return np.zeros(len(self), bool) if noted is None else np.nan_to_num(noted.astype(np.float64)) > 0

    def name(self, index: int) -> str:
        """Return the name of class ``index``, or its number as text where it has none."""
        return self.classes[index] if self.classes else str(index)

    def select(self, indices: ArrayLike) -> "Predictions":
        """Return the samples at ``indices`` (or where a boolean mask is true), in that order."""
        indices = np.arange(len(self))[np.asarray(indices)]
        meta = {name: values[indices] for name, values in self.meta.items()}
        ids = [self.ids[i] for i in indices]
        return Predictions(ids, self.labels[indices], self.scores[indices], self.classes, meta)


def as_probabilities(scores: ArrayLike) -> np.ndarray:
    """Return scores as probabilities, float64 of shape ``(N, C)``, rows of sum 1.

    Rows that already are probabilities (not negative, sum 1 within 0.01) stay as they are; otherwise the scores are
    taken for logits, and the softmax over all classes is returned.
    """
    scores = as_scores(scores).astype(np.float64)
    total = scores.sum(axis=1, keepdims=True)
    if scores.min() >= 0 and np.abs(total - 1).max() < 0.01:
        return scores / total
    exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def save_scores(path: str | os.PathLike, predictions: Predictions) -> None:
    """Write ``scores.npz``: ``ids``, ``labels``, ``scores``, ``classes`` and a ``meta_NAME`` for each fact."""
    arrays = {META_PREFIX + name: values for name, values in predictions.meta.items()}
    arrays.update(
        ids=np.array(predictions.ids, dtype=np.str_),
        labels=predictions.labels,
        scores=predictions.scores,
        classes=np.array(predictions.classes, dtype=np.str_),
    )
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_scores(path: str | os.PathLike) -> Predictions:
    """Read a ``scores.npz``, or the one in a test's folder.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file is damaged, holds Python objects, or lacks an array.
    """
    arrays = read_scores(path)
    texts = {name: arrays[name].tolist() for name in ("ids", "classes") if name in arrays}
    meta = {name[len(META_PREFIX) :]: array for name, array in arrays.items() if name.startswith(META_PREFIX)}
    try:
        return Predictions(texts["ids"], arrays["labels"], arrays["scores"], texts.get("classes", ()), meta)
    except (ValueError, TypeError) as error:
        raise type(error)(f"{path}: {error}") from error


def write_predictions_csv(path: str | os.PathLike, predictions: Predictions) -> None:
    """Write a row for each sample: id, true class, whether top-1 is right, the five best classes, and the facts.

    Columns: ``id, label, class, correct, rank`` (1 is best), then ``topK, topK_class, topK_score`` for K from 1 to
    ``min(5, C)`` (scores as probabilities; as they are where a sample may have several labels, which do not exclude
    each other), then one for each entry of ``meta``, empty where it is not known. Several labels of a sample stand in
    one cell, separated by blanks; it counts as correct where the best class is one of them, and has no rank. Nor has a
    sample that could not be loaded, which is never correct.
    """
    best = top_k_predictions(predictions.scores, NUM_TOP)
    multi = predictions.is_multi_label
    shown = predictions.scores if multi else as_probabilities(predictions.scores)
    shown = np.take_along_axis(shown, best, axis=1)
    broken = predictions.broken
    ranks = [""] * len(predictions) if multi else (label_ranks(predictions.scores, predictions.labels) + 1).tolist()
    ranks = ["" if wrong else rank for rank, wrong in zip(ranks, broken, strict=True)]
    header = ["id", "label", "class", "correct", "rank"]
    header += [f"top{k}{part}" for k in range(1, best.shape[1] + 1) for part in ("", "_class", "_score")]
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*header, *predictions.meta])
        for i, name in enumerate(predictions.ids):
            labels = np.flatnonzero(predictions.labels[i]) if multi else predictions.labels[i : i + 1]
            row = [name, " ".join(map(str, labels)), "; ".join(predictions.name(c) for c in labels)]
            row += [int(best[i, 0] in labels and not broken[i]), ranks[i]]
            for c, p in zip(best[i], shown[i], strict=True):
                row += [c, predictions.name(c), f"{p:.6f}"]
            writer.writerow([*row, *(_cell(values[i]) for values in predictions.meta.values())])


def _cell(fact: object) -> object:
    """Return a fact as a table shows it: empty where it is not known, a whole number without a decimal point."""
    if not isinstance(fact, (float, np.floating)):
        return fact
    if np.isnan(fact):
        return ""
    return int(fact) if float(fact).is_integer() else fact
