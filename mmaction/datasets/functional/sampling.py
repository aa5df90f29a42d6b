"""Which frames of a video make up its clips. Indices are 0-based and int64; nothing here reads a frame."""

import functools

import numpy as np

Random = np.random.Generator | np.random.RandomState


def _draw_below(rng: Random, bounds: np.ndarray) -> np.ndarray:
    """Draw one integer in ``[0, bound)`` for each bound."""
    return rng.integers(bounds) if isinstance(rng, np.random.Generator) else rng.randint(bounds)


def uniform_clip(num_frames: int, clip_len: int, short_start: int, rng: Random, loop: bool = True) -> np.ndarray:
    """Draw one frame from each of ``clip_len`` equal parts of a video.

    Uniform sampling of PoseC3D (Duan et al., "Revisiting Skeleton-based Action Recognition", CVPR 2022, section 3.2).

    Args:
        num_frames: Frames of the video, at least 1.
        clip_len: Frames of the clip.
        short_start: First frame when the video is shorter than the clip, which then repeats it from the start.
        rng: Source of the draws.
        loop: Whether such a video is repeated from its start, as published, and not each frame in its place.

    Returns:
        ``clip_len`` indices in ``[0, num_frames)``, increasing unless the video is shorter than the clip.
    """
    if num_frames < clip_len and not loop:
        return np.arange(clip_len) * num_frames // clip_len
    if num_frames < clip_len:
        return np.arange(short_start, short_start + clip_len) % num_frames
    if num_frames < 2 * clip_len:
        skips = np.zeros(clip_len + 1, dtype=np.int64)
        skips[rng.choice(clip_len + 1, num_frames - clip_len, replace=False)] = 1
        return np.arange(clip_len) + np.cumsum(skips)[:-1]
    edges = np.arange(clip_len + 1) * num_frames // clip_len
    return edges[:-1] + _draw_below(rng, np.diff(edges))


def uniform_clips(
    num_frames: int, clip_len: int, num_clips: int, rng: np.random.Generator, loop: bool = True
) -> np.ndarray:
    """Return ``num_clips`` random uniform clips one after the other, ``num_clips * clip_len`` indices."""
    clips = [
        uniform_clip(num_frames, clip_len, int(rng.integers(num_frames)) if num_frames < clip_len else 0, rng, loop)
        for _ in range(num_clips)
    ]
    return np.concatenate(clips)


@functools.lru_cache(maxsize=256)
def fixed_uniform_clips(num_frames: int, clip_len: int, num_clips: int, seed: int, loop: bool = True) -> np.ndarray:
    """Return the ``num_clips`` uniform clips that belong to ``seed``, always the same.

    NumPy's legacy generator draws them, as in the published results. The array is kept, and so is read-only.
    """
    rng = np.random.RandomState(seed)
    clips = np.arange(num_clips)
    starts = clips if num_frames < num_clips else clips * num_frames // num_clips
    inds = np.concatenate([uniform_clip(num_frames, clip_len, int(start), rng, loop) for start in starts])
    inds.flags.writeable = False
    return inds


def segment_frames(num_frames: int, clip_len: int, rng: np.random.Generator) -> np.ndarray:
    """Draw one frame from each of ``clip_len`` segments, ends included; short videos repeat frames instead of looping.

    Returns:
        ``clip_len`` non-decreasing indices in ``[0, num_frames)``.
    """
    edges = np.round((num_frames - 1) / clip_len * np.arange(clip_len + 1)).astype(np.int64)
    return rng.integers(edges[:-1], edges[1:] + 1)


def fixed_segment_frames(num_frames: int, clip_len: int, num_clips: int) -> np.ndarray:
    """Return ``num_clips`` clips; the k-th takes each segment's frame at the share ``k / (num_clips + 1)``."""
    size = (num_frames - 1) / clip_len
    starts = np.round(size * np.arange(clip_len)).astype(np.int64)
    offsets = (size / (num_clips + 1) * np.arange(1, num_clips + 1)).astype(np.int64)
    return (offsets[:, None] + starts).reshape(-1)
