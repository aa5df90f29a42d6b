"""What is wrong with single frames of a skeleton: nobody seen, jumps, bones of odd length, exchanged sides.

Joints are ``(M, T, V, 2)`` in pixels, scores ``(M, T, V)``, 0 for a joint that was not seen.
"""

import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mmaction.skeletons.layout import Layout

# What each frame check means, in the order of the report.
FRAME_CHECKS = {
    "no_person": "nobody is seen",
    "not_finite": "a joint has a score but its position is not a number",
    "outside": "a joint lies outside the image",
    "low_score": "the joints are unsure",
    "jump": "the body or a joint jumps",
    "bones": "a bone is far longer than in the rest of the clip",
    "swap": "left and right are swapped",
}


@dataclass(frozen=True)
class Limits:
    """When a frame, and when a clip, is suspicious."""

    low_score: float = 0.3  # mean score of the joints seen below which a frame is unsure
    jump: float = 0.6  # way of a joint between two frames, as a share of the body's diagonal, that is a jump
    swap: float = 0.4  # a frame is swapped if exchanging left and right shortens the way to its neighbors to this share
    bones: float = 2.5  # length of a bone in the clip's usual lengths, next to the other bones, that is implausible
    tolerance: float = 0.1  # share of the frames that a check may name before the clip is suspicious

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0.0 <= value <= (np.inf if name in ("jump", "bones") else 1.0):
                raise ValueError(f"{name}: expected a number from 0 to 1 (jump, bones: 0 or more), got {value}")


def visible_joints(keypoint: np.ndarray, score: np.ndarray, score_thr: float = 0.0) -> np.ndarray:
    """Which joints are drawn: finite, of positive score, at or above the threshold; shape ``(..., V)``, bool."""
    return np.isfinite(keypoint).all(axis=-1) & (score > 0) & (score >= score_thr)


def frame_checks(
    keypoint: np.ndarray, score: np.ndarray, layout: Layout, size: tuple[int, int], limits: Limits
) -> Iterator[tuple[str, Any]]:
    """Yield the name of each check and the frames it names, shape ``(T,)``, bool; ``size`` is height and width."""
    seen = visible_joints(keypoint, score)
    yield "no_person", ~seen.any(axis=(0, 2))
    yield "not_finite", ((score > 0) & ~np.isfinite(keypoint).all(axis=-1)).any(axis=(0, 2))
    points = np.where(seen[..., None], keypoint, 0.0).astype(np.float64)
    limit = np.array([size[1], size[0]]) - 0.5
    yield "outside", (((points < -0.5) | (points > limit)).any(axis=-1) & seen).any(axis=(0, 2))
    mean = np.where(seen, score, 0.0).sum(axis=-1) / np.maximum(seen.sum(axis=-1), 1)
    yield "low_score", seen.any(axis=(0, 2)) & (mean.max(axis=0, initial=0.0) < limits.low_score)
    diagonal = body_diagonal(points, seen)
    yield "jump", _jumps(points, seen, diagonal, limits.jump).any(axis=0)
    yield "bones", _odd_bones(points, seen, diagonal, layout, limits.bones).any(axis=0)
    yield "swap", _swaps(points, seen, diagonal, layout, limits.swap).any(axis=0)


def body_diagonal(points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The median over time of the diagonal of each person's box in pixels, shape ``(M,)``, at least 1."""
    low = np.where(seen[..., None], points, np.inf).min(axis=2)
    high = np.where(seen[..., None], points, -np.inf).max(axis=2)
    present = seen.sum(axis=-1) > 1
    diagonal = np.linalg.norm(np.where(present[..., None], high - low, 0.0), axis=-1)
    lengths = [float(np.median(d[p])) if p.any() else 0.0 for d, p in zip(diagonal, present, strict=True)]
    return np.maximum(lengths, 1.0)


def _steps(points: np.ndarray, seen: np.ndarray, lag: int) -> np.ndarray:
    """Way of each joint over ``lag`` frames in pixels, NaN where it is not seen at both ends, ``(M, T - lag, V)``."""
    way = np.linalg.norm(points[:, lag:] - points[:, :-lag], axis=-1)
    return np.where(seen[:, lag:] & seen[:, :-lag], way, np.nan)


def _jumps(points: np.ndarray, seen: np.ndarray, diagonal: np.ndarray, share: float) -> np.ndarray:
    """Frames in which most of the body moves too far, or a joint goes too far and comes back at once, ``(M, T)``."""
    jumps = np.zeros(seen.shape[:2], bool)
    limit = share * diagonal[:, None]
    step = _steps(points, seen, 1)
    known = np.isfinite(step)
    far = (np.where(known, step, 0.0) > limit[..., None]).sum(axis=-1)
    jumps[:, 1:] = (far > 0) & (far > 0.5 * known.sum(axis=-1))
    if seen.shape[1] > 2:
        there, back, net = step[:, :-1], step[:, 1:], _steps(points, seen, 2)
        with np.errstate(invalid="ignore"):
            spike = (np.minimum(there, back) > limit[..., None]) & (net < 0.5 * limit[..., None])
        jumps[:, 1:-1] |= spike.any(axis=-1)
    return jumps


def _odd_bones(points: np.ndarray, seen: np.ndarray, diagonal: np.ndarray, layout: Layout, share: float) -> np.ndarray:
    """Frames with a bone that is longer than ``share`` allows, ``(M, T)``.

    A bone is as long as in most frames, or less if it points at the camera; the median of all bones tells zooms.
    """
    a, b = np.array(layout.limbs, int).reshape(-1, 2).T
    there = seen[..., a] & seen[..., b]
    if there.shape[1] < 2 or not len(a):
        return np.zeros(seen.shape[:2], bool)
    length = np.where(there, np.linalg.norm(points[..., a, :] - points[..., b, :], axis=-1), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a bone that is never seen has no length
        usual = np.nanquantile(length, 0.75, axis=1)
        usual = np.fmax(np.fmax(usual, usual[:, layout.limb_flip_order]), 0.1 * diagonal[:, None])
        ratio = length / usual[:, None]
        scale = np.maximum(np.nanmedian(ratio, axis=-1, keepdims=True), 0.5)
    return (np.nan_to_num(ratio) > share * np.nan_to_num(scale, nan=1.0)).any(axis=-1)


def _swaps(points: np.ndarray, seen: np.ndarray, diagonal: np.ndarray, layout: Layout, share: float) -> np.ndarray:
    """Frames that fit the frames beside them much better with left and right exchanged, ``(M, T)``."""
    swaps = np.zeros(seen.shape[:2], bool)
    order = list(layout.flip_order)
    pairs = [joint for joint, other in enumerate(order) if joint != other]
    num_frames = seen.shape[1]
    for person in range(len(seen) if pairs else 0):
        now, there = points[person][:, pairs], seen[person][:, pairs]
        mirrored, mirrored_there = points[person][:, order][:, pairs], seen[person][:, order][:, pairs]
        reference, reference_there = now.copy(), there.copy()  # the frames before, put right as far as known
        for t in range(1, num_frames):
            both = there[t] & mirrored_there[t] & reference_there[t - 1]
            if both.sum() >= max(4, len(pairs) // 3):
                same = np.linalg.norm(now[t] - reference[t - 1], axis=-1)[both].mean()
                other = np.linalg.norm(mirrored[t] - reference[t - 1], axis=-1)[both].mean()
                if same > 0.08 * diagonal[person] and other < share * same:
                    swaps[person, t] = True
                    reference[t], reference_there[t] = mirrored[t], mirrored_there[t]
    return swaps


def clip_quality(keypoint: np.ndarray, score: np.ndarray, layout: Layout, size: tuple[int, int]) -> dict[str, int]:
    """Return the number of frames that each check names, of those that name any; ``size`` is height and width.

    Where ``layout`` has another number of joints, nothing is known of bones and sides.
    """
    if len(layout.joints) != keypoint.shape[2]:
        layout = Layout("unknown", tuple(f"joint_{joint}" for joint in range(keypoint.shape[2])), ())
    checks = {name: int(np.sum(frames)) for name, frames in frame_checks(keypoint, score, layout, size, Limits())}
    return {name: checks[name] for name in FRAME_CHECKS if checks[name]}
