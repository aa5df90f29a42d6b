"""Pose estimation that turns with the person: several rotations in a picture, the last torso's in a video.

Networks know people who stand. A region that is cut out upright (see :mod:`regions`) keeps a somersault in their world.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from mmaction.preparation.poses.persons import Persons, PoseBackend, join
from mmaction.preparation.poses.regions import around, cut, lead_back, of_boxes, overlap, squares
from mmaction.skeletons import get_layout

SURE = 0.5  # score from which on a person counts as found
PASSES = 3  # readings of a person who has not been followed; each one looks where the one before saw the body
THOROUGH = 8  # in a video without a person, one of so many frames is searched thoroughly
GROWTH = 1.5  # a body that grows or shrinks more from frame to frame is no body
QUARTERS = np.pi / 2 * np.arange(4)
NONE = np.zeros((0, 4))


class TopDown(Protocol):
    """Reads the joints of persons in turned regions."""

    def find(self, frame: np.ndarray, thorough: bool) -> np.ndarray:
        """Return regions ``(N, 4)`` in which persons may be; a ``thorough`` look sees more, and takes longer."""

    def find_in(self, frame: np.ndarray, box: np.ndarray) -> np.ndarray:
        """Return regions ``(K, 4)`` in which the person in ``box`` ``(4,)`` may be."""

    def read(self, frame: np.ndarray, regions: np.ndarray) -> Persons:
        """Return the person of each region, with the regions in which they would be read again."""


@dataclass(frozen=True)
class Turning:
    """A :class:`PoseBackend` whose crops turn with the persons.

    In a picture, the reading with the best score of several rotations counts. In a video, a person is read where the
    frame before shows the torso, and, where ``both_ways``, where the frame after does; the better score counts.
    Without ``rotate`` every crop is as upright as the frame.
    """

    reader: TopDown
    rotate: bool = True
    both_ways: bool = True

    def estimate(self, frames: Sequence[np.ndarray], boxes: Sequence[np.ndarray] | None = None) -> list[Persons]:
        """See :class:`PoseBackend`; each frame is a picture of its own."""
        found = [self._find(frame, NONE, None if boxes is None else boxes[t]) for t, frame in enumerate(frames)]
        return _as_given(found, boxes)

    def follow(
        self,
        frames: Sequence[np.ndarray],
        boxes: Sequence[np.ndarray] | None = None,
        before: Persons | None = None,
        number: int = 0,
    ) -> list[Persons]:
        """Find the persons of successive frames from ``number`` on; ``before`` are the persons one frame earlier."""
        found: list[Persons] = []
        for t, frame in enumerate(frames):
            hints = _regions(found[-1] if found else before)
            found.append(
                self._find(frame, hints, None if boxes is None else boxes[t], thorough=(number + t) % THOROUGH == 0)
            )
        for t in reversed(range(len(frames) - 1)) if self.both_ways else ():
            hints = _regions(found[t + 1])
            again = _steady(self._read(frames[t], hints), hints)
            found[t] = distinct(join([found[t], again])) if boxes is None else _best_in(boxes[t], found[t], again)
        return _as_given(found, boxes)

    def _find(self, frame: np.ndarray, hints: np.ndarray, boxes: np.ndarray | None, thorough: bool = True) -> Persons:
        """Read persons at the regions ``hints``, and look for those that are not there."""
        known = _steady(self._read(frame, hints), hints)
        if boxes is not None:
            looked_for = [self.reader.find_in(frame, box) for box in boxes]
            return _best_in(boxes, known, self._read(frame, np.concatenate([NONE, *looked_for]), PASSES))
        known, lost = distinct(known), hints[known.scores < SURE]
        assert known.regions is not None, "the reader states where it looked"
        around_lost = [self.reader.find_in(frame, box) for box in squares(lost)]
        new = np.concatenate([self.reader.find(frame, thorough and not len(known)), *around_lost])
        new = new[[not near(region, known.regions).any() for region in new]] if len(new) else new
        return distinct(join([known, self._read(frame, new, PASSES)]))

    def _read(self, frame: np.ndarray, regions: np.ndarray, passes: int = 1) -> Persons:
        best = self.reader.read(frame, self._turned(regions))
        for _ in range(passes - 1 if len(best) else 0):
            again = self.reader.read(frame, self._turned(_regions(best)))
            rows = np.arange(len(best))
            best = join([best, again]).select(np.where(again.scores > best.scores, rows + len(rows), rows))
        return best

    def _turned(self, regions: np.ndarray) -> np.ndarray:
        return regions if self.rotate else regions * [1, 1, 1, 0]


def follow(
    backend: PoseBackend,
    frames: Sequence[np.ndarray],
    boxes: Sequence[np.ndarray] | None = None,
    before: Persons | None = None,
    number: int = 0,
) -> list[Persons]:
    """Return the persons of successive frames by any backend, as :meth:`Turning.follow` does."""
    if isinstance(backend, Turning):
        return backend.follow(frames, boxes, before, number)
    return backend.estimate(frames, boxes)


def _regions(persons: Persons | None) -> np.ndarray:
    return NONE if persons is None or persons.regions is None else persons.regions


def _steady(persons: Persons, hints: np.ndarray) -> Persons:
    """Return readings with score 0 where the body is of another size than in the frame beside: a mistaken one."""
    change = np.abs(np.log(_regions(persons)[:, 2] / hints[:, 2]))
    return replace(persons, scores=np.where(change < np.log(GROWTH), persons.scores, 0.0)) if len(hints) else persons


def near(region: np.ndarray, others: np.ndarray, larger: bool = False) -> np.ndarray:
    """Return which of the regions ``(N, 4)`` are of the same body, or, by the ``larger`` of two, parts of it."""
    way = np.linalg.norm(others[:, :2] - region[:2], axis=1)
    return way < 0.2 * (np.maximum if larger else np.minimum)(others[:, 2], region[2])


def distinct(persons: Persons, least: float = SURE) -> Persons:
    """Return the persons with a score of ``least`` or more; of several readings of a body only the best one."""
    kept: list[int] = []
    for row in np.argsort(-persons.scores, kind="stable"):
        regions = _regions(persons)
        if persons.scores[row] >= least and not near(regions[row], regions[kept]).any():
            kept.append(int(row))
    return persons.select(np.array(sorted(kept), int))


def _best_in(boxes: np.ndarray, *readings: Persons) -> Persons:
    """Return for each box ``(N, 4)`` the reading that fits it best, by score and overlap."""
    persons = join(readings)
    rows = [int(np.argmax((persons.scores + 1e-6) * overlap(box[:4], persons.boxes))) for box in boxes]
    return persons.select(np.array(rows, int))


def _as_given(persons: Sequence[Persons], boxes: Sequence[np.ndarray] | None) -> list[Persons]:
    """Return persons with the boxes that were given; they count as certain: a given box means a person."""
    if boxes is None:
        return list(persons)
    return [replace(p, boxes=box[:, :4], scores=np.ones(len(p))) for p, box in zip(persons, boxes, strict=True)]


class Upright:
    """A :class:`TopDown` reader made of any backend that takes boxes; where a body is follows from its joints."""

    def __init__(self, backend: PoseBackend, layout: str = "coco17") -> None:
        names = get_layout(layout).joints
        self._backend, self._num_joints = backend, len(names)
        sides = [[names.index(f"{side}_{joint}") for side in ("left", "right")] for joint in ("hip", "shoulder")]
        self._hips, self._shoulders = sides

    def find(self, frame: np.ndarray, thorough: bool) -> np.ndarray:
        """See :class:`TopDown`; thorough is from four sides."""
        height, width = frame.shape[:2]
        whole = (width - 1) / 2, (height - 1) / 2, np.hypot(height, width)
        found = [NONE]
        for angle in QUARTERS if thorough else QUARTERS[:1]:
            image, back = cut(frame, np.array([*whole, angle]), round(whole[2])) if angle else (frame, np.eye(2, 3))
            persons = self._backend.estimate([image])[0]
            found.append(self._body(lead_back(persons.keypoint, back)))
        return np.concatenate(found)

    def find_in(self, frame: np.ndarray, box: np.ndarray) -> np.ndarray:
        """See :class:`TopDown`; nothing is known of the angle, so eight are tried."""
        return np.concatenate([of_boxes(box[None], angle=angle) for angle in np.pi / 4 * np.arange(8)])

    def read(self, frame: np.ndarray, regions: np.ndarray) -> Persons:
        """See :class:`TopDown`; the score of a person is the mean of the joints' scores."""
        cuts = [cut(frame, region, int(np.clip(region[2], 64, 512))) for region in regions]
        inner = [np.array([[0.1, 0.1, 0.9, 0.9]]) * len(image) for image, _ in cuts]
        found = self._backend.estimate([image for image, _ in cuts], inner) if cuts else []
        back = [lead_back(persons.keypoint, matrix) for persons, (_, matrix) in zip(found, cuts, strict=True)]
        keypoint = np.concatenate([np.zeros((0, self._num_joints, 2)), *back])
        score = np.concatenate([np.zeros((0, self._num_joints)), *(persons.keypoint_score for persons in found)])
        boxes = np.concatenate([keypoint.min(axis=1), keypoint.max(axis=1)], axis=1)
        return Persons(boxes, score.mean(axis=1), keypoint, score, self._body(keypoint))

    def _body(self, keypoint: np.ndarray) -> np.ndarray:
        """Return regions around joints ``(N, V, 2)``, turned as the torso."""
        low, high = keypoint.min(axis=1), keypoint.max(axis=1)
        torso = around(
            keypoint[:, self._hips].mean(axis=1), keypoint[:, self._shoulders].mean(axis=1), np.ones(len(low))
        )
        return of_boxes(np.concatenate([low, high], axis=1)) * [1, 1, 1, 0] + torso * [0, 0, 0, 1]
