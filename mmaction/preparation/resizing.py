"""Smaller copies of videos that load faster: short edge, close key frames, a codec that every decoder reads exactly."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from mmaction.datasets.functional.geometry import rescaled_shape
from mmaction.io.video import probe
from mmaction.io.video.encoding import set_up_stream, upright, upright_shape
from mmaction.io.video.integrity import whole_packets
from mmaction.io.video.media import VideoError, look_at, reason


@dataclass(frozen=True)
class ResizeSpec:
    """How the copies are made.

    Attributes:
        short: Short edge in pixels; smaller videos keep their size. Edges are rounded to even numbers.
        keyframe_every: Frames between key frames at the most.
        crf: x264 quality, 0 (lossless) to 51.
        preset: x264 speed against size.
        fast_decode: Leave out the parts of H.264 that are slow to decode (CABAC, deblocking): files get larger.
    """

    short: int = 256
    keyframe_every: int = 16
    crf: int = 18
    preset: str = "veryfast"
    fast_decode: bool = True

    def __post_init__(self) -> None:
        if self.short < 16 or self.keyframe_every < 1 or not 0 <= self.crf <= 51:
            raise ValueError(
                f"short is 16 or more, keyframe_every 1 or more and crf 0 to 51; got {self.short}, "
                f"{self.keyframe_every} and {self.crf}"
            )

    @property
    def options(self) -> dict:
        """What the copies depend on, for the record."""
        return asdict(self)

    @property
    def encoder_options(self) -> dict[str, str]:
        """Private options of libx264."""
        tune = {"tune": "fastdecode"} if self.fast_decode else {}
        return {"crf": str(self.crf), "preset": self.preset, "g": str(self.keyframe_every), **tune}


def even_shape(shape: tuple[int, int], short: int) -> tuple[int, int]:
    """Return height and width with the short edge at most ``short``, both even."""
    height, width = rescaled_shape(shape, (np.inf, short)) if short < min(shape) else shape
    return max(height // 2 * 2, 2), max(width // 2 * 2, 2)


def resize_video(source: Path, target: Path, spec: ResizeSpec) -> int:
    """Write a smaller copy, upright, without sound, with the same frames at the same times, and check it.

    The copy is written beside ``target`` and takes its place once all of its frames decode.

    Args:
        source: The video.
        target: The copy, ``.mp4``.
        spec: How it is made.

    Returns:
        The number of frames.

    Raises:
        VideoError: If the source cannot be read to its end, or the copy has another number of frames.
    """
    import av

    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.stem}.part.mp4")
    try:
        frames = _encode(source, part, spec)
        found = look_at(part, decode=True).frames
        if found != frames:
            raise VideoError(f"{source}: {frames} frames were encoded and {found} decode")
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)
    except av.error.FFmpegError as error:
        raise VideoError(f"{source}: cannot be read to its end ({reason(error)})") from error
    finally:
        part.unlink(missing_ok=True)
    return frames


def _encode(source: Path, part: Path, spec: ResizeSpec) -> int:
    import av
    from av.video.frame import PictureType

    movable = {"movflags": "+faststart"}
    with av.open(str(source), metadata_errors="replace") as reader, av.open(str(part), "w", options=movable) as writer:
        if not reader.streams.video:
            raise VideoError(f"{source}: holds no video stream")
        stream = reader.streams.video[0]
        stream.thread_count = 1
        # AVI and its like do not say when frames are shown: count them at the average rate
        timed = probe(source).pts is not None
        clock = stream.time_base if timed else 1 / (stream.average_rate or Fraction(25))
        output, frames = None, 0
        for frame in (frame for packet in whole_packets(reader, stream) for frame in packet.decode()):
            if output is None:
                output = writer.add_stream("libx264", rate=stream.average_rate or 25, options=spec.encoder_options)
                set_up_stream(output, frame, stream, clock, even_shape(upright_shape(frame), spec.short))
                first = frame.pts or 0
            pts = frame.pts - first if timed else frames
            size = {"width": output.codec_context.width, "height": output.codec_context.height}
            smaller = upright(frame).reformat(**size, format="yuv420p", interpolation="AREA")
            smaller.pts, smaller.time_base, smaller.pict_type = pts, clock, PictureType.NONE
            writer.mux(output.encode(smaller))
            frames += 1
        if output is None:
            raise VideoError(f"{source}: holds no frame that decodes")
        writer.mux(output.encode(None))
    return frames
