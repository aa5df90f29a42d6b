"""What the action data sets share: labels checked before training, samples that augment the same way on every run."""

import logging
import os.path
import pickle
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from mmaction.datasets.fallback import load_or_stand_in, packed_samples, sample_identity
from mmaction.datasets.functional.keypoints import shows_nobody, split_scores
from mmaction.datasets.functional.subsets import draw_subset
from mmaction.datasets.shared_array import SharedArray, release_freed_memory
from mmaction.datasets.transforms.base import check_pipeline
from mmaction.datasets.transforms.pose import PoseDecode
from mmaction.label_spaces import LABEL_MAP, with_label_space
from mmaction.registry import TRANSFORMS
from mmaction.structures.sample_name import outside_classes, sample_name


def _label_list(label: object) -> list[int]:
    """Return the class indices of one annotation, whose label is one index or several."""
    return [int(index) for index in np.atleast_1d(np.asarray(label))]


class BaseActionDataset(BaseDataset):
    """A data set of action clips.

    Subclasses write ``load_data_list``, which returns one dict per clip.

    Args:
        ann_file: Annotation file, relative to ``data_root``.
        pipeline: Transforms, as configs or callables.
        data_prefix: Folders of the data by kind, relative to ``data_root``.
        test_mode: Whether samples are for validation or testing; passed to the pipeline as ``test_mode``.
        multi_class: Whether a clip carries several labels; its label then becomes a vector of zeros and ones, shape
            ``(num_classes,)``.
        num_classes: Class count against which labels are checked; needed with ``multi_class``.
        start_index: Index of the first frame, 1 for most folders of extracted frames.
        modality: What the frames hold: ``RGB``, ``Flow`` or ``Pose``.
        seed: Root of the augmentation's random numbers. By default the seed that the run has set for PyTorch.
        metainfo: Facts about the data set. ``dict(label_space="gym99")`` names a label space, or a file of one;
            ``classes`` then are its names and ``label_space`` is the loaded object. Without either, the names come
            from a ``label_map.txt`` beside the annotation file, if there is one.
        strict_samples: Raise at a sample that cannot be loaded. By default another one stands in for it, and the run
            lists it in ``broken_samples.csv``; in a test it counts as wrong. So does a skeleton without a person, which
            carries ``nobody = True`` in the meta information of its ``data_samples``.
        **kwargs: Further arguments of MMEngine's ``BaseDataset``: ``data_root``, ``indices``,
            ``serialize_data``, ``lazy_init``, ``max_refetch``. ``filter_cfg`` holds arguments of
            :func:`~mmaction.datasets.functional.subsets.draw_subset`, such as ``dict(per_class=5, without=(3,))``.

    Augmentation depends on ``(seed, epoch, stream, index)`` alone, so a run continues identically with any number of
    workers, once :meth:`set_epoch` has been called (the training tool does so before each epoch). Until then every
    call draws fresh random numbers.
    """

    sample_keys: tuple[str, ...] = ("label", "modality", "start_index", "test_mode", "sample_idx", "draw")
    data_list: list[dict]

    def __init__(
        self,
        ann_file: str,
        pipeline: Sequence[dict | Callable],
        data_prefix: dict | None = None,
        test_mode: bool = False,
        multi_class: bool = False,
        num_classes: int | None = None,
        start_index: int = 0,
        modality: str = "RGB",
        seed: int | None = None,
        strict_samples: bool = False,
        metainfo: dict | None = None,
        **kwargs,
    ) -> None:
        if multi_class and num_classes is None:
            raise ValueError("multi_class=True needs num_classes, the length of the label vector")
        self.multi_class = multi_class
        self.num_classes = num_classes
        self.start_index = start_index
        self.modality = modality
        self.strict_samples = strict_samples
        self.seed = (torch.initial_seed() if seed is None else seed) % 2**63
        self.intact_sample: int | None = None  # the last that stood in for a broken one
        self._class_counts: Counter | None = None
        self._epoch = torch.full((1,), -1, dtype=torch.int64).share_memory_()
        steps = [TRANSFORMS.build(step) if isinstance(step, dict) else step for step in pipeline]
        prefix = {"prefix": ""} if data_prefix is None else dict(data_prefix)
        metainfo = self._with_class_names(metainfo, os.path.join(kwargs.get("data_root") or "", ann_file))
        super().__init__(ann_file, metainfo, data_prefix=prefix, pipeline=steps, test_mode=test_mode, **kwargs)
        order = type(self).__mro__
        reader = next(i for i, part in enumerate(order) if {"load_data_list", "get_data_info"} & vars(part).keys())
        if any("sample_keys" in vars(part) for part in order[: reader + 1]):  # a plug-in need not tell what it reads
            check_pipeline(self.pipeline.transforms, self.sample_keys)

    def _with_class_names(self, metainfo: dict | None, ann_file: str) -> dict:
        """Complete ``metainfo`` by class names; pass over a label map that has another number of classes."""
        complete = with_label_space(metainfo, ann_file)
        names = complete.get("classes") or ()
        found_beside = not {"classes", "label_space"} & set(metainfo or {})
        if found_beside and names and self.num_classes not in (None, len(names)):
            message = (
                f"{LABEL_MAP} beside {ann_file} names {len(names)} classes, not {self.num_classes}: it is not used"
            )
            print_log(message, logger="current", level=logging.WARNING)
            del complete["classes"]
        return complete

    # The two arrays that MMEngine serializes annotations into are kept where workers share them.
    @property
    def data_bytes(self) -> np.ndarray:
        """The serialized annotations, uint8."""
        return self._data_bytes.array

    @data_bytes.setter
    def data_bytes(self, value: np.ndarray) -> None:
        self._data_bytes = SharedArray(value)

    @property
    def data_address(self) -> np.ndarray:
        """Where in ``data_bytes`` each annotation ends, int64."""
        return self._data_address.array

    @data_address.setter
    def data_address(self, value: np.ndarray) -> None:
        self._data_address = SharedArray(value)

    def full_init(self) -> None:
        """Read the annotations, check their labels and serialize them."""
        if not self._fully_initialized:
            super().full_init()
            release_freed_memory()

    def filter_data(self) -> list[dict]:
        """Keep the part that ``filter_cfg`` names; refuse labels that the model has no output for, and an empty list.

        ValueError if there is no annotation, a label is not in ``[0, num_classes)``, or ``filter_cfg`` is wrong.
        """
        if not self.data_list:
            raise ValueError(f"{self.ann_file} holds no sample for this data set")
        if self.num_classes is not None:
            for index, info in enumerate(self.data_list):
                self._check_label(index, info)
        return self._subset() if self.filter_cfg else self.data_list

    def _subset(self) -> list[dict]:
        labels = [_label_list(info["label"]) for info in self.data_list]
        if any(len(label) != 1 for label in labels):
            raise ValueError(f"{self.ann_file}: filter_cfg chooses by class, but a sample has several labels")
        try:
            kept = draw_subset([label for (label,) in labels], **self.filter_cfg)
        except (ValueError, TypeError) as error:
            keys = "per_class, imbalance, without and seed"
            raise ValueError(
                f"{self.ann_file}: filter_cfg={dict(self.filter_cfg)} takes {keys}: {error}; for a filter of your own "
                "override filter_data"
            ) from error
        print_log(f"{self.ann_file}: filter_cfg keeps {len(kept)} of {len(labels)} samples", logger="current")
        return [self.data_list[index] for index in kept]

    def _check_label(self, index: int, info: dict) -> None:
        for label in _label_list(info["label"]) if "label" in info else ():
            if problem := outside_classes(label, self.num_classes):
                raise ValueError(
                    f"{self.ann_file}, sample {index} ({sample_name(info, '')}): {problem} of this data set; correct "
                    "the label or num_classes"
                )

    def _serialize_data(self) -> tuple[np.ndarray, np.ndarray]:
        """Turn the annotations into one array of bytes, releasing each as it goes."""
        data, ends = bytearray(), []
        self.data_list.reverse()
        while self.data_list:
            data += pickle.dumps(self.data_list.pop(), protocol=4)
            ends.append(len(data))
        return np.frombuffer(data, dtype=np.uint8), np.array(ends, dtype=np.int64)

    def get_data_info(self, idx: int) -> dict:
        """Return the annotation of sample ``idx`` as it enters the pipeline."""
        return self.annotation(idx)

    def annotation(self, idx: int) -> dict:
        """Return what the annotation file says of sample ``idx``, however broken the sample's own files are."""
        info = super().get_data_info(idx)
        info["modality"] = self.modality
        info["start_index"] = self.start_index
        info["test_mode"] = self.test_mode
        if self.multi_class:
            label = torch.zeros(self.num_classes or 0, dtype=torch.int64)
            label[_label_list(info["label"])] = 1
            info["label"] = label
        return info

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, counted from 0, also in workers that are already running."""
        self._epoch.fill_(epoch)

    @property
    def epoch(self) -> int:
        """The epoch that :meth:`set_epoch` has set, -1 before."""
        return int(self._epoch)

    def prepare_data(self, idx: int, stream: int = 0) -> dict | None:
        """Return sample ``idx`` after the pipeline, with its own generator of random numbers."""
        info = self.get_data_info(idx)
        info["draw"] = max(self.epoch, 0) + stream
        nobody = self.test_mode and self._shows_nobody(info)
        data = self._through_pipeline(info, stream)
        for sample in packed_samples(data):
            sample.set_metainfo(sample_identity(info) | ({"nobody": True} if nobody else {}))
        return data

    def _through_pipeline(self, info: dict, stream: int) -> Any:
        self._give_rng(info, stream)
        try:
            return self.pipeline(info)
        except KeyError as error:
            if not str(error.args[0] if error.args else "").isidentifier():  # it says itself what is wrong
                raise
            steps = {id(step): type(step).__name__ for step in self.pipeline.transforms}
            owners = (id(frame.f_locals.get("self")) for frame, _ in traceback.walk_tb(error.__traceback__))
            name = next((steps[owner] for owner in owners if owner in steps), "a step")
            raise KeyError(
                f"{self.ann_file}: {name} of the pipeline needs {error}, which no step before provides"
            ) from error

    def _give_rng(self, info: dict, stream: int) -> None:
        if self.epoch >= 0:
            info["rng"] = np.random.default_rng([self.seed, self.epoch, stream, info["sample_idx"]])

    def _shows_nobody(self, info: dict) -> bool:
        """Return whether the model would see joints alone, and there is no person: nothing can be recognized then."""
        decodes = any(isinstance(step, PoseDecode) for step in self.pipeline.transforms)
        if not decodes or np.ndim(info.get("keypoint", 0)) != 4:
            return False
        return shows_nobody(*split_scores(info["keypoint"], info.get("keypoint_score"), "img_shape" in info))

    def get(self, idx: int, stream: int = 0) -> dict:
        """Return sample ``idx`` as repetition ``stream`` of it, which is augmented differently.

        ValueError if it cannot be loaded: with ``strict_samples``, or when others cannot be loaded either.
        """
        if not self._fully_initialized:
            self.full_init()
        if self.strict_samples:
            return self._load(idx, stream)
        return load_or_stand_in(self, idx, lambda index: self._load(index, stream), stream)

    def _load(self, idx: int, stream: int) -> dict:
        data = self.prepare_data(idx, stream)
        if data is None:
            raise ValueError(f"{self.ann_file}, sample {idx}: the pipeline returned nothing")
        return data

    def __getitem__(self, idx: int | tuple[int, int]) -> dict:
        return self.get(*idx) if isinstance(idx, tuple) else self.get(idx)  # (index, number of the pass)

    def get_cat_ids(self, idx: int) -> list[int]:
        """Return the class indices of sample ``idx``."""
        return _label_list(super().get_data_info(idx)["label"])

    def class_counts(self) -> Counter:
        """Return how many samples each class has; a sample of several classes counts for each."""
        if self._class_counts is None:
            self._class_counts = Counter(self._labels())
        return Counter(self._class_counts)

    def _labels(self) -> Iterable[int]:
        for idx in range(len(self)):
            yield from self.get_cat_ids(idx)
