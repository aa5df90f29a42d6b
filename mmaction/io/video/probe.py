"""What a video file is, from its packets alone: nothing is decoded."""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from mmaction.io.video.base import Source, not_a_video

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
        has_leading_frames: Whether some frames come after a key frame in the file but before it on the screen (an open
            group of pictures).
    """

    container: str
    codec: str
    num_frames: int
    fps: float
    pts: np.ndarray | None
    key_times: np.ndarray
    has_leading_frames: bool

    @property
    def decord_is_exact(self) -> bool:
        """Whether decord2 finds every frame of such a stream."""
        return self.pts is not None and self.codec in _DECORD_CODECS and not self.has_leading_frames


def probe(source: Source) -> VideoInfo:
    """Read the packets of a video; remembered per file for as long as it does not change.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no video.
    """
    if not isinstance(source, (str, Path)):
        source.seek(0)
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
        with av.open(source, metadata_errors="replace") as container:
            if not container.streams.video:
                raise not_a_video(source, "it has no video stream")
            stream = container.streams.video[0]
            if stream.codec_context is None:
                raise not_a_video(source, "there is no decoder for its codec")
            times = [
                (packet.pts, packet.dts if packet.dts is not None else packet.pts, packet.is_keyframe)
                for packet in container.demux(stream)
                if packet.size and not packet.is_discard
            ]
            name, codec, rate = container.format.name, stream.codec_context.name, stream.average_rate
    except (av.error.FFmpegError, OSError, IndexError) as error:  # IndexError: PyAV, on a packet of no known stream
        raise not_a_video(source, getattr(error, "strerror", None) or error) from error
    if not times:
        raise not_a_video(source, "it has no frames")
    pts, key_times, leading = None, np.empty((0, 2), np.int64), False
    if _TIMED_CONTAINERS & set(name.split(",")) and all(time[0] is not None for time in times):
        in_file = np.array([time[0] for time in times], dtype=np.int64)
        if len(np.unique(in_file)) == len(in_file):
            pts = np.sort(in_file)
            is_key = np.array([time[2] for time in times], dtype=bool)
            key_times = np.array([time[:2] for time in times if time[2]], dtype=np.int64).reshape(-1, 2)
            earliest_from_here = np.minimum.accumulate(in_file[::-1])[::-1]
            leading = bool((earliest_from_here[is_key] < in_file[is_key]).any())
    return VideoInfo(name, codec, len(times), float(rate or 0), pts, key_times, leading)
