"""Tracks of persons whose way is known."""

import numpy as np
import pytest

from mmaction.preparation.poses.backends import Persons, nobody
from mmaction.preparation.poses.tracking import (
    TrackingOptions,
    best_tracks,
    fill_gaps,
    follow_persons,
    join_pieces,
    match_boxes,
)

SHAPE = np.random.default_rng(0).uniform(0, 1, (17, 2))


def person(x, y, width=40, height=100):
    """A box at ``x, y`` (its left upper corner) and the joints in it."""
    return np.array([x, y, x + width, y + height], float), SHAPE * [width, height] + [x, y]


def frame(people, scores=None):
    boxes, joints = (np.array(values) for values in zip(*people, strict=True)) if people else ([], [])
    count = len(people)
    scores = np.full(count, 0.9) if scores is None else np.array(scores)
    keypoint = np.reshape(joints, (count, 17, 2))
    return Persons(np.reshape(boxes, (count, 4)), scores, keypoint, np.full((count, 17), 0.8))


def track(frames, fps=25.0, **options):
    options = TrackingOptions(**options)
    return best_tracks(frames, follow_persons(frames, fps, options), options.num_persons or 1, options.max_gap)


def test_two_people_crossing_keep_their_tracks():
    """They walk towards each other at different heights; the detector lists them in changing order."""
    rng = np.random.default_rng(1)
    frames, truth = [], []
    for t in range(60):
        people = [person(20 + 5 * t, 50), person(315 - 5 * t, 75, 46, 110)]
        truth.append(np.array([joints for _, joints in people]))
        frames.append(frame([people[i] for i in rng.permutation(2)]))
    keypoint, score = track(frames, num_persons=2)
    truth = np.stack(truth, axis=1)
    assert keypoint.shape == (2, 60, 17, 2)
    first = int(np.abs(truth[:, 0] - keypoint[0, 0]).mean(axis=(1, 2)).argmin())
    np.testing.assert_allclose(keypoint, truth[[first, 1 - first]], atol=1e-3)
    assert (score == np.float32(0.8)).all()


def test_a_person_who_leaves_and_comes_back_is_zero_meanwhile():
    frames = [frame([person(100 + t, 50)] if not 20 <= t < 35 else []) for t in range(60)]
    keypoint, score = track(frames, num_persons=2, max_gap=5)
    assert keypoint.shape[0] == 1  # it is the same person
    assert not score[0, 20:35].any() and not keypoint[0, 20:35].any()
    assert (score[0, :20] > 0).all() and (score[0, 35:] > 0).all()
    np.testing.assert_allclose(keypoint[0, 35], person(135, 50)[1], atol=1e-3)


def test_a_person_who_is_away_for_too_long_is_another_one():
    frames = [frame([person(100, 50)] if not 20 <= t < 50 else []) for t in range(70)]
    keypoint, score = track(frames, num_persons=2, lost_s=0.4)
    assert keypoint.shape[0] == 2
    assert score[0, :20].all() and not score[0, 20:].any()
    assert score[1, 50:].all() and not score[1, :50].any()


def test_short_gaps_are_interpolated():
    frames = [frame([person(100 + 2 * t, 50)] if t not in (10, 11, 12) else []) for t in range(30)]
    keypoint, score = track(frames, max_gap=3)
    np.testing.assert_allclose(keypoint[0, 11], person(122, 50)[1], atol=1e-3)
    assert (score > 0).all()
    keypoint, score = track(frames, max_gap=2)
    assert not score[0, 10:13].any()


def test_the_best_tracks_come_first_and_the_others_are_dropped():
    frames = []
    for t in range(30):
        people, scores = [person(300, 50), person(20, 50)], [0.6, 0.95]
        if t < 8:
            people.append(person(600, 50))
            scores.append(0.99)
        frames.append(frame(people, scores))
    keypoint, _ = track(frames, num_persons=2)
    np.testing.assert_allclose(keypoint[:, 15, 0, 0], [person(20, 50)[1][0, 0], person(300, 50)[1][0, 0]], atol=1e-3)


def test_a_single_frame():
    keypoint, score = track([frame([person(10, 20)])])
    np.testing.assert_allclose(keypoint[0, 0], person(10, 20)[1], atol=1e-3)
    assert score.all()


def test_nobody_in_sight():
    keypoint, score = track([frame([])] * 5)
    assert keypoint.shape == (1, 5, 17, 2)
    assert not keypoint.any() and not score.any()


@pytest.mark.parametrize("num_joints", [13, 26])
def test_frames_without_a_person_do_not_tell_the_joints(num_joints):
    someone = Persons(np.array([[0, 0, 9, 9]]), np.ones(1), np.ones((1, num_joints, 2)), np.ones((1, num_joints)))
    numbers, none = np.array([0]), np.zeros(0, int)
    keypoint, _ = best_tracks([nobody(), someone, nobody()], [none, numbers, none], 1, 5)
    assert keypoint[0, :, -1, 0].tolist() == [0, 1, 0] and keypoint.shape == (1, 3, num_joints, 2)
    unsure = someone.select(someone.scores > 1)
    assert best_tracks([unsure], [none], 1, 5)[0].shape == (1, 1, num_joints, 2)


def test_gaps_at_the_ends_stay_open():
    keypoint, score = np.zeros((6, 2, 2)), np.zeros((6, 2))
    keypoint[2], keypoint[4] = 2.0, 4.0
    score[2], score[4] = 0.5, 0.7
    fill_gaps(keypoint, score, 1)
    np.testing.assert_allclose(keypoint[:, 0, 0], [0, 0, 2, 3, 4, 0])
    np.testing.assert_allclose(score[:, 0], [0, 0, 0.5, 0.5, 0.7, 0])


def test_pieces_that_one_person_may_have_left_are_joined():
    """A person runs fast and is not seen for three frames; another stands elsewhere all the time."""
    frames = [frame([person(600, 50), *([person(10 + 12 * t, 50)] if not 10 <= t < 13 else [])]) for t in range(24)]
    first = [np.array([0, 1 if t < 10 else 2])[: len(persons)] for t, persons in enumerate(frames)]
    joined = join_pieces(frames, first, 25.0, TrackingOptions())
    assert {tuple(numbers.tolist()) for numbers in joined} == {(0, 1), (0,)}
    assert joined[-1].tolist() == [0, 1]
    late = join_pieces(frames, first, 25.0, TrackingOptions(lost_s=0.1))
    assert late[-1].tolist() == [0, 2]
    for another in (person(366, 50), person(166, 50, 140, 350)):  # too far away, and too large
        changed = [*frames[:13], *([frame([person(600, 50), another])] * 11)]
        assert join_pieces(changed, first, 25.0, TrackingOptions())[-1].tolist() == [0, 2]


@pytest.mark.parametrize("change", [dict(num_persons=0), dict(lost_s=-1), dict(max_gap=-1), dict(min_iou=-0.1)])
def test_wrong_options(change):
    with pytest.raises(ValueError, match=f"{next(iter(change))}: expected"):
        TrackingOptions(**change)


def test_given_boxes_keep_their_persons_apart():
    """Two persons walk past each other, are listed in changing order, and one is away for a while."""
    frames, truth = [], []
    for t in range(40):
        people = [person(20 + 5 * t, 50), person(315 - 5 * t, 75, 46, 110)]
        order = [0] if 5 <= t < 9 else [0, 1] if t % 3 else [1, 0]
        truth.append(order)
        frames.append(frame([people[i] for i in order]))
    tracks = match_boxes(frames)
    names = {tracks[1][0]: 0, tracks[1][1]: 1}
    assert [[names[number] for number in numbers] for numbers in tracks] == truth


def test_no_boxes_at_all():
    assert [len(numbers) for numbers in match_boxes([nobody(), nobody()])] == [0, 0]
