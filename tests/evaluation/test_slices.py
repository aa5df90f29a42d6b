from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from mmaction.evaluation.slices import accuracy_by, clip_slices, wilson_interval
from mmaction.structures import Result


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 500), st.data())
def test_wilson_is_scipys(count, data):
    hits = data.draw(st.integers(0, count))
    expected = binomtest(hits, count).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose(wilson_interval(hits, count), (expected.low, expected.high), atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([1.0, 2.0, 5.0, 9.0, 10.0, 11.0, 12.0, 13.0, np.nan]), min_size=1, max_size=60))
def test_ranges_are_disjoint_and_hold_every_known_sample(values):
    values = np.array(values)
    rows = accuracy_by(values, np.arange(len(values)) % 2 == 0)
    known = values[np.isfinite(values)]
    if len(np.unique(known)) < 2:
        assert rows == []
        return
    assert sum(row["count"] for row in rows) == len(known)
    for before, after in pairwise(rows):
        assert before["high"] < after["low"]
    total = sum(row["accuracy"] * row["count"] for row in rows)
    assert total == pytest.approx(np.sum((np.arange(len(values)) % 2 == 0) & np.isfinite(values)))


def test_slices_of_clips():
    meta = {"frames": [10, 20, 30], "width": [640, 1080, 640], "height": [360, 1920, 360], "source": ["a", "b", "c"]}
    slices = clip_slices(Result("abc", [0, 0, 1], np.eye(2)[[0, 1, 1]], (), meta))
    assert [row["accuracy"] for row in slices["clip length (frames)"]] == [1, 0, 1]
    assert [(row["low"], row["count"]) for row in slices["short side (pixels)"]] == [(360, 2), (1080, 1)]
    assert list(slices) == ["clip length (frames)", "short side (pixels)"]
