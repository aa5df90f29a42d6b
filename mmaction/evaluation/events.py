"""Measures for long videos in which several actions happen.

Found and true events stand in lists of lists, one for each video. Two events can match if they are of one class; how
well is their temporal intersection over union (tIoU), 0 to 1.
"""

from collections.abc import Sequence

import numpy as np

from mmaction.structures.events import Event

Videos = Sequence[Sequence[Event]]


def temporal_iou(found: Sequence[Event], true: Sequence[Event]) -> np.ndarray:
    """Return the tIoU of each found with each true event, ``(F, E)``; 0 where their classes differ."""
    a = np.array([(e.start_s, e.end_s, e.label) for e in found], dtype=float).reshape(-1, 1, 3)
    b = np.array([(e.start_s, e.end_s, e.label) for e in true], dtype=float).reshape(1, -1, 3)
    shared = (np.minimum(a[..., 1], b[..., 1]) - np.maximum(a[..., 0], b[..., 0])).clip(0)
    union = a[..., 1] - a[..., 0] + b[..., 1] - b[..., 0] - shared
    return np.where(a[..., 2] == b[..., 2], shared / union, 0.0)


def segment_f1(found: Videos, true: Videos, overlap: float = 0.5) -> float:
    """Return the F1 score of events that match with a tIoU of at least ``overlap``, 0 to 1.

    Events are taken in order of time; each takes the true event of its class with the largest tIoU, and is wrong if
    that is too small or taken already (Lea et al., "Temporal Convolutional Networks for Action Segmentation and
    Detection", CVPR 2017). It is 1 if there is nothing to find and nothing is found.
    """
    hits = sum(_hits(*pair, overlap).sum() for pair in zip(found, true, strict=True))
    events = sum(map(len, found)) + sum(map(len, true))
    return float(2 * hits / events) if events else 1.0


def _hits(found: Sequence[Event], true: Sequence[Event], overlap: float) -> np.ndarray:
    """Return whether each found event, in the order given, is the first to take the true event that it matches best."""
    hits, taken = np.zeros(len(found), dtype=bool), set()
    if not len(true):
        return hits
    for index, row in enumerate(temporal_iou(found, true)):
        best = int(row.argmax())
        if row[best] >= overlap and row[best] > 0 and best not in taken:
            taken.add(best)
            hits[index] = True
    return hits


def edit_score(found: Videos, true: Videos) -> float:
    """Return how alike the orders of classes are, 0 to 1, on the average of the videos.

    One minus the Levenshtein distance of the lists of classes over the longer length (Lea et al., "Learning
    Convolutional Action Primitives for Fine-grained Action Recognition", ICRA 2016). Times do not count.
    """
    scores = [
        1 - _distance([e.label for e in a], [e.label for e in b]) / max(len(a), len(b), 1)
        for a, b in zip(found, true, strict=True)
    ]
    return float(np.mean(scores)) if scores else 1.0


def _distance(a: list[int], b: list[int]) -> int:
    """Return the Levenshtein distance of two lists."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above = row
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (x != y)))
    return row[-1]


def detection_map(
    found: Videos, true: Videos, overlaps: Sequence[float] = (0.3, 0.4, 0.5, 0.6, 0.7)
) -> dict[float, float]:
    """Return the mean average precision of the classes that occur in ``true``, for each tIoU of ``overlaps``.

    Found events are taken by their score, the best first; each takes the best true event of its class that is still
    free, and is wrong if its tIoU is too small. The precision at each recall is the largest at that or a higher recall
    (as ActivityNet and THUMOS measure it).
    """
    classes = sorted({event.label for events in true for event in events})
    return {
        overlap: float(np.mean([_average_precision(found, true, label, overlap) for label in classes] or [0.0]))
        for overlap in overlaps
    }


def _average_precision(found: Videos, true: Videos, label: int, overlap: float) -> float:
    rows = [(event, video) for video, events in enumerate(found) for event in events if event.label == label]
    rows.sort(key=lambda row: -row[0].score)
    wanted = [[event for event in events if event.label == label] for events in true]
    free = [np.ones(len(events), dtype=bool) for events in wanted]
    hits = np.zeros(len(rows), dtype=bool)
    for index, (event, video) in enumerate(rows):
        if not free[video].any():
            continue
        overlaps = np.where(free[video], temporal_iou([event], wanted[video])[0], -1.0)
        best = int(overlaps.argmax())
        if overlaps[best] >= overlap:
            hits[index], free[video][best] = True, False
    count = np.cumsum(hits)
    precision = np.maximum.accumulate((count / np.arange(1, len(hits) + 1))[::-1])[::-1]
    return float(precision[hits].sum() / sum(map(len, wanted)))


def summarize_events(found: Videos, true: Videos) -> dict[str, float]:
    """Return segment F1 at tIoU 0.1, 0.25 and 0.5, the edit score, and mAP at 0.3 to 0.7 and on their average."""
    figures = {f"f1@{round(100 * overlap)}": segment_f1(found, true, overlap) for overlap in (0.1, 0.25, 0.5)}
    figures["edit"] = edit_score(found, true)
    precisions = detection_map(found, true)
    figures |= {f"mAP@{overlap}": value for overlap, value in precisions.items()}
    return {**figures, "mAP": float(np.mean(list(precisions.values())))}
