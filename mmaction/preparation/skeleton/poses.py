"""Poses on their way between other programs' formats and annotation arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmaction.skeletons import Layout

# Arrays of more places (persons times frames) than this must have a pose in one of so many places at least.
SPARSE_PLACES, MAX_SPARSITY = 1 << 19, 64


@dataclass
class Pose:
    """One person in one frame."""

    frame: int  # frame index from 0
    points: np.ndarray  # x, y and score per joint, float32 of shape ``(V, 3)``; pixels and 0 to 1
    track: int | None = None  # identity of the person over time, None where the program gives none

    @property
    def score(self) -> float:
        """Mean score over the joints."""
        return float(self.points[:, 2].mean())

    @property
    def center(self) -> np.ndarray:
        """Mean position of the joints that were found, NaN where none was."""
        found = self.points[self.points[:, 2] > 0, :2]
        return found.mean(0) if len(found) else np.full(2, np.nan, np.float32)


@dataclass
class PoseList:
    """All poses of one clip."""

    name: str
    poses: list[Pose] = field(default_factory=list)  # persons in frames, in any order
    length: int | None = None  # number of frames, with or without a person; None where the files do not tell

    @property
    def seen(self) -> int:
        """Frames up to the last one with a person."""
        return max((pose.frame for pose in self.poses), default=-1) + 1

    @property
    def frames(self) -> int:
        """Frames as the files tell, else up to the last one with a person."""
        return max(self.seen, self.length or 0)

    def count_from(self, first: int) -> None:
        """Make frame ``first`` frame 0; ValueError if a pose is in a frame before it."""
        for pose in self.poses:
            if pose.frame < first:
                raise ValueError(f"{self.name}: has a pose in frame {pose.frame}, the first frame is {first}")
            pose.frame -= first

    def arrays(
        self, joints: int, frames: int | None = None, persons: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return ``keypoint`` ``(M, T, V, 2)`` and ``keypoint_score`` ``(M, T, V)``, float32, zero where nobody is.

        Persons are the tracks of the program; where it gives none, or one track to two poses of a frame, each pose goes
        to the person of the frame before that is nearest. The ``persons`` with the highest summed scores are kept and
        come first. T is ``frames``, else as the files tell, else up to the last frame with a person. ValueError if
        there is no pose, one lies beyond ``frames``, or the arrays would be large and nearly empty.
        """
        frames = self.frames if frames is None else frames
        if not self.poses or frames < 1:
            raise ValueError(f"{self.name}: nobody was found in any frame")
        if self.seen > frames:
            raise ValueError(f"{self.name}: has a pose in frame {self.seen - 1}, the clip has {frames} frames")
        tracks = self._tracks()
        order = sorted(tracks, key=lambda track: -sum(pose.score for pose in tracks[track]))[:persons]
        if len(order) * frames > max(SPARSE_PLACES, MAX_SPARSITY * len(self.poses)):
            raise ValueError(
                f"{self.name}: {len(self.poses)} poses of {len(order)} persons in {frames} frames, so nearly all would "
                "be zeros: is a frame number wrong? If not, keep fewer persons (--persons)"
            )
        points = np.zeros((len(order), frames, joints, 3), np.float32)
        for person, track in enumerate(order):
            for pose in tracks[track]:
                points[person, pose.frame] = pose.points
        return points[..., :2].copy(), points[..., 2].copy()

    def _tracks(self) -> dict[object, list[Pose]]:
        by_frame: dict[int, list[Pose]] = {}
        for pose in self.poses:
            by_frame.setdefault(pose.frame, []).append(pose)
        named = [(pose.frame, pose.track) for pose in self.poses if pose.track is not None]
        are_persons = len(set(named)) == len(named)  # a program that does not track may number every pose 0
        tracks: dict[object, list[Pose]] = {}
        for frame in sorted(by_frame):
            free = {key: poses[-1] for key, poses in tracks.items() if isinstance(key, tuple)}
            unnamed = []
            for pose in by_frame[frame]:
                if are_persons and pose.track is not None:
                    tracks.setdefault(pose.track, []).append(pose)
                else:
                    unnamed.append(pose)
            for pose, key in zip(unnamed, _assign(unnamed, free), strict=True):
                tracks.setdefault(key or ("person", len(tracks)), []).append(pose)
        return tracks


def _assign(poses: Sequence[Pose], last: Mapping[Any, Pose]) -> list[object | None]:
    """Return for each pose the key of the nearest last pose, each key at most once, None for a new person."""
    from scipy.optimize import linear_sum_assignment

    keys = list(last)
    chosen: list[object | None] = [None] * len(poses)
    if poses and keys:
        distance = np.array([[np.linalg.norm(pose.center - last[key].center) for key in keys] for pose in poses])
        rows, columns = linear_sum_assignment(np.nan_to_num(distance, nan=1e9))
        for row, column in zip(rows, columns, strict=True):
            chosen[row] = keys[column]
    return chosen


def convert_layout(
    keypoint: np.ndarray, score: np.ndarray, source: Layout, target: Layout
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Sort joints ``(M, T, V, C)`` and scores ``(M, T, V)`` from the layout ``source`` into ``target`` by their names.

    The names of the joints that ``source`` lacks come with the arrays, where they are zero with score 0. ValueError if
    the arrays do not have the joints of ``source``.
    """
    if keypoint.shape[2] != len(source.joints):
        raise ValueError(f"layout {source.name} has {len(source.joints)} joints, the arrays have {keypoint.shape[2]}")
    index = {name: number for number, name in enumerate(source.joints)}
    missing = [name for name in target.joints if name not in index]
    order = [index.get(name, 0) for name in target.joints]
    known = np.array([name in index for name in target.joints])
    return keypoint[:, :, order] * known[:, None], score[:, :, order] * known, missing
