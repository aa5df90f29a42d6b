import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmaction.datasets.functional.heatmap import draw_segments


def slow_draw(start, end, start_score, end_score, shape, sigma):
    """Cell by cell: distance to the segment, inside the box that reaches 3 sigma beyond the ends."""
    score = np.minimum(start_score, end_score)
    short = ((end - start) ** 2).sum(-1) < 1  # in float32: for a length of about one rounding decides
    persons, frames, channels = score.shape
    out = np.zeros((frames, channels, *shape))
    for m, t, c in np.ndindex(persons, frames, channels):
        if not score[m, t, c] >= 1e-4:
            continue
        a, b = start[m, t, c].astype(float), end[m, t, c].astype(float)
        length = np.hypot(*(b - a))
        if short[m, t, c]:
            b, length = a, 0.0
            score[m, t, c] = start_score[m, t, c]
        (x0, y0), (x1, y1) = np.minimum(a, b) - 3 * sigma, np.maximum(a, b) + 3 * sigma
        for y in range(max(int(y0), 0), min(int(y1) + 1, shape[0])):
            for x in range(max(int(x0), 0), min(int(x1) + 1, shape[1])):
                p = np.array([x, y], dtype=float)
                share = np.clip((p - a) @ (b - a) / length**2, 0, 1) if length else 0
                distance = np.hypot(*(a + share * (b - a) - p))
                value = score[m, t, c] * np.exp(-(distance**2) / 2 / sigma**2)
                out[t, c, y, x] = max(out[t, c, y, x], value)
    return out


coordinates = st.floats(-8, 24, width=32)


@st.composite
def segments(draw):
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 3)))
    start = draw(arrays(np.float32, (*shape, 2), elements=coordinates))
    end = draw(arrays(np.float32, (*shape, 2), elements=coordinates))
    if draw(st.booleans()):
        end = start + end / 32  # most of these are shorter than a pixel
    scores = [draw(arrays(np.float32, shape, elements=st.sampled_from([0, 5e-5, 0.5, 1, 1.5]))) for _ in range(2)]
    return start, end, *scores


@settings(max_examples=60, deadline=None)
@given(segments(), st.integers(1, 18), st.integers(1, 18), st.sampled_from([0.6, 1.0, 1.7]), st.booleans())
def test_equals_the_slow_loop(case, height, width, sigma, points):
    start, end, *scores = case
    end = start if points else end
    out = np.zeros((*start.shape[1:3], height, width), dtype=np.float32)
    draw_segments(out, start, end, *scores, sigma)
    np.testing.assert_allclose(out, slow_draw(start, end, *scores, (height, width), sigma), atol=1e-5)
    mirrored = np.zeros_like(out)
    draw_segments(mirrored, start, end, *scores, sigma, mirror=True)
    np.testing.assert_array_equal(mirrored, out[..., ::-1])


@given(st.integers(0, 19), st.integers(0, 11), st.floats(0.125, 1, width=32))
def test_the_peak_is_at_the_joint(x, y, score):
    out = np.zeros((1, 1, 12, 20), dtype=np.float32)
    point = np.array([x, y], dtype=np.float32).reshape(1, 1, 1, 2)
    scores = np.full((2, 1, 1, 1), score, dtype=np.float32)
    draw_segments(out, point, point, *scores, 0.6)
    assert np.unravel_index(out.argmax(), out.shape) == (0, 0, y, x)
    assert out.max() == pytest.approx(score)


def test_any_order_of_the_axes_in_memory():
    rng = np.random.default_rng(0)
    start, end = rng.uniform(0, 12, (2, 1, 4, 5, 2)).astype(np.float32)
    score = rng.uniform(0.1, 1, (1, 4, 5)).astype(np.float32)
    plain = np.zeros((4, 5, 12, 14), dtype=np.float32)
    channels_last = np.zeros((4, 12, 14, 5), dtype=np.float32).transpose(0, 3, 1, 2)
    for out in (plain, channels_last):
        draw_segments(out, start, end, score, score, 0.8)
    np.testing.assert_array_equal(plain, channels_last)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_joints_without_a_place_are_not_drawn(bad):
    out = np.zeros((1, 1, 6, 6), dtype=np.float32)
    point = np.array([bad, 2], dtype=np.float32).reshape(1, 1, 1, 2)
    with np.errstate(all="raise"):
        draw_segments(out, point, point, *np.ones((2, 1, 1, 1), dtype=np.float32), 0.6)
    assert not out.any()


def test_inputs_stay_as_they_are():
    start = np.full((1, 1, 1, 2), 3.0, dtype=np.float32)
    end, score = start + 5, np.ones((1, 1, 1), dtype=np.float32)
    copies = start.copy(), end.copy(), score.copy()
    draw_segments(np.zeros((1, 1, 9, 9), dtype=np.float32), start, end, score, score, 0.6)
    for array, copy in zip((start, end, score), copies, strict=True):
        np.testing.assert_array_equal(array, copy)
