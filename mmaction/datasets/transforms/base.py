"""What all transforms share: the keys they read and write, and where random numbers come from."""

import os
from collections.abc import Iterable

import numpy as np
from mmcv.transforms import BaseTransform

from mmaction.utils.attributes import ReadableArguments


class Transform(ReadableArguments, BaseTransform):
    """A step of a data pipeline that states which sample keys it needs and which it sets.

    ``reads`` lists the keys without which the step cannot work (optional ones are left out), ``writes`` those that are
    sure to be there afterwards. :func:`check_pipeline` uses both.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        shown = ", ".join(f"{key}={value!r}" for key, value in vars(self).items() if not key.startswith("_"))
        return f"{type(self).__name__}({shown})"


class RandomTransform(Transform):
    """A transform that draws random numbers from the sample's own generator."""

    def rng(self, results: dict) -> np.random.Generator:
        """Return ``results["rng"]``, which a data set puts there to make augmentation depend on the sample alone.

        Without it, a generator that this object seeds from the operating system, one per process, so that forked
        workers do not repeat each other.
        """
        if "rng" in results:
            return results["rng"]
        if getattr(self, "_rng_pid", None) != os.getpid():
            self._rng, self._rng_pid = np.random.default_rng(), os.getpid()
        return self._rng

    def __getstate__(self) -> dict:
        return {key: value for key, value in vars(self).items() if key not in ("_rng", "_rng_pid")}


def needed_keys(transforms: Iterable) -> dict[str, int]:
    """Return the keys that a sample must have when it enters the pipeline, with the first step that reads each.

    Steps after one that is no `Transform` do not count, because it is unknown which keys that one sets.
    """
    needed: dict[str, int] = {}
    written: set[str] = set()
    for index, step in enumerate(transforms):
        if not isinstance(step, Transform):
            break
        for key in step.reads:
            if key not in written:
                needed.setdefault(key, index)
        written.update(step.writes)
    return needed


def check_pipeline(transforms: Iterable, provided: Iterable[str]) -> None:
    """Raise a ValueError for a step that reads a key which is not ``provided`` or written by a step before it.

    The error names the step, the key and a later step that writes it. It looks as far as :func:`needed_keys`.
    """
    steps, provided = list(transforms), set(provided)
    for key, index in needed_keys(steps).items():
        if key not in provided:
            later = [type(other).__name__ for other in steps[index + 1 :] if key in getattr(other, "writes", ())]
            hint = f"; move {later[0]} before it" if later else ""
            raise ValueError(
                f"step {index} of the pipeline, {type(steps[index]).__name__}, needs {key!r}, "
                f"which neither the data set nor an earlier step provides{hint}"
            )
