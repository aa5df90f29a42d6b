"""Refuse a pickle that would harm the interpreter which reads it, before it is read.

Pickle's interpreter in C cannot be bounded from inside: four bytes (a place in its memo) make it take 32 GiB, and the
hash of tuples in tuples, as of a key of a dict, overflows the stack or lasts for years. So a regular expression looks
through the opcodes first, in a fifth of the time of the interpreter. It passes what data sets hold; where it stops, an
interpreter of tuples goes through the whole file, which takes several times as long.
"""

import mmap
import pickle
import pickletools
import re
import struct
from typing import Any

Data = bytes | mmap.mmap
MAX_DEPTH = 100  # of containers in containers
# What is built may be larger than its file by this factor and this many bytes, counting shared parts each time.
GROWTH, SPARE = 16, 1 << 20
_SHORT = b"(?:" + b"|".join(re.escape(bytes([n])) + b".{%d}" % n for n in range(64)) + b")"
_PUT = rb"(?:\x94|q.|r..[\0-\x0f]\0|p[0-9]{1,6}\r?\n)"  # a place up to a million
_FRAME = rb"(?:\x95.{3}\0{5})?"  # may begin anywhere
_SMALL = b"[KM](?:(?<=K).|(?<=M)..)"
_NUMBER = rb"(?:%b(?:[N\x88\x89]|K.|M..|J.{4}|G.{8}|\x8a%b))" % (_FRAME, _SHORT)
_TUPLES = b"[t\x85-\x87]"
# tuples of numbers
_FLAT = rb"N(?:F\x85|N(?:F[\x85\x86]|N+(?:F[\x85-\x87])?)?)?|\((?:N*Ft)?".replace(b"N", _NUMBER).replace(b"F", _FRAME)
_USED = _FRAME.join((b"", _TUPLES, _PUT + b"?", b"[Rb]"))  # tuples that are arguments or a state
# an array as NumPy writes it, up to its bytes: N stands for a number, G for something made before, P for a put
_ARRAY = rb"GGK\0\x85PG\x87PRP\(K\x01(?:\(N+t|N(?:\x85|N(?:\x86|N\x87)))PG[\x88\x89]"
for _letter, _form in ((b"N", _SMALL), (b"G", b"(?:j.{4}|h.)"), (b"P", _PUT)):
    _ARRAY = _ARRAY.replace(_letter, b"(?:%b)" % _form)
_USUAL = re.compile(
    b"(?:"
    + b"|".join(
        (
            _PUT + b"t" + _PUT + b"b",  # the quick ways for what most opcodes are
            _ARRAY,
            _SMALL + b"(?=[jhu\x94])|j.{4}|h.",
            rb"\x94|\x8c%b\x94?|[Rb\]}esu]+" % _SHORT,
            _USED,
            _FLAT,
            rb"[)\]}(NRbuesaldo012\x81\x88-\x89\x8f-\x93Q\x97\x98]|[K\x80].|M..|J.{4}|G.{8}",
            rb"[UC\x8a]%b|[XT]%b" % (_SHORT, _SHORT.replace(b".{", rb"\0\0\0.{")),
            rb"[ILFSVgP][^\n]*\n|[ci][^\n]*\n[^\n]*\n",
            _PUT,
        )
    )
    + b"){0,500}",
    re.DOTALL,
)
_FORMS = {"<B": "\x8cUC\x8a", "<I": "XTB\x8b", "<Q": "\x8d\x8e\x96"}
_LENGTHS = {ord(code): struct.Struct(form) for form, codes in _FORMS.items() for code in codes}


def refusal(what: str) -> pickle.UnpicklingError:
    """Return the error that names what a pickle must not do."""
    return pickle.UnpicklingError(f"refused: {what}")


def check_program(data: Data) -> None:
    """Refuse a pickle whose run could take far more memory or time than its size.

    Raises:
        pickle.UnpicklingError: If it could.
        EOFError, ValueError: If it is cut off or damaged.
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


Weight = tuple[int, int]  # how deep a tuple holds tuples, and how many values
_NOTHING = 0, 0
_PUTS, _GETS = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}, {"GET", "BINGET", "LONG_BINGET"}


def _interpret(data: Data) -> None:
    """Follow how deep tuples hold tuples, and how many values; refuse to fetch them without end."""
    stack: list[Weight | None] = []  # of each tuple; None is a mark
    memo: dict[int, Weight | None] = {}
    left, far = SPARE + GROWTH * len(data), max(1 << 20, len(data) >> 4)
    argument: Any
    for opcode, argument, _ in pickletools.genops(data):  # type: ignore[arg-type] # a mapped file reads as any other
        name, before = opcode.name, opcode.stack_before
        if name == "FRAME" and argument > len(data):
            raise EOFError
        if name in _PUTS:
            place = len(memo) if argument is None else argument
            if place > far:
                raise refusal("a table that is far larger than the file")
            memo[place] = stack[-1]
            continue
        if name == "MARK":
            stack.append(None)
            continue
        items: list[Weight | None] = []
        if pickletools.markobject in before:
            while item := stack.pop():
                items.append(item)
            before = before[: before.index(pickletools.markobject)]
        if before:
            items += stack[-len(before) :]
            del stack[-len(before) :]
        if name.startswith("TUPLE"):
            known = [item for item in items if item]
            depth = 1 + max((item[0] for item in known), default=0)
            made: Weight | None = (depth, len(items) + sum(item[1] for item in known))
        elif name in _GETS:
            made = memo[argument]
        else:  # an opcode may leave what lies lowest as it is
            made = items[-len(before)] if before else _NOTHING
        if made and (name in _GETS or name == "DUP"):
            left -= made[1]
        if left < 0 or (made and made[0] > MAX_DEPTH):
            raise refusal("tuples that are nested too deeply or repeat without end")
        stack += [made] * len(opcode.stack_after)
