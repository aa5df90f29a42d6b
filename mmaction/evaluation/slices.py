"""Accuracy by what a clip is like: its length, resolution, pose quality."""

from typing import Any

import numpy as np

from mmaction.structures import Result

NUM_BINS = 6
TITLES = {"frames": "clip length (frames)", "short_side": "short side (pixels)", "pose_quality": "mean joint score"}


def wilson_interval(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, JASA 1927), which holds for few samples and for 0 or all hits."""
    from scipy.stats import binomtest

    interval = binomtest(hits, count).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def quantile_index(values: np.ndarray, bins: int = NUM_BINS) -> np.ndarray:
    """Return each value's range: one for each of at most ``bins`` distinct values, else ranges of like counts."""
    distinct, index = np.unique(values, return_inverse=True)
    if len(distinct) <= bins:
        return index
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)))
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)


def accuracy_by(values: np.ndarray, right: np.ndarray, bins: int = NUM_BINS) -> list[dict[str, Any]]:
    """Return the accuracy in at most ``bins`` ranges of a quantity ``values`` ``(N,)``; NaN is left out.

    Each range, rising, has ``low``, ``high`` (smallest and largest value of its samples), ``count``, ``accuracy`` and
    ``interval`` (95 %). There is none where all values are equal.
    """
    known = np.isfinite(values)
    values, right = values[known], right[known]
    if len(np.unique(values)) < 2:
        return []
    index = quantile_index(values, bins)
    rows = []
    for i in np.unique(index):
        chosen = index == i
        hits, count = int(right[chosen].sum()), int(chosen.sum())
        low, high = float(values[chosen].min()), float(values[chosen].max())
        measured = {"count": count, "accuracy": hits / count, "interval": list(wilson_interval(hits, count))}
        rows.append({"low": low, "high": high, **measured})
    return rows


def clip_slices(result: Result) -> dict[str, list[dict[str, Any]]]:
    """Return :func:`accuracy_by` for each quantity that the clips differ in, by a title with its unit."""
    meta = dict(result.meta)
    if {"width", "height"} <= meta.keys():
        meta["short_side"] = np.minimum(meta["width"], meta["height"])
    right = result.predicted == result.labels
    known = ((title, meta[name].astype(float)) for name, title in TITLES.items() if name in meta)
    slices = {title: accuracy_by(values, right) for title, values in known}
    return {title: rows for title, rows in slices.items() if len(rows) > 1}
