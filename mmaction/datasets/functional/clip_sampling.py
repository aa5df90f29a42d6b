"""Where equidistant clips start in a video, and what happens to frames past its end.

Offsets and indices count from 0. ``span`` is the number of frames from the first to past the last frame of a clip.
"""

import numpy as np


def random_offsets(num_frames: int, span: float, num_clips: int, rng: np.random.Generator) -> np.ndarray:
    """Draw one start from each of ``num_clips`` equal parts of the video; a video without room starts at 0.

    Where the parts would be shorter than one frame but there is room, sorted random starts are drawn instead.
    """
    room = num_frames - span + 1
    part = room // num_clips
    if part > 0:
        return np.arange(num_clips) * part + rng.integers(int(part), size=num_clips)
    if num_frames > max(num_clips, span):
        return np.sort(rng.integers(int(room), size=num_clips))
    if part == 0:
        return np.around(np.arange(num_clips) * (room / num_clips))
    return np.zeros(num_clips, dtype=np.int64)


def random_offsets_to_end(num_frames: int, span: float, num_clips: int, rng: np.random.Generator) -> np.ndarray:
    """Like `random_offsets`, with parts of fractional length, so that the last frames are drawn as often as others."""
    room = num_frames - span + 1
    if room <= 0:
        return np.zeros(num_clips, dtype=np.int64)
    part = room / num_clips
    return (np.arange(num_clips) * part + rng.uniform(0, part, num_clips)).astype(np.int64)


def even_frames(num_frames: int, num_clips: int, twice: bool = False) -> np.ndarray:
    """Return the middle of each of ``num_clips`` parts, fractional; with ``twice`` followed by their beginnings."""
    part = num_frames / num_clips
    starts = np.arange(num_clips) * part
    middles = starts + part / 2
    return np.concatenate([middles, starts]) if twice else middles


def even_offsets(num_frames: int, span: float, num_clips: int, twice: bool = False, floor: bool = False) -> np.ndarray:
    """Return starts from the first to the last possible one at equal distances; a single one lies in the middle.

    Args:
        num_frames: Frames of the video.
        span: Frames that a clip spans.
        num_clips: Number of starts.
        twice: Return as many starts again, at the same distance.
        floor: Round the distance down, as SlowFast's reference code does, rather than each start.
    """
    last = max(num_frames - span, 0)
    count = num_clips * 2 if twice else num_clips
    if count == 1:
        return np.array([last // 2])
    step = last / max(num_clips - 1, 1)
    return np.arange(count) * np.floor(step) if floor else np.round(np.arange(count) * step)


def dense_offsets(
    num_frames: int, sample_range: int, num_clips: int, positions: int, rng: np.random.Generator | None = None
) -> np.ndarray:
    """Return clip starts spread over windows of ``sample_range`` frames.

    Args:
        num_frames: Frames of the video; starts past its end begin again at its first frame.
        sample_range: Frames of a window.
        num_clips: Clips of a window.
        positions: Number of windows, at equal distances; not used with ``rng``.
        rng: Draw one window instead.
    """
    last = max(0, num_frames - sample_range)
    within = np.arange(num_clips) * (sample_range // num_clips)
    if rng is not None:
        starts = np.array([rng.integers(last) if last else 0])
    else:
        starts = np.linspace(0, last, num=positions, dtype=np.int64)
    return ((starts[:, None] + within) % num_frames).ravel()


def wrap_indices(inds: np.ndarray, num_frames: int, out_of_bound_opt: str) -> np.ndarray:
    """Bring indices ``(clips, frames)`` into the video.

    Args:
        inds: Indices, 0 or more.
        num_frames: Frames of the video.
        out_of_bound_opt: ``'loop'`` begins again at the first frame; ``'repeat_last'`` repeats the clip's last frame
            that is inside the video.
    """
    if out_of_bound_opt == "loop":
        return np.mod(inds, num_frames)
    inside = inds < num_frames
    last = np.max(np.where(inside, inds, 0), axis=1, keepdims=True)
    return np.where(inside, inds, last)
