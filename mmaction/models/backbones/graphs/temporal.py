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
        norm, act, conv = self.transform
        return self.drop(conv_norm(conv, self.bn, act(norm(torch.cat(run_branches(self.branches, x), dim=1)))))


def _branch(in_channels: int, width: int, branch: Branch, stride: int) -> nn.Module:
    """Build one branch of :class:`MultiScaleConv`."""
    if isinstance(branch, str):
        return nn.Conv2d(in_channels, width, 1, (stride, 1))
    size, dilation = branch
    last = LargestFrame(stride) if size == "max" else TemporalConv(width, width, int(size), stride, int(dilation), None)
    return _entered(in_channels, width, last)


def _entered(in_channels: int, width: int, *layers: nn.Module) -> nn.Sequential:
    """Put a convolution to ``width`` channels, a norm and a ReLU before ``layers``."""
    return nn.Sequential(nn.Conv2d(in_channels, width, 1), nn.BatchNorm2d(width), nn.ReLU(inplace=True), *layers)


class LargestFrame(nn.MaxPool2d):
    """The largest of three frames, every ``stride`` frames: a max pool, by two comparisons of whole clips."""

    def __init__(self, stride: int) -> None:
        super().__init__((3, 1), (stride, 1), (1, 0))
        self.step = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return shape ``(N, C, T // stride, V)``; at the ends the frames that are there count."""
        if x.shape[2] == 1:
            return x
        rows = x.permute(0, 2, 3, 1)
        pairs = torch.maximum(rows[:, :-1], rows[:, 1:])
        inner = torch.maximum(pairs[:, :-1], pairs[:, 1:])
        return torch.cat([pairs[:, :1], inner, pairs[:, -1:]], dim=1)[:, :: self.step].permute(0, 3, 1, 2)


def run_branches(branches: Any, x: torch.Tensor) -> list[torch.Tensor]:
    """Return what each of parallel branches makes of ``x``.

    Their first convolutions, of one frame, run as one, and so do the norms and the ReLU behind these, unless a hook
    wants to see one of them.
    """
    listed = list(branches)  # once: torch.export gives other objects each time
    entered = [branch for branch in listed if isinstance(branch, nn.Sequential) and len(branch) > 2]
    if not torch.compiler.is_compiling() and any(m._forward_hooks or m._forward_pre_hooks for m in branches.modules()):
        return [branch(x) for branch in listed]
    entry = F.relu(merged_conv_norm([branch[0] for branch in entered], [branch[1] for branch in entered], x))
    parts = iter(entry.split([branch[0].out_channels for branch in entered], dim=1))
    return [branch[3:](next(parts)) if branch in entered else _plain(branch, x) for branch in listed]


def _plain(branch: Any, x: torch.Tensor) -> torch.Tensor:
    """Return what a convolution of one frame, with or without a norm behind it, makes of every stride-th frame."""
    layers: list[Any] = list(branch) if isinstance(branch, nn.Sequential) else [branch]
    conv, *norm = layers
    x = x.permute(0, 2, 3, 1)[:, :: conv.stride[0]].permute(0, 3, 1, 2)
    return merged_conv_norm([conv], norm, x) if norm else pointwise(x, conv.weight, conv.bias)


def merged_conv_norm(convs: Sequence[Any], norms: Sequence[Any], x: torch.Tensor) -> torch.Tensor:
    """Return what pairs of a convolution of one frame and a norm make of ``x`` side by side."""
    if all(cpu.can_fold(conv, norm, x) for conv, norm in zip(convs, norms, strict=True)):
        folded = [cpu.fold(conv, norm) for conv, norm in zip(convs, norms, strict=True)]
        return pointwise(x, *(torch.cat(parts) for parts in zip(*folded, strict=True)))
    weight, bias = (torch.cat([getattr(conv, name) for conv in convs]) for name in ("weight", "bias"))
    return merged_norm(norms, pointwise(x, weight, bias))


def merged_norm(norms: Sequence[Any], x: torch.Tensor) -> torch.Tensor:
    """Return what batch norms make of ``x`` side by side, each of its own channels, by one where they are alike."""
    first = norms[0]
    kinds = {(type(n), n.training, n.momentum, n.eps, n.affine, n.track_running_stats) for n in norms}
    if kinds != {(nn.BatchNorm2d, first.training, first.momentum, first.eps, True, True)} or first.momentum is None:
        widths = [norm.num_features for norm in norms]
        return torch.cat([norm(part) for norm, part in zip(norms, x.split(widths, dim=1), strict=True)], dim=1)
    joined = {name: torch.cat([getattr(norm, name) for norm in norms]) for name in _NORM_TENSORS}
    y = F.batch_norm(x, **joined, training=first.training, momentum=first.momentum, eps=first.eps)
    if first.training:
        with torch.no_grad():
            for name in _NORM_TENSORS[:2]:
                parts = joined[name].split([norm.num_features for norm in norms])
                for norm, part in zip(norms, parts, strict=True):
                    getattr(norm, name).copy_(part)
            for norm in norms:
                norm.num_batches_tracked.add_(1)
    return y


_NORM_TENSORS = ("running_mean", "running_var", "weight", "bias")


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
        branches.append(_entered(channels, pooled, LargestFrame(stride), nn.BatchNorm2d(pooled)))
        branches.append(nn.Sequential(nn.Conv2d(channels, plain, 1, (stride, 1)), nn.BatchNorm2d(plain)))
        self.branches = nn.ModuleList(branches)
        self.drop = nn.Dropout(dropout, inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return shape ``(N, channels, T // stride, V)``."""
        return self.drop(F.relu(torch.cat(run_branches(self.branches, x), dim=1)))
