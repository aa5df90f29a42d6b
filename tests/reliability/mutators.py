"""Make damaged, hostile and merely odd inputs out of good ones: bytes, lines, values, pickle opcodes, archives.

Every mutator takes a ``random.Random``, the good bytes and the pool of all inputs of its target, and returns bytes; the
same generator gives the same result.
"""

import functools
import io
import json
import math
import pickle
import pickletools
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Mutator = Callable[[random.Random, bytes, Sequence[bytes]], bytes]

INTEGERS = (0, 1, -1, 2, 5, 47, 48, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64)
WORDS = (
    *(b"", b" ", b"\0", b"\n", b"\r\n", b"\t", b'"', b"'", b",", b";", b"#", b"[", b"]", b"{", b"}", b"=", b":", b"%"),
    *(b"..", b"../../outside", b"/etc/hostname", b"C:\\x", b"~", b"-1", b"1e999", b"nan", b"inf", b"0x10", b"1_0"),
    *(
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        "٣²Ⅷ\u2028\u0085\u00a0".encode(),
        b"9" * 12,
        b"9" * 5000,
        b"a" * 300,
    ),
)
NAMES = (
    "",
    ".",
    "..",
    "a",
    "a/b",
    "../outside",
    "/tmp/outside",
    "a/../../outside",
    "C:\\outside",
    "..\\outside",
    "a\0b",
)
VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2.5,
        -0.0,
        math.nan,
        math.inf,
        1e308,
        2**31,
        2**63,
        10**400,
        "",
        "x",
        "0",
        "..",
        "é\0",
    ),
    *([], {}, [[]], [None], [1, 2], {"a": 1}, [[1, [2, [3]]]], "y" * 300, [0] * 300),
)


def mutate_bytes(rng: random.Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """Flip, overwrite, insert, delete, repeat, cut off or splice pieces, one to four times."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place, length = rng.randint(0, len(out)), rng.choice((1, 2, 4, 8, rng.randint(1, 64)))
        kind = rng.randrange(8)
        if kind == 0 and place < len(out):
            out[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            out[place : place + length] = rng.randbytes(length)
        elif kind == 2:
            out[place:place] = rng.choice(WORDS)
        elif kind == 3:
            del out[place : place + length]
        elif kind == 4:
            out[place:place] = bytes(out[place : place + length]) * rng.choice((1, 2, 100))
        elif kind == 5:
            code = rng.choice(("<H", "<I", "<Q", ">I", ">Q"))
            number = struct.pack(code, rng.choice(INTEGERS) % 256 ** struct.calcsize(code))
            out[place : place + len(number)] = number
        elif kind == 6 and rng.random() < 0.3:
            del out[place:]
        elif kind == 7:
            other = rng.choice(pool)
            start = rng.randint(0, len(other))
            out[place : place + length] = other[start : start + rng.randint(1, 200)]
    return bytes(out)


def mutate_lines(rng: random.Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """Delete, repeat, swap and splice lines and replace words; sometimes bytes."""
    if rng.random() < 0.25:
        return mutate_bytes(rng, data, pool)
    lines = data.split(b"\n")
    for _ in range(rng.randint(1, 3)):
        place, kind = rng.randrange(len(lines)), rng.randrange(5)
        if kind == 0 and len(lines) > 1:
            del lines[place]
        elif kind == 1:
            lines[place:place] = [lines[place]] * rng.choice((1, 2, 50))
        elif kind == 2:
            lines[place:place] = [rng.choice(rng.choice(pool).split(b"\n"))]
        else:
            separator = rng.choice((b" ", b",", b"=", b":", b"_", b"-"))
            words = lines[place].split(separator)
            words[rng.randrange(len(words))] = rng.choice(WORDS)
            lines[place] = separator.join(words)
    return rng.choice((b"\n", b"\n", b"\n", b"\r\n", b"\r")).join(lines)


def mutate_value(rng: random.Random, value: Any, extra: Sequence[Any] = ()) -> Any:
    """Return a copy of nested containers and arrays with one place changed."""
    if isinstance(value, (dict, list, tuple)) and value and rng.random() < 0.85:
        items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
        place = rng.randrange(len(items))
        key, old = items[place]
        kind = rng.random()
        if kind < 0.7:
            items[place] = key, mutate_value(rng, old, extra)
        elif kind < 0.8:
            del items[place]
        elif kind < 0.9:
            items.append((rng.choice(("x", "label", "train", 0, -1, key)), old))
        elif isinstance(value, dict):
            items[place] = rng.choice((rng.choice(("", "y", "keypoint", "iter")), rng.choice(INTEGERS))), old
        else:
            items[place:place] = [(key, old)] * rng.choice((1, 40))
        return dict(items) if isinstance(value, dict) else type(value)(item for _, item in items)
    if isinstance(value, np.ndarray) and rng.random() < 0.7:
        return _mutate_array(rng, value)
    if isinstance(value, str) and rng.random() < 0.5:
        return mutate_lines(rng, value.encode(errors="replace"), (b"",)).decode(errors="replace")
    return rng.choice((*VALUES, *INTEGERS, *extra))


def _mutate_array(rng: random.Random, array: np.ndarray) -> np.ndarray:
    kind = rng.randrange(6)
    if kind == 0:
        return array[..., :0] if array.ndim else array.reshape(1, 1)
    if kind == 1:
        return array[0] if array.ndim and len(array) else array[None]
    if kind == 2 and array.dtype.kind in "fiub":
        return array.astype(rng.choice(("f2", "i1", "u8", ">f4", "S3", "U0", "c8", "?")), copy=True)
    if kind == 3:
        return np.repeat(array, 2, axis=rng.randrange(array.ndim)) if array.ndim else array
    if kind == 4 and array.size and array.dtype.kind in "fiu":
        array = array.copy()
        bad = (math.nan, math.inf, -1, 1e30) if array.dtype.kind == "f" else (0, 1, np.iinfo(array.dtype).max)
        array.flat[rng.randrange(array.size)] = rng.choice(bad)
        return array
    return rng.choice((array.T, array.ravel(), np.asfortranarray(array), array[..., None]))


def mutate_json(rng: random.Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """Change values of a JSON text (or of one line of it); sometimes its bytes."""
    if rng.random() < 0.2:
        return mutate_bytes(rng, data, pool)
    if rng.random() < 0.02:
        return data[: rng.randint(0, 20)] + b"[" * rng.choice((50, 3000, 200_000))
    lines = [data] if rng.random() < 0.5 else data.split(b"\n")
    place = rng.randrange(len(lines))
    try:
        value = json.loads(lines[place])
    except (ValueError, RecursionError):
        return mutate_lines(rng, data, pool)
    for _ in range(rng.randint(1, 3)):
        value = mutate_value(rng, value)
    lines[place] = json.dumps(value).encode()
    return b"\n".join(lines)


# ---------------------------------------------------------------- pickles
class Opcode(bytes):
    """A piece of pickle program that stands for an object when values are mutated."""


HOSTILE_GLOBALS = (
    *("os system", "posix system", "builtins eval", "builtins exec", "builtins getattr", "builtins open", "io open"),
    *(
        "builtins __import__",
        "subprocess Popen",
        "nt system",
        "functools partial",
        "operator attrgetter",
        "runpy run_path",
    ),
    *("numpy load", "numpy.lib.format open_memmap", "numpy fromfile", "numpy.testing._private.utils runstring"),
    *("builtins bytearray", "builtins list", "builtins tuple", "builtins range", "_codecs decode", "_codecs encode"),
    *("numpy ndarray", "numpy dtype", "numpy.core.multiarray _reconstruct", "numpy.core.multiarray scalar"),
    *("numpy._core.numeric _frombuffer", "collections OrderedDict", "collections defaultdict", "builtins set"),
    *("torch._utils _rebuild_tensor_v2", "torch.storage _load_from_bytes", "torch load", "copyreg _reconstructor"),
    *(
        "builtins dict",
        "builtins frozenset",
        "builtins type",
        "types FunctionType",
        "types CodeType",
        "copyreg __newobj__",
    ),
    *(
        "mmengine.logging.history_buffer HistoryBuffer",
        "builtins slice",
        "numpy.dtypes Float32DType",
        "fuzz_canary sing",
    ),
)


def opcode_pieces() -> list[bytes]:
    """Return short programs: every opcode, hostile globals in all spellings, bombs."""
    pieces = [op.code.encode("latin1") for op in pickletools.opcodes if op.arg is None] * 2
    for name in HOSTILE_GLOBALS:
        module, attribute = name.encode().split()
        stacked = b"".join(b"\x8c" + bytes([len(text)]) + text for text in (module, attribute)) + b"\x93"
        call = rng_free_argument()
        pieces += [b"c%s\n%s\n" % (module, attribute), stacked, b"(%si%s\n%s\n" % (call, module, attribute)]
        pieces += [stacked + b"(" + call + b"tR", stacked + b")\x81", stacked + b")}\x92", b"(" + stacked + call + b"o"]
    pieces += [
        b"\x82\x01",
        b"\x83\x01\x01",
        b"\x84\x01\0\0\x7f",
        b"Pid\n",
        b"K\x01Q",
        b"}b",
        b"N}\x86b",
        b"\x97",
        b"\x98",
    ]
    pieces += [b"r" + struct.pack("<I", number) for number in (0, 300, 10**7, 2**31 - 1, 2**32 - 1)]
    pieces += [
        b"p2147483647\n",
        b"g0\n",
        b"h\0",
        b"j\x01\0\0\0",
        b"q\0",
        b"\x94",
        b"22\x86",
        b"\x85" * 50,
        b"2\x86" * 40,
    ]
    pieces += [b"\x85" * 200_000, b"2\x86" * 40 + b"}2Ns", b"](h\0h\0h\0eq\0" * 30, b"(" * 3000 + b"t" * 3000]
    pieces += [b"\x8e" + struct.pack("<Q", 2**number) + b"x" for number in (3, 33, 40, 62)]
    pieces += [b"\x95" + struct.pack("<Q", 2**number) for number in (3, 33, 63)]
    pieces += [b"\x8b\xff\xff\xff\x7f", b"L" + b"9" * 5000 + b"L\n", b"I01\n", b"Fnan\n", b"V\\ud800\n", b"S'\\xff'\n"]
    return pieces


def rng_free_argument() -> bytes:
    """Return the argument of hostile calls: a text that names a file which must never appear."""
    return b"X\x0b\x00\x00\x00escaped.txt"


PIECES = opcode_pieces()


def split_opcodes(data: bytes) -> list[bytes]:
    """Return a pickle as one piece of bytes for each opcode; what cannot be read stays one piece at the end."""
    cuts = [0]
    try:
        cuts = [position for _, _, position in pickletools.genops(data)]
    except Exception:  # damaged on purpose
        cuts = cuts or [0]
    return [data[start:stop] for start, stop in zip(cuts, [*cuts[1:], len(data)], strict=True)]


def pickle_mutator(good: Callable[[], Sequence[bytes]]) -> Mutator:
    """Return a mutator that changes opcodes, or values before they are pickled in any protocol, or bytes.

    Args:
        good: Gives pickles of our own making; no others are unpickled.
    """
    values = functools.cache(lambda: [pickle.loads(data) for data in good()])
    extra = (np.float32(1), np.zeros((1, 3, 17, 2), "f2"), b"x", {1}, (1, 2), np.int64(3))

    def mutate(rng: random.Random, data: bytes, pool: Sequence[bytes]) -> bytes:
        kind = rng.random()
        if kind < 0.1:
            return mutate_bytes(rng, data, pool)
        if kind < 0.55:
            return _mutate_opcodes(rng, data, pool)
        value = rng.choice(values())
        for _ in range(rng.randint(1, 3)):
            value = mutate_value(rng, value, extra)
        return pickle.dumps(value, protocol=rng.randint(0, 5))

    return mutate


def _mutate_opcodes(rng: random.Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    pieces = split_opcodes(data)
    for _ in range(rng.randint(1, 4)):
        place, kind = rng.randrange(len(pieces)), rng.randrange(6)
        if kind == 0:
            del pieces[place]
        elif kind == 1:
            pieces[place:place] = [pieces[place]]
        elif kind == 2:
            other = rng.randrange(len(pieces))
            pieces[place], pieces[other] = pieces[other], pieces[place]
        elif kind == 3:
            others = split_opcodes(rng.choice(pool))
            start = rng.randrange(len(others))
            pieces[place:place] = others[start : start + rng.randint(1, 12)]
        else:
            pieces[place : place + rng.randrange(2)] = [rng.choice(PIECES)]
        pieces = pieces or [b"."]
    return b"".join(pieces)


# ---------------------------------------------------------------- archives
def mutate_npz(rng: random.Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """Change the arrays of an ``.npz`` or what is around them."""
    if rng.random() < 0.5:
        return mutate_zip(rng, data, pool)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays: Any = dict(file)
        for _ in range(rng.randint(1, 2)):
            arrays = mutate_value(rng, arrays, (np.array([{}]), np.zeros(3), np.array(["a"])))
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **{str(key): value for key, value in arrays.items()})
    except Exception:  # damaged on purpose, or no arrays any more
        return mutate_zip(rng, data, pool)
    return buffer.getvalue()


def mutate_zip(rng: random.Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """Change members of a zip archive so that its check sums still fit; sometimes its bytes."""
    if rng.random() < 0.35:
        return mutate_bytes(rng, data, pool)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(i.filename, archive.read(i)) for i in archive.infolist() if i.file_size < 1 << 20]
    except Exception:  # damaged on purpose
        return mutate_bytes(rng, data, pool)
    members = members or [("a", b"")]
    place = rng.randrange(len(members))
    name, content = members[place]
    kind = rng.randrange(5)
    if kind == 0:
        del members[place]
    elif kind == 1:
        members.append((rng.choice((name, name + "/x", rng.choice(NAMES))), content))
    elif kind == 2:
        members[place] = rng.choice(NAMES), content
    elif kind == 3 and rng.random() < 0.02:
        members[place] = name, content[:64] + bytes(rng.choice((10**5, 3 * 10**8)))
    else:
        inner = _mutate_opcodes if content[:1] == b"\x80" else rng.choice((mutate_bytes, mutate_header))
        members[place] = name, inner(rng, content, [content])
    return pack_zip(members, rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)), rng.random() < 0.05)


def mutate_header(rng: random.Random, content: bytes, pool: Sequence[bytes]) -> bytes:
    """Change the header of an ``.npy`` file in its text."""
    swaps = (
        (b"<f4", b"|O8"),
        (b"<f4", b"|S0"),
        (b"<i8", b"<U0"),
        (b"(", b"((" * 90),
        (b"False", b"True"),
        (b"3", b"-3"),
    )
    swaps += ((b"<f4", b"<f8"), (b"2,", b"99999999999,"), (b"2,", b"2**9,"), (b"}", b" "), (b"'shape'", b"'shap'"))
    old, new = rng.choice(swaps)
    return content.replace(old, new, 1)


def pack_zip(members: Sequence[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED, link: bool = False) -> bytes:
    """Return a zip archive of names and contents; ``link`` makes the last one a symbolic link."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for number, (name, content) in enumerate(members):
            info = zipfile.ZipInfo(name or "x")
            info.filename, info.compress_type = name, compression
            if link and number == len(members) - 1:
                info.external_attr = 0o120777 << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def mutate_tar(rng: random.Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """Change members of a tar archive: names, types, links, lengths; sometimes its bytes."""
    if rng.random() < 0.3:
        return mutate_bytes(rng, data, pool)
    kinds = (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE)
    members = [("good/a.txt", tarfile.REGTYPE, "", b"text")]
    for _ in range(rng.randint(1, 4)):
        name = rng.choice((*NAMES, "good", "good/a.txt/x", "link/escaped.txt", "n" * 300, "é/ü.txt"))
        kind = tarfile.REGTYPE if rng.random() < 0.6 else rng.choice(kinds)
        members.append((name, kind, rng.choice(NAMES), rng.randbytes(rng.choice((0, 10, 600)))))
    return pack_tar(
        members, rng.choice(("w", "w:gz", "w:xz", "w:bz2")), rng.choice((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT))
    )


def pack_tar(
    members: Sequence[tuple[str, bytes, str, bytes]], mode: str = "w", form: int = tarfile.PAX_FORMAT
) -> bytes:
    """Return a tar archive of names, types, link targets and contents."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=form) as archive:
        for name, kind, target, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, target, len(content) if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def mutate_archive(rng: random.Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """Change a zip or a tar archive, whichever it is."""
    return (mutate_zip if data[:2] == b"PK" else mutate_tar)(rng, data, pool)
