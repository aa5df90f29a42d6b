"""Gaussian heatmaps of joints and limbs, drawn into one array.

A limb is a segment between two joints, and a joint a segment of length zero, so one routine draws both. Each segment
touches only the cells of a box around it (its ends and three sigmas), hence the cost does not depend on the image.
The boxes are cut into rows of cells, and all rows of one width are computed at once.
"""

from itertools import pairwise

import numpy as np

MIN_SCORE = 1e-4  # joints below are not drawn
MIN_LIMB_LENGTH = 1.0  # pixels; shorter limbs are drawn as their first joint


def draw_segments(
    out: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    start_score: np.ndarray,
    end_score: np.ndarray,
    sigma: float,
    mirror: bool = False,
) -> None:
    """Draw Gaussian segments into heatmaps, keeping the greater value where several overlap.

    A cell at distance d from the segment gets ``score * exp(-d**2 / (2 * sigma**2))`` if it lies in the box that
    reaches 3 sigma beyond the ends, else 0 (Duan et al., CVPR 2022, equations 1 and 2). The score is the lower one of
    both ends, and a segment where that is below 1e-4 is not drawn. One shorter than a pixel is drawn as its first
    end, with the score of that.

    Args:
        out: Float32 array ``(T, C, H, W)`` that is changed; its memory must be dense, in any order of the axes.
        start: First ends ``(M, T, C, 2)``, pixels (x, y).
        end: Other ends ``(M, T, C, 2)``.
        start_score: Scores of the first ends ``(M, T, C)``.
        end_score: Scores of the other ends ``(M, T, C)``.
        sigma: Standard deviation in pixels.
        mirror: Draw the mirror image, left and right swapped.
    """
    size = out.shape[:1:-1]  # (W, H), as coordinates are (x, y)
    frame, channel = np.indices(out.shape[:2]).reshape(2, -1)
    frame_step, channel_step, row_step, column_step = (stride // out.itemsize for stride in out.strides)
    base = frame * frame_step + channel * channel_step
    if mirror:
        base += (size[0] - 1) * column_step
        column_step = -column_step
    flat = np.lib.stride_tricks.as_strided(out, (out.size,), (out.itemsize,))
    for person, (first, second, *peaks) in enumerate(zip(start, end, start_score, end_score, strict=True)):
        scores = np.stack(peaks).reshape(2, -1)
        segments = _clip(base, first.reshape(-1, 2), second.reshape(-1, 2), scores, size, sigma)
        widths, rows = _rows(segments, sigma, row_step, column_step)
        edges = np.flatnonzero(np.diff(widths, prepend=0, append=0))
        for first_row, end_row in pairwise(edges):
            part = {key: array[first_row:end_row] for key, array in rows.items()}
            _draw_rows(flat, int(widths[first_row]), column_step, **part, overlap=person > 0)


def _clip(
    base: np.ndarray, start: np.ndarray, end: np.ndarray, scores: np.ndarray, size: tuple[int, int], sigma: float
) -> tuple[np.ndarray, ...]:
    """Return the segments that touch the image, narrow boxes first; ``scores`` belong to both ends.

    Returns:
        ``base``, ``start``, ``end`` and ``score`` of these, and the first and past-the-end cells (x, y) of their boxes.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # joints may be NaN or infinite
        short = ((end - start) ** 2).sum(-1) < MIN_LIMB_LENGTH
        end = np.where(short[:, None], start, end)
        score = scores.min(axis=0)
        # In float64: the edges are rounded to whole cells, and float32 could round differently.
        low = np.trunc(np.minimum(start, end).astype(np.float64) - 3 * sigma).clip(0, size)
        high = (np.trunc(np.maximum(start, end).astype(np.float64) + 3 * sigma) + 1).clip(0, size)
        drawn = np.flatnonzero((score >= MIN_SCORE) & (low < high).all(-1))  # False for NaN as well
    drawn = drawn[np.argsort((high - low)[drawn, 0])]
    low, high = low[drawn].astype(np.int64), high[drawn].astype(np.int64)
    score = np.where(short, scores[0], score)[drawn].astype(np.float32)
    return base[drawn], start[drawn], end[drawn], score, low, high


def _rows(
    segments: tuple[np.ndarray, ...], sigma: float, row_step: int, column_step: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Cut the boxes of segments, as :func:`_clip` returns them, into rows of cells.

    Returns:
        The width of each row, and what :func:`_draw_rows` needs of it: ``target``, its first cell in the flat output;
        the first cell's distances ``along`` and ``across`` the segment's line and how they grow from cell to cell
        (``along_step``, ``across_step``); the segment's ``length``; ``log_score``. Distances are in units of
        ``sqrt(2) * sigma``.
    """
    base, start, end, score, low, high = segments
    unit = np.float32(1 / (np.sqrt(2) * sigma))
    delta = (end - start) * unit
    length = np.sqrt((delta**2).sum(-1))
    direction = np.divide(delta, length[:, None], out=np.zeros_like(delta), where=length[:, None] > 0) * unit
    direction[length == 0, 0] = unit
    height = high[:, 1] - low[:, 1]
    offset = (low - start).astype(np.float32)
    across = offset[:, 0] * direction[:, 1] - offset[:, 1] * direction[:, 0]
    table = np.stack([(offset * direction).sum(-1), across, *direction.T, length, np.log(score)])
    first = np.cumsum(height) - height
    row = np.arange(height.sum()) - np.repeat(first, height)
    along, across, along_step, across_step, length, log_score = np.repeat(table, height, axis=1)
    target = np.repeat(base + low[:, 1] * row_step + low[:, 0] * column_step, height)
    return np.repeat(high[:, 0] - low[:, 0], height), {
        "target": target + row * row_step,
        "along": along + row.astype(np.float32) * across_step,
        "across": across - row.astype(np.float32) * along_step,
        "along_step": along_step,
        "across_step": across_step,
        "length": length,
        "log_score": log_score,
    }


def _draw_rows(
    flat: np.ndarray,
    width: int,
    column_step: int,
    target: np.ndarray,
    along: np.ndarray,
    across: np.ndarray,
    along_step: np.ndarray,
    across_step: np.ndarray,
    length: np.ndarray,
    log_score: np.ndarray,
    overlap: bool,
) -> None:
    """Draw rows of one width; with ``overlap`` their cells may hold something already."""
    column = np.arange(width, dtype=np.float32)[:, None]
    beyond = column * along_step
    beyond += along
    inner = np.maximum(beyond, 0)
    beyond -= np.minimum(inner, length, out=inner)
    beyond *= beyond
    aside = np.multiply(column, across_step, out=inner)
    aside += across
    aside *= aside
    aside += beyond
    value = np.subtract(log_score, aside, out=aside)
    np.exp(value, out=value)
    cells = target + np.arange(width)[:, None] * column_step
    flat[cells] = np.maximum(flat[cells], value) if overlap else value
