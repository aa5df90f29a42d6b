"""Serves the page of a result's clips on this machine alone, and keeps the marks that are made on it."""

import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any

from mmaction.io.marks import Mark, read_marks, write_marks
from mmaction.reports.clip_browser import PAGE, TYPES, ClipBrowser

HOST = "127.0.0.1"
CHUNK = 1 << 18
MAX_POST = 1 << 16
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_CLIP = re.compile(r"/(clips|media)/(\d+)\.(\w+)")


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return first byte and end of what a ``Range`` header asks for, None for all; ValueError where there is none.

    Of several ranges, and of other units, all is sent, as RFC 9110 (section 14.2) allows.
    """
    found = _RANGE.fullmatch((header or "").replace(" ", ""))
    if not found or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    if start >= end:
        raise ValueError(f"no byte of {size} in {header}")
    return start, end


class MarkBook:
    """The marks of a file, each change written at once."""

    def __init__(self, path: Path, browser: ClipBrowser) -> None:
        self.path, self._browser, self._lock = path, browser, Lock()
        self._labels = {name: i for i, name in enumerate(browser.result.ids)}
        self.read()

    def read(self) -> dict[str, Mark]:
        """Return the marks by clip."""
        return {mark.clip: mark for mark in read_marks(self.path)} if self.path.is_file() else {}

    def change(self, clip: str, is_marked: bool, right: int | None) -> int:
        """Mark a clip or take its mark away; return how many there are. ValueError for an unknown clip or class."""
        result = self._browser.result
        if clip not in self._labels:
            raise ValueError(f"there is no clip {clip!r}")
        if right is not None and not (isinstance(right, int) and 0 <= right < result.num_classes):
            raise ValueError(f"right: expected a class from 0 to {result.num_classes - 1}, got {right!r}")
        label = self._browser.labels(self._labels[clip])
        names = "; ".join(map(result.class_name, label))
        with self._lock:
            marks = self.read()
            marks.pop(clip, None)
            if is_marked:
                marks[clip] = Mark(clip, label, right, names, "" if right is None else result.class_name(right))
            write_marks(self.path, marks.values())
            return len(marks)


class ClipServer(ThreadingHTTPServer):
    """The server of one result; ``port`` 0 takes a free one."""

    daemon_threads = True

    def __init__(self, browser: ClipBrowser, marks: Path, port: int = 0) -> None:
        self.browser, self.marks = browser, MarkBook(marks, browser)
        super().__init__((HOST, port), Handler)

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_address[1]}/"


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of the page and of no other page."""

    server: ClipServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: a page asks often."""

    def do_GET(self) -> None:
        """Send the page, what shows a clip, or a part of its file."""
        self._answer(self._get)

    def do_HEAD(self) -> None:
        """Send what comes before the content."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Take a mark."""
        self._answer(self._post)

    def _answer(self, method: Any) -> None:
        host = self.headers.get("Host", "")
        origin = self.headers.get("Origin")  # of a page; a tunnel may give this one another port
        if host.rpartition(":")[0] not in (HOST, "localhost") or (origin and origin != f"http://{host}"):
            return self._send(HTTPStatus.FORBIDDEN, b"this page is for the browser of this machine")
        try:
            method()
        except (ValueError, KeyError, TypeError) as error:
            self._send(HTTPStatus.BAD_REQUEST, str(error).encode())
        except (BrokenPipeError, ConnectionResetError):  # the browser has what it wanted
            self.close_connection = True

    def _get(self) -> None:
        path, browser = self.path.partition("?")[0], self.server.browser
        if path in ("/", f"/{PAGE}"):
            return self._send(HTTPStatus.OK, browser.page(self.server.marks.read(), True).encode(), TYPES[".html"])
        found = _CLIP.fullmatch(path)
        if not found or int(found[2]) >= len(browser.result):
            return self._send(HTTPStatus.NOT_FOUND, b"there is no such clip")
        index = int(found[2])
        if found[1] == "clips":
            return self._send(HTTPStatus.OK, browser.script(index).encode(), TYPES[".js"])
        if found[3] == "jpg":
            picture = browser.strip(index)
            return self._send(HTTPStatus.OK if picture else HTTPStatus.NOT_FOUND, picture or b"", TYPES[".jpg"])
        file, why = browser.media(index)
        return self._send_file(file) if file else self._send(HTTPStatus.NOT_FOUND, why.encode())

    def _post(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if self.path != "/marks" or self.headers.get("Content-Type") != "application/json" or length > MAX_POST:
            self.close_connection = True
            raise ValueError(f"expected a mark as JSON at /marks, of at most {MAX_POST} bytes")
        said = json.loads(self.rfile.read(length))
        count = self.server.marks.change(said["clip"], bool(said["marked"]), said.get("right"))
        self._send(HTTPStatus.OK, json.dumps({"count": count}).encode(), "application/json")

    def _head(self, status: HTTPStatus, size: int, kind: str, **more: str) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(size), "Cache-Control": "no-cache"}
        # no other page may read what this one shows
        headers |= {"Cross-Origin-Resource-Policy": "same-origin", "X-Content-Type-Options": "nosniff", **more}
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def _send(self, status: HTTPStatus, content: bytes, kind: str = "text/plain; charset=utf-8") -> None:
        self._head(status, len(content), kind)
        if self.command != "HEAD":
            self.wfile.write(content)

    def _send_file(self, path: Path) -> None:
        """Send a file, or the range of it that is asked for: with ranges a video can be entered anywhere."""
        size, kind = path.stat().st_size, TYPES[path.suffix.lower()]
        try:
            part = byte_range(self.headers.get("Range"), size)
        except ValueError:
            return self._head(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, 0, kind, Content_Range=f"bytes */{size}")
        start, end = part or (0, size)
        more = {"Content_Range": f"bytes {start}-{end - 1}/{size}"} if part else {}
        status = HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK
        self._head(status, end - start, kind, Accept_Ranges="bytes", **more)
        if self.command != "HEAD":
            for chunk in _chunks(path, start, end):
                self.wfile.write(chunk)
        return None


def _chunks(path: Path, start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes of a file from ``start`` to ``end``."""
    with path.open("rb") as file:
        file.seek(start)
        while start < end and (chunk := file.read(min(CHUNK, end - start))):
            start += len(chunk)
            yield chunk
