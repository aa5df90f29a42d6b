"""Turn the persons of each frame into tracks, and the best tracks into arrays ``(M, T, V, ...)``."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mmaction.preparation.poses.persons import Persons
from mmaction.preparation.poses.regions import overlap, squares

SPEED, REACH = 4.0, 0.5  # farthest way between pieces of a track, in sizes of the body: each second, and at once
GROWTH = 3.0  # greatest change of the body's size between pieces: cameras are changed, and blurred bodies misread


@dataclass(frozen=True)
class TrackingOptions:
    """How persons are followed."""

    # tracks to keep, the best ones: those with the largest sum of person scores. None: 1, or with given boxes as many
    # as a frame has boxes
    num_persons: int | None = None
    lost_s: float = 1.0  # seconds for which a person who is not seen is remembered
    max_gap: int = 5  # longest gap in frames that is filled by interpolation; longer ones stay zero
    min_iou: float = 0.1  # lowest overlap of a box with where its track is expected
    person_thr: float = 0.5  # lowest score of a person that starts a track

    def __post_init__(self) -> None:
        for name, low in (("num_persons", 1), ("lost_s", 0), ("max_gap", 0), ("min_iou", 0), ("person_thr", 0)):
            value = getattr(self, name)
            if value is not None and value < low:
                raise ValueError(f"{name}: expected {low} or more, got {value}")


def follow_persons(frames: Sequence[Persons], fps: float, options: TrackingOptions) -> list[np.ndarray]:
    """Give each person of each frame a track number, int64 ``(N,)``, -1 for none.

    Uses ByteTrack (Zhang et al., ECCV 2022) of the library ``trackers``; :func:`join_pieces` joins what it breaks.
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
        # a body's region is steadier than the box of its joints, which a somersault throws about
        boxes = persons.boxes if persons.regions is None else squares(persons.regions)
        detections = Detections(
            xyxy=np.asarray(boxes, np.float32).reshape(-1, 4),
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
    return join_pieces(frames, tracks, fps, options)


def join_pieces(
    frames: Sequence[Persons], tracks: Sequence[np.ndarray], fps: float, options: TrackingOptions
) -> list[np.ndarray]:
    """Give pieces of tracks that one person may have left one number.

    A piece may go on from another that has ended at most ``lost_s`` before, if its body has nearly the same size and is
    no farther than an athlete moves in this time; nearer pieces are joined first.
    """
    places = [persons.boxes if persons.regions is None else squares(persons.regions) for persons in frames]
    ends: dict[int, list[tuple[int, np.ndarray]]] = {}  # first and last frame of each track, and the places there
    for t, (boxes, numbers) in enumerate(zip(places, tracks, strict=True)):
        for box, number in zip(boxes, numbers.tolist(), strict=True):
            if number >= 0:
                ends[number] = [ends.get(number, [(t, box)])[0], (t, box)]
    ways = []
    for one, (_, (end, before)) in ends.items():
        for other, ((start, after), _) in ends.items():
            sizes = [max(box[2:4] - box[:2]) for box in (before, after)]
            time = (start - end) / fps
            way = np.linalg.norm(before[:2] + before[2:4] - after[:2] - after[2:4]) / 2 / min(sizes)
            if 0 < time <= options.lost_s and max(sizes) < GROWTH * min(sizes) and way <= REACH + SPEED * time:
                ways.append((way, one, other))
    next_of: dict[int, int] = {}
    for _, one, other in sorted(ways):
        if one not in next_of and other not in next_of.values():
            next_of[one] = other
    first_of: dict[int, int] = {}
    for number in sorted(ends, key=lambda number: ends[number][0][0]):
        first_of.setdefault(number, number)
        if number in next_of:
            first_of[next_of[number]] = first_of[number]
    return [np.array([first_of.get(number, -1) for number in numbers.tolist()], int) for numbers in tracks]


def match_boxes(frames: Sequence[Persons]) -> list[np.ndarray]:
    """Give each person of given boxes a track number, and drop nobody: a given box means a person.

    There are as many tracks as a frame has boxes at most. The boxes of a frame go to the tracks whose last boxes they
    overlap most or, without overlap, are nearest to; a track that has no box yet counts as one box diagonal away.
    """
    from scipy.optimize import linear_sum_assignment  # not there where only exported files are run

    last = np.full((max(map(len, frames), default=0), 4), np.nan)
    tracks = []
    for persons in frames:
        boxes = np.asarray(persons.boxes, np.float64).reshape(-1, 4)
        rows, numbers = linear_sum_assignment(_box_costs(boxes, last))
        last[numbers] = boxes[rows]
        tracks.append(numbers[np.argsort(rows)])
    return tracks


def _box_costs(boxes: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return the distance of the centers in box diagonals less the overlap, shape ``(N, tracks)``."""
    a, b = boxes[:, None], last[None]
    way = np.linalg.norm(a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:], axis=-1) / 2
    diagonal = np.linalg.norm(a[..., 2:] - a[..., :2], axis=-1)
    return np.nan_to_num(way / diagonal - overlap(a, b), nan=1.0)


def best_tracks(
    frames: Sequence[Persons], tracks: Sequence[np.ndarray], num_persons: int, max_gap: int, num_joints: int = 17
) -> tuple[np.ndarray, np.ndarray]:
    """Collect the joints of the best tracks, fill short gaps, and leave zeros where a person is not seen.

    Returns joints ``(M, T, V, 2)`` and scores ``(M, T, V)``, float32; the best track first, at least one person, who is
    all zeros if nobody is seen. ``num_joints`` is V of a clip without frames.
    """
    total: dict[int, float] = {}
    fullest = max(frames, key=len, default=None)  # a frame without persons may state another number of joints
    num_joints = num_joints if fullest is None else fullest.keypoint.shape[1]
    for persons, numbers in zip(frames, tracks, strict=True):
        for number, score in zip(numbers.tolist(), persons.scores.tolist(), strict=True):
            if number >= 0:
                total[number] = total.get(number, 0.0) + score
    best = sorted(total, key=lambda number: (-total[number], number))[:num_persons]
    keypoint = np.zeros((max(len(best), 1), len(frames), num_joints, 2), np.float32)
    score = np.zeros(keypoint.shape[:3], np.float32)
    for t, (persons, numbers) in enumerate(zip(frames, tracks, strict=True)):
        for row, number in enumerate(numbers.tolist()):
            if number in best:
                keypoint[best.index(number), t] = persons.keypoint[row]
                score[best.index(number), t] = persons.keypoint_score[row]
    for person in range(len(keypoint)):
        fill_gaps(keypoint[person], score[person], max_gap)
    return keypoint, score


def fill_gaps(keypoint: np.ndarray, score: np.ndarray, max_gap: int) -> None:
    """Interpolate a person over gaps of at most ``max_gap`` frames, in place; the score is the lower of both ends'.

    A gap is a run of frames in which all scores ``(T, V)`` are 0.
    """
    seen = np.flatnonzero(score.any(axis=-1))
    for start, end in pairwise(seen):
        if not 1 < end - start <= max_gap + 1:
            continue
        weight = (np.arange(1, end - start) / (end - start))[:, None, None]
        keypoint[start + 1 : end] = (1 - weight) * keypoint[start] + weight * keypoint[end]
        score[start + 1 : end] = np.minimum(score[start], score[end])
