"""Choose the frames of clips whose frames lie at equal distances."""

import numpy as np

from mmaction.datasets.functional import clip_sampling
from mmaction.datasets.transforms.base import RandomTransform, Transform
from mmaction.datasets.transforms.sampling import check_counts, frame_count
from mmaction.registry import TRANSFORMS

OUT_OF_BOUND = ("loop", "repeat_last")
WRITES = ("frame_inds", "clip_len", "frame_interval", "num_clips")


@TRANSFORMS.register_module()
class SampleFrames(RandomTransform):
    """Choose ``num_clips`` clips of ``clip_len`` frames, each ``frame_interval`` frames after the one before.

    Training draws one clip from each of ``num_clips`` equal parts of the video. Testing takes clips at equal distances
    from the start to the end, one clip from the middle, or, with ``clip_len=1``, the middle frame of each part.

    Args:
        clip_len: Frames of a clip.
        frame_interval: Distance of neighboring frames of a clip.
        num_clips: Clips of a sample.
        temporal_jitter: Move each frame later by up to ``frame_interval - 1`` frames.
        twice_sample: Test with twice as many clips, as TSM does.
        out_of_bound_opt: ``'loop'`` begins a video that is too short again; ``'repeat_last'`` holds its last frame.
        test_mode: Choose without randomness.
        keep_tail_frames: In training, give the last frames of the video the same chance as the others.
        target_fps: Frame rate at which ``frame_interval`` counts; a video of another rate is sampled at this one.

    Raises:
        ValueError: If an argument is out of range; in use, if the video has no frame.
    """

    reads = ("total_frames",)
    writes = WRITES

    def __init__(
        self,
        clip_len: int,
        frame_interval: int = 1,
        num_clips: int = 1,
        temporal_jitter: bool = False,
        twice_sample: bool = False,
        out_of_bound_opt: str = "loop",
        test_mode: bool = False,
        keep_tail_frames: bool = False,
        target_fps: int | None = None,
    ) -> None:
        check_counts(clip_len=clip_len, frame_interval=frame_interval, num_clips=num_clips)
        if out_of_bound_opt not in OUT_OF_BOUND:
            raise ValueError(f"out_of_bound_opt is one of {', '.join(OUT_OF_BOUND)}; got {out_of_bound_opt!r}")
        if target_fps is not None and target_fps <= 0:
            raise ValueError(f"target_fps is a frame rate above 0; got {target_fps}")
        self.clip_len = clip_len
        self.frame_interval = frame_interval
        self.num_clips = num_clips
        self.temporal_jitter = temporal_jitter
        self.twice_sample = twice_sample
        self.out_of_bound_opt = out_of_bound_opt
        self.test_mode = test_mode
        self.keep_tail_frames = keep_tail_frames
        self.target_fps = target_fps

    def span(self, fps: float | None) -> float:
        """Return how many frames of the video a clip spans."""
        if self.target_fps is not None:
            return max(1, self.clip_len * self.frame_interval * (fps / self.target_fps if fps else 1.0))
        if self.test_mode:
            return (self.clip_len - 1) * self.frame_interval + 1
        return self.clip_len * self.frame_interval

    def offsets(self, results: dict, num_frames: int, span: float) -> np.ndarray:
        """Return the first frame of each clip, fractional for single frames."""
        if self.test_mode:
            if self.clip_len == 1:
                return clip_sampling.even_frames(num_frames, self.num_clips, self.twice_sample)
            return clip_sampling.even_offsets(
                num_frames, span, self.num_clips, self.twice_sample, floor=self.target_fps is not None
            )
        draw = clip_sampling.random_offsets_to_end if self.keep_tail_frames else clip_sampling.random_offsets
        return draw(num_frames, span, self.num_clips, self.rng(results))

    def sample_params(self, results: dict) -> np.ndarray:
        """Return the frames of every clip, ``(clips, clip_len)``, within the video."""
        num_frames = frame_count(results)
        span = self.span(results.get("avg_fps"))
        if self.target_fps is not None:
            within = np.linspace(0, span - 1, self.clip_len).astype(np.int64)
        else:
            within = np.arange(self.clip_len) * self.frame_interval
        inds = self.offsets(results, num_frames, span)[:, None] + within
        if self.temporal_jitter:
            inds = inds + self.rng(results).integers(self.frame_interval, size=inds.shape)
        return clip_sampling.wrap_indices(inds, num_frames, self.out_of_bound_opt)

    def transform(self, results: dict) -> dict:
        """Write ``frame_inds`` (int32, ``clips * clip_len``), ``clip_len``, ``frame_interval`` and ``num_clips``."""
        inds = self.sample_params(results).ravel() + results.get("start_index", 0)
        results["frame_inds"] = inds.astype(np.int32)
        results["clip_len"] = self.clip_len
        results["frame_interval"] = self.frame_interval
        results["num_clips"] = self.num_clips
        return results


@TRANSFORMS.register_module()
class DenseSampleFrames(SampleFrames):
    """Choose clips within windows of the video, as the non-local networks do.

    Wang et al., "Non-local Neural Networks", CVPR 2018. Testing uses ``num_sample_positions`` windows at equal
    distances, so that a sample has ``num_sample_positions * num_clips`` clips.

    Args:
        *args: As in `SampleFrames`.
        sample_range: Frames of a window.
        num_sample_positions: Windows when testing.
        **kwargs: As in `SampleFrames`.
    """

    def __init__(self, *args, sample_range: int = 64, num_sample_positions: int = 10, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        check_counts(sample_range=sample_range, num_sample_positions=num_sample_positions)
        self.sample_range = sample_range
        self.num_sample_positions = num_sample_positions

    def offsets(self, results: dict, num_frames: int, span: float) -> np.ndarray:
        """Return the first frame of each clip; the span of a clip plays no part."""
        rng = None if self.test_mode else self.rng(results)
        return clip_sampling.dense_offsets(
            num_frames, self.sample_range, self.num_clips, self.num_sample_positions, rng
        )


@TRANSFORMS.register_module()
class UntrimmedSampleFrames(Transform):
    """Choose a clip around the middle of every stretch of ``clip_interval`` frames of a long video.

    Args:
        clip_len: Frames of a clip; those outside the video are replaced by its first or last frame.
        clip_interval: Distance of the clips in frames.
        frame_interval: Distance of neighboring frames of a clip.

    Raises:
        ValueError: If an argument is out of range; in use, if the video is shorter than half a stretch.
    """

    reads = ("total_frames",)
    writes = WRITES

    def __init__(self, clip_len: int = 1, clip_interval: int = 16, frame_interval: int = 1) -> None:
        check_counts(clip_len=clip_len, clip_interval=clip_interval, frame_interval=frame_interval)
        self.clip_len = clip_len
        self.clip_interval = clip_interval
        self.frame_interval = frame_interval

    def transform(self, results: dict) -> dict:
        """Write ``frame_inds`` (int32, ``clips * clip_len``), ``clip_len``, ``frame_interval`` and ``num_clips``."""
        num_frames = frame_count(results)
        centers = np.arange(self.clip_interval // 2, num_frames, self.clip_interval)
        if not len(centers):
            raise ValueError(
                f"{num_frames} frames are fewer than half of clip_interval={self.clip_interval}: make it smaller"
            )
        around = (np.arange(self.clip_len) - self.clip_len // 2) * self.frame_interval
        inds = np.clip(centers[:, None] + around, 0, num_frames - 1).ravel() + results.get("start_index", 0)
        results["frame_inds"] = inds.astype(np.int32)
        results["clip_len"] = self.clip_len
        results["frame_interval"] = self.frame_interval
        results["num_clips"] = len(centers)
        return results
