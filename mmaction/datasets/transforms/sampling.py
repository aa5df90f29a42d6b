"""Choose the frames that make up a sample's clips."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mmaction.datasets.functional.sampling import (
    fixed_segment_frames,
    fixed_uniform_clips,
    segment_frames,
    uniform_clips,
)
from mmaction.datasets.transforms.base import RandomTransform
from mmaction.registry import TRANSFORMS
from mmaction.structures.sample_name import sample_name


def check_counts(**counts: int) -> None:
    """Raise a ValueError that names the first of ``counts`` which is not a positive integer."""
    for name, value in counts.items():
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} is a positive integer; got {value!r}")


def frame_count(results: dict) -> int:
    """Return ``total_frames`` of a sample; ValueError with the sample's name if it is not positive."""
    total = results["total_frames"]
    if total < 1:
        name = sample_name(results, "the sample")
        raise ValueError(f"{name} has total_frames={total}; a clip needs at least one frame")
    return total


@TRANSFORMS.register_module()
class UniformSampleFrames(RandomTransform):
    """Draw one frame from each of ``clip_len`` equal parts of the video.

    Sets ``frame_inds`` (int32, ``num_clips * clip_len``), ``clip_len``, ``frame_interval`` (None, as frames are not
    equidistant) and ``num_clips``.

    Args:
        clip_len: Frames of a clip.
        num_clips: Clips of a sample.
        test_mode: Draw the clips that belong to ``seed``, the same on every call.
        seed: Seed of the clips in test mode.
        min_span: Least share of the video that the clips of a sample span in training; the share, up to 1, and where
            it begins are drawn for each sample.
        loop: Whether a video shorter than the clip begins again, as published; otherwise its frames are repeated in
            their places.
    """

    reads = ("total_frames",)
    writes = ("frame_inds", "clip_len", "frame_interval", "num_clips")

    def __init__(
        self,
        clip_len: int,
        num_clips: int = 1,
        test_mode: bool = False,
        seed: int = 255,
        min_span: float = 1.0,
        loop: bool = True,
    ) -> None:
        lengths = clip_len if isinstance(clip_len, Mapping) else {"clip_len": clip_len}
        check_counts(**lengths, num_clips=num_clips)
        self.clip_len = clip_len
        self.num_clips = num_clips
        self.test_mode = test_mode
        self.seed = seed
        if not 0 < min_span <= 1:
            raise ValueError(f"min_span is a share of the video, above 0 and at most 1; got {min_span}")
        self.min_span = min_span
        self.loop = loop

    def sample_params(self, results: dict, clip_len: int) -> np.ndarray:
        """Return the frame indices of all clips of ``clip_len`` frames, counted from 0."""
        total = frame_count(results)
        if self.test_mode:
            return fixed_uniform_clips(total, clip_len, self.num_clips, self.seed, self.loop)
        rng = self.rng(results)
        if self.min_span == 1:
            return uniform_clips(total, clip_len, self.num_clips, rng, self.loop)
        span = int(np.ceil(total * rng.uniform(self.min_span, 1)))
        return rng.integers(total - span + 1) + uniform_clips(span, clip_len, self.num_clips, rng, self.loop)

    def transform(self, results: dict) -> dict:
        """Set the frame indices."""
        inds = self.sample_params(results, self.clip_len) + results.get("start_index", 0)
        results["frame_inds"] = inds.astype(np.int32)
        results["clip_len"] = self.clip_len
        results["frame_interval"] = None
        results["num_clips"] = self.num_clips
        return results


@TRANSFORMS.register_module()
class UniformSample(UniformSampleFrames):
    """Draw one frame from each of ``clip_len`` segments, their last frame included; a short video repeats frames.

    Sets the keys of :class:`UniformSampleFrames`. In test mode the k-th clip takes from each segment the frame at
    the share ``k / (num_clips + 1)``.

    Args:
        clip_len: Frames of a clip.
        num_clips: Clips of a sample; 1 in training.
        test_mode: Take fixed frames instead of random ones.
    """

    def __init__(self, clip_len: int, num_clips: int = 1, test_mode: bool = False) -> None:
        super().__init__(clip_len, num_clips, test_mode)
        if not test_mode and num_clips != 1:
            raise ValueError(f"UniformSample draws one clip in training; got num_clips={num_clips}")

    def sample_params(self, results: dict, clip_len: int) -> np.ndarray:
        """Return the frame indices of all clips, counted from 0."""
        total = frame_count(results)
        if self.test_mode:
            return fixed_segment_frames(total, clip_len, self.num_clips)
        return segment_frames(total, clip_len, self.rng(results))


@TRANSFORMS.register_module()
class MMUniformSampleFrames(UniformSampleFrames):
    """Draw uniform clips for several modalities of one video.

    Sets ``RGB_inds`` and ``Pose_inds`` (int32; one key per modality of ``clip_len``), ``clip_len``,
    ``frame_interval`` (None), ``num_clips`` and, unless it is a list already, ``modality``.

    Args:
        clip_len: Frames of a clip by modality, for example ``dict(RGB=8, Pose=32)``.
        num_clips: Clips of a sample.
        test_mode: Draw the clips that belong to ``seed``.
        seed: Seed of the clips in test mode.
        min_span: As in :class:`UniformSampleFrames`.
        loop: As there.
    """

    writes = ("clip_len", "frame_interval", "num_clips", "modality")

    clip_len: Any  # a mapping, where the base class has a number

    def transform(self, results: dict) -> dict:
        """Set the frame indices of every modality."""
        for modality, clip_len in self.clip_len.items():
            results[f"{modality}_inds"] = self.sample_params(results, clip_len).astype(np.int32)
        results["clip_len"] = self.clip_len
        results["frame_interval"] = None
        results["num_clips"] = self.num_clips
        if not isinstance(results.get("modality"), list):
            results["modality"] = list(self.clip_len)
        return results
