"""Fetch files over HTTP so that an interrupted transfer goes on where it stopped, and unpack archives safely."""

from __future__ import annotations

import bz2
import contextlib
import errno
import gzip
import hashlib
import http.client
import lzma
import os
import re
import shutil
import struct
import sys
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path, PurePosixPath
from typing import IO

from mmaction.utils.files import check_growth, unpacked_limit

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None

CHUNK = 1 << 20
_COMPRESSIONS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}  # by the first bytes of a file
# what the readers of archives raise for damaged ones
_DAMAGED = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(UnicodeError, LookupError, RuntimeError, OverflowError),
)
_TRANSIENT = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)


def hash_from_name(name: str) -> str | None:
    """Return the SHA-256 prefix that a published file name carries.

    Args:
        name: A file name or URL such as ``slowonly_r50-b1234567.pth``.

    Returns:
        The hexadecimal prefix (8 digits or more) before the extension, or None where there is none or where it reads
        as a date (``best-20240115.pth``), with or without the time of day.
    """
    found = re.search(r"-([0-9a-f]{8,64})\.[A-Za-z0-9.]+$", name)
    return found[1] if found and not _is_date(found[1]) else None


def _is_date(digits: str) -> bool:
    if not re.fullmatch(r"(19|20)\d{6}(\d{4}|\d{6})?", digits):
        return False
    try:
        return bool(date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])))
    except ValueError:
        return False


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def check_file(path: str | Path, *, sha256: str | None = None, size: int | None = None) -> None:
    """Compare a file with what was published about it.

    Args:
        path: The file.
        sha256: Its SHA-256, or a prefix of it.
        size: Its length in bytes.

    Raises:
        ValueError: If one of them differs; the message holds both values.
    """
    path = Path(path)
    if size is not None and path.stat().st_size != size:
        raise ValueError(
            f"{path}: expected {size:,} bytes, found {path.stat().st_size:,}. Delete it and fetch it again."
        )
    if sha256 is not None and not (found := file_sha256(path)).startswith(sha256.lower()):
        raise ValueError(
            f"{path}: SHA-256 should start with {sha256}, found {found[: max(len(sha256), 16)]}. "
            "The file is damaged or another version. Delete it and fetch it again."
        )


def download(
    url: str,
    path: str | Path,
    *,
    sha256: str | None = None,
    size: int | None = None,
    progress: bool = True,
    retries: int = 3,
    timeout: float = 30.0,
    wait_s: float = 2.0,
) -> Path:
    """Fetch ``url`` into ``path``; a file that is already there and passes the checks is kept.

    The bytes go to ``PATH.part`` first, which a later call continues (HTTP Range, guarded by the entity tag that the
    server gave), and are renamed only when complete, so ``path`` never holds half a file. Of several processes that
    want the same ``path``, one fetches it and the others wait for it, by a lock on ``PATH.lock``.

    Args:
        url: An ``http://`` or ``https://`` address.
        path: The file to write; its folder is made.
        sha256: Expected SHA-256 or a prefix of it; by default the one in the file name (``NAME-HASH.ext``), if any.
        size: Expected length in bytes.
        progress: Show a progress bar.
        retries: How many times a broken connection is taken up again.
        timeout: Seconds of silence after which a connection counts as broken.
        wait_s: Seconds before the first retry; doubled each time.

    Returns:
        ``path``.

    Raises:
        ValueError: For an address of another kind, or when size or hash differ.
        ConnectionError: When the server cannot be reached or refuses; the message says what to do by hand.
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"cannot download {url!r}: expected an address that starts with http:// or https://")
    path = Path(path)
    sha256 = sha256 or hash_from_name(url)
    if path.exists():
        check_file(path, sha256=sha256, size=size)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with _lock(path.with_name(path.name + ".lock"), progress):
        if path.exists():  # another process has fetched it meanwhile
            check_file(path, sha256=sha256, size=size)
            return path
        part = path.with_name(path.name + ".part")
        for attempt in range(retries + 1):
            try:
                _transfer(url, part, progress, timeout)
                break
            except _TRANSIENT as error:
                refused = isinstance(error, urllib.error.HTTPError) and error.code < 500
                if refused or attempt == retries:
                    raise ConnectionError(_advice(url, path, error)) from error
                time.sleep(wait_s * 2**attempt)
        try:
            check_file(part, sha256=sha256, size=size)
        except ValueError:
            _discard(part)
            raise
        part.replace(path)
        _tag_file(part).unlink(missing_ok=True)
    return path


@contextlib.contextmanager
def _lock(path: Path, progress: bool) -> Iterator[None]:
    """Keep other processes out of the same block until this one leaves it; the lock file goes with the last of them.

    A process that is killed gives its lock up. Where the disk knows no locks, nobody is kept out.
    """
    if fcntl is None:
        yield
        return
    while True:
        with open(path, "ab") as file:
            _wait_for_lock(file, path, progress)
            if not _lies_at(file, path):  # who had the lock before has removed it: others lock a new file by now
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _lies_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _wait_for_lock(file: IO[bytes], path: Path, progress: bool) -> None:
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if progress:
                print(f"another process downloads {path.stem}; waiting for it", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise


def _advice(url: str, path: Path, error: Exception) -> str:
    return (
        f"could not download {url}: {error}. What arrived is kept in {path.name}.part and the next run continues it. "
        f"Without network, fetch the file elsewhere and put it at {path}."
    )


def _tag_file(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _tag_file(part).unlink(missing_ok=True)


def _transfer(url: str, part: Path, progress: bool, timeout: float) -> None:
    """Bring ``part`` to the full length that the server announces, from where it stands."""
    start = part.stat().st_size if part.exists() else 0
    tag_file = _tag_file(part)
    request = urllib.request.Request(url, headers={"User-Agent": "mmaction-download"})  # noqa: S310 - http(s) only
    if start:
        request.add_header("Range", f"bytes={start}-")
        if tag_file.exists():
            request.add_header("If-Range", tag_file.read_text(encoding="utf-8"))
    try:
        response = urllib.request.urlopen(request, timeout=timeout)  # noqa: S310 - the scheme was checked
    except urllib.error.HTTPError as error:
        if error.code != 416:  # the range starts at or after the end of the file
            raise
        if error.headers.get("Content-Range", "").endswith(f"/{start}"):
            return
        _discard(part)
        _transfer(url, part, progress, timeout)
        return
    with response:
        if response.status != 206:  # no resume on this server, or the file has changed meanwhile
            start = 0
            _discard(part)  # before the new tag is written, which must not come to stand beside the old bytes
        total = int(response.headers["Content-Length"]) + start if "Content-Length" in response.headers else None
        if tag := response.headers.get("ETag") or response.headers.get("Last-Modified"):
            tag_file.write_text(tag, encoding="utf-8")
        _check_space(part.parent, (total or 0) - start)
        _copy(response, part, start, total, progress)
    found = part.stat().st_size
    if total is not None and found > total:  # nothing of it can be trusted
        _discard(part)
        raise ConnectionError(f"the file has grown to {found:,} bytes, where the server announced {total:,}")
    if total is not None and found < total:
        raise ConnectionError(f"the connection broke after {found:,} of {total:,} bytes")


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            f"{folder}: {needed:,} more bytes are needed, {free:,} are free. Make room or choose another disk."
        )


def _copy(source: IO[bytes], part: Path, start: int, total: int | None, progress: bool) -> None:
    from tqdm import tqdm

    bar = tqdm(initial=start, total=total, unit="B", unit_scale=True, desc=part.stem, disable=not progress)
    with bar, open(part, "ab" if start else "wb") as file:
        while chunk := source.read(CHUNK):
            file.write(chunk)
            bar.update(len(chunk))


def extract_archive(archive: str | Path, folder: str | Path, *, strip: int = 0, progress: bool = True) -> int:
    """Unpack the regular files of a ``.tar``, ``.tar.gz``, ``.tar.xz`` or ``.zip`` archive.

    Files that are already there with the right length are kept, so an interrupted run can be repeated. Each file is
    renamed into place when complete.

    Args:
        archive: The archive file.
        folder: Where its files go; made if absent.
        strip: How many leading folders of the archive's paths to leave out.
        progress: Show a progress bar.

    Returns:
        The number of files in the archive.

    Raises:
        ValueError: If the archive is damaged or of another kind, or holds a link, or a path that leaves ``folder``.
    """
    from tqdm import tqdm

    archive, folder = Path(archive), Path(folder)
    if not archive.is_file():
        raise FileNotFoundError(f"no archive at {archive}")
    count = 0
    part = folder.resolve() / f".{archive.name[:60]}.unpacking"  # NAME.part may be another file of the archive
    try:
        for name, size, source in tqdm(_members(archive), desc=archive.name, unit=" files", disable=not progress):
            target = _inside(folder, name, archive, strip)
            if target == part:
                raise ValueError(f"{archive}: refused {name!r}, under which files are unpacked")
            count += 1
            with source:
                _unpack(source, size, target, part, f"{archive}: {name[:100]!r}")
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # of the disk, not of the archive
            raise
        raise ValueError(
            f"{archive}: the archive is damaged or cut off ({error}). Delete it and fetch it again."
        ) from error
    return count


def _unpack(source: IO[bytes], size: int, target: Path, part: Path, where: str) -> None:
    if target.is_file() and target.stat().st_size == size:
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ValueError(f"{where} is to lie in a folder, but there is a file of that name") from error
    if target.is_dir():
        raise ValueError(f"{where} is a file, but there is a folder of that name")
    with open(part, "wb") as file:
        shutil.copyfileobj(source, file, CHUNK)
    part.replace(target)


class _Bounded:
    """A stream that refuses to go on where it becomes far larger than its archive; ``last`` is what was read last."""

    def __init__(self, stream: IO[bytes], archive: Path) -> None:
        self._stream, self._archive, self._limit = stream, archive, unpacked_limit(archive)
        self.tell, self.last = stream.tell, b""

    def read(self, size: int) -> bytes:
        self._check(self.tell() + size)
        self.last = self._stream.read(size)
        return self.last

    def seek(self, position: int) -> int:
        self._check(position)
        return self._stream.seek(position)

    def _check(self, position: int) -> None:
        if position > self._limit:
            raise ValueError(f"{self._archive}: refused: it would unpack to more than {self._limit:,} bytes")


def _members(archive: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Yield name, length and content of every file; refuse links, devices and bombs."""
    if zipfile.is_zipfile(archive):
        try:
            check_growth(archive)
        except ValueError as error:
            raise ValueError(f"{archive}: {error}") from error
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                if (info.external_attr >> 16) & 0o170000 == 0o120000:
                    raise ValueError(f"{archive}: refused the link {info.filename!r}")
                if not info.is_dir():
                    yield info.filename, info.file_size, packed.open(info)
        return
    with open(archive, "rb") as file:
        start = file.read(8)
    unpack = next((unpack for magic, unpack in _COMPRESSIONS.items() if start.startswith(magic)), open)
    with unpack(archive, "rb") as stream, tarfile.open(fileobj=_Bounded(stream, archive), mode="r:") as packed:
        for info in packed:
            if not (info.isfile() or info.isdir()):
                raise ValueError(f"{archive}: refused {info.name!r}, which is a link or a device and not a file")
            if info.isfile():
                yield info.name, info.size, packed.extractfile(info)
        _check_end(packed.fileobj)


def _check_end(stream: _Bounded) -> None:
    """Refuse a tar archive whose members do not end with zeros: tarfile takes a damaged header for the end."""
    if len(stream.last) < tarfile.BLOCKSIZE:
        raise tarfile.ReadError("it has no end mark")
    while stream.last:  # to the end, where compressed files have their check sum
        if any(stream.last):
            raise tarfile.ReadError("what stands behind the last readable file is neither a file nor the end mark")
        stream.read(CHUNK)


def _inside(folder: Path, name: str, archive: Path, strip: int) -> Path:
    inner = PurePosixPath(name.replace("\\", "/"))
    parts = inner.parts[min(strip, len(inner.parts) - 1) :] if inner.parts else ()
    if not parts or "\0" in name or any(len(os.fsencode(part)) > 250 for part in parts):
        raise ValueError(f"{archive}: refused {name[:100]!r}, which is no name of a file")
    target = (folder / PurePosixPath(*parts)).resolve()
    if inner.is_absolute() or ".." in inner.parts or not target.is_relative_to(folder.resolve()):
        raise ValueError(f"{archive}: refused {name!r}, which would be written outside of {folder}")
    return target
