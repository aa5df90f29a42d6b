"""Refuse a pickle that would harm the interpreter which reads it, before it is read.

Pickle's interpreter in C cannot be bounded from inside: four bytes (a place in its memo) make it take 32 GiB, and the
hash of tuples in tuples, as of a key of a dict, overflows the stack or lasts for years. So a regular expression looks
through the opcodes first, in a third of the time of the interpreter. It passes what data sets hold; where it stops,
`_follow` walks through the whole file with Python's own disassembler, which takes many times as long.
"""

import io
import mmap
import pickle
import pickletools
import re
import struct
from typing import Any

Data = bytes | mmap.mmap
MAX_DEPTH = 100  # of containers in containers
MAX_BITS = 1000  # of a whole number, which is then always printable and a float
# What is built may be larger than its file by this factor and this many bytes, counting shared parts each time.
GROWTH, SPARE = 16, 1 << 20


def refusal(what: str) -> pickle.UnpicklingError:
    """Return the error that names what a pickle must not do."""
    return pickle.UnpicklingError(f"refused: {what}")


def check_program(data: Data) -> None:
    """Raise UnpicklingError for a pickle whose run could take far more memory or time than its size.

    EOFError or ValueError if it is cut off or damaged.
    """
    if not _is_usual(data):
        _follow(data)


# -- what data sets hold, as a regular expression ----------------------------------------------------------------------
def _any(*forms: bytes) -> bytes:
    return b"(?:" + b"|".join(forms) + b")"


_FRAME = rb"(?:\x95.{3}\0{5})?"  # may begin between any two opcodes
_COUNTED = _any(*(re.escape(bytes([n])) + b".{%d}" % n for n in range(64)))  # a length, and so many bytes
_COUNTED_IN_FOUR = _COUNTED.replace(b".{", rb"\0\0\0.{")
_PUT = _any(rb"\x94", rb"q.", rb"r..[\0-\x0f]\0", rb"p[0-9]{1,6}\r?\n")  # into a place of the memo up to a million
_GET = _any(rb"j.{4}", rb"h.")
_INDEX = _any(rb"K.", rb"M..")
_NUMBER = _any(rb"[N\x88\x89]", _INDEX, rb"J.{4}", rb"G.{8}", rb"\x8a" + _COUNTED)
_ITEM = _FRAME + _NUMBER
# A tuple of numbers alone; its length is bounded because each use as a key hashes it again.
_FLAT_TUPLE = _any(
    *(_ITEM * count + _FRAME + code for count, code in ((1, rb"\x85"), (2, rb"\x86"), (3, rb"\x87"))),
    rb"\((?:%b){0,32}%bt" % (_ITEM, _FRAME),
)
# A tuple of anything that is the arguments of a call or the state of an object: RestrictedUnpickler checks those.
_ARGUMENTS = _FRAME.join((b"", rb"[t\x85-\x87]", _PUT + b"?", b"[Rb]"))
# A NumPy array up to its bytes: reconstruct(ndarray, (0,), b"b"), then its state (1, shape, dtype, is it Fortran's, ...
_SHAPE = _any(_INDEX + rb"\x85", _INDEX * 2 + rb"\x86", _INDEX * 3 + rb"\x87", rb"\(" + _INDEX + b"{1,32}t")
_ARRAY = b"".join((_GET * 2, rb"K\0\x85", _PUT, _GET, rb"\x87", _PUT, b"R", _PUT))
_ARRAY += b"".join((rb"\(K\x01", _SHAPE, _PUT, _GET, rb"[\x88\x89]"))
_ARRAY_END = _PUT + b"t" + _PUT + b"b"
# They are tried in order. The first ones only save time: each is made of others that follow.
_FORMS = {
    "the end of an array": _ARRAY_END,
    "an array": _ARRAY,
    "a whole number that is no item of a tuple": rb"[KM](?:(?<=K).|(?<=M)..)(?=[jhu\x94])",
    "what the memo holds": rb"j.{4}|h.",
    "short text, containers and calls": rb"\x94|\x8c%b\x94?|[Rb\]}esu]+" % _COUNTED,
    "arguments": _ARGUMENTS,
    "a tuple of numbers": _FLAT_TUPLE,
    "an opcode alone": rb"[)\]}(NRbuesaldo012\x81\x88-\x89\x8f-\x93Q\x97\x98]",
    "a number": rb"[K\x80].|M..|J.{4}|G.{8}",
    "bytes with their length": rb"[UC\x8a]%b|[XT]%b" % (_COUNTED, _COUNTED_IN_FOUR),
    "lines": rb"[ILFSVgP][^\n]*\n|[ci][^\n]*\n[^\n]*\n",
    "a place in the memo": _PUT,
}
_USUAL = re.compile(_any(*_FORMS.values()) + b"{0,500}", re.DOTALL)
# opcodes with a length that may be large, in 1, 4 or 8 bytes
_LENGTHS = {
    ord(code): struct.Struct(form)
    for form, codes in {"<B": "\x8cUC\x8a", "<I": "XTB", "<Q": "\x8d\x8e\x96"}.items()
    for code in codes
}


def _is_usual(data: Data) -> bool:
    """Whether tuples hold only numbers or are arguments, and all places and lengths lie within the file."""
    place, size, match = 0, len(data), _USUAL.match
    while place < size:
        found = match(data, place)
        end = found.end() if found else place
        code = data[end] if end < size else 0
        if length := _LENGTHS.get(code):
            if end + length.size >= size:
                return False
            place = end + 1 + length.size + length.unpack_from(data, end + 1)[0]
        elif code == 0x95 and int.from_bytes(data[end + 1 : end + 9], "little") <= size:
            place = end + 9  # a frame is full of opcodes
        elif code == ord("r") and int.from_bytes(data[end + 1 : end + 5], "little") <= size >> 4:
            place = end + 5
        elif end > place:
            place = end
        else:
            return code == ord(".")
    return False


# -- any other program -------------------------------------------------------------------------------------------------
_PUTS, _GETS = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}, {"GET", "BINGET", "LONG_BINGET"}
Weight = tuple[int, int]  # how deep a tuple holds tuples, and how many values


def _follow(data: Data) -> None:
    """Follow how deep tuples hold tuples, and how many values; refuse to fetch them without end."""
    stack: list[Weight | None] = []  # of tuples; None stands for all else
    marks: list[int] = []  # how long the stack was
    memo: dict[int, Weight | None] = {}
    left, size = SPARE + GROWTH * len(data), len(data)
    source: Any = io.BytesIO(data) if isinstance(data, bytes) else data  # a mapped file reads as a file does
    argument: Any
    for info, argument, _ in pickletools.genops(source):
        name = info.name
        if name in _PUTS:
            place = len(memo) if argument is None else argument
            if place > max(1 << 20, size >> 4):
                raise refusal("a table that is far larger than the file")
            memo[place] = stack[-1]
        elif name in _GETS:
            stack.append(fetched := memo[argument])
            left -= fetched[1] if fetched else 0
        elif name == "MARK":
            marks.append(len(stack))
        elif name == "POP" and marks and marks[-1] == len(stack):
            marks.pop()
        elif name == "LONG4":  # its hash takes long, each time
            raise refusal(f"a number of more than {MAX_BITS} bits")
        elif name == "FRAME" and argument > size:
            raise EOFError
        else:
            to_mark = pickletools.markobject in info.stack_before
            pops = info.stack_before.index(pickletools.markobject) if to_mark else len(info.stack_before)
            first = (marks.pop() if to_mark else len(stack)) - pops
            items = stack[first:]
            del stack[first:]
            made = items[0] if pops else None  # an opcode may leave what lies lowest as it is
            if name.startswith("TUPLE"):
                made = _weigh(items)
            elif name == "DUP" and made:
                left -= made[1]
            stack += (made,) * len(info.stack_after)
        if left < 0:
            raise refusal("tuples that repeat without end")


def _weigh(items: list[Weight | None]) -> Weight:
    """Return the weight of a tuple of ``items``."""
    depth, values = 0, len(items)
    for item in items:
        if item:
            depth, values = max(depth, item[0]), values + item[1]
    if depth >= MAX_DEPTH:
        raise refusal(f"tuples that are nested more than {MAX_DEPTH} deep")
    return depth + 1, values
