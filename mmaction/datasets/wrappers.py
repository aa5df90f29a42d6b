"""Data sets made of other data sets: repeated, joined, or with rare classes repeated.

Each repetition of a sample asks the wrapped data set for another stream of random numbers, so that it is augmented
differently, and a run can still be continued identically.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.dataset import ClassBalancedDataset as _ClassBalancedDataset
from mmengine.dataset import ConcatDataset as _ConcatDataset
from mmengine.dataset import RepeatDataset as _RepeatDataset

from mmaction.datasets.fallback import packed_samples, renumber
from mmaction.registry import DATASETS


def _scoped(dataset: dict | BaseDataset) -> dict | BaseDataset:
    """Return a config that MMEngine looks up in this package, whatever the default scope is."""
    return {"_scope_": "mmaction", **dataset} if isinstance(dataset, dict) else dataset


class _Wrapper:
    """What the wrappers share; subclasses say where a sample comes from."""

    dataset: BaseDataset
    __len__: Callable[[], int]

    @property
    def inner_datasets(self) -> list[BaseDataset]:
        """The wrapped data sets."""
        return [self.dataset]

    def _locate(self, idx: int) -> tuple[BaseDataset, int, int, int]:
        """Return the data set and index that ``idx`` stands for, which repetition it is, and of how many."""
        raise NotImplementedError

    def get(self, idx: int, stream: int = 0) -> dict:
        """Return sample ``idx``; see :meth:`mmaction.datasets.base.BaseActionDataset.get`.

        IndexError if there is no such sample.
        """
        if not -len(self) <= idx < len(self):
            raise IndexError(f"index {idx} is outside a data set of {len(self)} samples")
        dataset, inner, repetition, count = self._locate(idx % len(self))
        return dataset.get(inner, stream * count + repetition) if hasattr(dataset, "get") else dataset[inner]

    def __getitem__(self, idx: int | tuple[int, int]) -> dict:
        return self.get(*idx) if isinstance(idx, tuple) else self.get(idx)  # (index, number of the pass)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of all wrapped data sets."""
        for dataset in self.inner_datasets:
            if hasattr(dataset, "set_epoch"):
                dataset.set_epoch(epoch)

    @property
    def num_classes(self) -> int | None:
        """The class count of the wrapped data sets."""
        return getattr(self.inner_datasets[0], "num_classes", None)

    def annotation(self, idx: int) -> dict:
        """Return what the annotation file says of sample ``idx``."""
        dataset, inner, _, _ = self._locate(idx)
        return dataset.annotation(inner)

    def get_cat_ids(self, idx: int) -> list[int]:
        """Return the class indices of sample ``idx``."""
        dataset, inner, _, _ = self._locate(idx)
        return dataset.get_cat_ids(inner)

    def class_counts(self) -> Counter:
        """Return how many samples each class has, repetitions counted."""
        return Counter(label for idx in range(len(self)) for label in self.get_cat_ids(idx))


@DATASETS.register_module()
class RepeatDataset(_Wrapper, _RepeatDataset):
    """A data set that is gone through several times in one epoch.

    Args:
        dataset: The data set or its config.
        times: Repetitions.
        lazy_init: Read the annotations later, at ``full_init()``.
    """

    def __init__(self, dataset: dict | BaseDataset, times: int, lazy_init: bool = False) -> None:
        if not isinstance(times, int) or times < 1:
            raise ValueError(f"times is a positive integer; got {times!r}")
        super().__init__(_scoped(dataset), times, lazy_init)

    def _locate(self, idx: int) -> tuple[BaseDataset, int, int, int]:
        count = len(self.dataset)
        return self.dataset, idx % count, idx // count, self.times

    def class_counts(self) -> Counter:
        """Return how many samples each class has, repetitions counted."""
        return Counter({label: count * self.times for label, count in self.dataset.class_counts().items()})


@DATASETS.register_module()
class ConcatDataset(_Wrapper, _ConcatDataset):
    """Several data sets, one after the other.

    Args:
        datasets: The data sets or their configs; their meta information must agree.
        lazy_init: Read the annotations later, at ``full_init()``.
        ignore_keys: Meta information that may differ.

    Raises:
        ValueError: If the data sets have different class counts.
    """

    def __init__(
        self,
        datasets: Sequence[dict | BaseDataset],
        lazy_init: bool = False,
        ignore_keys: str | list[str] | None = None,
    ) -> None:
        super().__init__([_scoped(dataset) for dataset in datasets], lazy_init, ignore_keys)
        counts = {getattr(dataset, "num_classes", None) for dataset in self.datasets}
        if len(counts) > 1:
            raise ValueError(f"data sets that are joined have one class count; got {', '.join(map(str, counts))}")

    @property
    def inner_datasets(self) -> list[BaseDataset]:
        """The wrapped data sets."""
        return list(self.datasets)

    def _locate(self, idx: int) -> tuple[BaseDataset, int, int, int]:
        number, inner = self._get_ori_dataset_idx(idx)
        return self.datasets[number], inner, number, len(self.datasets)

    def get(self, idx: int, stream: int = 0) -> dict:
        """Return sample ``idx``; the index that it carries is counted over all data sets.

        IndexError if there is no such sample.
        """
        data = super().get(idx, stream)
        number = self._get_ori_dataset_idx(idx % len(self))[0]
        for sample in packed_samples(data):
            renumber(sample, self.cumulative_sizes[number] - len(self.datasets[number]))
        return data

    def class_counts(self) -> Counter:
        """Return how many samples each class has in all data sets."""
        return sum((dataset.class_counts() for dataset in self.datasets), Counter())


@DATASETS.register_module()
class ClassBalancedDataset(_Wrapper, _ClassBalancedDataset):
    """A data set in which samples of rare classes are repeated.

    A class of frequency f is repeated ``max(1, sqrt(oversample_thr / f))`` times, a sample as often as its rarest
    class (Gupta et al., "LVIS", CVPR 2019, section 4).

    Args:
        dataset: The data set or its config.
        oversample_thr: Share of the samples below which a class is repeated, in (0, 1].
        lazy_init: Read the annotations later, at ``full_init()``.
    """

    def __init__(self, dataset: dict | BaseDataset, oversample_thr: float, lazy_init: bool = False) -> None:
        if not 0 < oversample_thr <= 1:
            raise ValueError(f"oversample_thr is a share of the samples, in (0, 1]; got {oversample_thr}")
        super().__init__(_scoped(dataset), oversample_thr, lazy_init)

    def _locate(self, idx: int) -> tuple[BaseDataset, int, int, int]:
        inner = self.repeat_indices[idx]
        first = int(np.searchsorted(self.repeat_indices, inner))  # repetitions of a sample stand side by side
        return self.dataset, inner, idx - first, len(self)
