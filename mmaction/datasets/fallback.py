"""A sample that cannot be loaded: let another one stand in, and say so."""

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from mmengine.structures import BaseDataElement

from mmaction.structures.sample_name import sample_name

# what decoders, readers and checks of a sample raise; mistakes in a program (TypeError, ...) are not hidden
BROKEN = (OSError, ValueError, ArithmeticError, RuntimeError, EOFError, IndexError, cv2.error)
# others to try; in training a broken sample in a hundred ends the run, a test goes on while one in a hundred is intact
MAX_TRIES, MAX_TEST_TRIES = 100, 1000
IDENTITY_KEYS = ("filename", "frame_dir", "sample_idx")


def sample_identity(info: dict[str, Any]) -> dict[str, Any]:
    """Return what tells a sample from others: its file or clip, and its index."""
    return {key: info[key] for key in IDENTITY_KEYS if key in info}


def renumber(sample: BaseDataElement, first: int) -> None:
    """Add ``first``, the number of samples before its data set, to the index that tells a sample from others."""
    if "sample_idx" in sample:
        sample.set_metainfo({"sample_idx": sample.sample_idx + first})
    if broken := sample.get("broken"):
        name, fault, index = broken
        sample.set_metainfo({"broken": (name, fault, index + first)})


def packed_samples(data: Any) -> list[BaseDataElement]:
    """Return what carries the labels of a packed sample, several of one that is repeated; [] where nothing does."""
    parts = data if isinstance(data, list) else [data]
    samples = [part.get("data_samples") for part in parts if isinstance(part, dict)]
    return [sample for sample in samples if hasattr(sample, "set_metainfo")]


def load_or_stand_in(dataset: Any, index: int, load: Callable[[int], dict], stream: int = 0) -> dict[str, Any]:
    """Return what ``load`` makes of ``index``, or another sample that stands in for it.

    The choice of the other follows from the seed and the epoch of ``dataset``, and from ``stream`` (which repetition of
    the sample this is); in test mode any will do, as it is not scored. A sample that stands in carries ``broken =
    (name, fault, index)`` in the meta information of its ``data_samples``; in test mode also file, index and label of
    the sample wanted. ValueError with the first fault if a hundred others, in test mode a thousand, cannot be loaded
    either.
    """
    try:
        return load(index)
    except BROKEN as error:
        first = error
    fault = f"{type(first).__name__}: {first}".splitlines()[0][:300]
    info = dataset.annotation(index)
    name = sample_name(info, f"{dataset.ann_file}, sample {index}")
    for other in _others(dataset, index, stream):
        try:
            sample = load(other)
        except BROKEN:
            continue
        dataset.intact_sample = other
        packed = packed_samples(sample)
        if not packed:
            raise first  # nowhere to note it: it must not pass unseen
        for part in packed:
            part.set_metainfo({"broken": (name, fault, index)})
            if dataset.test_mode:
                part.set_metainfo(sample_identity(info))
                if "label" in info:
                    part.set_gt_label(info["label"])
        return sample
    raise ValueError(f"{name} cannot be loaded, nor can others of its data set: {fault}") from first


def _others(dataset: Any, index: int, stream: int) -> Iterator[int]:
    """Yield the samples that may stand in, those to be tried first at the beginning."""
    if dataset.test_mode and dataset.intact_sample not in (None, index):
        yield dataset.intact_sample
    rng = np.random.default_rng([dataset.seed, dataset.epoch + 1, stream, index % len(dataset)])
    others = [other for other in rng.permutation(len(dataset)).tolist() if other != index]
    yield from others[: MAX_TEST_TRIES if dataset.test_mode else MAX_TRIES]
