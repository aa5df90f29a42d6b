"""Fetch files over HTTP so that an interrupted transfer goes on where it stopped, and unpack archives safely.

The transfer is our own because torch.hub and pooch start an interrupted one anew. So is the check of names in archives:
zipfile renames a file that would leave the folder, and tarfile's filter drops a leading slash, both without a word.
"""

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
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from mmaction.utils.files import check_growth, unpacked_limit

CHUNK = 1 << 20
TIMEOUT_S = 30.0  # of silence, after which a connection counts as broken
WAIT_S = 2.0  # before the first retry; doubled each time
# by the first bytes of a file
_COMPRESSIONS: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
# what the readers of archives raise for damaged ones
_DAMAGED = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(UnicodeError, LookupError, RuntimeError, OverflowError),
)
_TRANSIENT = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)


def hash_from_name(name: str) -> str | None:
    """Return the SHA-256 prefix of 8 digits or more in a name such as ``slowonly_r50-b1234567.pth``, if it has one.

    Digits that read as a date (``best-20240115.pth``), with or without the time of day, are none.
    """
    found = re.search(r"-([0-9a-f]{8,64})\.[A-Za-z0-9.]+$", name)
    if found and re.fullmatch(r"(19|20)\d{6}(\d{4}|\d{6})?", found[1]):
        with contextlib.suppress(ValueError):
            datetime.strptime(found[1][:8], "%Y%m%d")
            return None
    return found and found[1]


def hub_folder() -> Path:
    """Return where torch.hub keeps checkpoints; torch need not be there."""
    if (torch := sys.modules.get("torch")) is not None:  # a program may have told it another place
        return Path(torch.hub.get_dir(), "checkpoints")
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "torch")
    return Path(home, "hub", "checkpoints").expanduser()


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_if_there(path: str | Path | None) -> str | None:
    """Return the SHA-256 of a file, None where there is no such file here."""
    return file_sha256(path) if path and Path(path).is_file() else None


def check_file(path: str | Path, sha256: str | None) -> None:
    """Compare a file with its published SHA-256 or a prefix of it, if there is one; a ValueError holds both values."""
    if sha256 is not None and not (found := file_sha256(path)).startswith(sha256.lower()):
        raise ValueError(
            f"{path}: SHA-256 should start with {sha256}, found {found[: max(len(sha256), 16)]}. "
            "The file is damaged or another version. Delete it and fetch it again."
        )


def is_address(text: object) -> bool:
    """Whether a text is an address of HTTP."""
    return isinstance(text, str) and text.startswith(("http://", "https://"))


def cached(url: str, progress: bool = True) -> Path:
    """Return a local copy of a file on the web, in the folder ``mmaction`` of the user's cache (XDG_CACHE_HOME).

    It is fetched once; where the copy is used again, a line on the standard error says so, as the file on the web may
    have changed. Errors as of :func:`download`.
    """
    folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "mmaction"
    name = re.sub(r"[^\w.-]", "_", PurePosixPath(urllib.parse.urlsplit(url).path).name)[-100:]
    path = folder / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}_{name}"
    if path.exists() and progress:
        print(f"{url}: using the copy {path}; delete it to fetch the file again", file=sys.stderr)
    return download(url, path, sha256="", progress=progress)


def download(url: str, path: str | Path, *, sha256: str | None = None, progress: bool = True, retries: int = 3) -> Path:
    """Fetch ``url`` into ``path`` and return ``path``; a file that is already there and passes the checks is kept.

    The bytes go to ``PATH.part`` first, which a later call continues (HTTP Range, guarded by the entity tag that the
    server gave), and are renamed only when complete, so ``path`` never holds half a file. Of several processes that
    want the same ``path``, one fetches it and the others wait for it, by a lock on ``PATH.lock``.

    ``sha256`` is the expected SHA-256 or a prefix of it; by default the one in the file name (``NAME-HASH.ext``), if
    any; an empty text checks nothing. A broken connection is taken up again ``retries`` times. ValueError if the
    address is not of HTTP, or the hash differs; ConnectionError if the server cannot be reached or refuses: the message
    says what to do by hand.
    """
    if not is_address(url):
        raise ValueError(f"cannot download {url!r}: expected an address that starts with http:// or https://")
    path = Path(path)
    sha256 = hash_from_name(url) if sha256 is None else sha256 or None
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.nullcontext() if path.exists() else _locked(path, progress):
        if path.exists():  # perhaps another process has fetched it meanwhile
            check_file(path, sha256)
            return path
        part = path.with_name(path.name + ".part")
        for attempt in range(retries + 1):
            try:
                _transfer(url, part, progress)
                break
            except _TRANSIENT as error:
                refused = isinstance(error, urllib.error.HTTPError) and error.code < 500
                if refused or attempt == retries:
                    raise ConnectionError(
                        f"could not download {url}: {error}. What arrived is kept in {part.name} and the next run "
                        f"continues it. Without network, fetch the file elsewhere and put it at {path}."
                    ) from error
                time.sleep(WAIT_S * 2**attempt)
        try:
            check_file(part, sha256)
        except ValueError:
            _discard(part)
            raise
        part.replace(path)
        _tag_file(part).unlink(missing_ok=True)
    return path


@contextlib.contextmanager
def _locked(path: Path, progress: bool) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock_file = path.with_name(path.name + ".lock")
    lock = FileLock(lock_file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if progress:
            print(f"another process downloads {path.name}; waiting for it", file=sys.stderr)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
        if path.exists():  # who waits for the lock then needs it no more
            lock_file.unlink(missing_ok=True)


def _tag_file(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _tag_file(part).unlink(missing_ok=True)


def _transfer(url: str, part: Path, progress: bool) -> None:
    """Bring ``part`` to the full length that the server announces, from where it stands."""
    start = part.stat().st_size if part.exists() else 0
    tag_file = _tag_file(part)
    request = urllib.request.Request(url, headers={"User-Agent": "mmaction-download"})  # noqa: S310 - http(s) only
    if start:
        request.add_header("Range", f"bytes={start}-")
        if tag_file.exists():
            request.add_header("If-Range", tag_file.read_text(encoding="utf-8"))
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_S)  # noqa: S310 - the scheme was checked
    except urllib.error.HTTPError as error:
        if error.code != 416:  # the range starts at or after the end of the file
            raise
        if not error.headers.get("Content-Range", "").endswith(f"/{start}"):
            _discard(part)
            _transfer(url, part, progress)
        return
    with response:
        if response.status != 206:  # no resume on this server, or the file has changed meanwhile
            start = 0
            _discard(part)  # before the new tag is written, which must not come to stand beside the old bytes
        total = int(response.headers["Content-Length"]) + start if "Content-Length" in response.headers else None
        if tag := response.headers.get("ETag") or response.headers.get("Last-Modified"):
            tag_file.write_text(tag, encoding="utf-8")
        needed, free = (total or 0) - start, shutil.disk_usage(part.parent).free
        if needed > free:
            raise OSError(f"{part.parent}: {needed:,} more bytes are needed, {free:,} are free. Make room there.")
        _copy(response, part, start, total, progress)
    found = part.stat().st_size
    if total is not None and found > total:  # nothing of it can be trusted
        _discard(part)
        raise ConnectionError(f"the file has grown to {found:,} bytes, where the server announced {total:,}")
    if total is not None and found < total:
        raise ConnectionError(f"the connection broke after {found:,} of {total:,} bytes")


def _copy(source: IO[bytes], part: Path, start: int, total: int | None, progress: bool) -> None:
    from tqdm import tqdm

    bar = tqdm.wrapattr(source, "read", total=total, initial=start, desc=part.stem, disable=not progress)
    with bar as counted, open(part, "ab" if start else "wb") as file:
        shutil.copyfileobj(counted, file, CHUNK)


def extract_archive(archive: str | Path, folder: str | Path, *, strip: int = 0, progress: bool = True) -> int:
    """Unpack a ``.tar``, ``.tar.gz``, ``.tar.xz`` or ``.zip`` archive and return the number of its files.

    Files that are already there with the right length are kept, so an interrupted run can be repeated. Each file is
    renamed into place when complete. ``strip`` leading folders of the archive's paths are left out. ValueError if the
    archive is damaged or of another kind, would unpack to far more than its size, or holds a link, or a path that
    leaves ``folder``.
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
                if not target.is_file() or target.stat().st_size != size:
                    _unpack(source, target, part, f"{archive}: {name[:100]!r}")
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # of the disk, not of the archive
            raise
        raise ValueError(
            f"{archive}: the archive is damaged or cut off ({error}). Delete it and fetch it again."
        ) from error
    return count


def _unpack(source: IO[bytes], target: Path, part: Path, where: str) -> None:
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
        self.check(self.tell() + size)
        self.last = self._stream.read(size)
        return self.last

    def seek(self, position: int) -> int:
        self.check(position)
        return self._stream.seek(position)

    def check(self, size: int) -> None:
        if size > self._limit:
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
    with unpack(archive, "rb") as stream:
        bounded, total = _Bounded(stream, archive), 0
        with tarfile.open(fileobj=bounded, mode="r:") as packed:  # type: ignore[call-overload]
            for info in packed:
                if not (info.isfile() or info.isdir()):
                    raise ValueError(f"{archive}: refused {info.name!r}, which is a link or a device and not a file")
                if info.isfile():
                    total += info.size  # with the holes of sparse files, which the archive does not hold
                    bounded.check(total)
                    yield info.name, info.size, packed.extractfile(info)
        _check_end(bounded)


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
