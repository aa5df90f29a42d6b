"""Operations on keypoints ``(M, T, V, 2)`` in pixels (x, y) and scores ``(M, T, V)``; inputs stay as they are."""

import numpy as np

Box = tuple[int, int, int, int]


def compact_box(
    keypoint: np.ndarray,
    img_shape: tuple[int, int],
    padding: float = 0.25,
    threshold: float = 10,
    hw_ratio: tuple[float, float] | None = None,
    allow_imgpad: bool = True,
) -> Box | None:
    """Return the box ``(x1, y1, x2, y2)`` around the joints ``(..., 2)``, in whole pixels, enlarged by ``padding``.

    A coordinate of 0 marks a missing joint. The box grows to the least and greatest ratio ``hw_ratio`` of height to
    width, and stays within the image unless ``allow_imgpad``. It is None where the tight box is narrower or lower than
    ``threshold`` pixels.
    """
    # Extremes in the keypoints' own precision, the rest in float64: published boxes are rounded from these values.
    edges = []
    for axis in (0, 1):
        values = keypoint[..., axis]
        values = values[values != 0]
        if values.size == 0 or values.max() - values.min() < threshold:
            return None
        low, high = values.min(), values.max()
        edges.append((float(high + low) / 2, float(high - low) / 2 * (1 + padding)))
    (center_x, half_w), (center_y, half_h) = edges
    if hw_ratio is not None:
        half_h = max(hw_ratio[0] * half_w, half_h)
        half_w = max(1 / hw_ratio[1] * half_h, half_w)
    x1, x2, y1, y2 = center_x - half_w, center_x + half_w, center_y - half_h, center_y + half_h
    if not allow_imgpad:
        x1, y1, x2, y2 = max(0, x1), max(0, y1), min(img_shape[1], x2), min(img_shape[0], y2)
    return int(x1), int(y1), int(x2), int(y2)


def move_origin(keypoint: np.ndarray, origin: tuple[int, int]) -> np.ndarray:
    """Subtract ``origin`` (x, y) from all joints; a coordinate of 0 marks a missing joint and stays."""
    return np.where(keypoint != 0, keypoint - np.asarray(origin, dtype=keypoint.dtype), keypoint)


def split_scores(
    keypoint: np.ndarray, score: np.ndarray | None, in_image: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return joints ``(M, T, V, 2 or 3)`` and their scores ``(M, T, V)`` as an annotation means them, without copying.

    Where the joints lie in an image, a third channel is their score, or is dropped where there are scores already.
    """
    if in_image and keypoint.shape[-1] == 3:
        return keypoint[..., :2], keypoint[..., 2] if score is None else score
    return keypoint, score


def mark_missing(keypoint: np.ndarray, score: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return joints ``(M, T, V, 2 or 3)`` at the origin where the score is 0, and the scores ``(M, T, V)``.

    Without scores, they are 0 for joints at the origin and 1 for others.
    """
    if score is None:
        return keypoint, is_present(keypoint).astype(np.float32)
    return np.where((score > 0)[..., None], keypoint, keypoint.dtype.type(0)), score


def is_present(keypoint: np.ndarray) -> np.ndarray:
    """Return which joints ``(..., 2 or 3)`` are there: those whose coordinates are not all 0."""
    return (keypoint != 0).any(-1)


def shows_nobody(keypoint: np.ndarray, score: np.ndarray | None = None) -> bool:
    """Return whether a skeleton shows no person at all: no joint with finite coordinates and a score above 0.

    Where there are no scores, a joint is missing if all its coordinates are 0.
    """
    present = is_present(keypoint) if score is None else np.asarray(score) > 0
    return not (present & np.isfinite(keypoint).all(-1)).any()


def affine_keypoints(
    keypoint: np.ndarray,
    center: tuple[float, float],
    scale: tuple[float, float],
    angle_deg: float,
    shift: tuple[float, float],
    shear: float = 0.0,
) -> np.ndarray:
    """Scale joints about a point, turn and shear them about it, then shift them; missing joints (0, 0) stay.

    ``scale`` holds factors of x and y; ``angle_deg`` is clockwise as seen in the image; ``shift`` is in pixels (x, y),
    ``shear`` in pixels that x gains per pixel of y.
    """
    cos, sin = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    turn = np.array([[cos, sin], [-sin, cos]])
    matrix = (np.diag(scale) @ turn @ np.array([[1.0, 0.0], [shear, 1.0]])).astype(np.float32)
    middle = np.asarray(center, dtype=np.float32)
    moved = (keypoint - middle) @ matrix + (middle + np.asarray(shift, dtype=np.float32))
    return np.where(is_present(keypoint)[..., None], moved, keypoint)


def group_persons(
    frames: np.ndarray, rows: np.ndarray, num_frames: int, max_person: int
) -> tuple[np.ndarray, np.ndarray]:
    """Sort rows of found persons, x, y and score ``(K, V, 3)``, into a clip of ``num_frames`` frames.

    ``frames`` ``(K,)`` names the frame of each row and does not decrease. Where a frame has more than ``max_person``
    persons, each frame's persons are ordered by the sum of their scores and the first ones are kept; otherwise they
    stay in order. Returns keypoints ``(M, T, V, 2)`` and scores ``(M, T, V)``, float16, 0 where nobody was found; M is
    the greatest number of persons in a frame.
    """
    place = np.arange(len(frames)) - np.searchsorted(frames, frames)
    persons = int(place.max()) + 1
    if persons > max_person:
        order = np.lexsort((-rows[..., 2].astype(np.float16).sum(-1), frames))  # stable: ties stay in order
        rows = rows[order]
        kept = place < max_person
        frames, rows, place, persons = frames[kept], rows[kept], place[kept], max_person
    clip = np.zeros((persons, num_frames, *rows.shape[1:]), dtype=np.float16)
    clip[place, frames] = rows
    return clip[..., :2], clip[..., 2]
