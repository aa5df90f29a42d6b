"""What a video file is, from its packets; a frame is decoded only where the packets do not tell enough."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmaction.io.video.color import upright_shape
from mmaction.io.video.container import (
    Source,
    VideoError,
    decoded,
    not_a_video,
    open_container,
    source_name,
    whole_packets,
)

if TYPE_CHECKING:
    import av

    Packets = list[tuple[int | None, int | None, bool]]  # presentation time, decoding time, is it a key frame

TOLERANCE_S = 6e-4  # files round times to their clock, in Matroska to milliseconds
# Containers that can be entered at a key frame by its time.
_SEEKABLE_CONTAINERS = {"mov", "mp4", "matroska", "webm"}
# Codecs whose frames decord2 found by their time stamps in all tests; MPEG-2 and MPEG-4 with B-frames it got wrong.
_DECORD_CODECS = {"h264", "hevc", "vp8", "vp9", "av1"}


@dataclass(frozen=True, eq=False)
class VideoInfo:
    """Facts about the video stream of a file."""

    source: Source = field(repr=False)  # the file, or its content
    container: str  # names of the container format, separated by commas
    codec: str
    # number of frames, without those at the start that cannot be decoded because the stream was cut out of a longer one
    num_frames: int
    fps: float  # average frames per second, 0 when unknown
    # height and width as stored, before a rotation; frames of another size are scaled to it
    stored_shape: tuple[int, int]
    time_base: Fraction  # seconds of one unit of the time stamps
    # presentation time stamps in ascending order, int64, ``(num_frames,)``; None where not every frame has one of its
    # own
    pts: np.ndarray | None
    is_seekable: bool  # whether a frame is found by its time stamp
    # presentation time stamps of the key frames, and the time stamps to seek to for them, int64, ``(K, 2)``
    key_times: np.ndarray
    # whether some frames come after a key frame in the file but before it on the screen (an open group of pictures)
    has_leading_frames: bool

    @property
    def decord_is_exact(self) -> bool:
        """Whether decord2 finds every frame of such a stream."""
        return self.is_seekable and self.codec in _DECORD_CODECS and not self.has_leading_frames

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Height and width, upright. Decodes the first frame, which alone tells the rotation."""
        with open_container(self.source) as (container, stream):
            first = next(decoded(container.demux(stream)), None)
        if first is None:
            raise not_a_video(self.source, "no frame of it can be decoded")
        return upright_shape(first)

    @property
    def height(self) -> int:
        """Pixels from top to bottom, upright."""
        return self.shape[0]

    @property
    def width(self) -> int:
        """Pixels from left to right, upright."""
        return self.shape[1]

    @property
    def frame_time(self) -> float:
        """Seconds from one frame to the next, on average; 1/25 where the file does not tell."""
        return 1 / (self.fps or 25.0)

    @cached_property
    def times(self) -> np.ndarray:
        """Seconds at which the frames are shown, from the first one, float64, ``(num_frames,)``.

        They are the file's presentation times; where it has none, as many AVI files, frames are evenly spaced.
        """
        if self.pts is None:
            return np.arange(self.num_frames) * self.frame_time
        return (self.pts - self.pts[0]) * float(self.time_base)

    @property
    def duration(self) -> float:
        """Seconds until the last frame has been shown, as long as a frame is shown on average."""
        return float(self.times[-1]) + self.frame_time

    def frames_between(self, start_s: float, end_s: float) -> tuple[int, int]:
        """Return the first frame shown at ``start_s`` or later, and the first shown at ``end_s`` or later."""
        first, end = np.searchsorted(self.times, np.array([start_s, end_s]) - TOLERANCE_S)
        return int(first), int(end)


def probe(source: Source) -> VideoInfo:
    """Read the packets of a video; remembered per file for as long as it does not change.

    FileNotFoundError if there is no such file, VideoError if it is no video.
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
    with open_container(source) as (container, stream):
        packets = [
            (packet.pts, packet.dts if packet.dts is not None else packet.pts, packet.is_keyframe)
            for packet in container.demux(stream)
            if packet.size and not packet.is_discard
        ]
        name, context, rate, clock = container.format.name, stream.codec_context, stream.average_rate, stream.time_base
        codec, shape = context.name, (context.height, context.width)
    if not packets:
        raise not_a_video(source, "it has no frames")
    lost, lost_pts = _lost_at_start(source, packets, name)
    count = len(packets) - lost
    if not count:
        raise not_a_video(source, "no frame of it can be decoded")
    times = [time for time, _, _ in packets if time is not None and time not in lost_pts]
    pts = np.unique(np.array(times, dtype=np.int64))
    is_timed = len(times) == len(pts) == count and clock is not None
    seekable, key_times, leading = False, np.empty((0, 2), np.int64), False
    if is_timed:
        seekable = bool(_SEEKABLE_CONTAINERS & set(name.split(",")))
        key_times = np.array([time[:2] for time in packets if time[2]], dtype=np.int64).reshape(-1, 2)
        # A frame that is stored behind a key frame and shown before it (an open group of pictures) needs the group
        # before: readers that seek to the key frame lose it.
        in_file, is_key = np.array(times, dtype=np.int64), [key for time, _, key in packets if time not in lost_pts]
        earliest_from_here = np.minimum.accumulate(in_file[::-1])[::-1]
        leading = bool((earliest_from_here[is_key] < in_file[is_key]).any())
    return VideoInfo(
        source=source,
        container=name,
        codec=codec,
        num_frames=count,
        fps=float(rate or 0),
        stored_shape=shape,
        time_base=clock or Fraction(1, 25),
        pts=pts if is_timed else None,
        is_seekable=seekable,
        key_times=key_times,
        has_leading_frames=leading,
    )


def _lost_at_start(source: Source, packets: Packets, container: str) -> tuple[int, set[int]]:
    """Return how many packets at the start give no frame, and their presentation times.

    A stream that was copied out of a longer one may begin between two key frames, or with frames that refer to what
    came before its first key frame. Whether they decode is up to the decoder, so they are decoded, up to the second key
    frame; a stream that begins as usual is not.
    """
    keys = list(islice((number for number, packet in enumerate(packets) if packet[2]), 2))
    end = keys[1] if len(keys) > 1 else len(packets)
    key_time = packets[keys[0]][0] if keys else None
    leads = key_time is not None and any(time is not None and time < key_time for time, _, _ in packets[:end])
    # Program streams store the times of few frames, so what leads is not seen; their groups of pictures are short.
    if keys and keys[0] == 0 and not leads and container != "mpeg":
        return 0, set()
    with open_container(source) as (opened, stream):
        shown = [frame.pts for frame in decoded(_first_packets(opened.demux(stream), end))]
        shown += [frame.pts for frame in stream.decode(None)]
    times = {time for time, _, _ in packets[:end] if time is not None}
    return max(end - len(shown), 0), times - set(shown) if len(shown) < end else set()


def _first_packets(packets: Iterable[av.Packet], count: int) -> Iterator[av.Packet]:
    """Yield packets until ``count`` of them carry frames to show; others may be needed to decode those."""
    for packet in packets:
        yield packet
        count -= bool(packet.size) and not packet.is_discard
        if not count:
            return


def check_video(
    path: str | Path, *, decode: bool = False, watch: Callable[[av.VideoFrame], object] | None = None
) -> VideoInfo:
    """Return what a video is, once it is known to be whole.

    Args:
        path: The video.
        decode: Decode every frame, which finds all damage. By default the first frame is decoded and the others are
            only read, which finds files that are cut off at a hundredth of the cost.
        watch: Called with every frame that is decoded.

    Raises:
        VideoError: If it is missing, is no video, or does not decode.
    """
    try:
        info = probe(path)
    except OSError as error:
        raise VideoError(str(error)) from error
    count = 0
    with open_container(path) as (container, stream):
        packets = whole_packets(container, stream)
        for frame in decoded(packets):
            count += 1
            if watch is not None:
                watch(frame)
            if not decode:
                break
        for _ in packets:
            pass
    if not count:
        raise not_a_video(path, "no frame of it can be decoded")
    if decode and count != info.num_frames:
        raise VideoError(f"{path}: holds {info.num_frames} frames, but only {count} decode")
    return info


def cut_off_problem(source: Source) -> str:
    """Return where a file is cut off, '' if it is not; content in memory is not checked."""
    if not isinstance(source, (str, Path)):
        return ""
    try:
        with open_container(source) as (container, stream):
            for _ in whole_packets(container, stream):
                pass
    except VideoError as error:
        return str(error).removeprefix(f"{source_name(source)}: ")
    return ""
