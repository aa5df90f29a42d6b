"""Convolutions over time: one kernel, or branches with kernels of several lengths.

Features have the shape ``(N, C, T, V)`` of V joints. Sources: ST-GCN (Yan et al., AAAI 2018), ST-GCN++ (Duan et al.,
"PYSKL", ACM MM 2022), CTR-GCN (Chen et al., ICCV 2021).
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from mmaction.models import cpu

Branch = str | tuple[int | str, int]
MULTI_SCALE: Sequence[Branch] = ((3, 1), (3, 2), (3, 3), (3, 4), ("max", 3), "1x1")
"""Branches of ST-GCN++: (kernel, dilation), a max pool, or a convolution of one frame."""


class TemporalConv(nn.Module):
    """A convolution over time, a batch norm (none where ``norm`` is None) and dropout: ``conv``, ``bn``, ``drop``."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 9,
        stride: int = 1,
        dilation: int = 1,
        norm: str | None = "BN",
        dropout: float = 0,
    ) -> None:
        super().__init__()
        padding = (kernel_size - 1) * dilation // 2
        self.conv = nn.Conv2d(
            in_channels, out_channels, (kernel_size, 1), (stride, 1), (padding, 0), dilation=(dilation, 1)
        )
        self.bn = nn.Identity() if norm is None else nn.BatchNorm2d(out_channels)
        self.drop = nn.Dropout(dropout, inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return shape ``(N, out_channels, T // stride, V)``."""
        return self.drop(conv_norm(self.conv, self.bn, x))


def conv_norm(conv: Any, norm: Any, x: torch.Tensor) -> torch.Tensor:
    """Return ``norm(conv(x))``, by one convolution in inference on a CPU."""
    foldable = isinstance(norm, nn.BatchNorm2d) and cpu.can_fold(conv, norm, x)
    if conv.kernel_size == (1, 1) == conv.stride:
        return pointwise(x, *cpu.fold(conv, norm)) if foldable else norm(pointwise(x, conv.weight, conv.bias))
    return cpu.folded(conv, norm, x) if foldable else norm(conv(x))


def pointwise(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Return the convolution of ``x`` with a kernel of one frame and joint, channels last.

    It is a matrix product there. PyTorch's own convolution takes twice as long on one thread with less than 16 clips.
    """
    return F.linear(x.permute(0, 2, 3, 1), weight.flatten(1), bias).permute(0, 3, 1, 2)


def branch_widths(channels: int, branches: int) -> list[int]:
    """Divide ``channels`` among branches; the first takes what does not divide."""
    width = channels // branches
    return [channels - width * (branches - 1), *[width] * (branches - 1)]


class MultiScaleConv(nn.Module):
    """Parallel branches over time, joined and mixed by a convolution: the temporal part of ST-GCN++.

    ``ms_cfg`` lists the branches: ``(kernel, dilation)``, ``("max", kernel)`` or ``"1x1"``; each has ``mid_channels``,
    or its share of ``out_channels``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        mid_channels: int | None = None,
        dropout: float = 0.0,
        ms_cfg: Sequence[Branch] = MULTI_SCALE,
        stride: int = 1,
    ) -> None:
        super().__init__()
        count = len(ms_cfg)
        widths = branch_widths(out_channels, count) if mid_channels is None else [mid_channels] * count
        self.branches = nn.ModuleList(
            _branch(in_channels, width, branch, stride) for width, branch in zip(widths, ms_cfg, strict=True)
        )
        total = sum(widths)
        self.transform = nn.Sequential(nn.BatchNorm2d(total), nn.ReLU(inplace=True), nn.Conv2d(total, out_channels, 1))
        self.bn = nn.BatchNorm2d(out_channels)
        self.drop = nn.Dropout(dropout, inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return shape ``(N, out_channels, T // stride, V)``."""
        x = torch.cat([run_branch(branch, x) for branch in self.branches], dim=1)
        norm, act, conv = self.transform
        return self.drop(conv_norm(conv, self.bn, act(norm(x))))


def _branch(in_channels: int, width: int, branch: Branch, stride: int) -> nn.Module:
    """Build one branch of :class:`MultiScaleConv`."""
    if isinstance(branch, str):
        return nn.Conv2d(in_channels, width, 1, (stride, 1))
    size, dilation = branch
    last = max_pool(stride) if size == "max" else TemporalConv(width, width, int(size), stride, int(dilation), None)
    return _entered(in_channels, width, last)


def _entered(in_channels: int, width: int, *layers: nn.Module) -> nn.Sequential:
    """Put a convolution to ``width`` channels, a norm and a ReLU before ``layers``."""
    return nn.Sequential(nn.Conv2d(in_channels, width, 1), nn.BatchNorm2d(width), nn.ReLU(inplace=True), *layers)


def max_pool(stride: int) -> nn.MaxPool2d:
    """Return the largest of three frames, every ``stride`` frames."""
    return nn.MaxPool2d((3, 1), (stride, 1), (1, 0))


def run_branch(branch: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Return what a branch makes of ``x``; a convolution and the norm behind it run as one where they may."""
    if not isinstance(branch, nn.Sequential):
        return branch(x)
    conv, norm, *rest = branch
    x = conv_norm(conv, norm, x)
    for layer in rest:
        x = layer(x)
    return x


class DilatedBranches(nn.Module):
    """Parallel branches over time, joined as they are: the temporal part of CTR-GCN.

    There is a branch for each of the ``dilations``, one with a max pool and one with a convolution of one frame.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int = 5,
        stride: int = 1,
        dilations: Sequence[int] = (1, 2),
        dropout: float = 0,
    ) -> None:
        super().__init__()
        *widths, pooled, plain = branch_widths(channels, len(dilations) + 2)
        branches = [
            _entered(channels, width, TemporalConv(width, width, kernel_size, stride, dilation))
            for width, dilation in zip(widths, dilations, strict=True)
        ]
        branches.append(_entered(channels, pooled, max_pool(stride), nn.BatchNorm2d(pooled)))
        branches.append(nn.Sequential(nn.Conv2d(channels, plain, 1, (stride, 1)), nn.BatchNorm2d(plain)))
        self.branches = nn.ModuleList(branches)
        self.drop = nn.Dropout(dropout, inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return shape ``(N, channels, T // stride, V)``."""
        x = torch.cat([run_branch(branch, x) for branch in self.branches], dim=1)
        return self.drop(F.relu(x))
