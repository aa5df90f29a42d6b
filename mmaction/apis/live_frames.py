"""Frames of a camera or a stream, read when they are due by a thread of their own."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Condition
from typing import Any

import numpy as np

from mmaction.io.video import VideoError
from mmaction.io.video.live import LiveSource

MAX_WAIT_S = 30.0  # between two attempts to connect


class LostStreamError(ConnectionError):
    """A stream has broken off and could not be connected again."""


class Clock:
    """The time, in seconds, and waiting that ends early when ``stopped`` is set."""

    def __init__(self) -> None:
        self.stopped = False

    def now(self) -> float:
        """Return the time since some moment in the past."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        end = self.now() + seconds
        while not self.stopped and (left := end - self.now()) > 0:
            time.sleep(min(left, 0.1))


@dataclass(frozen=True)
class LiveFrame:
    """A frame of a stream."""

    time_s: float  # when it is shown, in seconds since the stream began
    image: np.ndarray = field(repr=False)  # RGB, uint8, ``(H, W, 3)``
    arrived_s: float  # when it came, by the clock
    # how often the stream was connected again before; frames of two connections have a gap between them
    connection: int = 0


def watch(
    source: LiveSource, clock: Clock, retries: int = 5, wait_s: float = 1.0, tell: Callable[[str], Any] = print
) -> Iterator[LiveFrame]:
    """Yield the frames of a source when they are due; what breaks off is connected again.

    A recording is played at its own speed and ends with its last frame. What is live ends never: where it breaks off,
    it is tried ``retries`` times to connect, after ``wait_s`` seconds and twice as long each time, half a minute at
    most; a frame that comes sets both back. ``tell`` is called with what happens.

    Raises:
        OSError, VideoError: Of the source, if it cannot be opened at first.
        LostStreamError: If it breaks off and does not come back.
    """
    begin: float | None = None
    tries = connections = 0
    while not clock.stopped:
        shown, problem = None, "the stream has ended"
        try:
            for shown, image in source.frames():
                if clock.stopped:
                    return
                begin = clock.now() if begin is None else begin
                if shown is not None:
                    clock.sleep(begin + shown - clock.now())
                if tries:
                    tell(f"{source.name}: connected again")
                    tries, connections = 0, connections + 1
                now = clock.now()
                yield LiveFrame(now - begin if shown is None else shown, image, now, connections)
        except (OSError, VideoError) as error:
            if begin is None:
                raise
            problem = str(error)
            if shown is not None:  # from its beginning it would be another recording
                raise LostStreamError(f"{source.name} breaks off after {shown:.2f} s: {problem}") from error
        if shown is not None:
            return
        if begin is None:
            raise VideoError(f"{source.name} gives no frame")
        if tries == retries:
            raise LostStreamError(f"{source.name} is lost: {problem}; gave up after {tries} attempts to connect again")
        wait = min(wait_s * 2**tries, MAX_WAIT_S)
        tries += 1
        tell(f"{source.name}: {problem}; connecting again in {wait:g} s (attempt {tries} of {retries})")
        clock.sleep(wait)


class FrameQueue:
    """A queue between the thread that reads frames and the one that looks at them; a full one drops its oldest frame.

    Attributes:
        dropped: How many frames were dropped.
        newest: The last frame that was put; None before the first.
        error: What ended the reading; raised where the frames are taken, after the last one.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"the queue holds at least one frame; got {size}")
        self._frames: deque[LiveFrame] = deque()
        self._size, self._changed, self._closed = size, Condition(), False
        self.dropped = 0
        self.newest: LiveFrame | None = None
        self.error: BaseException | None = None

    def put(self, frame: LiveFrame) -> None:
        """Add a frame; drop the oldest one if there are too many."""
        with self._changed:
            if len(self._frames) == self._size:
                self._frames.popleft()
                self.dropped += 1
            self._frames.append(frame)
            self.newest = frame
            self._changed.notify()

    def fill(self, frames: Iterator[LiveFrame]) -> None:
        """Put all ``frames``, and close; the work of the reading thread."""
        try:
            for frame in frames:
                self.put(frame)
                if self._closed:
                    break
        except BaseException as error:
            self.error = error
        finally:
            self.close()

    def close(self) -> None:
        """Say that no more frames come; takes no lock, so that a signal handler may call it."""
        self._closed = True

    def __iter__(self) -> Iterator[list[LiveFrame]]:
        """Yield the frames that wait, as soon as there are some, until the queue is closed."""
        while True:
            with self._changed:
                while not (self._frames or self._closed):
                    self._changed.wait(0.05)
                waiting = list(self._frames)
                self._frames.clear()
            if not waiting:
                break
            yield waiting
        if self.error is not None:
            raise self.error
