"""Classification measures: NumPy arrays in, numbers out.

Scores have the shape ``(N, C)``: N samples, C classes, higher is more likely; any monotonic scale will do. Labels are
class indices in ``[0, C)``, shape ``(N,)``. Where ``missing``, bool of shape ``(N,)``, is true, the sample has no
prediction (it could not be loaded, or shows nobody) and counts as wrong.

Of classes with equal scores the one with the lower index ranks first, in every function here, so that top-1 accuracy,
the predicted class and the confusion matrix never disagree. (scikit-learn's ``top_k_accuracy_score`` prefers the
higher index, so it is not used.)
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from mmaction.structures.scores import as_labels, as_scores

NEVER = np.iinfo(np.int64).max  # rank of the true class of a sample without a prediction
NORMALIZATIONS = (None, "true", "pred", "all")


def label_ranks(scores: ArrayLike, labels: ArrayLike, missing: ArrayLike | None = None) -> np.ndarray:
    """Return how many classes rank before the true one, shape ``(N,)``: 0 where the prediction is right.

    The rank of a missing sample is :data:`NEVER`, beyond every k.
    """
    scores = as_scores(scores)
    labels = as_labels(labels, *scores.shape)
    own = scores[np.arange(len(scores)), labels][:, None]
    earlier = np.arange(scores.shape[1])[None] < labels[:, None]
    ranks = ((scores > own) | ((scores == own) & earlier)).sum(axis=1)
    return ranks if missing is None else np.where(missing, NEVER, ranks)


def top_k_predictions(scores: ArrayLike, k: int) -> np.ndarray:
    """Return the k best classes of each sample, best first, int64 of shape ``(N, min(k, C))``."""
    return np.argsort(-as_scores(scores), axis=1, kind="stable")[:, :k]


def check_topk(topk: int | Sequence[int]) -> tuple[int, ...]:
    """Return every k of a top-k accuracy; ValueError if one is no whole number of at least 1."""
    every = tuple(topk) if isinstance(topk, Sequence | np.ndarray) else (topk,)
    if not every or any(isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1 for k in every):
        raise ValueError(f"every k of top-k accuracy must be a whole number of at least 1; got topk={topk!r}")
    return every


def top_k_accuracy(
    scores: ArrayLike, labels: ArrayLike, topk: int | Sequence[int] = (1,), missing: ArrayLike | None = None
) -> list[float]:
    """Return, for each k, the share of samples ``(N,)`` whose true class is among the k best of C scores, in [0, 1].

    A k of C or more gives 1, less the share of missing samples. ValueError if a k is below 1, or scores and labels do
    not fit.
    """
    every = check_topk(topk)
    ranks = label_ranks(scores, labels, missing)
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
    """
    from sklearn import metrics

    if normalize not in NORMALIZATIONS:
        raise ValueError(f"normalize must be one of {NORMALIZATIONS}; got {normalize!r}")
    y_real = as_labels(y_real, None, num_classes)
    y_pred = as_labels(y_pred, len(y_real), num_classes)
    classes = np.union1d(y_real, y_pred) if num_classes is None else np.arange(num_classes)
    # scikit-learn warns of a matrix of one class; another class, which nothing has, keeps it quiet
    return metrics.confusion_matrix(y_real, y_pred, labels=[*classes, -1], normalize=normalize)[:-1, :-1]


def class_recall(labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of each class's samples that are predicted right, and the number of its samples.

    ``predicted``, ``(N,)``, is -1 without a prediction. Recall is float64 ``(C,)``, NaN for a class without samples.
    """
    counts = np.bincount(labels, minlength=num_classes)
    hits = np.bincount(labels[labels == predicted], minlength=num_classes)
    return np.divide(hits, counts, out=np.full(num_classes, np.nan), where=counts > 0), counts


def per_class_accuracy(
    scores: ArrayLike, labels: ArrayLike, missing: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return :func:`class_recall` of the best classes of scores ``(N, C)``."""
    scores = as_scores(scores)
    best = scores.argmax(axis=1) if missing is None else np.where(missing, -1, scores.argmax(axis=1))
    return class_recall(as_labels(labels, *scores.shape), best, scores.shape[1])


def mean_class_accuracy(scores: ArrayLike, labels: ArrayLike, missing: ArrayLike | None = None) -> float:
    """Return the mean of the accuracies of the classes that have at least one sample, in [0, 1].

    A class without samples has no accuracy: it is left out of the mean, also where it was predicted.
    """
    return float(np.nanmean(per_class_accuracy(scores, labels, missing)[0]))


def top_k_classes(scores: ArrayLike, labels: ArrayLike, k: int = 10, mode: str = "accurate") -> list[tuple[int, float]]:
    """Return the k classes that are recognized best, or worst.

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
        raise ValueError(f"each model needs one coefficient: got {len(coeff_list)} for {len(score_list)} models")
    stacks = [np.asarray(scores) for scores in score_list]
    shapes = {stack.shape for stack in stacks}
    if len(shapes) > 1:
        raise ValueError(f"all models must score the same samples and classes; got shapes {sorted(shapes)}")
    return list(np.tensordot(coeff_list, np.stack(stacks), axes=1))


def _as_binary(labels: ArrayLike, shape: tuple[int, int]) -> np.ndarray:
    """Return multi-label targets as a boolean array of ``shape`` (N, C)."""
    array = np.asarray(labels)
    if array.shape != shape or not np.isin(array, (0, 1)).all():
        raise ValueError(
            f"labels must be 0 or 1 for each sample and class, shape {shape} (see label_to_array); got {array.shape}"
        )
    return array.astype(bool)


def _mean_precision(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean of the average precisions of the rows that have a positive label, NaN without any."""
    from sklearn.metrics import average_precision_score

    rows = zip(scores, labels, strict=True)
    precisions = [average_precision_score(label, score) for score, label in rows if label.any()]
    return float(np.mean(precisions)) if precisions else float("nan")


def _rank_last(scores: np.ndarray, labels: np.ndarray, missing: ArrayLike | None) -> np.ndarray:
    """Give missing samples scores that rank their true classes behind, and the others before, all other scores."""
    if missing is None:
        return scores
    return np.where(np.asarray(missing)[:, None], np.where(labels, scores.min() - 1, scores.max() + 1), scores)


def mean_average_precision(scores: ArrayLike, labels: ArrayLike, missing: ArrayLike | None = None) -> float:
    """Return the average precision of each class, averaged over the classes that have a positive sample.

    Args:
        scores: Shape ``(N, C)``.
        labels: 0 or 1, shape ``(N, C)``.
        missing: Shape ``(N,)``.

    Returns:
        A number in [0, 1]; NaN when no sample has any label.
    """
    scores = as_scores(scores)
    labels = _as_binary(labels, scores.shape)
    return _mean_precision(_rank_last(scores, labels, missing).T, labels.T)


def mmit_mean_average_precision(scores: ArrayLike, labels: ArrayLike, missing: ArrayLike | None = None) -> float:
    """Return the average precision of each sample, averaged over the samples, as Multi-Moments in Time defines it.

    Args:
        scores: Shape ``(N, C)``.
        labels: 0 or 1, shape ``(N, C)``. Samples without a label are left out.
        missing: Shape ``(N,)``.

    Returns:
        A number in [0, 1]; NaN when no sample has any label.
    """
    scores = as_scores(scores)
    labels = _as_binary(labels, scores.shape)
    return _mean_precision(_rank_last(scores, labels, missing), labels)


def f1_scores(
    scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5, missing: ArrayLike | None = None
) -> tuple[np.ndarray, float]:
    """Return the F1 of each class, and of all pairs of sample and class together (micro).

    Args:
        scores: Probabilities, each class by itself, or logits (whose sigmoid is taken), shape ``(N, C)``.
        labels: 0 or 1, shape ``(N, C)``.
        threshold: A class with at least this probability is predicted.
        missing: Shape ``(N,)``; nothing is predicted for such a sample.

    Returns:
        ``(C,)``, NaN for a class that is neither labeled nor predicted; and the micro F1, NaN where no class is.
    """
    scores = independent_probabilities(scores)
    labels = _as_binary(labels, scores.shape)
    predicted = scores >= threshold
    if missing is not None:
        predicted &= ~np.asarray(missing, bool)[:, None]
    hits, total = (predicted & labels).sum(axis=0), predicted.sum(axis=0) + labels.sum(axis=0)
    every = np.divide(2 * hits, total, out=np.full(len(total), np.nan), where=total > 0)
    return every, float(2 * hits.sum() / total.sum()) if total.any() else float("nan")


def mean_f1(
    scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5, missing: ArrayLike | None = None
) -> dict[str, float]:
    """Return ``macro_f1``, the mean over the classes with an F1 (NaN without any), and ``micro_f1``."""
    every, micro = f1_scores(scores, labels, threshold, missing)
    return {"macro_f1": float(np.nanmean(every)) if np.isfinite(every).any() else float("nan"), "micro_f1": micro}


def independent_probabilities(scores: ArrayLike) -> np.ndarray:
    """Return scores of classes that do not exclude each other as probabilities, float64 of shape ``(N, C)``.

    Scores that all lie in [0, 1] stay as they are; others are taken for logits, and their sigmoid is returned.
    """
    from scipy.special import expit

    scores = as_scores(scores).astype(np.float64)
    return scores if scores.min() >= 0 and scores.max() <= 1 else expit(scores)
