"""Measures of events against independent loops."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmaction.evaluation.events import detection_map, edit_score, segment_f1, summarize_events, temporal_iou
from mmaction.structures.events import Event

event = st.builds(
    lambda label, start, length, score: Event(label, float(start), float(start + length), score),
    st.integers(0, 2),
    st.integers(0, 12),
    st.integers(1, 6),
    st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9]),
)
videos = st.integers(1, 3).flatmap(
    lambda n: st.tuples(*[st.lists(st.lists(event, max_size=5), min_size=n, max_size=n)] * 2)
)


def iou(a, b):
    shared = max(0.0, min(a.end_s, b.end_s) - max(a.start_s, b.start_s))
    return (
        0.0 if a.label != b.label else shared / (max(a.end_s, b.end_s) - min(a.start_s, b.start_s)) if shared else 0.0
    )


@given(st.lists(event, max_size=4), st.lists(event, max_size=4))
def test_overlaps(found, true):
    expected = [[iou(a, b) for b in true] for a in found]
    np.testing.assert_allclose(temporal_iou(found, true), np.array(expected).reshape(len(found), len(true)))


@given(videos, st.sampled_from([0.1, 0.25, 0.5]))
def test_segment_f1(pair, overlap):
    right = wrong = missed = 0
    for found, true in zip(*pair, strict=True):
        used = [False] * len(true)
        for a in found:
            best = max(range(len(true)), key=lambda i: (iou(a, true[i]), -i), default=None)
            if best is not None and iou(a, true[best]) >= overlap and not used[best]:
                used[best] = True
                right += 1
            else:
                wrong += 1
        missed += used.count(False)
    expected = 1.0 if right + wrong + missed == 0 else 2 * right / (2 * right + wrong + missed)
    assert segment_f1(*pair, overlap) == pytest.approx(expected)


@given(videos)
def test_edit_score(pair):
    scores = []
    for found, true in zip(*pair, strict=True):
        a, b = [e.label for e in found], [e.label for e in true]

        @cache
        def distance(i, j, a=tuple(a), b=tuple(b)):
            if min(i, j) == 0:
                return max(i, j)
            swap = distance(i - 1, j - 1) + (a[i - 1] != b[j - 1])
            return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, swap)

        scores.append(1 - distance(len(a), len(b)) / max(len(a), len(b), 1))
    assert edit_score(*pair) == pytest.approx(np.mean(scores))


@given(videos, st.sampled_from([0.3, 0.5]))
def test_mean_average_precision(pair, overlap):
    precisions = []
    for label in {e.label for events in pair[1] for e in events}:
        ranked = [(e, v) for v, events in enumerate(pair[0]) for e in events if e.label == label]
        ranked.sort(key=lambda row: -row[0].score)
        total = sum(e.label == label for events in pair[1] for e in events)
        used, points, right = set(), [], 0
        for rank, (e, v) in enumerate(ranked, 1):
            free = [i for i, t in enumerate(pair[1][v]) if t.label == label and (v, i) not in used]
            best = max(free, key=lambda i: (iou(e, pair[1][v][i]), -i), default=None)
            if best is not None and iou(e, pair[1][v][best]) >= overlap:
                used.add((v, best))
                right += 1
            points.append((right / total, right / rank))
        area = last = 0.0
        for recall in sorted({recall for recall, _ in points if recall > 0}):
            area += (recall - last) * max(p for r, p in points if r >= recall)
            last = recall
        precisions.append(area)
    expected = np.mean(precisions) if precisions else 0.0
    assert detection_map(*pair, [overlap])[overlap] == pytest.approx(expected)


def test_perfect_and_empty():
    true = [[Event(0, 0, 2), Event(1, 2, 5)], []]
    assert set(summarize_events(true, true).values()) == {1.0}
    nothing = summarize_events([[], []], true)
    assert nothing["f1@50"] == nothing["mAP"] == 0.0 and nothing["edit"] == 0.5
    with pytest.raises(ValueError, match="ends after"):
        Event(0, 2, 2)
