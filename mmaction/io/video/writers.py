"""Read and write videos one frame at a time; memory does not grow with their length. Needs PyAV, OpenCV and NumPy."""

import re
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import cv2
import numpy as np

from mmaction.io.video.integrity import VideoError, whole_packets

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".gif", ".m4v", ".mpg", ".mpeg")


@dataclass(frozen=True)
class VideoInfo:
    """What a video says of itself.

    Args:
        path: The file.
        width: Width in pixels as shown, that is after the stored rotation.
        height: Height in pixels as shown.
        fps: Frames per second.
        num_frames: Frames by the container's header, 0 where it does not say; damaged files may hold fewer.
    """

    path: Path
    width: int
    height: int
    fps: float
    num_frames: int


class VideoReader:
    """Frames of a video, turned upright.

    Args:
        path: A video or an animated GIF.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it cannot be read as a video.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"{self.path}: no such video file")
        self.decode_error = ""
        with self._open() as container:
            stream = container.streams.video[0]
            rate = stream.average_rate or stream.guessed_rate or Fraction(25)
            try:
                first = next(container.decode(stream))
            except (av.FFmpegError, StopIteration) as error:
                raise ValueError(f"{self.path}: no frame of this video can be decoded ({error})") from error
            width, height = first.width, first.height
            if first.rotation % 180:
                width, height = height, width
            self.info = VideoInfo(self.path, width, height, float(rate), int(stream.frames))

    def _open(self) -> "av.container.InputContainer":
        try:
            container = av.open(str(self.path))
        except (av.FFmpegError, OSError) as error:
            raise ValueError(f"{self.path}: cannot be read as a video ({error})") from error
        if not container.streams.video:
            container.close()
            raise ValueError(f"{self.path}: holds no video stream")
        return container

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """Yield number and RGB image ``(H, W, 3)``, uint8, of the frames from ``start`` to before ``stop``.

        Damage that ends the decoding, and where the file is cut off, are left in ``decode_error``.
        """
        self.decode_error = ""
        with self._open() as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            try:
                decoded = (frame for packet in whole_packets(container, stream) for frame in packet.decode())
                for index, frame in enumerate(decoded):
                    if stop is not None and index >= stop:
                        return
                    if index >= start:
                        yield index, _upright_rgb(frame)
            except (av.FFmpegError, VideoError) as error:
                self.decode_error = str(error).removeprefix(f"{self.path}: ")


def _upright_rgb(frame: "av.VideoFrame") -> np.ndarray:
    """Convert a decoded frame to RGB, turned as it is meant to be shown."""
    if frame.format.name == "yuv420p" and frame.width % 2 == frame.height % 2 == 0:
        image = cv2.cvtColor(frame.to_ndarray(), cv2.COLOR_YUV2RGB_I420)  # four times as fast as FFmpeg's conversion
    else:
        image = frame.to_ndarray(format="rgb24")
    turns = round(frame.rotation / 90)
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


class Sink(Protocol):
    """Where drawn frames go."""

    def write(self, image: np.ndarray) -> None:
        """Take one RGB frame; all frames of a clip have the same size."""

    def close(self) -> None:
        """Finish the output; called once, also when an error ends the drawing."""


class VideoSink:
    """Encode frames as H.264 in MP4 (which browsers play) or as an animated GIF, in a thread beside the drawing.

    Args:
        path: ``.mp4`` or ``.gif``.
        fps: Frames per second of the output.
        num_threads: Of the encoder, 0: as many as it likes. The same number gives the same file.
    """

    def __init__(self, path: Path, fps: float, num_threads: int = 0) -> None:
        self.path, self.fps, self.num_threads = path, fps, num_threads
        self._container = av.open(str(path), "w")
        self._stream = None
        self._graph = None
        self._thread = ThreadPoolExecutor(1)
        self._pending: deque[Future] = deque()

    def _start(self, height: int, width: int) -> None:
        rate = Fraction(self.fps).limit_denominator(1001)
        if self.path.suffix.lower() == ".gif":
            self._stream = self._container.add_stream("gif", rate=rate, width=width, height=height, pix_fmt="pal8")
            self._graph = _palette_graph(width, height, rate)
            return
        # Without its macroblock tree, whose results vary from run to run in some builds of x264
        options = {
            "x264-params": "mbtree=0",
            "crf": "25",
            "preset": "ultrafast" if width * height > 1280 * 720 else "veryfast",
        }
        self._stream = self._container.add_stream("libx264", rate=rate, options=options)
        self._stream.width, self._stream.height = width + width % 2, height + height % 2
        self._stream.pix_fmt = "yuv420p"
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = self.num_threads

    def write(self, image: np.ndarray) -> None:
        """Encode one frame, which must not be changed any more; an odd size is extended by one row or column."""
        self._pending.append(self._thread.submit(self._encode, image))
        while len(self._pending) > 2:
            self._pending.popleft().result()

    def _encode(self, image: np.ndarray) -> None:
        height, width = image.shape[:2]
        if self._stream is None:
            self._start(height, width)
        if self._graph is not None:
            self._graph.push(av.VideoFrame.from_ndarray(image, format="rgb24"))
            frame = self._graph.pull()
            frame.pts = None
        else:
            if height % 2 or width % 2:
                image = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
            frame = av.VideoFrame.from_ndarray(cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420), format="yuv420p")
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Encode what is pending and close the file."""
        try:
            while self._pending:
                self._pending.popleft().result()
            if self._stream is not None:
                self._container.mux(self._stream.encode())
        finally:
            self._thread.shutdown()
            self._container.close()


def _palette_graph(width: int, height: int, rate: Fraction) -> "av.filter.Graph":
    """FFmpeg filters that give every frame its own 256 colours, so that no frame has to be kept."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=width, height=height, format="rgb24", time_base=1 / rate)
    split, sink = graph.add("split"), graph.add("buffersink")
    palette, apply = graph.add("palettegen", "stats_mode=single"), graph.add("paletteuse", "new=1")
    source.link_to(split)
    split.link_to(apply, 0, 0)
    split.link_to(palette, 1, 0)
    palette.link_to(apply, 0, 1)
    apply.link_to(sink)
    graph.configure()
    return graph


class ImageFolderSink:
    """Write frames as ``000000.png``, ``000001.png``, ... into a folder.

    Args:
        folder: Made when absent.
        first: Number of the first file.
    """

    NAME = re.compile(r"[0-9]{6,}\.png")

    def __init__(self, folder: Path, first: int = 0) -> None:
        self.folder, self._next = folder, first
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, image: np.ndarray) -> None:
        """Write one picture."""
        write_image(self.folder / f"{self._next:06d}.png", image)
        self._next += 1

    def close(self) -> None:
        """Nothing is left to write."""


def write_image(path: Path, image: np.ndarray) -> None:
    """Write an RGB picture in the format of the file's suffix.

    Raises:
        OSError: If the file cannot be written.
    """
    encoded, data = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not encoded:
        raise OSError(f"{path}: OpenCV cannot encode a picture of shape {image.shape} as {path.suffix}")
    path.write_bytes(data.tobytes())
