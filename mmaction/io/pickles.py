"""Read pickles that nobody vouches for, without torch.

Such files can run any code when they are loaded. The reader here builds containers, numbers, text and NumPy arrays of
these, and refuses everything else.
"""

import functools
import gc
import io
import mmap
import os
import pickle
import re
import reprlib
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mmaction.io.pickle_program import GROWTH, MAX_BITS, MAX_DEPTH, SPARE, check_program, refusal
from mmaction.utils.cli import suggest_file

_TYPE_CODE = "[a-zA-Z?][0-9]{0,9}"  # of plain numbers and text, such as f4; NumPy parses others as Python


class _Dtype:
    """Stands for ``numpy.dtype`` in a pickle: plain numbers and text only, no objects and no records."""

    __slots__ = ("dtype", "spend")

    def __init__(self, spend: Callable[[int], None], code: object, *flags: object) -> None:
        dtype = np.dtype(code) if isinstance(code, str) and re.fullmatch(_TYPE_CODE, code) else None
        # long arguments, or tuples in them, could be hashed again and again: check_program lets them pass
        plain = len(flags) <= 2 and all(isinstance(flag, int) for flag in flags)
        if dtype is None or dtype.kind not in "biufcSU" or not dtype.itemsize or not plain:
            # reprlib never shows the whole: shared lists may be endless as text
            raise refusal(f"an array of type {reprlib.repr(code)}; arrays hold numbers or text")
        self.dtype, self.spend = dtype, spend

    def __setstate__(self, state: tuple) -> None:
        if len(state) > 9 or not all(item is None or isinstance(item, (int, str)) for item in state):
            raise refusal("a type of numbers with parts")
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array(np.ndarray):
    """An array that was read; pickled again, it is a plain one."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.view(np.ndarray).__reduce_ex__(protocol)


class _NewArray(_Array):
    """An array while its pickle is read, which fills it with data of its very size and cannot change it otherwise."""

    __slots__ = ()

    def __setstate__(self, state: tuple) -> None:
        version, shape, kind, fortran, data = state
        data = data if type(data) is bytes else _raw(data)
        np.ndarray.__setstate__(self, (version, shape, kind.dtype, fortran, data))  # type: ignore[arg-type] # bytearray
        kind.spend(len(data))
        if kind.dtype.kind == "U":
            _check_text(self)

    def __setitem__(self, key: object, value: object) -> None:
        raise refusal("a change of an array")


class _Callable:
    """A function without attributes that a pickle could change."""

    __slots__ = ("_function", "_spend")
    _function: Callable
    _spend: Callable[[int], None]

    def __init__(self, function: Callable, spend: Callable[[int], None]) -> None:
        object.__setattr__(self, "_function", function)
        object.__setattr__(self, "_spend", spend)

    def __setattr__(self, name: str, value: object) -> None:
        raise refusal("a change of a function")

    def __setstate__(self, state: object) -> None:
        raise refusal("a change of a function")

    def __call__(self, *args: object) -> object:
        made = self._function(*args)
        if type(made) is np.ndarray:
            self._spend(made.nbytes)
        elif isinstance(made, (bytes, set, frozenset, dict)):
            self._spend(len(made))
        return made


class _Reconstruct(_Callable):
    """Stands for the function that makes the array of a pickle, which gets its values afterwards."""

    __slots__ = ()
    empty = np.empty(0, "b").view(_NewArray)

    def __call__(self, kind: object, shape: object, code: object) -> np.ndarray:  # type: ignore[override]
        if not isinstance(kind, _Callable) or shape != (0,) or code not in (b"b", "b"):
            raise refusal("an array of another shape than its state says")
        return self.empty.view()


def _raw(data: object) -> bytes | bytearray:
    raw = data.encode("latin1") if isinstance(data, str) else data
    if not isinstance(raw, (bytes, bytearray)):
        raise refusal(f"an array of a {type(data).__name__}")
    return raw


def _ndarray(*args: object) -> None:
    raise refusal("numpy.ndarray called directly")


def _from_buffer(data: object, dtype: _Dtype, shape: Any, order: Any) -> np.ndarray:
    return _check_text(np.frombuffer(_raw(data), dtype=dtype.dtype)).reshape(shape, order=order)


def _scalar(dtype: _Dtype, data: object) -> object:
    """Return a number of Python's: a NumPy number would take any state."""
    return _check_text(np.frombuffer(_raw(data), dtype=dtype.dtype, count=1)).astype(object)[0]


def _check_text(array: np.ndarray) -> np.ndarray:
    """Refuse text with numbers that are no characters, on which Python fails when it is used."""
    if array.dtype.kind == "U" and array.size:
        codes = np.frombuffer(array.tobytes(), dtype=np.dtype("u4").newbyteorder(array.dtype.byteorder))
        if codes.max() > sys.maxunicode:
            raise refusal("text of numbers that are no characters")
    return array


def _encode(text: str, encoding: object = "latin1") -> bytes:
    """Return bytes as protocol 2 writes them."""
    if encoding != "latin1":
        raise refusal(f"bytes encoded as {reprlib.repr(encoding)}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    return b""


def _taken(items: object) -> list:
    """Take all items out of a list; tuples of earlier arguments could be nested without end, see check_program."""
    if items == ():
        return []
    if not isinstance(items, list):
        raise refusal(f"a container of a {type(items).__name__}")
    # Picklers make the list for this call alone. Empty, it cannot be hashed by a thousand calls more.
    taken = items.copy()
    items.clear()
    return taken


_ALLOWED: dict[tuple[str, str], Callable] = {
    ("numpy", "ndarray"): _ndarray,
    ("_codecs", "encode"): _encode,
    ("builtins", "bytes"): _no_bytes,
    ("builtins", "set"): lambda items=(): set(_taken(items)),
    ("builtins", "frozenset"): lambda items=(): frozenset(_taken(items)),
    ("collections", "OrderedDict"): lambda pairs=(): dict(_taken(pairs)),  # which has no attributes to change
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _from_buffer for core in ("core", "_core")},
}


class RestrictedUnpickler(pickle.Unpickler):
    """Build containers, numbers, text and arrays of a file of ``size`` bytes, which `check_program` has passed."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        super().__init__(file, encoding="latin1")
        self._limit = self._left = SPARE + GROWTH * size

    def find_class(self, module: str, name: str) -> object:
        """Return what stands for a global of the pickle; UnpicklingError names one that is not allowed."""
        module = "builtins" if module == "__builtin__" else module  # its name in protocols 0 to 2
        if (module, name) == ("numpy", "dtype"):
            return self.stand_in(functools.partial(_Dtype, self.spend))
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return _Reconstruct(print, self.spend)
        if (module, name) not in _ALLOWED:
            raise refusal(f"{module}.{name}")
        return self.stand_in(_ALLOWED[module, name])

    def stand_in(self, function: Callable) -> object:
        """Return a callable whose results count and that a pickle cannot change."""
        return _Callable(function, self.spend)

    def persistent_load(self, pid: object) -> None:
        """Refuse references to objects outside the file."""
        raise refusal(f"the persistent id {reprlib.repr(pid)}")

    def load(self) -> object:
        """Return the content; UnpicklingError if it is far larger than its file, or holds itself."""
        collects = gc.isenabled()
        gc.disable()  # everything is kept, so to look for garbage takes time and finds nothing
        try:
            content = super().load()
            if _measure(content, {})[0] > self._limit:
                raise refusal("content that repeats or holds itself without end")
        finally:
            if collects:
                gc.enable()
        return content

    def spend(self, amount: int) -> None:
        """Count what a call has made, so that a short program cannot make large copies again and again."""
        self._left -= amount
        if self._left < 0:
            raise refusal("more data than the file can hold")


_ATOMS = (type(None), bool, float, complex, bytearray, np.generic)
_CONTAINERS = {list, tuple, dict, set, frozenset}


def _measure(value: Any, known: dict[int, tuple[float, int]], depth: int = 0) -> tuple[float, int]:
    """Return the size of ``value`` written out, inf if it holds itself, and how deep its containers are nested.

    From here on arrays can be changed.
    """
    if type(value) not in _CONTAINERS:
        return _leaf_size(value), 0
    if id(value) in known:
        return known[id(value)]
    known[id(value)] = float("inf"), 0  # until it is measured: who meets it meanwhile is inside of it
    items = (*value, *value.values()) if type(value) is dict else value
    size, height = 8.0, min(len(items), 1)
    for item in items:
        if type(item) is str:  # the quick way for what most items are
            size += len(item)
        elif type(item) not in _CONTAINERS:
            size += _leaf_size(item)
        elif depth <= MAX_DEPTH:
            inner_size, inner_height = _measure(item, known, depth + 1)
            size, height = size + inner_size, max(height, 1 + inner_height)
        if depth + height > MAX_DEPTH:
            raise refusal(f"containers that are nested more than {MAX_DEPTH} deep")
    known[id(value)] = size, height
    return size, height


def _leaf_size(value: Any) -> int:
    """Return the size of a value that holds no others."""
    kind = type(value)
    if kind is int:
        if value.bit_length() > MAX_BITS:
            raise refusal(f"a number of more than {MAX_BITS} bits")
        return 1
    if kind is _NewArray:
        value.__class__ = _Array
        return value.nbytes
    if kind is str or kind is bytes:
        return len(value)
    if isinstance(value, np.ndarray):
        return value.nbytes
    if not isinstance(value, _ATOMS):  # what stands for a type or a function must not stay
        raise refusal(f"a {kind.__name__.strip('_')} as a value")
    return 1


# what the interpreter, NumPy and the functions above raise at damaged or hostile bytes
_BROKEN = (
    *(pickle.UnpicklingError, EOFError, AttributeError, ImportError, LookupError, MemoryError, RecursionError),
    *(SystemError, TypeError, ValueError, ArithmeticError, struct.error),
)
# words of the messages about an end that is missing
_CUT_OFF = ("truncated", "exhausted", "no newline", "not enough data", "remain")


def load_pickle(path: str | os.PathLike, unpickler: type[RestrictedUnpickler] = RestrictedUnpickler) -> Any:
    """Return the content of a pickle that holds only containers, numbers, text and NumPy arrays.

    ``path`` may be an address that MMEngine's file backends know. FileNotFoundError lists similar names; ValueError if
    the file is no pickle, is damaged, or would build anything else (it names what), unless the ``unpickler`` does so.
    """
    path = os.fspath(path)
    if "://" in path:
        from mmengine import fileio

        return _load(io.BytesIO(fileio.get(path)), path, unpickler)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no annotation file {path}{suggest_file(Path(path))}")
    with open(path, "rb") as file:
        return _load(file, path, unpickler)


def _check_file(file: BinaryIO) -> int:
    """Check the program of a file or of bytes in memory, and return its length."""
    if isinstance(file, io.BytesIO):
        check_program(file.getvalue())
        return len(file.getvalue())
    size = os.fstat(file.fileno()).st_size
    if size:  # nothing cannot be mapped
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            check_program(data)
    return size


def _load(file: BinaryIO, path: str, unpickler: type[RestrictedUnpickler]) -> Any:
    try:
        return unpickler(file, _check_file(file)).load()
    except _BROKEN as error:
        reason = str(error)
        file.seek(0)
        start = file.read(16)
        if start[:1] not in b"\x80(]}c":
            reason = f"it starts with {start!r}, as no pickle of containers or arrays does"
        elif reason.startswith("refused: "):
            raise ValueError(
                f"{path} would build {reason.removeprefix('refused: ')}, but an annotation file holds only "
                "containers, numbers, text and NumPy arrays; do not open it with other tools if you do not trust it"
            ) from error
        elif isinstance(error, EOFError) or any(word in reason for word in _CUT_OFF):
            reason = "it ends too early"
        elif isinstance(error, (pickle.UnpicklingError, LookupError, ValueError)):  # of an opcode, or its values
            reason = f"it is damaged or no pickle ({reason})"
        raise ValueError(f"{path} cannot be read as a pickle: {reason or type(error).__name__}") from error


def as_numbers(value: object) -> np.ndarray | None:
    """Return a value of a pickle as a plain array of numbers (kind ``f``, ``i`` or ``u``), or None if it is none."""
    try:
        array = np.asarray(value).view(np.ndarray)
    except (ValueError, TypeError, OverflowError):  # lists of unequal lengths, objects
        return None
    return array if array.dtype.kind in "fiu" else None
