import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmaction.datasets.functional.keypoints import affine_keypoints, compact_box, group_persons, move_origin

skeletons = arrays(np.float32, (2, 3, 5, 2), elements=st.floats(0, 500, width=16))


@given(skeletons, st.floats(0, 1), st.sampled_from([None, (1.0, 1.0), (0.5, 2.0)]))
def test_the_box_holds_all_joints(keypoint, padding, hw_ratio):
    box = compact_box(keypoint, (600, 600), padding, 10, hw_ratio)
    present = keypoint[(keypoint != 0).all(-1)]
    if box is not None and len(present):
        x1, y1, x2, y2 = box
        assert (present >= np.array([x1, y1]) - 1).all()
        assert (present <= np.array([x2, y2]) + 1).all()
        if hw_ratio == (1.0, 1.0):
            assert abs((y2 - y1) - (x2 - x1)) <= 2  # edges are cut towards zero, from either side


def test_a_box_by_hand():
    keypoint = np.array([[10, 20], [50, 100], [0, 0]], dtype=np.float32)
    assert compact_box(keypoint, (200, 200)) == (5, 10, 55, 110)
    assert compact_box(keypoint, (200, 200), hw_ratio=(1.0, 1.0)) == (-20, 10, 80, 110)
    assert compact_box(keypoint, (105, 200), hw_ratio=(1.0, 1.0), allow_imgpad=False) == (0, 10, 80, 105)


@pytest.mark.parametrize("keypoint", [np.zeros((3, 2)), np.array([[5.0, 5.0], [9.0, 90.0]])])
def test_a_small_skeleton_has_no_box(keypoint):
    assert compact_box(keypoint, (100, 100), threshold=10) is None


def test_missing_coordinates_stay_zero():
    moved = move_origin(np.array([[0, 4], [6, 0], [3, 3]], dtype=np.float32), (1, 2))
    assert moved.tolist() == [[0, 2], [5, 0], [2, 1]]


def test_affine_by_hand():
    keypoint = np.array([[20, 10], [0, 0]], dtype=np.float32)
    turned = affine_keypoints(keypoint, (10, 10), (2, 1), 90, (1, 0))
    np.testing.assert_allclose(turned, [[11, 30], [0, 0]], atol=1e-5)  # right of the center turns to below it
    assert keypoint.tolist() == [[20, 10], [0, 0]]


def test_shear_by_hand():
    keypoint = np.array([[20, 10], [10, 30]], dtype=np.float32)
    sheared = affine_keypoints(keypoint, (10, 10), (1, 1), 0, (0, 0), shear=0.5)
    np.testing.assert_allclose(sheared, [[20, 10], [20, 30]], atol=1e-5)  # 20 pixels below the center: 10 to the right


@given(skeletons, st.floats(-180, 180))
def test_turning_back_restores(keypoint, angle):
    there = affine_keypoints(keypoint, (250, 250), (1, 1), angle, (3, 4)) - np.float32([3, 4])
    back = affine_keypoints(there, (250, 250), (1, 1), -angle, (0, 0))
    present = (keypoint != 0).any(-1) & (there != 0).any(-1)  # at (0, 0) a joint would be taken for a missing one
    np.testing.assert_allclose(back[present], keypoint[present], atol=1e-2)


def slow_group(frames, rows, num_frames, max_person):
    per_frame = [
        [row for row, index in zip(rows, frames, strict=True) if index == frame] for frame in range(num_frames)
    ]
    persons = max(map(len, per_frame))
    if persons > max_person:
        per_frame = [sorted(found, key=lambda row: -row[:, 2].sum())[:max_person] for found in per_frame]
    clip = np.zeros((min(persons, max_person), num_frames, *rows.shape[1:]), dtype=np.float16)
    for frame, found in enumerate(per_frame):
        for person, row in enumerate(found):
            clip[person, frame] = row
    return clip[..., :2], clip[..., 2]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.integers(1, 4), st.integers(0, 99))
def test_grouping_equals_the_slow_loop(frames, max_person, seed):
    frames = np.sort(np.array(frames))
    rows = np.random.default_rng(seed).uniform(0, 9, (len(frames), 3, 3)).astype(np.float16)
    for actual, expected in zip(
        group_persons(frames, rows, 5, max_person), slow_group(frames, rows, 5, max_person), strict=True
    ):
        np.testing.assert_array_equal(actual, expected)
