"""Read pickles that nobody vouches for, without torch.

Such files can run any code when they are loaded. The reader here builds containers, numbers and NumPy arrays and
refuses everything else.
"""

import difflib
import io
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
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

    def __reduce_ex__(self, protocol: int) -> tuple:
        return self.view(np.ndarray).__reduce_ex__(protocol)


class _Callable:
    """A function without attributes that a pickle could change."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable) -> None:
        object.__setattr__(self, "_function", function)

    def __setattr__(self, name: str, value: object) -> None:
        raise pickle.UnpicklingError(f"refused: {name} as an attribute of a function")

    def __call__(self, *args: object) -> object:
        return self._function(*args)


def _ndarray(*args: object) -> None:
    raise pickle.UnpicklingError("refused: numpy.ndarray called directly")


def _reconstruct(kind: object, shape: tuple, code: object) -> np.ndarray:
    return np.ndarray.__new__(_Array, (0,), "b")


def _from_buffer(data: bytes, dtype: _Dtype, shape: tuple, order: str) -> np.ndarray:
    return np.frombuffer(data, dtype=dtype.dtype).reshape(shape, order=order)


def _scalar(dtype: _Dtype, data: bytes | str) -> np.generic:
    raw = data.encode("latin1") if isinstance(data, str) else data
    return np.frombuffer(raw, dtype=dtype.dtype, count=1)[0]


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """Return bytes as protocol 2 writes them."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"refused: bytes encoded as {encoding!r}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    return b""


_ALLOWED = {
    ("numpy", "ndarray"): _Callable(_ndarray),
    ("numpy", "dtype"): _Callable(_Dtype),
    ("_codecs", "encode"): _Callable(_encode),
    ("builtins", "bytes"): _Callable(_no_bytes),
    ("collections", "OrderedDict"): OrderedDict,
    **{("builtins", kind.__name__): kind for kind in (list, tuple, dict, set, frozenset)},
    **{
        (f"numpy.{core}.{module}", name): value
        for core in ("core", "_core")
        for module, name, value in (
            ("multiarray", "_reconstruct", _Callable(_reconstruct)),
            ("multiarray", "scalar", _Callable(_scalar)),
            ("numeric", "_frombuffer", _Callable(_from_buffer)),
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
        module = "builtins" if module == "__builtin__" else module  # its name in protocols 0 to 2
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
