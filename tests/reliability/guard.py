"""What an input must never do: run a program, write elsewhere, take more than its time and memory.

Python's audit events tell, independent of the code under test: they are raised by the interpreter itself.
"""

import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS = 5.0  # of CPU time for one input
MEMORY = 256 << 20  # bytes by which one input may raise the peak
_RUNS = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "subprocess.Popen", "pty.spawn")
_RUNS += ("socket.", "ctypes.dlopen", "exec", "os.kill", "webbrowser.", "urllib.", "ftplib.", "smtplib.")
_CHANGES = (
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.symlink",
    "os.link",
    "os.chmod",
    "os.chown",
    "os.truncate",
)


class Escape(BaseException):
    """An input did what it must not; no parser can catch it by mistake."""


class Guard:
    """Watches one process; :meth:`watch` arms it for one input."""

    def __init__(self) -> None:
        self.folder: str | None = None
        self.found: str | None = None
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple) -> None:
        if self.folder is None or self.found:
            return
        if event == "open":
            path, _, flags = args
            writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            if not writes or self._inside(path):
                return
        elif event in _CHANGES:
            if all(self._inside(path) for path in args if isinstance(path, (str, bytes, os.PathLike))):
                return
        elif not event.startswith(_RUNS) or (event == "exec" and _importing()):
            return
        if event == "ctypes.dlopen" and args == (None,):  # the process itself, to give memory back
            return
        self.found = f"{event}{args!r}"[:300]
        raise Escape(self.found)

    def _inside(self, path: object) -> bool:
        if isinstance(path, int):
            return True  # an open file
        if "__pycache__" in str(path) and _importing():  # Python keeps the compiled module
            return True
        text = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else ""
        return (os.path.realpath(text) + os.sep).startswith(self.folder + os.sep)

    @contextmanager
    def watch(self, folder: Path) -> Iterator[None]:
        """Allow writing in ``folder`` alone; the process is ended by SIGPROF after ``SECONDS`` of CPU time.

        Raises:
            Escape: If the block did something else, also when that was caught inside of it.
        """
        self.found, self.folder = None, os.path.realpath(folder)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            self.folder = None
            if self.found:
                raise Escape(self.found)


def _importing() -> bool:
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def reset_peak() -> int:
    """Start to measure the peak of the resident memory anew; return what is resident now, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_bytes()


def peak_bytes() -> int:
    """Return the peak of the resident memory since :func:`reset_peak`."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split(maxsplit=1)[0]) * 1024


def limit_memory(extra: int = 6 << 30) -> None:
    """Let this process address ``extra`` more bytes than now, so that a bomb fails and the machine does not."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + extra
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
