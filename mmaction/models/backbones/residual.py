"""Residual networks of any dimension, described by a table: the spec of a pathway and the net built from it.

Sources: ResNet (He et al., CVPR 2016, Table 1), I3D (Carreira and Zisserman, CVPR 2017), Non-local Neural Networks
(Wang et al., CVPR 2018), SlowFast (Feichtenhofer et al., ICCV 2019, Table 1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from mmaction.models import cpu
from mmaction.models.backbones.base import Backbone
from mmaction.models.backbones.recompute import recomputed
from mmaction.models.layers import Cfg, ConvNormAct, NonLocal

Kernel = tuple[int, ...]
PerBlock = int | Sequence[int]
Pool = tuple[Kernel, Kernel, Kernel]  # kernel, stride and padding of a max pool

BASIC, BOTTLENECK = 1, 4
"""Output channels of a block over its width: two 3x3 convolutions, or 1x1, 3x3 and a 1x1 that widens."""

DEPTHS: dict[int, tuple[int, tuple[int, ...]]] = {
    18: (BASIC, (2, 2, 2, 2)),
    34: (BASIC, (3, 4, 6, 3)),
    50: (BOTTLENECK, (3, 4, 6, 3)),
    101: (BOTTLENECK, (3, 4, 23, 3)),
    152: (BOTTLENECK, (3, 8, 36, 3)),
}
"""Depth to kind of block and blocks per stage."""


@dataclass(frozen=True)
class StageSpec:
    """One stage: blocks of ``width`` channels inside; the first may stride.

    ``in_channels`` includes lateral connections. ``kernels`` holds, for each block, the kernels of its two (basic
    block) or three (bottleneck) convolutions. ``dilation`` spreads the 3x3 convolutions in space. A bottleneck with
    ``stride_first`` ("caffe") strides in its first convolution, not in its 3x3 one. ``non_local`` tells for each block
    whether a non-local block follows.
    """

    in_channels: int
    width: int
    kernels: tuple[tuple[Kernel, ...], ...]
    stride: Kernel
    dilation: int = 1
    stride_first: bool = False
    non_local: tuple[bool, ...] = ()

    @property
    def out_channels(self) -> int:
        """Channels that leave the stage."""
        return self.width * (BOTTLENECK if len(self.kernels[0]) == 3 else BASIC)


def blocks_of(depth: int, num_stages: int, stage_blocks: Sequence[int] | None = None) -> tuple[int, tuple[int, ...]]:
    """Return the kind of block (``BASIC`` or ``BOTTLENECK``) and the number of blocks in each stage."""
    if depth not in DEPTHS:
        raise ValueError(f"depth must be one of {', '.join(map(str, DEPTHS))}; got {depth!r}")
    if not 1 <= num_stages <= 4:
        raise ValueError(f"num_stages must be 1 to 4; got {num_stages}")
    expansion, blocks = DEPTHS[depth]
    return expansion, per_stage("stage_blocks", stage_blocks or blocks[:num_stages], num_stages)


def per_stage(name: str, value: Any, num_stages: int) -> tuple[Any, ...]:
    """Return ``value`` as one entry per stage; zeros beyond the last stage are dropped."""
    values = (value,) * num_stages if isinstance(value, int) else tuple(value)
    if len(values) < num_stages or any(values[num_stages:]):
        raise ValueError(f"{name} needs one entry for each of the {num_stages} stages; got {value!r}")
    return values[:num_stages]


def per_block(name: str, value: PerBlock, num_blocks: int) -> tuple[bool, ...]:
    """Return ``value`` as one truth value per block of a stage."""
    values = (value,) * num_blocks if isinstance(value, int) else tuple(value)
    if len(values) != num_blocks:
        raise ValueError(f"{name} needs one entry for each of the stage's {num_blocks} blocks; got {value!r}")
    return tuple(bool(v) for v in values)


def stage_specs(
    stem_channels: int,
    kernels: Sequence[tuple[tuple[Kernel, ...], ...]],
    strides: Sequence[Kernel],
    dilations: Sequence[int],
    style: str,
    non_local: Sequence[tuple[bool, ...]] | None = None,
    lateral_channels: Sequence[int] | None = None,
) -> tuple[StageSpec, ...]:
    """Chain the stages of a network, the first as wide as the stem, each next one twice as wide as the one before.

    Each sequence has one entry per stage; ``lateral_channels`` are those that another pathway adds to a stage's input.
    """
    if style not in ("pytorch", "caffe"):
        raise ValueError(f"style must be 'pytorch' or 'caffe'; got {style!r}")
    specs: list[StageSpec] = []
    for i, stage_kernels in enumerate(kernels):
        spec = StageSpec(
            in_channels=(specs[-1].out_channels if specs else stem_channels)
            + (lateral_channels[i] if lateral_channels else 0),
            width=stem_channels * 2**i,
            kernels=stage_kernels,
            stride=strides[i],
            dilation=dilations[i],
            stride_first=style == "caffe",
            non_local=non_local[i] if non_local else (),
        )
        specs.append(spec)
    return tuple(specs)


@dataclass(frozen=True)
class PathwaySpec:
    """A residual network: its stem, the pools after the stem and after the first stage, and its stages."""

    in_channels: int
    stem_channels: int
    stem_kernel: Kernel
    stem_stride: Kernel
    pool1: Pool | None
    pool2: Pool | None
    stages: tuple[StageSpec, ...]


@dataclass(frozen=True)
class LayerCfgs:
    """Which layers a network is made of."""

    conv_cfg: Cfg
    norm_cfg: Cfg | None
    act_cfg: Cfg
    with_cp: bool = False
    non_local_cfg: Cfg | None = None

    def conv(self, in_channels: int, out_channels: int, kernel: Kernel, act: bool = True, **kwargs: Any) -> ConvNormAct:
        """Build a convolution with the norm, and the activation if ``act``."""
        act_cfg = self.act_cfg if act else None
        kwargs.update(conv_cfg=self.conv_cfg, norm_cfg=self.norm_cfg, act_cfg=act_cfg)
        return ConvNormAct(in_channels, out_channels, kernel, **kwargs)


class ResidualBlock(nn.Module):
    """Two or three convolutions (``conv1`` to ``conv3``) beside a shortcut, then perhaps a non-local block."""

    def __init__(self, spec: StageSpec, index: int, layers: LayerCfgs) -> None:
        super().__init__()
        kernels = spec.kernels[index]
        stride = spec.stride if index == 0 else (1,) * len(spec.stride)
        in_channels = spec.in_channels if index == 0 else spec.out_channels
        spatial = next(i for i, kernel in enumerate(kernels) if kernel[-1] > 1)
        strided = 0 if spec.stride_first else spatial
        channels = [in_channels, *[spec.width] * (len(kernels) - 1), spec.out_channels]
        for i, kernel in enumerate(kernels):
            dilation = spec.dilation if i == spatial else 1
            conv = layers.conv(
                channels[i],
                channels[i + 1],
                kernel,
                stride=stride if i == strided else 1,
                dilation=(1,) * (len(kernel) - 2) + (dilation, dilation),
            )
            self.add_module(f"conv{i + 1}", conv)
        self.num_convs = len(kernels)
        self.downsample = None
        if in_channels != spec.out_channels or any(step > 1 for step in stride):
            self.downsample = layers.conv(in_channels, spec.out_channels, (1,) * len(stride), act=False, stride=stride)
        self.with_cp = layers.with_cp
        self.non_local_block = None
        if spec.non_local and spec.non_local[index]:
            self.non_local_block = NonLocal(spec.out_channels, **(layers.non_local_cfg or {}))

    @property
    def last_conv(self) -> ConvNormAct:
        """The convolution to whose output the shortcut is added."""
        return getattr(self, f"conv{self.num_convs}")

    def _residual(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        for i in range(1, self.num_convs):
            x = getattr(self, f"conv{i}")(x)
        return self.last_conv(x, shortcut)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the features of this block, shape ``(N, out_channels, ...)``."""
        x = recomputed(self, self._residual, x) if self.with_cp and x.requires_grad else self._residual(x)
        return x if self.non_local_block is None else self.non_local_block(x)


def make_stage(spec: StageSpec, layers: LayerCfgs) -> nn.Sequential:
    """Build the blocks of a stage."""
    return nn.Sequential(*(ResidualBlock(spec, i, layers) for i in range(len(spec.kernels))))


def make_pool(kernel: Kernel, stride: Kernel, padding: Kernel) -> nn.Module:
    """Build a max pool of two or three dimensions."""
    return (nn.MaxPool3d if len(kernel) == 3 else nn.MaxPool2d)(kernel, stride, padding)


def zero_norm(conv: ConvNormAct) -> None:
    """Set the weight of the norm behind a convolution to zero, if there is a norm."""
    weight = getattr(conv.norm, "weight", None)
    if weight is not None:
        nn.init.zeros_(weight)


def zero_residuals(module: nn.Module) -> None:
    """Set the last norm of every residual block to zero, so that the block starts as its shortcut."""
    for block in module.modules():
        if isinstance(block, ResidualBlock):
            zero_norm(block.last_conv)


class ResidualNet(Backbone):
    """The network that a :class:`PathwaySpec` describes: ``conv1``, ``maxpool``, ``layer1``, ``pool2``, ``layer2``, ...

    ``out_indices`` names the stages, from 0, whose output is returned; ``kwargs`` go to ``Backbone``.
    """

    def __init__(
        self,
        spec: PathwaySpec,
        layers: LayerCfgs,
        out_indices: Sequence[int],
        zero_init_residual: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        num_stages = len(spec.stages)
        if not out_indices or not all(0 <= index < num_stages for index in out_indices):
            raise ValueError(f"out_indices must name stages 0 to {num_stages - 1}; got {tuple(out_indices)}")
        if not -1 <= self.frozen_stages <= num_stages:
            raise ValueError(f"frozen_stages must be -1 to {num_stages}; got {self.frozen_stages}")
        self.spec = spec
        self.out_indices = tuple(out_indices)
        self.zero_init_residual = zero_init_residual
        self.conv1 = layers.conv(spec.in_channels, spec.stem_channels, spec.stem_kernel, stride=spec.stem_stride)
        self.maxpool = None if spec.pool1 is None else make_pool(*spec.pool1)
        self.pool2 = None if spec.pool2 is None else make_pool(*spec.pool2)
        for i, stage in enumerate(spec.stages):
            self.add_module(f"layer{i + 1}", make_stage(stage, layers))
        self.freeze_stages()

    def stage_modules(self) -> list[list[nn.Module]]:
        """Return the stem, then each stage."""
        return [[self.conv1], *([getattr(self, f"layer{i + 1}")] for i in range(len(self.spec.stages)))]

    def init_residuals(self) -> None:
        """Start every residual branch at zero if asked to."""
        if self.zero_init_residual:
            zero_residuals(self)

    def stem(self, x: torch.Tensor) -> torch.Tensor:
        """Return what enters the first stage."""
        x = self.conv1(cpu.prepare(x))
        return x if self.maxpool is None else self.maxpool(x)

    def stage(self, index: int, x: torch.Tensor) -> torch.Tensor:
        """Return the output of the stage ``index`` (from 0), pooled after the first one where the spec says so."""
        x = getattr(self, f"layer{index + 1}")(x)
        pool = self.spec.pool2
        if index or self.pool2 is None or pool is None:
            return x
        if x.shape[2] < pool[0][0]:
            raise ValueError(
                f"the clip is too short: {x.shape[2]} frames reach pool2, which merges {pool[0][0]}; "
                "let SampleFrames take more of them (clip_len), or build the network without pool2 (with_pool2=False)"
            )
        return self.pool2(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Return the features of the stages ``out_indices``: one tensor for one stage, else a tuple.

        ``x`` has the shape ``(N, C, T, H, W)``, or ``(N, C, H, W)`` for a 2D network.
        """
        x = self.stem(x)
        outs = []
        for i in range(len(self.spec.stages)):
            x = self.stage(i, x)
            if i in self.out_indices:
                outs.append(x)
        return outs[0] if len(outs) == 1 else tuple(outs)
