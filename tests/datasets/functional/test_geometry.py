import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmaction.datasets.functional import geometry

shapes = st.tuples(st.integers(8, 90), st.integers(8, 90))
seeds = st.integers(0, 2**32 - 1)


def picture(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


@given(shapes, st.integers(1, 300))
def test_minus_one_sets_the_short_edge_and_keeps_the_ratio(shape, edge):
    new = geometry.rescaled_shape(shape, (np.inf, edge))
    assert min(new) == edge
    factor = edge / min(shape)
    assert abs(max(new) - max(shape) * factor) <= 0.5


@given(shapes, st.integers(1, 200), st.integers(1, 200))
def test_two_edges_bound_both_edges_in_any_order(shape, one, other):
    new = geometry.rescaled_shape(shape, (one, other))
    assert max(new) <= max(one, other) and min(new) <= min(one, other)
    assert new == geometry.rescaled_shape(shape, (other, one))


@given(shapes, shapes, seeds, st.data())
@settings(max_examples=40, deadline=None)
def test_a_dot_at_a_joint_moves_with_the_joint(shape, size, seed, data):
    """Crop, flip and enlarge an image with one bright pixel, and the keypoint in the middle of that pixel."""
    h, w = shape
    y, x = data.draw(st.integers(0, h - 1)), data.draw(st.integers(0, w - 1))
    image = np.zeros((h, w, 3), np.uint8)
    image[y, x] = 255
    point = np.array([[x + 0.5, y + 0.5]])
    box = (x // 2, y // 2, w - (w - 1 - x) // 2, h - (h - 1 - y) // 2)

    [image], point = geometry.crop_frames([image], box), geometry.shift_keypoints(point, box)
    if seed % 2:
        [image], point = geometry.flip_frames([image]), geometry.flip_keypoints(point, image.shape[1])
    new = (image.shape[0] * 3, image.shape[1] * 3)
    [image], point = geometry.resize_frames([image], new, "nearest"), geometry.scale_keypoints(point, np.array([3, 3]))

    assert image[int(point[0, 1]), int(point[0, 0])].tolist() == [255, 255, 255]
    assert (image > 0).all(axis=-1).sum() == 9


@given(shapes, seeds, st.sampled_from(["horizontal", "vertical"]), st.booleans())
def test_two_flips_are_none_and_inputs_stay(shape, seed, direction, flow):
    images = [picture(shape, seed)[..., 0] for _ in range(2)] if flow else [picture(shape, seed)]
    before = [image.copy() for image in images]
    once = geometry.flip_frames(images, direction, flow)
    twice = geometry.flip_frames(once, direction, flow)
    for image, start, end in zip(images, before, twice, strict=True):
        np.testing.assert_array_equal(image, start)
        np.testing.assert_array_equal(end, start)


def test_flipped_flow_points_the_other_way_in_x_alone():
    right, down = np.full((4, 6), 200, np.uint8), np.full((4, 6), 90, np.uint8)
    flipped = geometry.flip_frames([right, down], flow=True)
    assert flipped[0].tolist() == np.full((4, 6), 55).tolist()
    assert flipped[1].tolist() == down.tolist()


def test_missing_joints_stay_missing():
    flipped = geometry.flip_keypoints(np.array([[0.0, 0.0], [10.0, 5.0]], np.float32), 100)
    assert flipped.tolist() == [[0, 0], [90, 5]]


@given(shapes, seeds, st.floats(0.05, 1), st.floats(0.3, 3))
def test_random_boxes_lie_in_the_image_and_keep_their_ranges(shape, seed, area, ratio):
    rng = np.random.default_rng(seed)
    x1, y1, x2, y2 = geometry.random_resized_box(rng, shape, (area, 1.0), (ratio, ratio))
    assert 0 <= x1 < x2 <= shape[1] and 0 <= y1 < y2 <= shape[0]
    assert (x1, y1, x2, y2) == geometry.random_resized_box(
        np.random.default_rng(seed), shape, (area, 1.0), (ratio, ratio)
    )


def test_random_boxes_have_uniform_areas():
    rng = np.random.default_rng(0)
    boxes = np.array([geometry.random_resized_box(rng, (1000, 1000), (0.2, 0.6), (0.9, 1.1)) for _ in range(2000)])
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / 1e6
    assert areas.min() > 0.19 and areas.max() < 0.61
    np.testing.assert_allclose(np.quantile(areas, [0.25, 0.5, 0.75]), [0.3, 0.4, 0.5], atol=0.015)


def test_without_a_fit_the_largest_square_is_taken():
    box = geometry.random_resized_box(np.random.default_rng(0), (10, 100), (1.0, 1.0), (1.0, 1.0))
    assert box == (45, 0, 55, 10)


@given(shapes, st.tuples(st.integers(1, 8), st.integers(1, 8)))
def test_grid_boxes_reach_corners_and_centre(shape, size):
    boxes = geometry.grid_boxes(shape, size, [*geometry.CORNERS_AND_CENTER, *geometry.EDGES_AND_QUARTERS])
    assert len(boxes) == 13
    for x1, y1, x2, y2 in boxes:
        assert (y2 - y1, x2 - x1) == size
        assert x1 >= 0 and y1 >= 0 and x2 <= shape[1] and y2 <= shape[0]
    assert boxes[0][:2] == (0, 0)
    assert shape[1] - boxes[3][2] < 4 and shape[0] - boxes[3][3] < 4
    assert abs(boxes[4][0] - geometry.center_box(shape, size)[0]) <= 2


def test_three_boxes_need_a_common_edge():
    assert geometry.three_boxes((4, 11), (4, 4)) == [(0, 0, 4, 4), (6, 0, 10, 4), (3, 0, 7, 4)]
    assert geometry.three_boxes((11, 4), (4, 4)) == [(0, 0, 4, 4), (0, 6, 4, 10), (0, 3, 4, 7)]
    with pytest.raises(ValueError, match=r"image of 8x11 \(height x width\) and a crop of 4x4: resize"):
        geometry.three_boxes((8, 11), (4, 4))


@given(shapes, st.data())
def test_a_crop_of_a_crop_is_the_crop_of_both(shape, data):
    h, w = shape
    outer = (w // 4, h // 4, w - w // 8, h - h // 8)
    inner_shape = (outer[3] - outer[1], outer[2] - outer[0])
    inner = (1, 2, max(inner_shape[1] // 2, 2), max(inner_shape[0] // 2, 3))
    whole = (0.0, 0.0, 1.0, 1.0)
    found = geometry.compose_quadruple(geometry.compose_quadruple(whole, outer, shape), inner, inner_shape)
    both = (outer[0] + inner[0], outer[1] + inner[1], outer[0] + inner[2], outer[1] + inner[3])
    np.testing.assert_allclose(found, geometry.compose_quadruple(whole, both, shape), atol=1e-12)


def test_mirrored_crops_follow_each_box():
    images = [picture((20, 30), seed) for seed in range(2)]
    boxes = [(0, 0, 8, 6), (4, 5, 12, 11)]
    crops = geometry.multi_crop_frames(images, boxes, mirrored=True)
    assert len(crops) == 8
    np.testing.assert_array_equal(crops[5], images[1][5:11, 4:12])
    np.testing.assert_array_equal(crops[7], cv2.flip(images[1][5:11, 4:12], 1))
