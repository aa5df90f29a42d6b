"""Features of skeletons ``(M, T, V, C)`` for graph networks: bones, motion, and a common frame of reference."""

from collections.abc import Sequence

import cv2
import numpy as np


def bones(keypoint: np.ndarray, parents: Sequence[int], with_score: bool) -> np.ndarray:
    """Return the vector from each joint's parent to the joint ``(M, T, V, C)``, float32; ``parents`` are V indices.

    ``with_score`` says that the third channel is a score; a bone's score is the mean of its ends.
    """
    ends = keypoint[:, :, list(parents)]
    result = (keypoint - ends).astype(np.float32)
    if with_score:
        result[..., 2] = (keypoint[..., 2] + ends[..., 2]) / 2
    return result


def motion(data: np.ndarray, with_score: bool) -> np.ndarray:
    """Return the change of joints or bones ``(M, T, V, C)`` from each frame to the next, 0 in the last frame.

    ``with_score`` says that the third channel is a score; a change gets the mean score of its frames.
    """
    result = np.zeros_like(data)
    result[:, :-1] = np.diff(data, axis=1)
    if with_score:
        result[:, :-1, :, 2] = (data[:, :-1, :, 2] + data[:, 1:, :, 2]) / 2
    return result


def in_own_square(points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Map the least square around the points ``(M, T, V, 2)`` that are ``seen`` to [-1, 1]; others become (0, 0)."""
    if not seen.any():
        return np.zeros_like(points)
    found = points[seen].astype(np.float32)
    low, high = found.min(axis=0), found.max(axis=0)
    half = max(float((high - low).max()) / 2, 1e-6)
    return np.where(seen[..., None], (points - (low + high) / 2) / half, 0).astype(points.dtype)


def rotation_between(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the rotation matrix ``(3, 3)`` that turns the direction ``source`` to ``target``, the shortest way.

    It is the identity if either is (almost) zero or they are parallel.
    """
    (a, b, c), (d, e, f) = source.tolist(), target.tolist()
    axis = np.array([b * f - c * e, c * d - a * f, a * e - b * d])  # np.cross takes ten times as long
    norm = float(np.sqrt(axis @ axis))
    if min(np.abs(source).sum(), np.abs(target).sum(), np.abs(axis).sum()) < 1e-6:
        return np.eye(3)
    return cv2.Rodrigues(axis / norm * np.arctan2(norm, a * d + b * e + c * f))[0]


def main_person_frames(keypoint: np.ndarray) -> np.ndarray:
    """Keep the frames in which the person seen longer is there, with that person first.

    Args:
        keypoint: Joints ``(M, T, V, C)`` of at most two persons, 0 where a person is missing.
    """
    seen = ~(np.abs(keypoint) <= 1e-8).all((2, 3))
    if len(keypoint) == 2 and seen[0].sum() < seen[1].sum():
        keypoint, seen = keypoint[::-1], seen[::-1]
    return keypoint[:, seen[0]]
