"""Gaussian heatmaps of joints and limbs as tensor operations: on any device, with gradients.

:func:`mmaction.datasets.functional.heatmap.draw_segments` defines the values.
"""

import math

import torch

from mmaction.datasets.functional.heatmap import MIN_LIMB_LENGTH, MIN_SCORE

OUTSIDE = 1e6  # added to the distance of cells outside a segment's box: exp(-OUTSIDE**2) is 0, and so is its gradient


def render_segments(
    points: torch.Tensor,
    score: torch.Tensor,
    start: torch.Tensor,
    end: torch.Tensor,
    joint_count: int,
    shape: tuple[int, int],
    sigma: float,
) -> torch.Tensor:
    """Return heatmaps (B, N, C, T, H, W), in each cell the greatest value of all persons.

    Joints ``points`` (B, N, M, T, V, 2) lie in pixels (x, y), ``score`` (B, N, M, T, V) are the peaks. ``start`` and
    ``end``, int64 (C,), are the joints between which each heatmap is drawn, the first ``joint_count`` single joints.
    """
    heatmaps: torch.Tensor | None = None
    for person in range(points.shape[2]):
        point, value = points[:, :, person].transpose(2, 3), score[:, :, person].transpose(2, 3)  # (B, N, V, T, ...)
        parts = []
        if joint_count:
            index = start[:joint_count]
            parts.append(_joints(point.index_select(2, index), value.index_select(2, index), shape, sigma))
        if joint_count < len(start):
            first, second = start[joint_count:], end[joint_count:]
            points_at, values_at = ([x.index_select(2, index) for index in (first, second)] for x in (point, value))
            parts.append(_limbs(points_at[0], points_at[1], values_at[0], values_at[1], shape, sigma))
        drawn = parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)
        heatmaps = drawn if heatmaps is None else torch.maximum(heatmaps, drawn)
    assert heatmaps is not None  # a batch has at least one person, see pad_persons
    return heatmaps


def _inside(low: torch.Tensor, high: torch.Tensor, size: int, sigma: float) -> torch.Tensor:
    """Return which of ``size`` cells lie in the box from ``low`` to ``high``, enlarged by 3 sigma and whole cells."""
    # In float64: the edges are rounded to whole cells, and float32 could round differently.
    first = (low.detach().double() - 3 * sigma).trunc_().unsqueeze(-1)
    last = (high.detach().double() + 3 * sigma).trunc_().unsqueeze(-1)
    cell = torch.arange(size, device=low.device)
    return (cell >= first) & (cell <= last)


def _visible(score: torch.Tensor) -> torch.Tensor:
    return torch.where(score >= MIN_SCORE, score, torch.zeros_like(score))


def _joints(point: torch.Tensor, score: torch.Tensor, shape: tuple[int, int], sigma: float) -> torch.Tensor:
    """Draw joints (..., 2) as products of a Gaussian of the column and one of the row."""
    curves = []
    for axis, size in ((0, shape[1]), (1, shape[0])):
        center = point[..., axis]
        distance = (torch.arange(size, device=point.device) - center.unsqueeze(-1)) / (math.sqrt(2) * sigma)
        distance = torch.where(_inside(center, center, size, sigma), distance, OUTSIDE)
        curves.append(torch.exp(-distance.square()))
    columns, rows = curves
    rows = rows * _visible(score).unsqueeze(-1)
    return rows.unsqueeze(-1) * columns.unsqueeze(-2)


def _limbs(
    start: torch.Tensor,
    end: torch.Tensor,
    start_score: torch.Tensor,
    end_score: torch.Tensor,
    shape: tuple[int, int],
    sigma: float,
) -> torch.Tensor:
    """Draw segments by each cell's distance along the segment's line and across it, in units of sqrt(2) sigma."""
    unit = 1 / (math.sqrt(2) * sigma)
    short = ((end - start).square().sum(-1) < MIN_LIMB_LENGTH).unsqueeze(-1)
    along_x = torch.eye(2, device=start.device, dtype=start.dtype)[0]
    delta = torch.where(short, along_x, end - start)
    norm = delta.square().sum(-1, keepdim=True).sqrt()
    direction = delta / norm * unit
    length = torch.where(short, torch.zeros_like(norm), norm * unit)
    end = torch.where(short, start, end)
    terms = []
    for axis, size in ((0, shape[1]), (1, shape[0])):
        offset = torch.arange(size, device=start.device) - start[..., axis, None]
        low, high = torch.minimum(start, end)[..., axis], torch.maximum(start, end)[..., axis]
        sign = 1 - 2 * axis
        across = torch.where(_inside(low, high, size, sigma), sign * offset * direction[..., 1 - axis, None], OUTSIDE)
        terms.append((offset * direction[..., axis, None], across))
    (along_column, across_column), (along_row, across_row) = terms
    along = along_column.unsqueeze(-2) + along_row.unsqueeze(-1)
    beyond = along - torch.minimum(along.clamp(min=0), length.unsqueeze(-1))
    across = across_column.unsqueeze(-2) + across_row.unsqueeze(-1)
    distance = torch.addcmul(across.square(), beyond, beyond)
    lower = torch.minimum(start_score, end_score)
    peak = torch.where(short.squeeze(-1) & (lower >= MIN_SCORE), start_score, lower)
    return torch.exp(-distance) * _visible(peak)[..., None, None]
