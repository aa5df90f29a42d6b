"""Late fusion: add up the probabilities of several models, with given or searched weights."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmaction.reports.compare import align_all
from mmaction.structures import Result
from mmaction.structures.result import MISSING
from mmaction.structures.scores import as_probabilities

GRID = 20


def fuse(tests: Sequence[Result], weights: Sequence[float], names: Sequence[str] | None = None) -> Result:
    """Return the weighted mean of the tests' probabilities.

    Of each sample only the tests count that have a prediction for it; where none of positive weight has, it is missing.
    The first test gives its other facts and the label space. ValueError if the weights do not fit (one of 0 or more for
    each test, one positive; only their ratios matter), or the tests, called ``names``, are not of the same list.
    """
    shares = np.asarray(weights, dtype=np.float64)
    if shares.shape != (len(tests),) or not np.isfinite(shares).all() or (shares < 0).any() or not shares.any():
        raise ValueError(
            f"weights: one number of 0 or more for each of the {len(tests)} results, not all 0; got {shares.tolist()}"
        )
    tests = align_all(tests, names or [f"result {i + 1}" for i in range(len(tests))])
    present, first = _present(tests), tests[0]
    mixed = _mixed(np.stack([as_probabilities(test.scores) for test in tests]), present, shares)
    kept = shares > 0
    missing = ~present[kept].any(axis=0)
    meta = {name: values for name, values in first.meta.items() if name not in MISSING}
    for name in MISSING:
        column = np.stack([test.column(name) for test in tests])[kept].any(axis=0) & missing
        if column.any():
            meta[name] = np.where(column, 1.0, np.nan)
    return replace(first, scores=mixed, meta=meta, run={})


def _present(tests: Sequence[Result]) -> np.ndarray:
    """Return for which samples each test has a prediction, bool of shape ``(tests, N)``."""
    return np.stack([~test.missing for test in tests])


def _mixed(chances: np.ndarray, present: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted mean, ``(N, C)``, of ``chances`` ``(tests, N, C)`` over the tests that have each sample."""
    shares = weights[:, None] * present
    shares = np.where(shares.any(axis=0), shares, weights[:, None])  # missing in all of them
    return np.einsum("tn,tnc->nc", shares / shares.sum(axis=0), chances)


def check_single_label(test: Result) -> None:
    """Raise ValueError if samples have several labels, which top-1 accuracy cannot measure."""
    if test.is_multi_label:
        raise ValueError(
            "the results are of a multi-label data set; weights are compared by top-1 accuracy, which needs exactly "
            "one label for each sample"
        )


def search_weights(tests: Sequence[Result], names: Sequence[str] | None = None) -> list[float]:
    """Return weights of sum 1 that give the highest top-1 accuracy on these samples.

    One weight after the other is tried on a grid of steps of 1/20 of the largest, starting from equal weights, until
    nothing improves. Among weights of equal accuracy those with the higher likelihood of the true classes win, which
    keeps the choice away from the edge of a plateau.
    """
    tests = align_all(tests, names or [f"result {i + 1}" for i in range(len(tests))])
    check_single_label(tests[0])
    labels = tests[0].labels
    chances, present = np.stack([as_probabilities(test.scores) for test in tests]), _present(tests)
    rows = np.arange(len(labels))

    def quality(weights: np.ndarray) -> tuple[float, float]:
        mixed = _mixed(chances, present, weights)
        likelihood = np.log(np.maximum(mixed[rows, labels], 1e-12)).mean()
        return float(np.mean(mixed.argmax(axis=1) == labels)), float(likelihood)

    weights = np.ones(len(tests))
    best, improved = quality(weights), len(tests) > 1
    while improved:
        improved = False
        for i in range(len(tests)):
            for value in np.arange(GRID + 1) / GRID * weights.max():
                trial = weights.copy()
                trial[i] = value
                if trial.any() and (found := quality(trial)) > best:
                    best, weights, improved = found, trial, True
    return [float(weight) for weight in weights / weights.sum()]


def split_samples(count: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a random ``share`` of the indices of ``count`` samples, and the rest, both rising and not empty."""
    chosen = round(share * count)
    if not 0 < chosen < count:
        raise ValueError(f"a share of {share} leaves one part of the {count} samples empty; give one between 0 and 1")
    order = np.random.default_rng(seed).permutation(count)
    return np.sort(order[:chosen]), np.sort(order[chosen:])
