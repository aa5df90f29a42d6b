"""What a video file is, from its packets alone: nothing is decoded."""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from .base import Source, not_a_video, source_name

# Containers that store when a frame is shown, not only when it is decoded.
_TIMED_CONTAINERS = {"mov", "mp4", "matroska", "webm"}
# Codecs whose frames decord2 found by their time stamps in all tests; MPEG-2 and MPEG-4 with B-frames it got wrong.
_DECORD_CODECS = {"h264", "hevc", "vp8", "vp9", "av1"}


@dataclass(frozen=True, eq=False)
class VideoInfo:
    """Facts about the first video stream of a file.

    Attributes:
        container: Names of the container format, separated by commas.
        codec: Name of the codec.
        num_frames: Number of packets that carry a frame.
        fps: Average frames per second, 0 when unknown.
        pts: Presentation time stamps in ascending order, int64, ``(num_frames,)``; None where they do not tell the
            order of the frames.
        key_times: Presentation time stamps of the key frames, and the time stamps to seek to for them, int64,
            ``(K, 2)``.
    """

    container: str
    codec: str
    num_frames: int
    fps: float
    pts: np.ndarray | None
    key_times: np.ndarray

    @property
    def decord_is_exact(self) -> bool:
        """Whether decord2 finds every frame of such a stream."""
        return self.pts is not None and self.codec in _DECORD_CODECS


def probe(source: Source) -> VideoInfo:
    """Read the packets of a video; remembered per file for as long as it does not change.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no video.
    """
    if not isinstance(source, (str, Path)):
        info = _read_packets(source)
        source.seek(0)
        return info
    path = os.fspath(source)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no video {path}: check the list, data_root and data_prefix")
    stat = os.stat(path)
    return _probe_file(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=2048)
def _probe_file(path: str, size: int, mtime_ns: int) -> VideoInfo:
    if size == 0:
        raise not_a_video(path, "the file is empty")
    return _read_packets(path)


def _read_packets(source: Source) -> VideoInfo:
    import av

    try:
        with av.open(source) as container:
            if not container.streams.video:
                raise not_a_video(source, "it has no video stream")
            stream = container.streams.video[0]
            times = [
                (packet.pts, packet.dts if packet.dts is not None else packet.pts, packet.is_keyframe)
                for packet in container.demux(stream)
                if packet.size and not packet.is_discard
            ]
            name, codec, rate = container.format.name, stream.codec_context.name, stream.average_rate
    except (av.error.FFmpegError, OSError) as error:
        raise not_a_video(source, getattr(error, "strerror", None) or error) from error
    if not times:
        raise not_a_video(source, "it has no frames")
    pts = None
    if _TIMED_CONTAINERS & set(name.split(",")) and all(time[0] is not None for time in times):
        pts = np.sort(np.array([time[0] for time in times], dtype=np.int64))
        if (np.diff(pts) <= 0).any():
            pts = None
    keys = [time[:2] for time in times if time[2]] if pts is not None else []
    return VideoInfo(name, codec, len(times), float(rate or 0), pts, np.array(keys, dtype=np.int64).reshape(-1, 2))


def describe(source: Source) -> str:
    """Return one line about a video, for tables and messages."""
    info = probe(source)
    order = "frames found by time stamp" if info.pts is not None else "frames counted from the start"
    return f"{source_name(source)}: {info.container}, {info.codec}, {info.num_frames} frames, {info.fps:g} fps, {order}"
