"""Write videos and pictures one frame at a time; memory does not grow with their length."""

import os
import re
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np

from mmaction.io.video.color import YuvFrame
from mmaction.io.video.container import VideoError, reason
from mmaction.io.video.frame import Frame
from mmaction.io.video.probe import VideoInfo, check_video

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream


class ClipWriter:
    """Encode decoded frames of the video ``info`` as H.264 in MP4 on one thread: upright, with their times and colors.

    ``path`` is a scratch file until `finish` moves it to its place. ``shape`` is height and width, both even;
    ``options`` are libx264's. ``frames`` counts what is written.
    """

    def __init__(self, path: Path, info: VideoInfo, shape: tuple[int, int], options: Mapping[str, str]) -> None:
        import av

        self.path, self.info, self.shape, self.frames = path, info, shape, 0
        # AVI and its like do not say when frames are shown: count them at the average rate
        self._rate = Fraction(info.fps or 25).limit_denominator(1001)
        self._clock = info.time_base if info.pts is not None else 1 / self._rate
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._stream: VideoStream = self._container.add_stream("libx264", rate=self._rate, options=dict(options))
        self._first = 0

    def _start(self, index: int, frame: YuvFrame) -> None:
        context = self._stream.codec_context
        context.height, context.width = self.shape
        context.pix_fmt, context.thread_count, context.time_base = "yuv420p", 1, self._clock
        if not frame.turns:  # frames that were turned have gone through RGB
            for name in ("color_range", "colorspace", "color_primaries", "color_trc"):
                value = getattr(frame.frame, name)
                if value is not None:
                    setattr(context, name, value)
        self._first = self._pts(index)

    def _pts(self, index: int) -> int:
        return index if self.info.pts is None else int(self.info.pts[index])

    def add(self, index: int, frame: Frame) -> None:
        """Encode frame ``index`` of the video; the first one is shown at time 0."""
        from av.video.frame import PictureType

        assert isinstance(frame, YuvFrame)  # so are the frames of `open_video` without another backend
        if not self.frames:
            self._start(index, frame)
        height, width = self.shape
        image = frame.upright()
        if image.format.name != "yuv420p" or (image.height, image.width) != self.shape:
            image = image.reformat(width=width, height=height, format="yuv420p", interpolation="AREA")
        # other writers may get the same frame, so each sets all three
        image.pts, image.time_base, image.pict_type = self._pts(index) - self._first, self._clock, PictureType.NONE
        self._mux(image)
        self.frames += 1

    def _mux(self, image: "av.VideoFrame | None") -> None:
        import av

        try:
            self._container.mux(self._stream.encode(image))
        except av.error.FFmpegError as error:
            raise OSError(f"{self.path}: cannot be written ({reason(error)})") from error

    def finish(self, target: Path) -> int:
        """Complete the file, decode it as a check, move it to ``target`` and return its number of frames.

        OSError if it cannot be written, VideoError if it does not decode to as many frames as were encoded.
        """
        try:
            if self.frames:
                self._mux(None)
            self._container.close()
            found = check_video(self.path, decode=True).num_frames
            if found != self.frames:
                raise VideoError(f"{self.path}: {self.frames} frames were encoded and {found} decode")
            with open(self.path, "rb+") as file:
                os.fsync(file.fileno())
            target.parent.mkdir(parents=True, exist_ok=True)
            self.path.replace(target)  # one step: a kill leaves no other file beside the target
        finally:
            self.abandon()
        return self.frames

    def abandon(self) -> None:
        """Close the file and delete it, unless it has been moved."""
        self._container.close()
        self.path.unlink(missing_ok=True)


class Sink(Protocol):
    """Where drawn frames go."""

    def write(self, image: np.ndarray, time_s: float | None = None) -> None:
        """Take one RGB frame, shown ``time_s`` seconds after the first; all frames of a clip have the same size."""

    def close(self) -> None:
        """Finish the output; called once, also when an error ends the drawing."""


class VideoSink:
    """Encode frames as H.264 in MP4 (which browsers play) or as an animated GIF, in a thread beside the drawing.

    With ``num_threads`` 0 the encoder takes as many as it likes. The same number gives the same file.
    """

    def __init__(self, path: Path, fps: float, num_threads: int = 0) -> None:
        import av

        self.path, self.fps, self.num_threads = path, fps, num_threads
        self._container = av.open(str(path), "w")
        self._stream: VideoStream | None = None
        self._graph: av.filter.Graph | None = None
        self._thread = ThreadPoolExecutor(1)
        self._pending: deque[Future] = deque()

    def _start(self, height: int, width: int, is_timed: bool) -> "VideoStream":
        rate = Fraction(self.fps).limit_denominator(1001)
        if self.path.suffix.lower() == ".gif":
            stream = self._container.add_stream("gif", rate=rate, width=width, height=height, pix_fmt="pal8")
            self._graph, clock = _palette_graph(width, height, rate), 100
        else:
            # Without its macroblock tree, whose results vary from run to run in some builds of x264
            preset = "ultrafast" if width * height > 1280 * 720 else "veryfast"
            options = {"x264-params": "mbtree=0", "crf": "25", "preset": preset}
            stream, clock = self._container.add_stream("libx264", rate=rate, options=options), 90_000
            stream.width, stream.height = width + width % 2, height + height % 2
            stream.pix_fmt, stream.thread_type = "yuv420p", "AUTO"
            stream.codec_context.thread_count = self.num_threads
        if is_timed:
            stream.codec_context.time_base = Fraction(1, clock)
        return stream

    def write(self, image: np.ndarray, time_s: float | None = None) -> None:
        """Encode one frame, which must not be changed any more; an odd size is extended by one row or column.

        Without ``time_s``, which all frames have or none, they are evenly spaced.
        """
        self._pending.append(self._thread.submit(self._encode, image, time_s))
        while len(self._pending) > 2:
            self._pending.popleft().result()

    def _encode(self, image: np.ndarray, time_s: float | None) -> None:
        import av

        height, width = image.shape[:2]
        stream = self._stream = self._stream or self._start(height, width, time_s is not None)
        if self._graph is not None:
            self._graph.vpush(av.VideoFrame.from_ndarray(image, format="rgb24"))
            frame = self._graph.vpull()
            frame.pts = None
        else:
            if height % 2 or width % 2:
                image = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
            planes: np.ndarray[Any, np.dtype[np.uint8]] = np.asarray(
                cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420), np.uint8
            )
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        if time_s is not None:
            frame.time_base = stream.codec_context.time_base or 1 / Fraction(self.fps)
            frame.pts = round(time_s / frame.time_base)
        self._container.mux(stream.encode(frame))

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
    """FFmpeg filters that give every frame its own 256 colors, so that no frame has to be kept."""
    import av.filter

    graph = av.filter.Graph()
    source = graph.add_buffer(width=width, height=height, format=av.VideoFormat("rgb24"), time_base=1 / rate)
    split, palette = graph.add("split"), graph.add("palettegen", "stats_mode=single")
    apply, sink = graph.add("paletteuse", "new=1"), graph.add("buffersink")
    graph.link_nodes(source, split, apply, sink)
    split.link_to(palette, 1, 0)
    palette.link_to(apply, 0, 1)
    graph.configure()
    return graph


class ImageFolderSink:
    """Write frames as ``000000.png``, ``000001.png``, ... into a folder, which is made when absent."""

    NAME = re.compile(r"[0-9]{6,}\.png")

    def __init__(self, folder: Path) -> None:
        self.folder, self._next = folder, 0
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, image: np.ndarray, time_s: float | None = None) -> None:
        """Write one picture; files hold no times."""
        write_image(self.folder / f"{self._next:06d}.png", image)
        self._next += 1

    def close(self) -> None:
        """Nothing is left to write."""


def write_image(path: Path, image: np.ndarray) -> None:
    """Write an RGB picture in the format of the file's suffix; OSError if it cannot be written."""
    encoded, data = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not encoded:
        raise OSError(f"{path}: OpenCV cannot encode a picture of shape {image.shape} as {path.suffix}")
    path.write_bytes(data.tobytes())
