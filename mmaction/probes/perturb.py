"""Damage to skeletons as real detectors cause it: frames and joints that are missed, jitter, sides mixed up.

Each function takes joints ``(M, T, V, 2 or 3)`` in pixels, their scores ``(M, T, V)``, a level in [0, 1] and a random
generator, and returns new joints and scores. Level 0 changes nothing.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from mmaction.datasets.functional.keypoints import is_present, split_scores

Joints = tuple[np.ndarray, np.ndarray]


def _hide(keypoint: np.ndarray, score: np.ndarray, hidden: np.ndarray) -> Joints:
    """Return joints and scores with those where ``hidden`` is true set to 0, which is how a missing joint looks."""
    keypoint = np.where(hidden[..., None], 0, keypoint).astype(keypoint.dtype)
    return keypoint, np.where(hidden, 0, score).astype(score.dtype)


def missing_frames(keypoint: np.ndarray, score: np.ndarray, level: float, rng: np.random.Generator) -> Joints:
    """Nobody is found in a share ``level`` of the frames."""
    hidden = np.less(rng.random(keypoint.shape[1]), level)
    return _hide(keypoint, score, np.broadcast_to(hidden[None, :, None], score.shape))


def missing_joints(keypoint: np.ndarray, score: np.ndarray, level: float, rng: np.random.Generator) -> Joints:
    """Each joint is missed in each frame with probability ``level``."""
    return _hide(keypoint, score, rng.random(score.shape) < level)


def jitter(keypoint: np.ndarray, score: np.ndarray, level: float, rng: np.random.Generator) -> Joints:
    """Joints are off by Gaussian noise, whose standard deviation is ``level`` times the person's median height."""
    if level == 0:  # in the precision of the annotation, too
        return keypoint, score
    seen = (score > 0) & is_present(keypoint)
    result = keypoint.astype(np.float32)
    noise = rng.standard_normal((*score.shape, 2)).astype(np.float32)
    for person in range(len(keypoint)):
        y = np.where(seen[person], keypoint[person, ..., 1].astype(np.float32), np.nan)[seen[person].any(axis=1)]
        if len(y):
            height = float(np.median(np.nanmax(y, axis=1) - np.nanmin(y, axis=1)))
            result[person, ..., :2] += level * height * noise[person] * seen[person][..., None]
    return result, score


def swapped_sides(
    keypoint: np.ndarray, score: np.ndarray, level: float, rng: np.random.Generator, flip_order: Sequence[int]
) -> Joints:
    """Left and right (``flip_order`` gives each joint's mirror image) are mixed up in a share of a person's frames."""
    swapped = rng.random(score.shape[:2]) < level
    order = list(flip_order)
    return (
        np.where(swapped[..., None, None], keypoint[:, :, order], keypoint),
        np.where(swapped[..., None], score[:, :, order], score),
    )


def hidden_joint(keypoint: np.ndarray, score: np.ndarray, joints: Sequence[int]) -> Joints:
    """The joints with these indices are missed in every frame."""
    hidden = np.zeros(score.shape, bool)
    hidden[:, :, list(joints)] = True
    return _hide(keypoint, score, hidden)


FUNCTIONS: tuple[Callable[..., Joints], ...] = (missing_frames, missing_joints, jitter, swapped_sides)
KINDS = {function.__name__: function for function in FUNCTIONS}
LEVELS = {kind: (0, 0.01, 0.02, 0.05, 0.1) if kind == "jitter" else (0, 0.1, 0.25, 0.5, 0.75) for kind in KINDS}
MEANING = {
    "missing_frames": "share of frames without a person",
    "missing_joints": "share of joints that are missed",
    "jitter": "jitter (share of the person's height)",
    "swapped_sides": "share of frames with left and right swapped",
}


class Perturb:
    """A step before a skeleton pipeline that damages the annotation, the same way in each run.

    ``change`` is a function of this module, with all but joints, scores and generator given. ``seed`` and the number of
    the sample decide the damage; None for changes that draw nothing.
    """

    def __init__(self, change: Callable[..., Joints], seed: int | None = 0) -> None:
        self.change = change
        self.seed = seed

    def __call__(self, results: dict) -> dict:
        """Return a sample whose ``keypoint`` and ``keypoint_score`` are damaged copies.

        A sample without scores gets them where the damage needs them: 1, and 0 for missing joints in 2D.
        """
        if np.ndim(results.get("keypoint", 0)) != 4:
            got = f"the shape {np.shape(results['keypoint'])}" if "keypoint" in results else "no keypoint"
            raise ValueError(f"only skeletons (M, T, V, 2 or 3) can be damaged; this sample has {got}")
        joints = np.asarray(results["keypoint"])
        keypoint, given = split_scores(joints, results.get("keypoint_score"), "img_shape" in results)
        score = np.ones(keypoint.shape[:3], np.float32) if given is None else np.asarray(given)
        draw = {} if self.seed is None else {"rng": np.random.default_rng([self.seed, results.get("sample_idx", 0)])}
        keypoint, score = self.change(keypoint, score, **draw)
        damaged = {**results, "keypoint": keypoint, "keypoint_score": score}
        if given is None and (keypoint.shape[-1] == 3 or score.all()):
            del damaged["keypoint_score"]  # scores where the pipeline expects none change what the model reads
        return damaged


def perturbation(kind: str, level: float, flip_order: Sequence[int], seed: int = 0) -> Perturb:
    """Return the damage ``kind`` at ``level`` (see :data:`KINDS`) as a step of a pipeline."""
    extra = {"flip_order": flip_order} if kind == "swapped_sides" else {}
    return Perturb(partial(KINDS[kind], level=level, **extra), seed)
