"""Read files so that errors name them; write them so that a reader finds the old content or the new, never a part."""

import csv
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

# An archive may unpack to so many times its size, and so many bytes more.
MAX_GROWTH, SPARE = 100, 64 << 20


def read_text(path: str | Path) -> str:
    """Read a UTF-8 file, with or without byte order mark, any line ends; ValueError names the line that is no text."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file at {path}")
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}:{line}: not a text file (UTF-8): {error.reason}") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_json(path: str | Path) -> Any:
    """Return the content of a JSON file; ValueError names the line that is no JSON."""
    with json_errors(path):
        return json.loads(read_text(path))


@contextmanager
def json_errors(path: str | Path) -> Iterator[None]:
    """Name the file and the line in the errors of the JSON decoder."""
    try:
        yield
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}:{error.lineno}: not JSON of the expected form: {error.msg}") from None
    except RecursionError:
        raise ValueError(f"{path}:1: not JSON of the expected form: nested too deeply") from None
    except ValueError as error:
        if str(error).startswith(f"{path}:"):
            raise
        raise ValueError(f"{path}:1: not JSON of the expected form: {error}") from None  # a number of 4,300 digits


@contextmanager
def replacing(path: str | Path, suffix: str = ".tmp") -> Iterator[Path]:
    """Give a temporary path next to ``path``; at the end its content is synced to the disk and renamed to ``path``.

    If the block fails, the temporary file is removed and ``path`` stays as it was. An error of the system in writing,
    as on a full disk, names ``path``.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: str | Path, content: bytes) -> None:
    """Replace the content of the file ``path`` in one step."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | Path, text: str) -> Path:
    """Replace the content of a UTF-8 text file in one step, and make its folder where it is absent."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.encode())
    return path


def write_lines(path: str | Path, lines: Iterable[object]) -> Path:
    """Replace a UTF-8 text file in one step by lines, each with its end of line."""
    return write_text(path, "".join(f"{line}\n" for line in lines))


def write_json(path: str | Path, content: Any, **options: Any) -> Path:
    """Replace a JSON file in one step, and make its folder where it is absent; ``options`` as of :func:`json.dumps`."""
    return write_text(path, json.dumps(content, indent=1, ensure_ascii=False, **options) + "\n")


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def write_csv(path: str | Path, rows: Iterable[Sequence[object]]) -> Path:
    """Replace a CSV file in one step, and make its folder where it is absent; the first row is the header."""
    return write_text(path, csv_text(rows))


def refuse_inputs(path: str | Path, inputs: Iterable[str | Path]) -> None:
    """Raise ValueError if ``path``, which is to be written, is one of the inputs, or a folder that holds one."""
    target = Path(path).resolve()
    for source in inputs:
        place = Path(source).resolve()
        if target == place:
            raise ValueError(f"{path} is an input and is not replaced; choose another output")
        if target in place.parents:
            raise ValueError(f"{path} holds the input {source}; choose another folder as output")


def claim(path: Path, overwrite: bool, inputs: Iterable[str | Path], is_folder: bool = False) -> None:
    """Make sure that ``path`` can be written: make its folder, refuse to replace what is there.

    With ``is_folder`` it is a folder, which may be there if it is empty. FileExistsError if it exists and ``overwrite``
    is not set; IsADirectoryError or NotADirectoryError if it is of the other kind; OSError if its folder cannot be made
    or written to; ValueError if it is one of the ``inputs``, files and folders that are read, or a folder that holds
    one.
    """
    if path.is_dir() and not is_folder:
        raise IsADirectoryError(f"{path}: is a folder; name a file")
    if path.is_file() and is_folder:
        raise NotADirectoryError(f"{path}: is a file; name a folder")
    refuse_inputs(path, inputs)
    if path.exists() and (not path.is_dir() or any(path.iterdir())) and not overwrite:
        raise FileExistsError(f"{path}: exists already; choose another name or pass --overwrite")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe = path.parent / f".{path.name}.probe"
        probe.touch()
        probe.unlink(missing_ok=True)  # another process may have removed it
    except OSError as error:
        raise OSError(f"{path}: its folder {path.parent} cannot be written to ({error.strerror or error})") from error


def move_into(source: Path, folder: Path, is_earlier: Callable[[Path], bool]) -> None:
    """Move the files of ``source`` into ``folder``, and delete the files of an earlier run that none of them replaces.

    ``is_earlier`` tells by its name whether a file of ``folder`` comes from an earlier run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = {file.name for file in source.iterdir()}
    for name in written:
        shutil.move(source / name, folder / name)  # folder may be a link to another disk
    for file in folder.iterdir():
        if file.name not in written and is_earlier(file):
            file.unlink()


def unpacked_limit(path: str | Path) -> int:
    """Return how many bytes an archive may unpack to before it is taken for a bomb."""
    return SPARE + MAX_GROWTH * os.path.getsize(path)


def check_growth(path: str | Path) -> None:
    """Raise ValueError for a zip archive that would unpack to far more than its own size."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(info.file_size for info in archive.infolist())
    if unpacked > unpacked_limit(path):
        raise ValueError(f"refused: {os.path.getsize(path):,} bytes would unpack to {unpacked:,}")


def read_scores(path: str | Path) -> dict[str, np.ndarray]:
    """Return the arrays of a ``scores.npz``, or of the one in a test's folder.

    FileNotFoundError if there is none; ValueError if it is damaged, holds Python objects, or would take far more memory
    than its size.
    """
    path = Path(path)
    path = path / "scores.npz" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; tools/test.py writes scores.npz into its work folder")
    try:
        with open(path, "rb") as file:
            start = file.read(16)
        if start[:2] not in (b"", b"PK"):
            raise ValueError(f"it starts with {start!r}, as no npz file does")
        check_growth(path)
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: array for name, array in data.items() if isinstance(array, np.ndarray)}
        empty = [name for name, array in arrays.items() if array.size and not array.dtype.itemsize]
        if empty:  # a few bytes can claim any number of values that take no bytes
            raise ValueError(f"the values of {empty[0]} have the type {arrays[empty[0]].dtype}")
        for name in {"ids", "classes"} & arrays.keys():
            arrays[name].tolist()  # text that cannot be decoded shows here
    except Exception as error:  # damaged bytes make NumPy raise anything, from TokenError to SystemError
        raise ValueError(f"{path} is no readable scores.npz: {error}") from error
    missing = {"ids", "labels", "scores"} - arrays.keys()
    if missing:
        raise ValueError(f"{path} lacks the arrays {sorted(missing)}; it has {sorted(arrays)}")
    return arrays


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself survive a power cut, where the system can open a folder."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
