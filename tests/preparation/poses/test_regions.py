"""Turned regions: what is cut out leads back to where it was."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmaction.preparation.poses.regions import around, cut, lead_back, of_boxes

NUMBERS = st.floats(20, 80)


@given(NUMBERS, NUMBERS, st.floats(30, 300), st.floats(-3.1, 3.1))
def test_the_middle_and_the_top_of_a_region_lead_back(x, y, size, angle):
    _, matrix = cut(np.zeros((100, 100, 3), np.uint8), np.array([x, y, size, angle]), 64)
    middle, top = lead_back(np.array([[31.5, 31.5], [31.5, -0.5]]), matrix)
    np.testing.assert_allclose(middle, [x, y], atol=1e-6)
    np.testing.assert_allclose(top, [x + np.sin(angle) * size / 2, y - np.cos(angle) * size / 2], atol=1e-6)
    (region,) = around(middle[None], top[None], np.array([size]))
    np.testing.assert_allclose(region, [x, y, size, angle], atol=1e-5)


@given(st.floats(-3.1, 3.1), st.sampled_from([32, 64, 200]))
def test_a_mark_is_found_where_the_matrix_says(angle, side):
    frame = np.zeros((120, 160, 3), np.uint8)
    frame[40:48, 90:98] = 255
    image, matrix = cut(frame, np.array([80.0, 60.0, 130.0, angle]), side)
    weights = image[..., 0].astype(float)
    y, x = np.mgrid[:side, :side]
    seen = np.array([(weights * x).sum(), (weights * y).sum()]) / weights.sum()
    np.testing.assert_allclose(lead_back(seen, matrix), [93.5, 43.5], atol=1.5)


def test_boxes_become_squares_around_them():
    np.testing.assert_allclose(of_boxes(np.array([[10, 20, 30, 100]]), 1.25, 0.5), [[20, 60, 100, 0.5]])
    assert of_boxes(np.zeros((0, 4))).shape == (0, 4)
