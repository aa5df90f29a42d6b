"""Cameras, network streams, and recorded videos that stand in for a camera: frames in the order they come."""

import glob
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from mmaction.io.video.color import YuvFrame
from mmaction.io.video.container import VideoError, demuxed, reason, video_stream
from mmaction.utils.cli import suggest_file

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

TIMEOUT_S = 10.0  # of silence, after which a connection counts as broken

LiveFrames = Iterator[tuple[float | None, np.ndarray]]


class LiveSource(Protocol):
    """What gives frames until it ends or breaks off.

    Attributes:
        name: What to call it.
        is_recorded: Whether it is a recording, known once it is connected.
    """

    name: str
    is_recorded: bool

    def frames(self) -> LiveFrames:
        """Connect, and yield RGB images ``(H, W, 3)``, uint8, each with its time.

        The time is the seconds since the first frame in a recording, which ends with its last frame, and None in what
        is live, which ends only where the connection is lost.

        Raises:
            OSError: If there is no such source, or it breaks off.
            VideoError: If it gives no video.
        """


def live_source(text: str | int) -> LiveSource:
    """Return the camera of a number, the stream of an address, or the player of a file.

    Raises:
        FileNotFoundError: If it is neither a number nor an address, and there is no such file.
    """
    text = str(text)
    if re.fullmatch(r"(/dev/video)?\d+", text):
        return Webcam(int(text.removeprefix("/dev/video")))
    if "://" in text:
        return Media(text, is_file=False)
    path = Path(text).expanduser()
    if not path.is_file():
        hint = suggest_file(path) or "; a camera is a number, such as 0, or an address, such as rtsp://HOST/PATH"
        raise FileNotFoundError(f"there is no camera, address or file {text}{hint}")
    return Media(str(path), is_file=True)


class Webcam:
    """A camera of this computer, by its number; read with OpenCV, which knows cameras of Linux, macOS and Windows."""

    def __init__(self, number: int) -> None:
        self.number, self.name, self.is_recorded = number, f"camera {number}", False

    def frames(self) -> LiveFrames:
        """See `LiveSource`."""
        with _quiet_opencv():
            capture = cv2.VideoCapture(self.number)
        try:
            if not capture.isOpened():
                there = ", ".join(sorted(glob.glob("/dev/video*"))) or "none in /dev"
                raise FileNotFoundError(f"{self.name} is not there, or another program uses it (cameras: {there})")
            while True:
                done, image = capture.read()
                if not done:
                    return
                yield None, cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        finally:
            capture.release()


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Keep OpenCV's warnings from the terminal; our error says the same."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


class Media:
    """A file or an address of any protocol that FFmpeg knows: RTSP, HTTP, RTMP, UDP and others.

    What has a known length is a recording; its frames have times. Packets that were damaged on the way are passed over
    and counted in ``damaged``; in a file damage is an error.
    """

    def __init__(self, address: str, is_file: bool) -> None:
        self.name, self._is_file, self.is_recorded, self.damaged = address, is_file, is_file, 0

    def frames(self) -> LiveFrames:
        """See `LiveSource`."""
        import av
        from av.video.reformatter import VideoReformatter

        # UDP, which is RTSP's default, loses packets
        options = {"rtsp_transport": "tcp"} if self.name.startswith("rtsp") else {}
        try:
            with av.open(self.name, options=options, timeout=TIMEOUT_S, metadata_errors="replace") as container:
                stream = video_stream(container, self.name)
                self.is_recorded = self._is_file or container.duration is not None
                converter, first, shape = VideoReformatter(), None, None
                step = 1 / float(stream.average_rate or 25)
                for number, frame in enumerate(self._decoded(container, stream)):
                    shape = shape or (frame.height, frame.width)
                    shown = number * step if frame.time is None else frame.time
                    first = shown if first is None else first
                    yield shown - first if self.is_recorded else None, YuvFrame(frame, converter, shape).rgb()
        except av.error.FFmpegError as error:
            if self._is_file:
                raise VideoError(f"{self.name} cannot be played ({reason(error)})") from error
            raise ConnectionError(f"{self.name} cannot be read ({reason(error)})") from error

    def _decoded(self, container: "InputContainer", stream: "VideoStream") -> "Iterator[VideoFrame]":
        import av

        with demuxed(container, stream) as packets:
            for packet in packets:
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    if self._is_file:
                        raise
                    self.damaged += 1
                    continue
                yield from frames
