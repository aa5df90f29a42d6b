"""Refuse a pickle that would harm the interpreter which reads it, before it is read.

Pickle's interpreter in C cannot be bounded from inside: four bytes (a place in its memo) make it take 32 GiB, and the
hash of tuples in tuples, as of a key of a dict, overflows the stack or lasts for years. So regular expressions look
through the opcodes first. They take a tenth of the time of pickle's interpreter in Python, which could be bounded.
"""

import mmap
import pickle
import re

Data = bytes | mmap.mmap
MAX_DEPTH = 100  # of containers in containers
_SHORT = b"(?:" + b"|".join(re.escape(bytes([n])) + b".{%d}" % n for n in range(64)) + b")"
_PUT = rb"(?:\x94|q.|r..[\0-\x0f]\0|p[0-9]{1,6}\r?\n)"  # a place up to a million
_FRAME = rb"(?:\x95.{3}\0{5})?"  # may begin anywhere
_NUMBER = rb"(?:%b(?:[N\x88\x89]|K.|M..|J.{4}|G.{8}|\x8a%b))" % (_FRAME, _SHORT)
_FORMS = (  # opcodes, and what follows them; those with many bytes stand in _LENGTHS
    (rb"[)\]}(NRbuesaldo012\x81\x88-\x89\x8f-\x93Q\x97\x98]", b""),
    (b"[Kh\x80]", b"."),
    (b"[M]", b".."),
    (b"[Jj]", b".{4}"),
    (b"[G]", b".{8}"),
    (rb"[\x8cUC\x8a]", _SHORT),
    (b"[XT]", _SHORT.replace(b".{", rb"\0\0\0.{")),
    (b"[ILFSVgP]", rb"[^\n]*\n"),
    (b"[ci]", rb"[^\n]*\n[^\n]*\n"),
)
_TUPLES = b"[t\x85-\x87]"
_KNOWN = b"KhMJjGUCXTILFSVgPciq\x80\x8a\x8c"
_SIMPLE = b"|".join(code + rest for code, rest in _FORMS) + b"|" + _PUT
# opcodes, with tuples that are an argument or a state, or hold numbers
_FLAT = rb"N(?:F\x85|N(?:F[\x85\x86]|N+(?:F[\x85-\x87])?)?)?|\((?:N*Ft)?".replace(b"N", _NUMBER).replace(b"F", _FRAME)
_OFTEN = rb"\x94|h.|\x8c%b\x94?|[Rb\]}esu]+" % _SHORT  # the quick way for what most opcodes are
_USED = _FRAME.join((b"", _TUPLES, _PUT + b"?", b"[Rb]"))
_USUAL = re.compile(b"(?:%b|%b|%b|%b){0,500}" % (_OFTEN, _USED, _FLAT, _SIMPLE), re.DOTALL)
_ANY = re.compile(b"(?:%b|%b){0,500}" % (_TUPLES, _SIMPLE), re.DOTALL)
_CODE = re.compile(
    b"(?:%b|(.)(?:(?<=%b)|%b))" % (_PUT, _TUPLES, b"|".join(b"(?<=%b)%b" % form for form in _FORMS)), re.DOTALL
)
_LENGTHS = {ord(code): 1 for code in "\x8cUC\x8a"} | {ord(code): 4 for code in "XTB\x8b"}
_LENGTHS |= {ord("r"): 4} | {ord(code): 8 for code in "\x8d\x8e\x96\x95"}


def refusal(what: str) -> pickle.UnpicklingError:
    """Return the error that names what a pickle must not do."""
    return pickle.UnpicklingError(f"refused: {what}")


def _scan(data: Data, run: re.Pattern, codes: list[bytes] | None = None) -> int | None:
    """Go through the opcodes up to the first that ``run`` does not match; note them in ``codes``, without puts.

    Returns:
        This opcode, None at the end of the file.

    Raises:
        EOFError: If the file ends within an opcode.
        pickle.UnpicklingError: If a place in the memo lies far beyond the file.
    """
    place, size = 0, len(data)
    while True:
        found = run.match(data, place)
        end = found.end() if found else place
        if codes is not None:
            codes += _CODE.findall(data, place, end)
        code = data[end] if end < size else None
        if code is None or code not in _LENGTHS:
            if end == place:
                return code
            place = end
            continue
        place = end + 1 + _LENGTHS[code]
        length = int.from_bytes(data[end + 1 : place], "little")
        if code == ord("r") and length > size >> 4:
            raise refusal("a table that is far larger than the file")
        if code not in b"r\x95" and codes is not None:
            codes.append(bytes([code]))
        if code != ord("\x95"):  # a frame is full of opcodes
            place += length * (code != ord("r"))
        elif length > size:
            raise EOFError
        if place > size:
            raise EOFError


_VALUES = b"KMJIL\x8a\x8bN\x88\x89FGSTUVX\x8c\x8dBC\x8e\x96]}\x8f)"
_KINDS = bytes.maketrans(_VALUES + b"jgc", b"A" * len(_VALUES) + b"hhh")  # a value; something named or made before
_GLOBAL = re.compile(rb"[Ah]{2}\x93")
_ARGUMENTS = rb"(?:A|\([Ah]*t|[Ah]\x85|[Ah]{2}\x86|[Ah]{3}\x87)"
_VALUE = re.compile(
    rb"\(A*t|A\x85|AA\x86|AAA\x87"  # a tuple of values
    rb"|[Ah]%bR|A%bb"  # what a call makes; a state that it is given
    rb"|A(?:\([Ah]*[eu\x90]|[Ah]{2}s|[Ah]a)+|\([Ah]*[ld\x91]" % (_ARGUMENTS, _ARGUMENTS)  # a container that is filled
)
_NESTED = re.compile(_TUPLES + b"(?![Rb])")


def check_program(data: Data) -> None:
    """Refuse a pickle whose run could take far more memory or time than its size.

    Tuples may hold values and new tuples. What was made before may stand in tuples alone that are the arguments of a
    call or the state of what it made, at which our own functions look.

    Raises:
        EOFError: If it is cut off.
        pickle.UnpicklingError: If it could.
    """
    codes: list[bytes] = []
    end = _scan(data, _USUAL)
    if end in (*b"t\x85\x86\x87",):
        end = _scan(data, _ANY, codes)
    if end is not None and end != ord("."):
        if bytes([end]) in _KNOWN:
            raise EOFError
        raise pickle.UnpicklingError(f"{bytes([end])!r} is no opcode that could stand there")
    kinds = _GLOBAL.sub(b"h", b"".join(codes).translate(_KINDS, b"qrp\x94\x80\x95"))
    for _ in range(MAX_DEPTH + 10):
        if not _NESTED.search(kinds):
            return
        kinds = _VALUE.sub(b"A", kinds)
    raise refusal("tuples that are nested too deeply, or hold parts that stand elsewhere too")
