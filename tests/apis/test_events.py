"""Events in the scores of windows, and the files that hold them."""

import csv
import json
import re
from itertools import combinations, pairwise
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmaction.apis.event_files import EVENT_FILES, event_table, write_events
from mmaction.apis.events import OVERLAP, EventFinder, find_events, find_whole_events
from mmaction.apis.predictions import Prediction
from mmaction.evaluation.events import segment_f1
from mmaction.structures.events import Event

NAMES = ["vault", "floor, turn", "beam <1>"]


def windows_of(true, window_s=2.0, stride_s=0.5, classes=3, noise=None):
    """Windows whose scores are the shares of the events in them."""
    end, found = true[-1].end_s, []
    for start in np.arange(0, end - window_s + 1e-6, stride_s):
        scores = np.full(classes, 0.01)
        for event in true:
            shared = min(event.end_s, start + window_s) - max(event.start_s, start)
            scores[event.label] += max(0.0, shared) / window_s
        if noise is not None:
            scores += noise.uniform(0, 0.3, classes)
        found.append(Prediction("long.mp4", scores / scores.sum(), start, start + window_s))
    return found


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(3, 7)), min_size=2, max_size=8), st.integers(0, 2**32 - 1))
def test_joined_actions_are_found(parts, seed):
    true, start = [], 0.0
    for label, length in parts:
        label = (true[-1].label + 1) % 3 if true and true[-1].label == label else label
        true.append(Event(label, start, start + length))
        start += length
    found = find_events(windows_of(true, noise=np.random.default_rng(seed)), threshold=0.3)
    assert segment_f1([found], [true], 0.5) == 1.0
    assert found[0].start_s == 0 and found[-1].end_s == pytest.approx(start)
    assert all(a.end_s <= b.start_s for a, b in pairwise(found))


def brute_force(windows, threshold, min_s):
    """All moments of all windows at once: labels, then the shortest stretch again and again to its better neighbor."""
    spans = np.array([(w.start_s, w.end_s) for w in windows])
    centers = spans.mean(axis=1)
    edges = np.unique(np.round(np.concatenate([spans.ravel(), centers, (centers[1:] + centers[:-1]) / 2]), 9))
    middle, length = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    weights = (1 - np.abs(middle[:, None] - centers) / (np.diff(spans)[:, 0] / 2)).clip(0)
    scores = weights @ np.stack([w.scores for w in windows]) / np.maximum(weights.sum(1, keepdims=True), 1e-12)
    labels = np.where((scores.max(1) >= threshold) & (scores.max(1) > 0), scores.argmax(1), -1)
    while True:
        changes = [0, *(np.flatnonzero(np.diff(labels)) + 1), len(labels)]
        runs = [(round(edges[b] - edges[a], 6), a, b) for a, b in pairwise(changes) if labels[a] >= 0]
        short = [run for run in runs if edges[run[2]] - edges[run[1]] < min_s - 1e-9]
        if not short:
            means = [(length[a:b] @ scores[a:b, labels[a]]) / length[a:b].sum() for _, a, b in runs]
            return [(int(labels[a]), edges[a], edges[b], m) for (_, a, b), m in zip(runs, means, strict=True)]
        _, a, b = min(short)
        near = sorted({int(labels[i]) for i in (a - 1, b) if 0 <= i < len(labels)} - {-1})
        labels[a:b] = max(near, key=lambda label: length[a:b] @ scores[a:b, label], default=-1)


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 40),
    window_s=st.floats(0.5, 3),
    threshold=st.floats(0, 0.6),
    min_s=st.floats(0, 2),
)
def test_windows_that_come_one_by_one_give_the_events_of_all_at_once(seed, count, window_s, threshold, min_s):
    rng = np.random.default_rng(seed)
    starts = np.cumsum(rng.choice([0.25, 0.5, 1.0, 4.0], count))
    windows = [
        Prediction("a", rng.dirichlet(np.full(3, 0.3)) * rng.choice([0, 1, 1]), float(t), t + window_s) for t in starts
    ]
    finder, found = EventFinder(threshold, min_s), []
    for window in windows:
        new = finder.add(window)
        assert all(event.end_s <= window.start_s + 1e-6 for event in new), "what comes can still change it"
        found += new
    found += finder.finish()
    expected = brute_force(windows, threshold, min_s)
    assert [event.label for event in found] == [row[0] for row in expected]
    for event, row in zip(found, expected, strict=True):
        assert (event.start_s, event.end_s, event.score) == pytest.approx(row[1:], abs=1e-5)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from([4, 5]), st.integers(0, 100)), max_size=9), st.floats(0, 0.9)
)
def test_whole_actions_are_the_best_windows_that_hardly_overlap(rows, threshold):
    windows = [Prediction("a", np.array([s / 100, 0.0]), t / 4, (t + n) / 4) for t, n, s in rows]
    found = find_whole_events(windows, threshold)

    def value(chosen):
        ordered = sorted(chosen, key=lambda w: (w.end_s, w.start_s))
        for one, other in pairwise(ordered):
            if one.end_s > other.start_s + OVERLAP * (other.end_s - other.start_s) + 1e-6:
                return -np.inf
        return sum((w.end_s - w.start_s) * (w.scores.max() - threshold) for w in ordered)

    best = max(value(chosen) for count in range(len(windows) + 1) for chosen in combinations(windows, count))
    assert all(a.end_s <= b.start_s + 1e-9 for a, b in pairwise(found))
    members = [
        w for w in windows for e in found if w.scores[0] == e.score and w.start_s <= e.start_s and e.end_s <= w.end_s
    ]
    assert best == pytest.approx(max(value(c) for c in combinations(members, len(found))), abs=1e-9)


def test_whole_actions_have_a_threshold_and_a_background():
    windows = [
        Prediction("a", np.array(row), t, t + 2.0)
        for row, t in (([0.9, 0.1], 0.0), ([0.2, 0.8], 1.9), ([0.4, 0.3], 4.0))
    ]
    first, second = find_whole_events(windows)
    assert (first.label, first.start_s, first.end_s, first.score) == (0, 0.0, pytest.approx(1.95), pytest.approx(0.9))
    assert (second.label, second.start_s, second.end_s) == (1, pytest.approx(1.95), 3.9)
    assert [e.label for e in find_whole_events(windows, 0.3, background=[1])] == [0, 0]
    with pytest.raises(ValueError, match="times"):
        find_whole_events([Prediction("a", np.ones(2))])


def test_a_finder_forgets_what_is_past_and_needs_windows_in_order():
    finder = EventFinder(0.5)
    for index in range(2000):
        finder.add(Prediction("a", np.array([0.9, 0.1]), index / 2, index / 2 + 2))
    assert len(finder._windows) < 8 and len(finder._runs) == 1
    (event,) = finder.finish()
    assert (event.start_s, event.end_s) == (0, 1001.5) and event.score == pytest.approx(0.9)
    with pytest.raises(ValueError, match="comes after"):
        find_events([Prediction("a", np.ones(2), 1.0, 2.0), Prediction("a", np.ones(2), 0.0, 1.0)])


def test_where_nobody_or_no_window_is_nothing_happens():
    windows = [
        Prediction("a", np.array(row, float), t, t + 1.0) for row, t in (([1, 0], 0.0), ([0, 0], 1.0), ([1, 0], 5.0))
    ]
    assert [(e.start_s, e.end_s) for e in find_events(windows, threshold=0)] == [(0.0, 1.0), (5.0, 6.0)]


def test_below_the_threshold_nothing_happens_and_a_background_is_no_event():
    true = [Event(0, 0, 4), Event(2, 4, 8), Event(1, 8, 12)]
    windows = windows_of(true)
    assert find_events(windows, threshold=1.0) == []
    assert [event.label for event in find_events(windows, background=[2])] == [0, 1]
    assert find_events([]) == []


def test_short_events_go_to_the_better_neighbor():
    scores = np.array([[0.9, 0.05, 0.05]] * 3 + [[0.3, 0.6, 0.1]] + [[0.9, 0.05, 0.05]] * 3)
    windows = [Prediction("a", row, float(i), i + 1.0) for i, row in enumerate(scores)]
    assert [e.label for e in find_events(windows, 0.2, min_s=0)] == [0, 1, 0]
    (whole,) = find_events(windows, 0.2, min_s=2.0)
    assert (whole.label, whole.start_s, whole.end_s) == (0, 0.0, 7.0)


@pytest.mark.parametrize(("windows", "threshold"), [([Prediction("a", np.ones(2))], 0.5), ([], 1.5)])
def test_what_is_no_window_or_threshold_is_refused(windows, threshold):
    with pytest.raises(ValueError, match=r"window|threshold"):
        find_events(windows, threshold)


EVENTS = [Event(0, 0.0, 5.25, 0.912345), Event(2, 3725.5, 3726.0, 0.5)]


@pytest.mark.parametrize("suffix", EVENT_FILES)
def test_files_hold_the_events(suffix, tmp_path):
    path = tmp_path / f"events{suffix}"
    write_events(EVENTS, NAMES, "long.mp4", path)
    text = path.read_text(encoding="utf-8")
    if suffix == ".csv":
        rows = list(csv.DictReader(text.splitlines()))
        assert [(float(r["start_s"]), float(r["end_s"]), r["name"]) for r in rows] == [
            (0.0, 5.25, "vault"),
            (3725.5, 3726.0, "beam <1>"),
        ]
    elif suffix == ".json":
        assert [row["name"] for row in json.loads(text)["events"]] == ["vault", "beam <1>"]
    elif suffix == ".jsonl":
        assert [json.loads(line)["end_s"] for line in text.splitlines()] == [5.25, 3726.0]
    elif suffix == ".srt":
        assert re.findall(r"(\d\d:\d\d:\d\d,\d{3}) --> (\S+)\n(.*)", text) == [
            ("00:00:00,000", "00:00:05,250", "vault"),
            ("01:02:05,500", "01:02:06,000", "beam <1>"),
        ]
    else:
        root = ET.fromstring(text)
        times = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")}
        found = [
            (times[a.get("TIME_SLOT_REF1")], times[a.get("TIME_SLOT_REF2")], a.findtext("ANNOTATION_VALUE"))
            for a in root.iter("ALIGNABLE_ANNOTATION")
        ]
        assert found == [(0, 5250, "vault"), (3725500, 3726000, "beam <1>")]


def test_the_table_says_what_and_when(tmp_path):
    assert "0:00.00 to 0:05.25   0.91  vault" in event_table(EVENTS, NAMES, "long.mp4")
    assert "nothing happens" in event_table([], NAMES, "long.mp4")
    with pytest.raises(ValueError, match=r"\.srt"):
        write_events(EVENTS, NAMES, "long.mp4", tmp_path / "events.txt")
