"""BlazePose (Bazarevsky et al., "BlazePose: On-device Real-time Body Pose Tracking", 2020) through LiteRT: 33 joints.

MediaPipe's documentation of the pose detector and the landmark networks gives inputs, outputs and constants.
"""

import math
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from mmaction.preparation.poses.blazepose_files import model_files
from mmaction.preparation.poses.following import NONE, QUARTERS, Turning, near
from mmaction.preparation.poses.persons import BackendOptions, Persons
from mmaction.preparation.poses.regions import around, cut, lead_back, overlap
from mmaction.skeletons import get_layout
from mmaction.utils.cli import needs

DETECTOR_SIDE, READER_SIDE = 224, 256  # pixels
CENTER, TOP = 33, 34  # landmarks behind the joints: middle of the hips, and a point of the circle around the body
CIRCLE = 2.5  # side of a region in radii of that circle
SEEN = 0.3  # lowest score of the detector; whether it is a person is decided by the reader
PARTS = (1, 2 / 3, 4 / 9)  # sides of the parts of a frame that are looked at, as shares of its longer side
SAME_ANGLE = math.cos(math.pi / 4)  # of two detections that are one
FEW = 0.4  # share of the votes for a body below which another angle, or a part of it, is not read
CLEAR, VOTES = 0.6, 1.5  # lowest best score, and lowest sum of the scores, of a body that several looks may have seen
OVERLAP = 0.3  # of two detections that are one

Network = Callable[[np.ndarray], list[np.ndarray]]


def backend(options: BackendOptions) -> Turning:
    """Build the backend, from ``weights``, a folder with the files, or from a package registry."""
    if options.device != "cpu":
        raise ValueError(f"backend blazepose: runs on the CPU alone, got the device {options.device}")
    if options.layout not in ("coco17", "mediapipe33"):
        raise ValueError(f"layout: blazepose gives coco17 or mediapipe33, got {options.layout!r}")
    detector, landmarks = (_network(path) for path in model_files(options.mode, options.weights))
    rotate = options.rotate is not False
    return Turning(BlazePose(detector, landmarks, options.layout), rotate, options.both_ways and rotate)


def is_installed() -> bool:
    """Return whether LiteRT is; the files are fetched when the backend is built."""
    return find_spec("ai_edge_litert") is not None


def _network(path: Path) -> Network:
    with needs("backend blazepose: install it with: pip install .[poses]"):
        from ai_edge_litert.interpreter import Interpreter
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    place = interpreter.get_input_details()[0]["index"]
    outputs = [output["index"] for output in interpreter.get_output_details()]

    def run(image: np.ndarray) -> list[np.ndarray]:
        interpreter.set_tensor(place, image[None])
        interpreter.invoke()
        return [interpreter.get_tensor(output)[0] for output in outputs]

    return run


class BlazePose:
    """A :class:`TopDown` reader: the detector finds hips and angle of a body, the landmark network its joints."""

    def __init__(self, detector: Network, landmarks: Network, layout: str = "coco17") -> None:
        names = get_layout("mediapipe33").joints
        self._detector, self._landmarks = detector, landmarks
        self._joints = [names.index(name) for name in get_layout(layout).joints]
        self._anchors = anchors()

    def find(self, frame: np.ndarray, thorough: bool) -> np.ndarray:
        """See :class:`TopDown`; thorough is from four sides, and in parts of the frame, for small persons."""
        size, looks = max(frame.shape), []
        for share in PARTS if thorough else PARTS[:1]:
            xs, ys = (_centers(length, share * size) for length in frame.shape[1::-1])
            angles = QUARTERS if thorough else QUARTERS[:1]
            looks += [np.array([x, y, share * size, angle]) for x in xs for y in ys for angle in angles]
        seen = [self._detect(frame, look) for look in looks]
        regions, scores = (np.concatenate(parts) for parts in zip(*seen, strict=True))
        return merged(regions, scores, thorough)

    def find_in(self, frame: np.ndarray, box: np.ndarray) -> np.ndarray:
        """See :class:`TopDown`; looks at the box from four sides and falls back on the whole of it, upright."""
        center, size = (box[:2] + box[2:4]) / 2, 1.25 * (box[2:4] - box[:2]).max()
        seen = [self._detect(frame, np.array([*center, size, angle])) for angle in QUARTERS]
        regions, scores = (np.concatenate(parts) for parts in zip(*seen, strict=True))
        if not len(regions):
            return np.array([[*center, size, 0.0]])
        fit = scores * np.exp(-(((regions[:, :2] - center) / (0.25 * size)) ** 2).sum(axis=1) / 2)
        return regions[np.argsort(-fit)[:2]]

    def _detect(self, frame: np.ndarray, region: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return regions of bodies ``(N, 4)`` and their scores ``(N,)``."""
        image, back = cut(frame, region, DETECTOR_SIDE)
        values, logits = self._detector(image.astype(np.float32) / 127.5 - 1)
        scores = _sigmoid(logits[:, 0])
        seen = scores >= SEEN
        points, scores = values[seen].reshape(-1, 6, 2).astype(np.float64), scores[seen]
        points[:, [0, 2, 3, 4, 5]] += self._anchors[seen][:, None]  # the second point is width and height
        boxes = np.concatenate([points[:, 0] - points[:, 1] / 2, points[:, 0] + points[:, 1] / 2], axis=1)
        hips, tops, best = [], [], []
        for rows in _clusters(boxes, scores):
            share = (scores[rows] / scores[rows].sum())[:, None, None]
            hip, top = lead_back((share * points[rows, 2:4]).sum(axis=0), back)
            hips.append(hip)
            tops.append(top)
            best.append(scores[rows[0]])
        if not best:
            return NONE, np.zeros(0)
        return _circles(np.array(hips), np.array(tops)), np.array(best)

    def read(self, frame: np.ndarray, regions: np.ndarray) -> Persons:
        """See :class:`TopDown`."""
        points, seen, scores = np.zeros((len(regions), 39, 2)), np.zeros((len(regions), 33)), np.zeros(len(regions))
        for row, region in enumerate(regions):
            image, back = cut(frame, region, READER_SIDE)
            values, scores[row : row + 1], _, heat, _ = self._landmarks(image.astype(np.float32) / 255)
            landmarks = values.reshape(39, 5)  # x, y, z, logits of visibility and presence
            points[row] = lead_back(refined(landmarks[:, :2], heat), back)
            seen[row] = _sigmoid(landmarks[:33, 3])
        body = points[:, :33]
        boxes = np.concatenate([body.min(axis=1), body.max(axis=1)], axis=1)
        score = seen[:, self._joints]
        circles = _circles(points[:, CENTER], points[:, TOP])
        return Persons(boxes, scores * (1 + score.mean(axis=1)) / 2, body[:, self._joints], score, circles)


def _centers(length: float, part: float) -> np.ndarray:
    """Return where parts that cover ``length`` and overlap by half have their centers."""
    number = 1 + max(0, math.ceil(2 * (length / part - 1)))
    return (length - 1) / 2 + max(0, length - part) * (np.linspace(0, 1, number) - 0.5)


def merged(regions: np.ndarray, scores: np.ndarray, several: bool) -> np.ndarray:
    """Return one region ``(K, 4)`` for each body of detections ``(N, 4)``: their mean, weighted by scores.

    Detections of one body and angle add their scores. An angle or a part of a body for which others have far more
    votes is left out; and, where there were ``several`` looks, what was seen once or badly, unless it is all.
    """
    found, best, votes = [], [], []
    order = np.argsort(-scores, kind="stable")
    while len(order):
        first, others = regions[order[0]], regions[order]
        same = near(first, others) & (np.cos(others[:, 3] - first[3]) > SAME_ANGLE)
        weights, group = scores[order[same]], others[same]
        turn = np.arctan2(weights @ np.sin(group[:, 3]), weights @ np.cos(group[:, 3]))
        found.append(np.append(weights @ group[:, :3] / weights.sum(), turn))
        best.append(weights[0])
        votes.append(weights.sum())
        order = order[~same]
    if not found:
        return NONE
    rows, total = np.array(found), np.array(votes)
    most = np.array([total[near(region, rows, larger=True)].max() for region in rows])
    clear = (np.array(best) >= CLEAR) & (total >= VOTES) if several else total > 0
    return rows[(total >= FEW * most) & (clear if clear.any() else total == total.max())]


def _circles(centers: np.ndarray, tops: np.ndarray) -> np.ndarray:
    return around(centers, tops, CIRCLE * np.maximum(np.linalg.norm(tops - centers, axis=1), 1.0))


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(logits, -50, 50)))


def anchors() -> np.ndarray:
    """Return the detector's anchors x, y in pixels, shape ``(2254, 2)``: 2, 2 and 6 for each cell of 8, 16, 32."""
    rows = []
    for stride, number in ((8, 2), (16, 2), (32, 6)):
        y, x = np.mgrid[: DETECTOR_SIDE // stride, : DETECTOR_SIDE // stride] * stride + stride / 2
        rows.append(np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), number, axis=0))
    return np.concatenate(rows)


def _clusters(boxes: np.ndarray, scores: np.ndarray) -> list[np.ndarray]:
    """Return the rows of boxes that overlap the best one of each cluster, which stands first."""
    order, clusters = np.argsort(-scores, kind="stable"), []
    while len(order):
        same = overlap(boxes[order[0]], boxes[order]) > OVERLAP
        same[0] = True
        clusters.append(order[same])
        order = order[~same]
    return clusters


def refined(points: np.ndarray, heat: np.ndarray, reach: int = 3, least: float = 0.5) -> np.ndarray:
    """Return points ``(39, 2)`` of the crop moved to the middle of the heat around them, ``(64, 64, 39)`` logits.

    Joints whose heat stays below ``least`` in the 7 x 7 cells around them stay where they are.
    """
    cells = heat.shape[0]
    step = READER_SIDE // cells
    steps = np.arange(-reach, reach + 1)
    x, y = (np.floor(points[:, axis, None] / step).astype(int) + steps for axis in (0, 1))  # (39, 7)
    fits = (x >= 0) & (x < cells), (y >= 0) & (y < cells)
    joint = np.arange(len(points))[:, None, None]
    warmth = _sigmoid(heat[np.clip(y, 0, cells - 1)[:, :, None], np.clip(x, 0, cells - 1)[:, None], joint])
    warmth = warmth * (fits[1][:, :, None] & fits[0][:, None])
    total = warmth.sum(axis=(1, 2))
    middle = np.stack([(warmth.sum(axis=1) * x).sum(axis=1), (warmth.sum(axis=2) * y).sum(axis=1)], axis=1)
    inside = fits[0][:, reach] & fits[1][:, reach] & (warmth.max(axis=(1, 2)) >= least)
    return np.where(inside[:, None], middle / np.maximum(total, 1e-9)[:, None] * step, points)
