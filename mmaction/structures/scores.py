"""Scores and labels as arrays: checked, converted, merged.

Scores have the shape ``(N, C)``: N samples, C classes, higher is more likely; any monotonic scale will do. Labels are
class indices in ``[0, C)``, shape ``(N,)``.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

WHY_NOT_FINITE = "the model or its checkpoint is broken, or half precision overflowed"


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
            f"scores): {WHY_NOT_FINITE}"
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


def as_probabilities(scores: ArrayLike) -> np.ndarray:
    """Return scores as probabilities, float64 of shape ``(N, C)``, rows of sum 1.

    Scores that all lie in [0, 1] (within 0.01) are chances, as softmax or sigmoid give them, and so are scores of 0 or
    more whose sum is the same for all samples (within 1 %), as in percent or added up over views: each row is divided
    by its sum; in a row of zeros, as of a sample without a prediction, all classes are alike. Others are taken for
    logits, and the softmax over all classes is returned.
    """
    rows = as_scores(scores).astype(np.float64)
    sums = rows.sum(axis=1)[rows.any(axis=1)]
    is_scaled = len(sums) > 1 and np.ptp(sums) <= 0.01 * sums.mean()
    if rows.min() < 0 or (rows.max() > 1.01 and not is_scaled):
        rows = np.exp(rows - rows.max(axis=1, keepdims=True))
    total = rows.sum(axis=1, keepdims=True)
    return np.divide(rows, total, out=np.full_like(rows, 1 / rows.shape[1]), where=total > 0)


def label_to_array(num_classes: int, label: ArrayLike) -> np.ndarray:
    """Return the labels of one sample as 0 or 1 for each class, int64 of shape ``(num_classes,)``.

    ``label`` is class indices, any number; or already 0 or 1 for each class (recognized by its length C, C > 1).
    """
    label = np.atleast_1d(np.asarray(label, dtype=None if np.size(label) else np.int64))
    if num_classes > 1 and label.shape == (num_classes,) and np.isin(label, (0, 1)).all():
        return label.astype(np.int64)
    array = np.zeros(num_classes, np.int64)
    array[as_labels(label, None, num_classes)] = 1
    return array


def to_numpy(value: Any) -> np.ndarray:
    """Return a tensor (on any device, bfloat16 included) or an array-like as an array."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = value.float() if value.dtype == torch.bfloat16 else value
    return np.asarray(value)


def mean_score(score: Any) -> np.ndarray:
    """Return a sample's ``pred_score``, float32 of shape ``(C,)``; the scores of several modalities are averaged."""
    parts = list(score.values()) if isinstance(score, Mapping) else [score]
    return np.stack([to_numpy(part) for part in parts]).mean(axis=0, dtype=np.float32)
