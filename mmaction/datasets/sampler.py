"""Samplers: which samples an epoch holds, and in which order."""

from collections.abc import Iterator, Sized

import numpy as np
from mmengine.dataset import DefaultSampler

from mmaction.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class ClassBalancedSampler(DefaultSampler):
    """Draw each class as often as the others, or nearer to that, in epochs as long as the data set.

    A class of n samples has the share n^q (Kang et al., "Decoupling representation and classifier", ICLR 2020, equation
    1). Its samples are gone through in random order, all of them before one comes again; one that comes again in an
    epoch is augmented differently.

    Args:
        dataset: The data set, whose samples have one label each.
        q: 0 for classes that are all alike frequent, 0.5 for the square root of the frequency, 1 for the frequency.
        shuffle: True; a config that had ``DefaultSampler`` may keep it.
        seed: Of the draws; the same in all processes.
        round_up: As in :class:`mmengine.dataset.DefaultSampler`.
    """

    def __init__(
        self, dataset: Sized, q: float = 0.0, shuffle: bool = True, seed: int | None = None, round_up: bool = True
    ) -> None:
        super().__init__(dataset, shuffle, seed, round_up)
        if not shuffle:
            raise ValueError("ClassBalancedSampler draws at random: shuffle must be True")
        if not 0 <= q <= 1:
            raise ValueError(f"ClassBalancedSampler: q must lie in [0, 1], got {q}")
        if not hasattr(dataset, "get_cat_ids"):
            raise TypeError(f"ClassBalancedSampler: {type(dataset).__name__} does not tell labels (get_cat_ids)")
        labels = [dataset.get_cat_ids(index) for index in range(len(dataset))]
        if any(len(label) != 1 for label in labels):
            raise ValueError(
                "ClassBalancedSampler needs one label a sample; for several labels wrap the data set in "
                "ClassBalancedDataset"
            )
        self._members = [np.flatnonzero(np.ravel(labels) == label) for label in np.unique(labels)]
        shares = np.array([len(part) for part in self._members], dtype=np.float64) ** q
        self._shares = shares / shares.sum()

    def __iter__(self) -> Iterator[int | tuple[int, int]]:
        """Yield this process's indices of the epoch; one that comes again as ``(index, repetition)``."""
        rng = np.random.default_rng([self.seed, self.epoch])
        exact = self._shares * self.total_size
        counts = np.floor(exact).astype(int)
        if number := self.total_size - int(counts.sum()):  # of classes that get one more
            rest = exact - counts
            counts[rng.choice(len(counts), number, replace=False, p=rest / rest.sum())] += 1
        drawn: list[int | tuple[int, int]] = []
        for members, count in zip(self._members, counts.tolist(), strict=True):
            for repetition in range(-(-count // len(members))):
                order = rng.permutation(members)[: count - repetition * len(members)].tolist()
                drawn += [(index, repetition) for index in order] if repetition else order
        return iter([drawn[i] for i in rng.permutation(len(drawn))[self.rank :: self.world_size]])
