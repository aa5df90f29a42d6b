"""Refuse a pickle that would harm the interpreter which reads it, before it is read.

Pickle's interpreter in C cannot be bounded from inside: four bytes (a place in its memo) make it take 32 GiB, and the
hash of tuples in tuples, as of a key of a dict, overflows the stack or lasts for years. So a regular expression looks
through the opcodes first, in a third of the time of the interpreter. It passes what data sets hold; where it stops,
`_interpret` follows the tuples of the whole file, which takes about ten times as long.
"""

import mmap
import pickle
import pickletools
import re
import struct

Data = bytes | mmap.mmap
MAX_DEPTH = 100  # of containers in containers
MAX_BITS = 1000  # of a whole number, which is then always printable and a float
# What is built may be larger than its file by this factor and this many bytes, counting shared parts each time.
GROWTH, SPARE = 16, 1 << 20


def _any(*forms: bytes) -> bytes:
    return b"(?:" + b"|".join(forms) + b")"


# ---------------------------------------------------------------- what data sets hold, as a regular expression
# The forms are tried in order, so the usual ones come first. A frame may begin between any two opcodes.
_FRAME = rb"(?:\x95.{3}\0{5})?"
_COUNTED = _any(*(re.escape(bytes([n])) + b".{%d}" % n for n in range(64)))  # a length, and so many bytes
_PUT = _any(rb"\x94", rb"q.", rb"r..[\0-\x0f]\0", rb"p[0-9]{1,6}\r?\n")  # into a place of the memo up to a million
_GET = _any(rb"j.{4}", rb"h.")
_INDEX = _any(rb"K.", rb"M..")
_NUMBER = _any(rb"[N\x88\x89]", _INDEX, rb"J.{4}", rb"G.{8}", rb"\x8a" + _COUNTED)
# Tuples that hold numbers only. Their length is bounded because each use as a key hashes them again.
_ITEM = _FRAME + _NUMBER
_FLAT_TUPLE = _any(*(_ITEM * n + _FRAME + code for n, code in ((1, rb"\x85"), (2, rb"\x86"), (3, rb"\x87"))))
_FLAT_TUPLE = _any(_FLAT_TUPLE, rb"\((?:%b){0,32}%bt" % (_ITEM, _FRAME))
# Tuples of anything that are the arguments of a call or the state of an object: RestrictedUnpickler checks those.
_ARGUMENTS = _FRAME.join((b"", rb"[t\x85-\x87]", _PUT + b"?", b"[Rb]"))
# A NumPy array up to its bytes: reconstruct(ndarray, (0,), b"b"), then its state (1, shape, dtype, is it Fortran's, ...
_SHAPE = _any(_INDEX + rb"\x85", _INDEX * 2 + rb"\x86", _INDEX * 3 + rb"\x87", rb"\(" + _INDEX + b"{1,32}t")
_ARRAY = b"".join((_GET * 2, rb"K\0\x85", _PUT, _GET, rb"\x87", _PUT, b"R", _PUT))
_ARRAY += b"".join((rb"\(K\x01", _SHAPE, _PUT, _GET, rb"[\x88\x89]"))
_USUAL = re.compile(
    _any(
        _PUT + b"t" + _PUT + b"b",  # the end of an array
        _ARRAY,
        rb"[KM](?:(?<=K).|(?<=M)..)(?=[jhu\x94])|j.{4}|h.",
        rb"\x94|\x8c%b\x94?|[Rb\]}esu]+" % _COUNTED,
        _ARGUMENTS,
        _FLAT_TUPLE,
        rb"[)\]}(NRbuesaldo012\x81\x88-\x89\x8f-\x93Q\x97\x98]|[K\x80].|M..|J.{4}|G.{8}",
        rb"[UC\x8a]%b|[XT]%b" % (_COUNTED, _COUNTED.replace(b".{", rb"\0\0\0.{")),
        rb"[ILFSVgP][^\n]*\n|[ci][^\n]*\n[^\n]*\n",
        _PUT,
    )
    + b"{0,500}",
    re.DOTALL,
)
_FORMS = {"<B": "\x8cUC\x8a", "<I": "XTB", "<Q": "\x8d\x8e\x96"}
_LENGTHS = {ord(code): struct.Struct(form) for form, codes in _FORMS.items() for code in codes}


def refusal(what: str) -> pickle.UnpicklingError:
    """Return the error that names what a pickle must not do."""
    return pickle.UnpicklingError(f"refused: {what}")


def check_program(data: Data) -> None:
    """Raise UnpicklingError for a pickle whose run could take far more memory or time than its size.

    EOFError or ValueError if it is cut off or damaged.
    """
    if not _is_usual(data):
        _interpret(data)


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


# ---------------------------------------------------------------- any other program
_LENGTHS_OF_LENGTHS = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}


def _effect(info: pickletools.OpcodeInfo) -> tuple[str, int, int, bool, int]:
    """Return name, width of the argument (-1 if it varies), pops, whether down to a mark, and pushes of an opcode."""
    to_mark = pickletools.markobject in info.stack_before
    pops = info.stack_before.index(pickletools.markobject) if to_mark else len(info.stack_before)
    width = max(info.arg.n, -1) if info.arg else 0
    return info.name, width, pops, to_mark, len(info.stack_after)


_EFFECTS = {ord(info.code): _effect(info) for info in pickletools.opcodes}
_VARYING = {ord(info.code): info.arg.n for info in pickletools.opcodes if info.arg and info.arg.n < 0}


def _end_of_argument(data: Data, place: int) -> int:
    """Return where the argument ends of the opcode at ``place``, which is lines or begins with its length."""
    code, start = data[place], place + 1
    if count := _LENGTHS_OF_LENGTHS.get(_VARYING[code]):
        return start + count + int.from_bytes(data[start : start + count], "little")
    for _ in range(2 if code in b"ci" else 1):
        start = data.find(b"\n", start) + 1 or len(data) + 1
    return start


def _number(name: str, argument: bytes) -> int:
    return int(argument) if name in ("PUT", "GET") else int.from_bytes(argument, "little")


_PUTS, _GETS = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}, {"GET", "BINGET", "LONG_BINGET"}
Weight = tuple[int, int]  # how deep a tuple holds tuples, and how many values


def _interpret(data: Data) -> None:
    """Follow how deep tuples hold tuples, and how many values; refuse to fetch them without end."""
    stack: list[Weight | None] = []  # of tuples; None stands for all else
    marks: list[int] = []  # how long the stack was
    memo: dict[int, Weight | None] = {}
    left, size, end = SPARE + GROWTH * len(data), len(data), 0
    while end < size:
        if data[end] not in _EFFECTS:
            raise ValueError(f"byte {end} is no opcode")
        start, (name, width, pops, to_mark, pushes) = end + 1, _EFFECTS[data[end]]
        end = start + width if width >= 0 else _end_of_argument(data, end)
        if end > size:
            raise EOFError
        if name in _PUTS:
            place = len(memo) if name == "MEMOIZE" else _number(name, data[start:end])
            if place > max(1 << 20, size >> 4):
                raise refusal("a table that is far larger than the file")
            memo[place] = stack[-1]
        elif name in _GETS:
            stack.append(fetched := memo[_number(name, data[start:end])])
            left -= fetched[1] if fetched else 0
        elif name == "MARK":
            marks.append(len(stack))
        elif name == "POP" and marks and marks[-1] == len(stack):
            marks.pop()
        elif not pops and not to_mark:
            if name == "LONG4":  # its hash takes long, each time
                raise refusal(f"a number of more than {MAX_BITS} bits")
            if name == "FRAME" and _number(name, data[start:end]) > size:
                raise EOFError
            stack += (None,) * pushes
        else:
            first = (marks.pop() if to_mark else len(stack)) - pops
            items = stack[first:]
            del stack[first:]
            made = items[0] if pops else None  # an opcode may leave what lies lowest as it is
            if name.startswith("TUPLE"):
                made = _weigh(items)
            elif name == "DUP" and made:
                left -= made[1]
            stack += (made,) * pushes
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
