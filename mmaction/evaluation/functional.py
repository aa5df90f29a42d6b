"""Classification measures: NumPy arrays in, numbers out.

Scores have the shape ``(N, C)``: N samples, C classes, higher is more likely; any monotonic scale will do. Labels are
class indices in ``[0, C)``, shape ``(N,)``. Of classes with equal scores the one with the lower index ranks first, in
every function here, so that top-1 accuracy, the predicted class and the confusion matrix never disagree.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

NEVER = np.iinfo(np.int64).max  # rank of the true class of a sample that could not be loaded
NORMALIZATIONS = (None, "true", "pred", "all")


def as_scores(scores: ArrayLike) -> np.ndarray:
    """Return ``scores`` as a floating-point array of shape ``(N, C)`` with at least one sample.

    Raises:
        ValueError: If the shape is not ``(N, C)``, or a score is not finite (the first such sample is named).
    """
    array = np.asarray(scores)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"scores must have the shape (samples, classes), at least one of each; got {array.shape}")
    if not np.issubdtype(array.dtype, np.floating):
        array = array.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if bad.size:
        raise ValueError(
            f"scores of sample {bad[0]} are not finite ({bad.size} of {len(array)} samples have NaN or infinite "
            "scores): the model or its checkpoint is broken, or half precision overflowed"
        )
    return array


def as_labels(labels: ArrayLike, num_samples: int | None = None, num_classes: int | None = None) -> np.ndarray:
    """Return ``labels`` as an int64 array of shape ``(N,)``.

    Args:
        labels: Class indices; integers of any width. Shape ``(N,)`` or ``(N, 1)``.
        num_samples: N, checked when given.
        num_classes: Labels must lie in ``[0, num_classes)``, checked when given.

    Raises:
        TypeError: If the labels are not integers.
        ValueError: If their number or range is wrong.
    """
    array = np.asarray(labels)
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"labels must be integer class indices; got {array.dtype} (first: {array.flat[0]!r})")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(
            f"labels must have the shape (samples,), one class index each; got {array.shape}. "
            "Samples with several labels are measured with mean_average_precision"
        )
    if num_samples is not None and len(array) != num_samples:
        raise ValueError(f"one label for each sample is needed: got {len(array)} labels for {num_samples} samples")
    if array.size and (array.min() < 0 or (num_classes is not None and array.max() >= num_classes)):
        wrong = array[(array < 0) | (array >= (num_classes if num_classes is not None else np.inf))]
        bound = "num_classes" if num_classes is None else num_classes
        raise ValueError(f"labels must lie in [0, {bound}); got {int(wrong[0])} (does num_classes fit the data set?)")
    return array.astype(np.int64)


def label_ranks(scores: ArrayLike, labels: ArrayLike, broken: ArrayLike | None = None) -> np.ndarray:
    """Return how many classes rank before the true one, shape ``(N,)``: 0 where the prediction is right.

    Where ``broken`` ``(N,)`` is true the sample could not be loaded: its rank is :data:`NEVER`, beyond every k.
    """
    scores = as_scores(scores)
    labels = as_labels(labels, *scores.shape)
    own = scores[np.arange(len(scores)), labels][:, None]
    earlier = np.arange(scores.shape[1])[None] < labels[:, None]
    ranks = ((scores > own) | ((scores == own) & earlier)).sum(axis=1)
    return ranks if broken is None else np.where(broken, NEVER, ranks)


def top_k_predictions(scores: ArrayLike, k: int) -> np.ndarray:
    """Return the ``min(k, C)`` best classes of each sample, best first, int64 of shape ``(N, min(k, C))``."""
    scores = as_scores(scores)
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


def check_topk(topk: int | Sequence[int]) -> tuple[int, ...]:
    """Return every k of a top-k accuracy.

    Raises:
        ValueError: If one is no whole number of at least 1.
    """
    every = tuple(topk) if isinstance(topk, Sequence | np.ndarray) else (topk,)
    if not every or any(isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1 for k in every):
        raise ValueError(f"every k of top-k accuracy must be a whole number of at least 1; got topk={topk!r}")
    return every


def top_k_accuracy(
    scores: ArrayLike, labels: ArrayLike, topk: int | Sequence[int] = (1,), broken: ArrayLike | None = None
) -> list[float]:
    """Return, for each k, the share of samples whose true class is among the k best.

    Args:
        scores: Shape ``(N, C)``.
        labels: Shape ``(N,)``.
        topk: One k or several, each at least 1. A k of C or more gives 1, less the share of broken samples.
        broken: True for samples that could not be loaded, which count as wrong for every k, shape ``(N,)``.

    Returns:
        One number in [0, 1] for each k.

    Raises:
        ValueError: As :func:`check_topk`, or if scores and labels do not fit.
    """
    every = check_topk(topk)
    ranks = label_ranks(scores, labels, broken)
    return [float(np.mean(ranks < k)) for k in every]


def confusion_matrix(
    y_pred: ArrayLike, y_real: ArrayLike, normalize: str | None = None, num_classes: int | None = None
) -> np.ndarray:
    """Count how often each true class (row) was taken for each class (column).

    Args:
        y_pred: Predicted class indices, shape ``(N,)``.
        y_real: True class indices, shape ``(N,)``.
        normalize: Divide by the row sums (``true``), the column sums (``pred``) or the total (``all``); rows and
            columns without samples stay 0. ``None`` keeps counts.
        num_classes: Give the matrix this many rows and columns. By default it has one for each class that occurs in
            either argument, in rising order.

    Returns:
        int64 counts, or float64 shares when normalized.

    Raises:
        TypeError: If a class index is not an integer.
        ValueError: If ``normalize`` is unknown, the lengths differ, or an index is negative or too large.
    """
    if normalize not in NORMALIZATIONS:
        raise ValueError(f"normalize must be one of {NORMALIZATIONS}; got {normalize!r}")
    y_real = as_labels(y_real, None, num_classes)
    y_pred = as_labels(y_pred, len(y_real), num_classes)
    if num_classes is None:
        classes, indices = np.unique(np.concatenate([y_real, y_pred]), return_inverse=True)
        num_classes = len(classes)
        y_real, y_pred = indices[: len(y_real)], indices[len(y_real) :]
    matrix = np.bincount(num_classes * y_real + y_pred, minlength=num_classes**2).reshape(num_classes, num_classes)
    if normalize is None:
        return matrix
    axis = {"true": 1, "pred": 0, "all": None}[normalize]
    total = matrix.sum(axis=axis, keepdims=True)
    return np.divide(matrix, total, out=np.zeros(matrix.shape), where=total > 0)


def per_class_accuracy(scores: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the accuracy and the number of samples of each class.

    Returns:
        Accuracy in [0, 1], float64 of shape ``(C,)``, NaN for a class without samples; and int64 counts, ``(C,)``.
    """
    scores = as_scores(scores)
    num_classes = scores.shape[1]
    matrix = confusion_matrix(scores.argmax(axis=1), as_labels(labels, *scores.shape), num_classes=num_classes)
    counts = matrix.sum(axis=1)
    accuracy = np.divide(np.diag(matrix), counts, out=np.full(num_classes, np.nan), where=counts > 0)
    return accuracy, counts


def mean_class_accuracy(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean of the accuracies of the classes that have at least one sample, in [0, 1].

    A class without samples has no accuracy: it is left out of the mean, also where it was predicted.
    """
    return float(np.nanmean(per_class_accuracy(scores, labels)[0]))


def top_k_classes(scores: ArrayLike, labels: ArrayLike, k: int = 10, mode: str = "accurate") -> list[tuple[int, float]]:
    """Return the k classes that are recognised best, or worst.

    Args:
        scores: Shape ``(N, C)``.
        labels: Shape ``(N,)``.
        k: How many classes; fewer are returned when fewer have samples.
        mode: ``accurate`` for the best, best first; ``inaccurate`` for the worst, worst first.

    Returns:
        Pairs of class index and accuracy. Of classes with equal accuracy the highest index comes first among the
        best and the lowest among the worst.

    Raises:
        ValueError: If ``mode`` is neither of the two.
    """
    if mode not in ("accurate", "inaccurate"):
        raise ValueError(f"mode must be 'accurate' or 'inaccurate'; got {mode!r}")
    accuracy, counts = per_class_accuracy(scores, labels)
    order = np.argsort(accuracy, kind="stable")
    order = order[counts[order] > 0]
    chosen = order[::-1][:k] if mode == "accurate" else order[:k]
    return [(int(index), float(accuracy[index])) for index in chosen]


def get_weighted_score(score_list: Sequence[Sequence[ArrayLike]], coeff_list: Sequence[float]) -> list[np.ndarray]:
    """Add up the scores of several models, each times its coefficient.

    Args:
        score_list: For each model the scores of the N samples, each of shape ``(C,)`` (or any equal shape).
        coeff_list: One coefficient for each model.

    Returns:
        The N weighted sums.

    Raises:
        ValueError: If the numbers of models, samples or classes disagree.
    """
    if len(score_list) != len(coeff_list):
        raise ValueError(
            f"one coefficient for each model is needed: got {len(coeff_list)} for {len(score_list)} models"
        )
    stacks = [np.asarray(scores) for scores in score_list]
    shapes = {stack.shape for stack in stacks}
    if len(shapes) > 1:
        raise ValueError(f"all models must score the same samples and classes; got shapes {sorted(shapes)}")
    return list(sum(coefficient * stack for coefficient, stack in zip(coeff_list, stacks, strict=True)))


def _as_binary(labels: ArrayLike, shape: tuple[int, int]) -> np.ndarray:
    """Return multi-label targets as a boolean array of ``shape`` (N, C)."""
    array = np.asarray(labels)
    if array.shape != shape:
        raise ValueError(f"labels must be 0 or 1 for each sample and class, shape {shape}; got shape {array.shape}")
    if not np.isin(array, (0, 1)).all():
        raise ValueError("labels must be 0 or 1 for each sample and class (see label_to_array)")
    return array.astype(bool)


def _average_precisions(scores: np.ndarray, labels: np.ndarray) -> list[float]:
    """Return the average precision of each row that has a positive label."""
    from sklearn.metrics import average_precision_score

    rows = zip(scores, labels, strict=True)
    return [float(average_precision_score(label, score)) for score, label in rows if label.any()]


def _rank_last(scores: np.ndarray, labels: np.ndarray, broken: ArrayLike | None) -> np.ndarray:
    """Give broken samples scores that rank their true classes behind, and the others before, all other scores."""
    if broken is None:
        return scores
    return np.where(np.asarray(broken)[:, None], np.where(labels, scores.min() - 1, scores.max() + 1), scores)


def mean_average_precision(scores: ArrayLike, labels: ArrayLike, broken: ArrayLike | None = None) -> float:
    """Return the average precision of each class, averaged over the classes that have a positive sample.

    Args:
        scores: Shape ``(N, C)``.
        labels: 0 or 1, shape ``(N, C)``.
        broken: True for samples that could not be loaded, which count as wrong, shape ``(N,)``.

    Returns:
        A number in [0, 1]; NaN when no sample has any label.
    """
    scores = as_scores(scores)
    labels = _as_binary(labels, scores.shape)
    precisions = _average_precisions(_rank_last(scores, labels, broken).T, labels.T)
    return float(np.mean(precisions)) if precisions else float("nan")


def mmit_mean_average_precision(scores: ArrayLike, labels: ArrayLike, broken: ArrayLike | None = None) -> float:
    """Return the average precision of each sample, averaged over the samples, as Multi-Moments in Time defines it.

    Args:
        scores: Shape ``(N, C)``.
        labels: 0 or 1, shape ``(N, C)``. Samples without a label are left out.
        broken: True for samples that could not be loaded, which count as wrong, shape ``(N,)``.

    Returns:
        A number in [0, 1]; NaN when no sample has any label.
    """
    scores = as_scores(scores)
    labels = _as_binary(labels, scores.shape)
    precisions = _average_precisions(_rank_last(scores, labels, broken), labels)
    return float(np.mean(precisions)) if precisions else float("nan")


def label_to_array(num_classes: int, label: ArrayLike) -> np.ndarray:
    """Return the labels of one sample as 0 or 1 for each class, int64 of shape ``(num_classes,)``.

    Args:
        num_classes: C.
        label: Class indices, any number of them; or already 0 or 1 for each class (recognised by its length C, C > 1).
    """
    label = np.atleast_1d(np.asarray(label, dtype=None if np.size(label) else np.int64))
    if num_classes > 1 and label.shape == (num_classes,) and np.isin(label, (0, 1)).all():
        return label.astype(np.int64)
    array = np.zeros(num_classes, np.int64)
    array[as_labels(label, None, num_classes)] = 1
    return array
