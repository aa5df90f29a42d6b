"""Events of a long video or of a stream, found in the scores of windows that slide over it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from mmaction.apis.predictions import Prediction
from mmaction.structures.events import Event

NOTHING = -1  # the label of a moment at which nothing happens
_TINY_S = 1e-6
WHOLE_LENGTHS = (0.9, 1.15)  # of the windows for whole actions, as parts of the usual length of an action
OVERLAP = 0.1  # of a window, that it may share with another one


def find_events(
    windows: Sequence[Prediction], threshold: float = 0.5, min_s: float | None = None, background: Sequence[int] = ()
) -> list[Event]:
    """Merge the scores of windows into events, in order of time; arguments and errors as of :class:`EventFinder`."""
    finder = EventFinder(threshold, min_s, background)
    return [event for window in windows for event in finder.add(window)] + finder.finish()


def find_whole_events(
    windows: Sequence[Prediction], threshold: float = 0.5, background: Sequence[int] = ()
) -> list[Event]:
    """Choose the windows that each hold one whole action, such as a dive, as events in order of time.

    A model that was trained on whole actions knows half of one badly, so the mean of windows tells little. Of all sets
    of windows that overlap by a tenth at most, this is the one with the largest sum of length times (score -
    ``threshold``): weighted interval scheduling (Kleinberg and Tardos, "Algorithm Design", section 6.1). Where two of
    them overlap, their events meet in the middle.

    Args:
        windows: Of one clip, of one or several lengths, such as ``WHOLE_LENGTHS`` of the usual length of an action.
        threshold: Score, 0 to 1, above which a window may be an event.
        background: Classes that mean that nothing happens.

    Raises:
        ValueError: If a window has no times, or ``threshold`` is not from 0 to 1.
    """
    finder = EventFinder(threshold, background=background)
    timed = [(w.end_s, w.start_s, w) for w in windows if w.end_s is not None and w.start_s is not None]
    if len(timed) < len(windows):
        raise ValueError("events need windows with times; classify the clip in windows (--window S)")
    rows = sorted(
        (
            (end, start, label, float(w.scores[label]))
            for end, start, w in timed
            if (label := finder.label(w.scores)) >= 0
        )
    )
    found: list[Event] = []
    for index in _best_apart(rows, threshold):
        end, start, label, score = rows[index]
        if found and start < found[-1].end_s:
            start = (start + found[-1].end_s) / 2
            found[-1] = replace(found[-1], end_s=start)
        found.append(Event(label, start, end, score))
    return found


def _best_apart(rows: Sequence[tuple[float, float, int, float]], threshold: float) -> list[int]:
    """Return which windows (end, start, label, score), sorted by their ends, :func:`find_whole_events` chooses."""
    ends = np.array([row[0] for row in rows])
    # of the first k windows: the largest sum, and the windows in it, as (windows before the last, the last)
    best: list[tuple[float, Any]] = [(0.0, None)]
    for index, (end, start, _, score) in enumerate(rows):
        earlier = int(np.searchsorted(ends[:index], start + OVERLAP * (end - start) + _TINY_S, side="right"))
        total = best[earlier][0] + (end - start) * (score - threshold)
        best.append((total, (best[earlier][1], index)) if total > best[-1][0] else best[-1])
    chosen, chain = [], best[-1][1]
    while chain:
        chain, index = chain
        chosen.append(index)
    return chosen[::-1]


@dataclass
class _Run:
    """A stretch of one label; ``total`` is the sum of its scores over time, ``(C,)``."""

    label: int
    start_s: float
    end_s: float
    total: np.ndarray

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s


class EventFinder:
    """Merges the scores of windows into events, as the windows come.

    Each moment has the mean score of the windows that cover it, in which a window counts most at its middle and
    least at its ends. The best class of a moment is what happens there, unless its score is below ``threshold``.
    Neighboring moments of one class are an event; one shorter than ``min_s`` goes to the better of its neighbors.

    Args:
        threshold: Lowest score, 0 to 1, at which something happens.
        min_s: Shortest event in seconds; None: a quarter of the first window.
        background: Classes that mean that nothing happens.

    Raises:
        ValueError: If ``threshold`` is not from 0 to 1; in use, if a window has no times or does not begin after the
            one before.
    """

    def __init__(self, threshold: float = 0.5, min_s: float | None = None, background: Sequence[int] = ()) -> None:
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold {threshold}: expected 0 to 1")
        self._threshold, self._min_s, self._background = threshold, min_s, list(background)
        self._windows: list[Prediction] = []  # the last one before what is judged, and those that reach beyond
        self._judged_s = 0.0  # moments before it have their labels
        self._runs: list[_Run] = []  # where these begin and end is not settled

    def add(self, window: Prediction) -> list[Event]:
        """Take the next window; return the events that no later window can change."""
        start, end = _span(window)
        if not self._windows:
            self._judged_s = start
            self._min_s = (end - start) / 4 if self._min_s is None else self._min_s
        elif start < _span(self._windows[-1])[0]:
            raise ValueError(f"a window at {start} s comes after one at {self._windows[-1].start_s} s")
        self._windows.append(window)
        self._judge(start)
        return self._settle()

    def finish(self) -> list[Event]:
        """Return the events that are left when no more windows come."""
        self._judge(max((window.end_s or 0.0 for window in self._windows), default=0.0))
        self._windows = []
        return self._settle(at_end=True)

    def label(self, scores: np.ndarray) -> int:
        """Return what happens where these are the scores of the classes, ``(C,)``; -1 for nothing."""
        best = int(scores.argmax())
        seen = scores[best] > 0 and scores[best] >= self._threshold
        return best if seen and best not in self._background else NOTHING

    def _judge(self, end_s: float) -> None:
        """Give the moments before ``end_s``, which no later window covers, their labels."""
        spans = np.array([(window.start_s, window.end_s) for window in self._windows], dtype=float).reshape(-1, 2)
        centers = spans.mean(axis=1)
        edges = np.unique(np.concatenate([spans.ravel(), centers, (centers[1:] + centers[:-1]) / 2]))
        inner = edges[(edges > self._judged_s + _TINY_S) & (edges < end_s - _TINY_S)]
        inner = inner[np.diff(inner, prepend=-np.inf) > _TINY_S]
        if end_s <= self._judged_s:
            return
        scores = np.stack([window.scores for window in self._windows])
        for begin, end in pairwise([self._judged_s, *inner.tolist(), end_s]):
            # between edges the same windows are seen
            away = np.abs((begin + end) / 2 - centers) / ((spans[:, 1] - spans[:, 0]) / 2)
            weights = (1 - away).clip(0)
            mean = weights @ scores / (weights.sum() or 1.0)
            run = _Run(self.label(mean), begin, end, mean * (end - begin))
            self._runs[-1:] = _merged([*self._runs[-1:], run])
        self._judged_s = end_s
        reaching = spans[:, 1] > end_s
        reaching[:-1] |= reaching[1:]  # an edge lies between the centers of neighbors
        reaching[-1] = True
        self._windows = [window for window, kept in zip(self._windows, reaching, strict=True) if kept]

    def _settle(self, at_end: bool = False) -> list[Event]:
        """Return the events before the last stretch that is sure to keep its label, and forget them.

        Runs of nothing and runs that are long enough are such: a short one does not reach across them.
        """
        min_s = self._min_s or 0.0
        sure = [i for i, run in enumerate(self._runs) if run.label == NOTHING or not _is_short(run, min_s)]
        if not (sure or at_end):
            return []
        cut = len(self._runs) if at_end else sure[-1] + 1
        runs = absorb_short(self._runs[:cut], min_s)
        done, self._runs = (runs, []) if at_end else (runs[:-1], [runs[-1], *self._runs[cut:]])
        return [
            Event(run.label, float(run.start_s), float(run.end_s), float(run.total[run.label] / run.length_s))
            for run in done
            if run.label != NOTHING
        ]


def _span(window: Prediction) -> tuple[float, float]:
    """Return begin and end of a window in seconds; ValueError if it has none."""
    if window.start_s is None or window.end_s is None:
        raise ValueError("events need windows with times; classify the clip in windows (--window S)")
    return window.start_s, window.end_s


def _is_short(run: _Run, min_s: float) -> bool:
    return run.length_s < min_s - 1e-9


def _merged(runs: Iterable[_Run]) -> list[_Run]:
    """Return the runs with neighbors of one label as one."""
    found: list[_Run] = []
    for run in runs:
        if found and found[-1].label == run.label:
            found[-1] = _Run(run.label, found[-1].start_s, run.end_s, found[-1].total + run.total)
        else:
            found.append(run)
    return found


def absorb_short(runs: Sequence[_Run], min_s: float) -> list[_Run]:
    """Give events shorter than ``min_s``, the shortest first, to the neighbor whose class scores better in them."""
    found = list(runs)
    while short := [
        (round(run.length_s, 6), i) for i, run in enumerate(found) if run.label >= 0 and _is_short(run, min_s)
    ]:
        _, index = min(short)
        run = found[index]
        near = sorted({found[i].label for i in (index - 1, index + 1) if 0 <= i < len(found)} - {NOTHING})
        label = max(near, key=lambda label: run.total[label], default=NOTHING)
        found = _merged([*found[:index], _Run(label, run.start_s, run.end_s, run.total), *found[index + 1 :]])
    return found
