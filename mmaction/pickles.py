"""Read pickles that nobody vouches for, without torch.

Such files can run any code when they are loaded. The reader here builds containers, numbers and NumPy arrays and
refuses everything else.
"""

import difflib
import io
import os
import pickle
from collections import OrderedDict
from typing import BinaryIO

import numpy as np


class _Dtype:
    """Stands for ``numpy.dtype`` in a pickle: plain numbers and text only, no objects and no records."""

    def __init__(self, code: str, align: bool = False, copy: bool = False) -> None:
        dtype = np.dtype(code) if isinstance(code, str) else None
        if dtype is None or dtype.kind not in "biufcSU":
            raise pickle.UnpicklingError(f"refused: an array of type {code!r}; arrays hold numbers or text")
        self.dtype = dtype

    def __setstate__(self, state: tuple) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array(np.ndarray):
    """An array that is filled from a pickle only with data of its very size."""

    def __setstate__(self, state: tuple) -> None:
        version, shape, dtype, fortran, data = state
        raw = data.encode("latin1") if isinstance(data, str) else data
        super().__setstate__((version, shape, dtype.dtype, fortran, raw))


class _Global:
    """A callable without attributes that a pickle could change."""

    __slots__ = ()


class _Ndarray(_Global):
    def __call__(self, *args: object) -> None:
        raise pickle.UnpicklingError("refused: numpy.ndarray called directly")


class _Reconstruct(_Global):
    def __call__(self, kind: object, shape: tuple, code: object) -> np.ndarray:
        return np.ndarray.__new__(_Array, (0,), "b")


class _FromBuffer(_Global):
    def __call__(self, data: bytes, dtype: _Dtype, shape: tuple, order: str) -> np.ndarray:
        return np.frombuffer(data, dtype=dtype.dtype).reshape(shape, order=order)


class _Scalar(_Global):
    def __call__(self, dtype: _Dtype, data: bytes | str) -> np.generic:
        raw = data.encode("latin1") if isinstance(data, str) else data
        return np.frombuffer(raw, dtype=dtype.dtype, count=1)[0]


class _Encode(_Global):
    """Bytes as protocol 2 writes them."""

    def __call__(self, text: str, encoding: str = "latin1") -> bytes:
        if encoding != "latin1":
            raise pickle.UnpicklingError(f"refused: bytes encoded as {encoding!r}")
        return text.encode("latin1")


class _Bytes(_Global):
    def __call__(self) -> bytes:
        return b""


class _DtypeFactory(_Global):
    def __call__(self, *args: object) -> _Dtype:
        return _Dtype(*args)


_ALLOWED = {
    ("numpy", "ndarray"): _Ndarray(),
    ("numpy", "dtype"): _DtypeFactory(),
    ("_codecs", "encode"): _Encode(),
    ("builtins", "bytes"): _Bytes(),
    ("collections", "OrderedDict"): OrderedDict,
    **{("builtins", kind.__name__): kind for kind in (list, tuple, dict, set, frozenset)},
    **{
        (f"numpy.{core}.{module}", name): value
        for core in ("core", "_core")
        for module, name, value in (
            ("multiarray", "_reconstruct", _Reconstruct()),
            ("multiarray", "scalar", _Scalar()),
            ("numeric", "_frombuffer", _FromBuffer()),
        )
    },
}


class RestrictedUnpickler(pickle.Unpickler):
    """An unpickler that builds containers, numbers, text and NumPy arrays of these, and nothing else."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="latin1")

    def find_class(self, module: str, name: str) -> object:
        """Return what stands for a global of the pickle.

        Raises:
            pickle.UnpicklingError: If the global is not allowed; names it.
        """
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"refused: {module}.{name}") from None

    def persistent_load(self, pid: object) -> None:
        """Refuse references to objects outside the file."""
        raise pickle.UnpicklingError(f"refused: the persistent id {pid!r}")


_BROKEN = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)


def load_pickle(path: str | os.PathLike, unpickler: type[RestrictedUnpickler] = RestrictedUnpickler) -> object:
    """Return the content of a pickle that holds only containers, numbers, text and NumPy arrays.

    Args:
        path: A local file, or an address that MMEngine's file backends know.
        unpickler: One that also builds something else.

    Raises:
        FileNotFoundError: If there is no such file; lists similar names.
        ValueError: If the file is no pickle, is damaged, or would build anything else; names what was refused.
    """
    path = os.fspath(path)
    if "://" in path:
        from mmengine import fileio

        return _load(io.BytesIO(fileio.get(path)), path, unpickler)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no annotation file {path}{_similar_files(path)}")
    with open(path, "rb") as file:
        return _load(file, path, unpickler)


def _load(file: BinaryIO, path: str, unpickler: type[RestrictedUnpickler]) -> object:
    try:
        return unpickler(file).load()
    except _BROKEN as error:
        reason = str(error) or type(error).__name__
        if reason.startswith("refused: "):
            raise ValueError(
                f"{path} would build {reason.removeprefix('refused: ')}, but an annotation file holds only "
                "containers, numbers, text and NumPy arrays; do not open it with other tools if you do not trust it"
            ) from error
        raise ValueError(f"{path} cannot be read as a pickle: {reason}") from error


def _similar_files(path: str) -> str:
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        return f"; the folder {folder} does not exist either"
    close = difflib.get_close_matches(os.path.basename(path), os.listdir(folder))
    return f"; the folder has {', '.join(close)}" if close else ""
