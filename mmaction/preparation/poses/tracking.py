"""Turn the persons of each frame into tracks, and the best tracks into arrays ``(M, T, V, ...)``."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mmaction.preparation.poses.backends import Persons


@dataclass(frozen=True)
class TrackingOptions:
    """How persons are followed.

    Args:
        num_persons: Tracks to keep, the best ones: those with the largest sum of person scores.
        lost_s: Seconds for which a person who is not seen is remembered.
        max_gap: Longest gap in frames that is filled by interpolation; longer ones stay zero.
        min_iou: Lowest overlap of a box with where its track is expected.
        person_thr: Lowest score of a person that starts a track.

    Raises:
        ValueError: If a value is out of range.
    """

    num_persons: int = 1
    lost_s: float = 1.0
    max_gap: int = 5
    min_iou: float = 0.1
    person_thr: float = 0.5

    def __post_init__(self) -> None:
        for name, low in (("num_persons", 1), ("lost_s", 0), ("max_gap", 0), ("min_iou", 0), ("person_thr", 0)):
            if getattr(self, name) < low:
                raise ValueError(f"{name}: expected {low} or more, got {getattr(self, name)}")


def follow_persons(frames: Sequence[Persons], fps: float, options: TrackingOptions) -> list[np.ndarray]:
    """Give each person a track number with ByteTrack (Zhang et al., ECCV 2022) from the library ``trackers``.

    Args:
        frames: The persons of each frame.
        fps: Frames per second.
        options: How persons are followed.

    Returns:
        For each frame the track of each person, shape ``(N,)``, int64, -1 for none.
    """
    from supervision import Detections
    from trackers import ByteTrackTracker

    tracker = ByteTrackTracker(
        lost_track_buffer=max(1, round(30 * options.lost_s)),  # in frames at 30 fps, whatever the frame rate
        frame_rate=fps,
        track_activation_threshold=options.person_thr,
        minimum_consecutive_frames=1,
        minimum_iou_threshold=options.min_iou,
        high_conf_det_threshold=options.person_thr,
    )
    tracks, started = [], []
    for persons in frames:
        numbers = np.full(len(persons), -1)
        detections = Detections(
            xyxy=np.asarray(persons.boxes, np.float32).reshape(-1, 4),
            confidence=np.asarray(persons.scores, np.float32),
            class_id=np.zeros(len(persons), int),
            data={"row": np.arange(len(persons))},
        )
        before = list(tracker.tracks)
        followed = tracker.update(detections)
        if len(followed):
            rows = followed.data["row"]
            numbers[rows] = followed.tracker_id
            # A track has its number only from its second frame on; the new ones stand last, in the order of their boxes
            new = [track for track in tracker.tracks if not any(track is other for other in before)]
            started += [(numbers, row, track) for row, track in zip(rows[len(rows) - len(new) :], new, strict=True)]
        tracks.append(numbers)
    unused = 1 + max((int(numbers.max(initial=-1)) for numbers in tracks), default=-1)
    for index, (numbers, row, track) in enumerate(started):
        numbers[row] = track.tracker_id if track.tracker_id >= 0 else unused + index
    return tracks


def best_tracks(
    frames: Sequence[Persons], tracks: Sequence[np.ndarray], options: TrackingOptions, num_joints: int = 17
) -> tuple[np.ndarray, np.ndarray]:
    """Collect the joints of the best tracks, fill short gaps, and leave zeros where a person is not seen.

    Args:
        frames: The persons of each of T frames.
        tracks: The track of each person, as :func:`follow_persons` gives them.
        options: How many tracks to keep and which gaps to fill.
        num_joints: V of a clip without frames.

    Returns:
        Joints ``(M, T, V, 2)`` and scores ``(M, T, V)``, float32; the best track first, at least one person, who is
        all zeros if nobody is seen.
    """
    total: dict[int, float] = {}
    fullest = max(frames, key=len, default=None)  # a frame without persons may state another number of joints
    num_joints = num_joints if fullest is None else fullest.keypoint.shape[1]
    for persons, numbers in zip(frames, tracks, strict=True):
        for number, score in zip(numbers.tolist(), persons.scores.tolist(), strict=True):
            if number >= 0:
                total[number] = total.get(number, 0.0) + score
    best = sorted(total, key=lambda number: (-total[number], number))[: options.num_persons]
    keypoint = np.zeros((max(len(best), 1), len(frames), num_joints, 2), np.float32)
    score = np.zeros(keypoint.shape[:3], np.float32)
    for t, (persons, numbers) in enumerate(zip(frames, tracks, strict=True)):
        for row, number in enumerate(numbers.tolist()):
            if number in best:
                keypoint[best.index(number), t] = persons.keypoint[row]
                score[best.index(number), t] = persons.keypoint_score[row]
    for person in range(len(keypoint)):
        fill_gaps(keypoint[person], score[person], options.max_gap)
    return keypoint, score


def fill_gaps(keypoint: np.ndarray, score: np.ndarray, max_gap: int) -> None:
    """Interpolate a person over gaps of at most ``max_gap`` frames, in place; the score is the lower of both ends'.

    Args:
        keypoint: Joints of one person, shape ``(T, V, 2)``.
        score: Their confidence, shape ``(T, V)``; a gap is a run of frames in which all are 0.
        max_gap: Frames.
    """
    seen = np.flatnonzero(score.any(axis=-1))
    for start, end in pairwise(seen):
        if not 1 < end - start <= max_gap + 1:
            continue
        weight = (np.arange(1, end - start) / (end - start))[:, None, None]
        keypoint[start + 1 : end] = (1 - weight) * keypoint[start] + weight * keypoint[end]
        score[start + 1 : end] = np.minimum(score[start], score[end])
