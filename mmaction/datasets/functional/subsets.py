"""Parts of a data set for experiments: few samples a class, a long tail, classes left out."""

from collections.abc import Sequence

import numpy as np


def draw_subset(
    labels: Sequence[int],
    per_class: int | None = None,
    imbalance: float | None = None,
    without: Sequence[int] = (),
    seed: int = 0,
) -> list[int]:
    """Return the indices of the samples that are kept, ascending.

    Args:
        labels: The class of each sample.
        per_class: At most so many samples of each class; a smaller number keeps a part of what a larger one keeps.
        imbalance: How many times more samples the commonest class keeps than the rarest, at least 1. The numbers fall
            exponentially from class to class (Cui et al., "Class-balanced loss", CVPR 2019, section 5.1) in an order
            that is drawn; each class keeps at least one sample.
        without: Classes that lose all samples.
        seed: Of the draws.
    """
    if any(number is not None and number < 1 for number in (per_class, imbalance)):
        raise ValueError(f"per_class and imbalance must be at least 1; got {per_class} and {imbalance}")
    given = np.asarray(labels, dtype=np.int64)
    if strange := sorted(set(without) - set(given.tolist())):
        raise ValueError(f"without names class {strange[0]}, which has no sample")
    if not set(given.tolist()) - set(without):
        raise ValueError("without names every class; no sample is left")
    rng = np.random.default_rng(seed)
    groups = {label: rng.permutation(np.flatnonzero(given == label)) for label in np.unique(given).tolist()}
    order = [label for label in rng.permutation(list(groups)).tolist() if label not in without]
    most = min([len(groups[label]) for label in order] + [per_class or len(given)])
    kept: list[int] = []
    for rank, label in enumerate(order):
        count = per_class or len(groups[label])
        if imbalance is not None:
            count = max(1, round(most * imbalance ** (-rank / max(len(order) - 1, 1))))
        kept += groups[label][:count].tolist()
    return sorted(kept)
