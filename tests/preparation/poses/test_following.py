"""Crops that turn with the person, with readers that know only people who stand."""

import cv2
import numpy as np
import pytest

from mmaction.preparation.poses.following import Turning, Upright, distinct
from mmaction.preparation.poses.persons import Persons, nobody

BODY = np.array([[0, -30], [0, 0]])  # shoulders and hips about the hips


def figure(center, angle):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(center) + np.repeat(BODY, [11, 6], axis=0) @ turn.T


def off(a, b):
    return abs((a - b + np.pi) % (2 * np.pi) - np.pi)


class Known:
    """A frame holds its number; reads well where the region is at most 30 degrees off, and not at all beyond 60."""

    def __init__(self, angles, seen):
        self.angles, self.seen = angles, seen

    def find(self, frame, thorough):
        t = frame[0, 0, 0]
        return np.array([[50.0, 50, 80, self.angles[t]]]) if t in self.seen else np.zeros((0, 4))

    def find_in(self, frame, box):
        return np.array([[50.0, 50, 80, 0.0]])

    def read(self, frame, regions):
        angle = self.angles[frame[0, 0, 0]]
        score = np.array([np.interp(off(region[3], angle), [0.5, 1.0], [0.9, 0.0]) for region in regions])
        joints = np.array([figure([50, 50], angle)] * len(regions)).reshape(-1, 17, 2)
        boxes = np.tile([20.0, 20, 80, 80], (len(regions), 1))
        again = regions * [1, 1, 1, 0] + [0, 0, 0, angle] if len(regions) else regions
        return Persons(boxes, score, joints, np.ones(joints.shape[:2]), again)


def frames(number):
    return [np.full((100, 100, 3), t, np.uint8) for t in range(number)]


SOMERSAULT = np.linspace(0, 2 * np.pi, 13)[:-1]


@pytest.mark.parametrize(
    ("seen_in", "rotate", "both_ways", "found_in"),
    [
        (0, True, False, range(12)),
        (0, False, False, (0, 1)),  # only while the body is nearly upright
        (5, True, False, range(5, 12)),
        (5, True, True, range(12)),
    ],
)
def test_a_somersault_keeps_its_skeleton(seen_in, rotate, both_ways, found_in):
    turning = Turning(Known(SOMERSAULT, {seen_in}), rotate, both_ways)
    found = turning.follow(frames(12))
    assert [t for t, persons in enumerate(found) if len(persons)] == list(found_in)


def test_frames_follow_the_frame_before():
    reader = Known(SOMERSAULT, {0})
    first = Turning(reader).follow(frames(6))
    later = Turning(reader).follow(frames(12)[6:], before=first[-1])
    assert [len(persons) for persons in later] == [1] * 6
    assert [len(persons) for persons in Turning(Known(SOMERSAULT, set())).estimate(frames(2))] == [0, 0]


def test_given_boxes_have_one_person_each_in_their_order():
    reader = Known(np.zeros(3), set())
    boxes = [np.array([[60.0, 60, 95, 95], [20, 20, 80, 80]]), np.zeros((0, 4)), np.array([[20.0, 20, 80, 80]])]
    found = Turning(reader).follow(frames(3), boxes)
    assert [len(persons) for persons in found] == [2, 0, 1]
    np.testing.assert_array_equal(found[0].boxes, boxes[0])
    np.testing.assert_array_equal(found[0].scores, [1, 1])


def test_of_several_readings_of_a_body_the_best_is_kept():
    regions = np.array([[50, 50, 100, 0], [54, 50, 90, 2], [90, 50, 100, 0], [200, 50, 100, 0.0]])
    scores = np.array([0.6, 0.9, 0.8, 0.4])
    persons = Persons(np.zeros((4, 4)), scores, np.zeros((4, 17, 2)), np.zeros((4, 17)), regions)
    np.testing.assert_array_equal(distinct(persons).scores, [0.9, 0.8])


class Dots:
    """Finds the red shoulders and the green hips of a person who stands, at most 50 degrees off; else nobody."""

    def estimate(self, frames, boxes=None):
        return [self._one(frame) for frame in frames]

    def _one(self, image):
        marks = []
        for channel in (0, 1):
            y, x = np.nonzero(image[..., channel] > 127)
            if not len(x):
                return nobody()
            marks.append([x.mean(), y.mean()])
        way = np.subtract(*marks)
        stands = off(np.arctan2(way[0], -way[1]), 0) < np.radians(50)
        joints = np.repeat(marks, [11, 6], axis=0)[None]
        box = np.array([[*joints[0].min(0) - 20, *joints[0].max(0) + 20]])
        return Persons(box, np.ones(1), joints, np.full((1, 17), 0.9 if stands else 0.1))


@pytest.mark.parametrize("degrees", [0, 100, 180, 250])
def test_any_backend_can_turn(degrees):
    angle = np.radians(degrees)
    frame = np.zeros((200, 200, 3), np.uint8)
    shoulders, hips = figure([100, 110], angle)[[5, 11]].round().astype(int)
    cv2.circle(frame, tuple(map(int, shoulders)), 6, (255, 0, 0), -1)
    cv2.circle(frame, tuple(map(int, hips)), 6, (0, 255, 0), -1)
    box = np.array([[50.0, 50, 150, 150]])
    turning = Turning(Upright(Dots()))
    for (persons,) in (turning.estimate([frame]), turning.estimate([frame], [box])):
        assert persons.keypoint_score.min() == pytest.approx(0.9)
        np.testing.assert_allclose(persons.keypoint[0][[5, 11]], [shoulders, hips], atol=1.5)
    (upright,) = Turning(Upright(Dots()), rotate=False).estimate([frame], [box])
    assert (upright.keypoint_score.min() > 0.5) == (degrees == 0)
