"""A read-only array of bytes or numbers that data workers share instead of copying."""

import contextlib
import ctypes
import os
import sys
import tempfile
import weakref

import numpy as np


def release_freed_memory() -> None:
    """Give freed memory back to the system where the C library is glibc, which keeps what small objects have left."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform.startswith("linux") else None
    if trim is not None:
        trim(0)


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):  # another system may refuse to remove a file that a worker still maps
        os.remove(path)


def _attach(path: str, dtype: str, shape: tuple[int, ...]) -> "SharedArray":
    return SharedArray(np.memmap(path, dtype=dtype, mode="r", shape=shape))


class SharedArray:
    """A read-only NumPy array whose memory all processes share, as ``array``.

    Forked processes share the pages of the array as they are. For a spawned process the array moves, when it is pickled
    for the first time, to a temporary file (in ``TMPDIR``) which all processes map; the file goes with the process that
    made it.
    """

    def __init__(self, array: np.ndarray) -> None:
        self.array = array.view()
        self.array.flags.writeable = False
        self._path: str | None = None

    def _spill(self) -> str:
        handle, path = tempfile.mkstemp(prefix="mmaction-", suffix=".bin")
        with os.fdopen(handle, "wb") as file:
            self.array.tofile(file)
        weakref.finalize(self, _remove, path)
        self.array = np.memmap(path, dtype=self.array.dtype, mode="r", shape=self.array.shape)
        return path

    def __reduce__(self) -> tuple:
        if self.array.size == 0:
            return SharedArray, (np.array(self.array),)
        if self._path is None:
            self._path = self._spill()
        return _attach, (self._path, self.array.dtype.str, self.array.shape)

    def __deepcopy__(self, memo: dict) -> "SharedArray":
        return self
