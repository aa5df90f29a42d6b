"""Smaller copies of videos that load faster: short edge, close key frames, a codec that every decoder reads exactly."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from mmaction.datasets.functional.geometry import rescaled_shape
from mmaction.io.video import VideoError, open_video
from mmaction.io.video.probe import cut_off_problem
from mmaction.io.video.writers import ClipWriter


@dataclass(frozen=True)
class ResizeSpec:
    """How the copies are made."""

    short: int = 256  # short edge in pixels; smaller videos keep their size. Edges are rounded to even numbers
    keyframe_every: int = 16  # frames between key frames at the most
    crf: int = 18  # x264 quality, 0 (lossless) to 51
    preset: str = "veryfast"  # x264 speed against size
    # leave out the parts of H.264 that are slow to decode (CABAC, deblocking): files get larger
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

    The copy is written beside ``target`` (``.mp4``) and takes its place once all of its frames decode. Returns their
    number; VideoError if the source cannot be read to its end, or the copy has another number of frames.
    """
    reader = open_video(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    shape = even_shape(reader.info.shape, spec.short)
    writer = ClipWriter(target.with_name(f".{target.stem}.part.mp4"), reader.info, shape, spec.encoder_options)
    try:
        for index, frame in reader.frames(range(reader.num_frames)):
            writer.add(index, frame)
        if problem := cut_off_problem(source):
            raise VideoError(f"{source}: {problem}")
        return writer.finish(target)
    finally:
        writer.abandon()
