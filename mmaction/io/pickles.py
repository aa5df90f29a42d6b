"""Read pickles that nobody vouches for, without torch.

Such files can run any code when they are loaded. The reader here builds containers, numbers and NumPy arrays and
refuses everything else.
"""

import difflib
import io
import os
import pickle
import re
import reprlib
import struct
import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import BinaryIO, ClassVar

import numpy as np

# What is built may be larger than its file by this factor and this many bytes, counting shared parts each time.
GROWTH, SPARE = 16, 1 << 20
MAX_DEPTH = 100  # of containers in containers
MAX_BITS = 1000  # of a whole number, which is then always printable and a float
_TYPE_CODE = "[a-zA-Z?][0-9]{0,9}"  # of plain numbers and text, such as f4; NumPy parses others as Python


_shown = reprlib.repr  # never the whole: shared lists may be endless as text


class _Dtype:
    """Stands for ``numpy.dtype`` in a pickle: plain numbers and text only, no objects and no records."""

    def __init__(self, code: str, align: bool = False, copy: bool = False) -> None:
        dtype = np.dtype(code) if isinstance(code, str) and re.fullmatch(_TYPE_CODE, code) else None
        if dtype is None or dtype.kind not in "biufcSU" or not dtype.itemsize:
            raise pickle.UnpicklingError(f"refused: an array of type {_shown(code)}; arrays hold numbers or text")
        self.dtype = dtype

    def __setstate__(self, state: tuple) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array(np.ndarray):
    """An array that is filled from a pickle only with data of its very size."""

    def __setstate__(self, state: tuple) -> None:
        version, shape, dtype, fortran, data = state
        raw = data.encode("latin1") if isinstance(data, str) else data
        super().__setstate__((version, shape, dtype.dtype, fortran, raw))
        _check_text(self)

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
    return _check_text(np.frombuffer(data, dtype=dtype.dtype)).reshape(shape, order=order)


def _scalar(dtype: _Dtype, data: bytes | str) -> np.generic:
    raw = data.encode("latin1") if isinstance(data, str) else data
    return _check_text(np.frombuffer(raw, dtype=dtype.dtype, count=1))[0]


def _check_text(array: np.ndarray) -> np.ndarray:
    """Refuse text with numbers that are no characters, on which Python fails when it is used."""
    if array.dtype.kind == "U" and array.size:
        codes = np.frombuffer(array.tobytes(), dtype=np.dtype("u4").newbyteorder(array.dtype.byteorder))
        if codes.max() > sys.maxunicode:
            raise pickle.UnpicklingError("refused: text of numbers that are no characters")
    return array


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """Return bytes as protocol 2 writes them."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"refused: bytes encoded as {_shown(encoding)}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    return b""


_ALLOWED = {
    ("numpy", "ndarray"): _Callable(_ndarray),
    ("numpy", "dtype"): _Callable(_Dtype),
    ("_codecs", "encode"): _Callable(_encode),
    ("builtins", "bytes"): _Callable(_no_bytes),
    ("collections", "OrderedDict"): OrderedDict,
    **{("builtins", kind.__name__): kind for kind in (set, frozenset)},
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


class RestrictedUnpickler(pickle._Unpickler):
    """An unpickler that builds containers, numbers, text and NumPy arrays of these, and nothing else.

    It is based on the interpreter that is written in Python. The one in C cannot be bounded: ten bytes make it take 32
    GiB (an index of its memo), and tuples nested a million deep end the process.
    """

    dispatch: ClassVar[dict[int, Callable]] = dict(pickle._Unpickler.dispatch)

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="latin1")
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        self._file_read = lambda length: file.read(min(length, size))  # which takes the memory before it reads
        self._limit = self._left = SPARE + GROWTH * size
        self._nested: dict[int, tuple[tuple, int, int]] = {}

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
        raise pickle.UnpicklingError(f"refused: the persistent id {_shown(pid)}")

    def load(self) -> object:
        """Return the content.

        Raises:
            pickle.UnpicklingError: If it would become far larger than its file, or holds itself.
        """
        content = super().load()
        if _measure(content, {})[0] > self._limit:
            raise pickle.UnpicklingError("refused: content that repeats or holds itself without end")
        return content

    def spend(self, made: object) -> None:
        """Count what a call has made, so that a short program cannot make large copies again and again."""
        if isinstance(made, np.ndarray):
            self._left -= made.nbytes
        elif isinstance(made, (bytes, set, frozenset, dict)):
            self._left -= len(made)
        if self._left < 0:
            raise pickle.UnpicklingError("refused: more data than the file can hold")

    def check_tuple(self) -> None:
        """Refuse a tuple of tuples that is too deep or too large to be hashed, as the key of a dict is."""
        new = self.stack[-1]
        inner = [self._nested.get(id(item), (item, len(item), 1)) for item in new if type(item) is tuple]
        if not inner:
            return
        weight, height = len(new) + sum(weight for _, weight, _ in inner), 1 + max(height for _, _, height in inner)
        if weight > self._limit or height > MAX_DEPTH:
            raise pickle.UnpicklingError("refused: tuples that are nested too deeply")
        self._nested[id(new)] = new, weight, height  # kept, so that its id stays its own


_PLAIN = (type(None), int, float, complex, bytearray, np.generic)


def _measure(value: object, known: dict[int, tuple[float, int]], depth: int = 0) -> tuple[float, int]:
    """Return the size of ``value`` written out, inf if it holds itself, and how deep its containers are nested."""
    if isinstance(value, (str, bytes)):
        return len(value), 0
    if isinstance(value, np.ndarray):
        return value.nbytes, 0
    if not isinstance(value, (list, tuple, dict, set, frozenset)):
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise pickle.UnpicklingError(f"refused: a number of more than {MAX_BITS} bits")
        if not isinstance(value, _PLAIN):  # what stands for a type or a function must not stay
            raise pickle.UnpicklingError(f"refused: a {type(value).__name__.strip('_')} as a value")
        return 1, 0
    if id(value) not in known:
        known[id(value)] = float("inf"), 0
        size, height = 8.0, 0
        for item in (*value, *value.values()) if isinstance(value, dict) else value:
            if depth <= MAX_DEPTH:
                inner_size, inner_height = _measure(item, known, depth + 1)
                size, height = size + inner_size, max(height, 1 + inner_height)
            if depth + height > MAX_DEPTH:
                raise pickle.UnpicklingError(f"refused: containers that are nested more than {MAX_DEPTH} deep")
        known[id(value)] = size, height
    return known[id(value)]


def _metered(load: Callable) -> Callable:
    def run(self: RestrictedUnpickler) -> None:
        load(self)
        self.spend(self.stack[-1])

    return run


def _real_call(load: Callable) -> Callable:
    """Python would write a thing that is no function, however long, into its error message."""

    def run(self: RestrictedUnpickler) -> None:
        if not callable(self.stack[-2]) or not isinstance(self.stack[-1], tuple):
            raise pickle.UnpicklingError("refused: a call of what is no function")
        load(self)

    return run


def _only_on(kinds: type | tuple[type, ...], load: Callable, place: Callable) -> Callable:
    def run(self: RestrictedUnpickler) -> None:
        changed = place(self)
        if not isinstance(changed, kinds):
            what = "a function" if callable(changed) else type(changed).__name__
            raise pickle.UnpicklingError(f"refused: a change of {what}")
        load(self)

    return run


def _checked_tuple(load: Callable) -> Callable:
    def run(self: RestrictedUnpickler) -> None:
        load(self)
        self.check_tuple()

    return run


def _bytearray(self: RestrictedUnpickler) -> None:
    """Read before memory is taken, unlike the original."""
    (size,) = struct.unpack("<Q", self.read(8))
    data = self.read(size)
    if len(data) < size:
        raise EOFError
    self.append(bytearray(data))


def _refused(self: RestrictedUnpickler) -> None:
    raise pickle.UnpicklingError("refused: a buffer outside of the file")


def _restrict(dispatch: dict[int, Callable]) -> None:
    """Put bounds on what the opcodes do."""
    changes = (
        (pickle.SETITEM, dict, lambda self: self.stack[-3]),
        (pickle.SETITEMS, dict, lambda self: self.metastack[-1][-1]),
        (pickle.APPEND, list, lambda self: self.stack[-2]),
        (pickle.APPENDS, list, lambda self: self.metastack[-1][-1]),
        (pickle.ADDITEMS, set, lambda self: self.metastack[-1][-1]),
        (pickle.BUILD, (_Dtype, _Array), lambda self: self.stack[-2]),
    )
    for (code,), kinds, place in changes:
        dispatch[code] = _only_on(kinds, dispatch[code], place)
    dispatch[pickle.REDUCE[0]] = _real_call(dispatch[pickle.REDUCE[0]])
    for (code,) in (pickle.REDUCE, pickle.NEWOBJ, pickle.NEWOBJ_EX, pickle.INST, pickle.OBJ, pickle.BUILD):
        dispatch[code] = _metered(dispatch[code])
    for (code,) in (pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3):
        dispatch[code] = _checked_tuple(dispatch[code])
    for (code,) in (pickle.NEXT_BUFFER, pickle.READONLY_BUFFER):
        dispatch[code] = _refused
    dispatch[pickle.BYTEARRAY8[0]] = _bytearray


_restrict(RestrictedUnpickler.dispatch)

_BROKEN = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    OverflowError,
    RecursionError,
    SystemError,
    TypeError,
    ValueError,
    struct.error,
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
        file.seek(0)
        start = file.read(16)
        cut_off = isinstance(error, (EOFError, struct.error)) or str(error) == "index out of range"  # of bytes
        reason = "it ends too early" if cut_off else str(error) or type(error).__name__
        if start[:1] not in b"\x80(]}c":
            reason = f"it starts with {start!r}, as no pickle of containers or arrays does"
        elif reason.startswith("refused: "):
            raise ValueError(
                f"{path} would build {reason.removeprefix('refused: ')}, but an annotation file holds only "
                "containers, numbers, text and NumPy arrays; do not open it with other tools if you do not trust it"
            ) from error
        elif isinstance(error, LookupError) and not cut_off:  # of an instruction, or of what it works on
            reason = "it is damaged or no pickle"
        raise ValueError(f"{path} cannot be read as a pickle: {reason}") from error


def as_numbers(value: object) -> np.ndarray | None:
    """Return a value of a pickle as a plain array of numbers (kind ``f``, ``i`` or ``u``), or None if it is none."""
    try:
        array = np.asarray(value).view(np.ndarray)
    except (ValueError, TypeError, OverflowError):  # lists of unequal lengths, objects
        return None
    return array if array.dtype.kind in "fiu" else None


def _similar_files(path: str) -> str:
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        return f"; the folder {folder} does not exist either"
    close = difflib.get_close_matches(os.path.basename(path), os.listdir(folder))
    return f"; the folder has {', '.join(close)}" if close else ""
