"""Square, turned regions of a frame: cut out upright for a network, and points led back.

Regions have the shape ``(N, 4)``: the center x, y and the side in pixels, and the angle in radians by which the head is
turned clockwise from the top of the frame.
"""

import cv2
import numpy as np


def cut(frame: np.ndarray, region: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the region upright as an image ``(side, side, 3)``, black outside, and the matrix that leads back."""
    matrix = back_matrix(region, side)
    step = region[2] / side
    if step >= 2:  # a plain warp would pass over pixels
        frame = cv2.resize(frame, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
        matrix_here = back_matrix(np.append((region[:2] + 0.5) / step - 0.5, (side, region[3])), side)
    else:
        matrix_here = matrix
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(frame, matrix_here, (side, side), flags=flags), matrix


def back_matrix(region: np.ndarray, side: int) -> np.ndarray:
    """Return the matrix ``(2, 3)`` from the pixels of the cut-out region to the frame's."""
    x, y, size, angle = region
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * (size / side)
    return np.column_stack([turn, np.array([x, y]) - turn @ np.full(2, (side - 1) / 2)])


def lead_back(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return points ``(..., 2)`` of a cut-out region in the frame."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def around(low_end: np.ndarray, high_end: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return regions around ``low_end`` ``(N, 2)`` whose up is towards ``high_end``; sides ``size`` ``(N,)``."""
    way = high_end - low_end
    return np.column_stack([low_end, size, np.arctan2(way[:, 0], -way[:, 1])])


def of_boxes(boxes: np.ndarray, share: float = 1.25, angle: float = 0.0) -> np.ndarray:
    """Return regions that are ``share`` times as large as boxes ``(N, 4)``."""
    sizes = share * (boxes[:, 2:4] - boxes[:, :2]).max(axis=1, initial=0)
    return np.column_stack([(boxes[:, :2] + boxes[:, 2:4]) / 2, sizes, np.full(len(boxes), angle)])


def overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return intersection over union of boxes ``(..., 4)`` with others, x1, y1, x2, y2; their shapes are broadcast."""
    low, high = np.maximum(boxes[..., :2], others[..., :2]), np.minimum(boxes[..., 2:], others[..., 2:])
    inside = np.maximum(high - low, 0).prod(axis=-1)
    areas = sum((part[..., 2:] - part[..., :2]).prod(axis=-1) for part in (boxes, others))
    return inside / np.maximum(areas - inside, 1e-9)


def squares(regions: np.ndarray) -> np.ndarray:
    """Return upright boxes ``(N, 4)`` with the centers and the sides of regions."""
    return np.concatenate([regions[:, :2] - regions[:, 2:3] / 2, regions[:, :2] + regions[:, 2:3] / 2], axis=1)
