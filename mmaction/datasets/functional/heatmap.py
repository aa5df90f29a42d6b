"""Gaussian heatmaps of joints and limbs, drawn into one array.

A limb is a segment between two joints, and a joint a segment of length zero, so one routine draws both. Each segment
touches only the cells of a box around it (its ends and three sigmas), hence the cost does not depend on the image.
"""

import numpy as np

MIN_SCORE = 1e-4  # joints below are not drawn
MIN_LIMB_LENGTH = 1.0  # pixels; shorter limbs are drawn as their first joint
CHUNK = 256  # segments drawn at once, of similar box size


def draw_segments(
    out: np.ndarray, start: np.ndarray, end: np.ndarray, score: np.ndarray, sigma: float, mirror: bool = False
) -> None:
    """Draw Gaussian segments into heatmaps, keeping the greater value where several overlap.

    A cell at distance d from the segment gets ``score * exp(-d**2 / (2 * sigma**2))`` if it lies in the box that
    reaches 3 sigma beyond the ends, else 0 (Duan et al., CVPR 2022, equations 1 and 2).

    Args:
        out: Float32 array ``(T, C, H, W)`` that is changed; its memory must be dense, in any order of the axes.
        start: First ends ``(M, T, C, 2)``, pixels (x, y).
        end: Other ends ``(M, T, C, 2)``.
        score: Peak values ``(M, T, C)``.
        sigma: Standard deviation in pixels.
        mirror: Draw the mirror image, left and right swapped.
    """
    size = np.array(out.shape[:1:-1])  # (W, H), as coordinates are (x, y)
    frame, channel = np.indices(out.shape[:2]).reshape(2, -1)
    strides = np.array(out.strides) // out.itemsize
    base = frame * strides[0] + channel * strides[1]
    flat = np.lib.stride_tricks.as_strided(out, (out.size,), (out.itemsize,))
    for first, second, value in zip(start, end, score, strict=True):
        segments = _prepare(first.reshape(-1, 2), second.reshape(-1, 2), value.reshape(-1), size, sigma)
        for chunk in _chunks(segments["extent"]):
            part = {key: array[chunk] for key, array in segments.items()}
            _draw_chunk(flat, base[part.pop("index")], strides[:1:-1], size, part, mirror)


def _prepare(start: np.ndarray, end: np.ndarray, score: np.ndarray, size: np.ndarray, sigma: float) -> dict:
    """Return the segments that touch the image, with their boxes, in units of ``sigma * sqrt(2)`` where useful."""
    short = ((end - start) ** 2).sum(-1) < MIN_LIMB_LENGTH
    end = np.where(short[:, None], start, end)
    # Box edges in float64: they are rounded to whole cells, and float32 could round differently.
    reach = 3 * sigma
    low = np.trunc(np.minimum(start, end).astype(np.float64) - reach).clip(0, size)
    high = (np.trunc(np.maximum(start, end).astype(np.float64) + reach) + 1).clip(0, size)
    with np.errstate(invalid="ignore"):
        drawn = (score >= MIN_SCORE) & (low < high).all(-1)  # False for NaN as well
    index = np.flatnonzero(drawn)
    start, end, low, high = start[index], end[index], low[index].astype(np.int64), high[index].astype(np.int64)
    unit = 1 / (np.sqrt(2) * sigma)
    delta = (end - start) * np.float32(unit)
    length = np.sqrt((delta**2).sum(-1))
    direction = np.divide(delta, length[:, None], out=np.zeros_like(delta), where=length[:, None] > 0)
    direction[length == 0, 0] = 1
    return {
        "index": index,
        "low": low,
        "extent": high - low,
        "start": start,
        "direction": direction * np.float32(unit),
        "length": length,
        "score": score[index].astype(np.float32),
    }


def _chunks(extent: np.ndarray) -> list[np.ndarray]:
    """Split segments into groups of similar box size, so that little is computed in vain."""
    order = np.lexsort((extent[:, 0], extent[:, 1]))
    return [order[i : i + CHUNK] for i in range(0, len(order), CHUNK)]


def _draw_chunk(
    flat: np.ndarray, base: np.ndarray, strides: np.ndarray, size: np.ndarray, part: dict, mirror: bool
) -> None:
    """Draw segments of similar size; all boxes get the size of the largest and are kept inside the image."""
    low, extent, start, direction = part["low"], part["extent"], part["start"], part["direction"]
    cells, offsets, inside = [], [], []
    for axis in (0, 1):
        width = int(extent[:, axis].max())
        first = np.minimum(low[:, axis], size[axis] - width)
        cell = first[:, None] + np.arange(width)
        inside.append((cell >= low[:, axis, None]) & (cell < (low + extent)[:, axis, None]))
        cells.append(cell)
        offsets.append(cell.astype(np.float32) - start[:, axis, None])
    (dx, dy), (ux, uy) = offsets, (direction[:, 0, None], direction[:, 1, None])
    along = (dx * ux)[:, None, :] + (dy * uy)[:, :, None]
    across = (dx * uy)[:, None, :] - (dy * ux)[:, :, None]
    along -= along.clip(0, part["length"][:, None, None])
    along *= along
    across *= across
    along += across
    patch = np.exp(np.negative(along, out=along), out=along)
    patch *= (part["score"][:, None] * inside[1])[:, :, None]
    patch *= inside[0][:, None, :]
    columns = size[0] - 1 - cells[0] if mirror else cells[0]
    target = (base[:, None] + cells[1] * strides[1])[:, :, None] + (columns * strides[0])[:, None, :]
    flat[target] = np.maximum(flat[target], patch)
