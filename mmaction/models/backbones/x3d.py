"""X3D (Feichtenhofer, CVPR 2020), and its shallow shape for heatmaps (Duan et al., CVPR 2022)."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from mmaction.models import cpu
from mmaction.models.backbones.base import Backbone
from mmaction.models.backbones.recompute import recomputed
from mmaction.models.backbones.residual import LayerCfgs, per_stage, zero_norm
from mmaction.models.layers import BN3D, CONV3D, RELU, Cfg
from mmaction.registry import MODELS


def round_width(width: float, divisor: int = 8) -> int:
    """Return the multiple of ``divisor`` nearest to ``width``, at least ``divisor`` and 0.9 of the width."""
    rounded = max(divisor, int(width + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * width else rounded


class SqueezeExcite(nn.Module):
    """Channel attention (Hu et al., CVPR 2018): scale each channel by a gate computed from all channel means."""

    def __init__(self, channels: int, ratio: float) -> None:
        super().__init__()
        self.fc1 = nn.Conv3d(channels, round_width(channels * ratio), 1)
        self.fc2 = nn.Conv3d(self.fc1.out_channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the gated features, shape ``(N, channels, T, H, W)``."""
        gate = self.fc2(self.fc1(x.mean((2, 3, 4), keepdim=True)).relu()).sigmoid()
        return x * gate


class X3DBlock(nn.Module):
    """Inverted bottleneck: widen (1x1x1), filter each channel (3x3x3), narrow (1x1x1), beside a shortcut."""

    def __init__(
        self,
        in_channels: int,
        width: int,
        out_channels: int,
        spatial_stride: int,
        se_ratio: float | None,
        use_swish: bool,
        layers: LayerCfgs,
    ) -> None:
        super().__init__()
        stride = (1, spatial_stride, spatial_stride)
        self.conv1 = layers.conv(in_channels, width, (1, 1, 1))
        self.conv2 = layers.conv(width, width, (3, 3, 3), act=False, stride=stride, groups=width)
        self.conv3 = layers.conv(width, out_channels, (1, 1, 1))
        self.se_module = SqueezeExcite(width, se_ratio) if se_ratio else None
        self.swish = nn.SiLU() if use_swish else nn.Identity()
        self.downsample = None
        if spatial_stride != 1 or in_channels != out_channels:
            self.downsample = layers.conv(in_channels, out_channels, (1, 1, 1), act=False, stride=stride)
        self.with_cp = layers.with_cp

    def _residual(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.conv2(self.conv1(x))
        if self.se_module is not None:
            x = self.se_module(x)
        return self.conv3(self.swish(x), shortcut)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's features, shape ``(N, out_channels, T, H, W)``."""
        if self.with_cp and x.requires_grad:
            return recomputed(self, self._residual, x)
        return self._residual(x)


@MODELS.register_module()
class X3D(Backbone):
    """A network whose width, depth and bottleneck grow from one small base by the factors gamma.

    The shallow shape of PoseC3D (X3D-shallow) is ``X3D(gamma_b=2.25, gamma_d=1, in_channels=17, num_stages=3,
    se_ratio=None, use_swish=False, stage_blocks=(2, 5, 3), spatial_strides=(2, 2, 2))``.

    Args:
        gamma_w: Factor of the width.
        gamma_b: Factor from a block's output to the channels inside.
        gamma_d: Factor of the depth.
        pretrained: Checkpoint for the initial weights: a URL or a file.
        in_channels: Channels of the input.
        num_stages: Number of stages, 1 to 4.
        spatial_strides: Spatial stride of each stage.
        frozen_stages: See :class:`~mmaction.models.backbones.base.Backbone`.
        se_style: ``half`` puts channel attention in every second block, ``all`` in each.
        se_ratio: Width of the channel attention over the width of the block, or None for none.
        use_swish: Whether blocks apply a swish.
        conv_cfg: Config of the convolutions.
        norm_cfg: Config of the norms, or None.
        act_cfg: Config of the other activations.
        norm_eval: See :class:`~mmaction.models.backbones.base.Backbone`.
        with_cp: Whether blocks recompute their activations in the backward pass: less memory, more time.
        zero_init_residual: Whether each residual branch starts as zero.
        base_channels: Channels of the stem before ``gamma_w``.
        stage_blocks: Blocks of each stage before ``gamma_d``.
        init_cfg: MMEngine's description of the initial weights.
    """

    def __init__(
        self,
        gamma_w: float = 1.0,
        gamma_b: float = 1.0,
        gamma_d: float = 1.0,
        pretrained: str | None = None,
        in_channels: int = 3,
        num_stages: int = 4,
        spatial_strides: Sequence[int] = (2, 2, 2, 2),
        frozen_stages: int = -1,
        se_style: str = "half",
        se_ratio: float | None = 1 / 16,
        use_swish: bool = True,
        conv_cfg: Cfg = CONV3D,
        norm_cfg: Cfg | None = BN3D,
        act_cfg: Cfg = RELU,
        norm_eval: bool = False,
        with_cp: bool = False,
        zero_init_residual: bool = True,
        base_channels: int = 24,
        stage_blocks: Sequence[int] = (1, 2, 5, 3),
        init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(pretrained, frozen_stages=frozen_stages, norm_eval=norm_eval, init_cfg=init_cfg)
        if not 1 <= num_stages <= len(stage_blocks):
            raise ValueError(f"num_stages must be 1 to {len(stage_blocks)} (stage_blocks); got {num_stages}")
        if se_style not in ("half", "all"):
            raise ValueError(f"se_style must be 'half' or 'all'; got {se_style!r}")
        if se_ratio is not None and se_ratio <= 0:
            raise ValueError(f"se_ratio must be positive or None; got {se_ratio}")
        self.zero_init_residual = zero_init_residual
        self.num_stages = num_stages
        layers = LayerCfgs(conv_cfg, norm_cfg, act_cfg, with_cp)
        channels = round_width(base_channels * gamma_w)
        plain = LayerCfgs(conv_cfg, None, act_cfg)
        self.conv1_s = plain.conv(in_channels, channels, (1, 3, 3), act=False, stride=(1, 2, 2))
        self.conv1_t = layers.conv(channels, channels, (5, 1, 1), groups=channels)
        strides = per_stage("spatial_strides", spatial_strides, num_stages)
        entering, every = channels, 2 if se_style == "half" else 1
        for i, stride in enumerate(strides):
            leaving = channels * 2**i
            width = int(leaving * gamma_b)
            blocks = []
            for j in range(math.ceil(stage_blocks[i] * gamma_d)):
                ratio = se_ratio if j % every == 0 else None
                blocks.append(X3DBlock(entering, width, leaving, stride if j == 0 else 1, ratio, use_swish, layers))
                entering = leaving
            self.add_module(f"layer{i + 1}", nn.Sequential(*blocks))
        self.conv5 = layers.conv(entering, int(entering * gamma_b), (1, 1, 1))
        self.freeze_stages()

    def stage_modules(self) -> list[list[nn.Module]]:
        """Return the stem, then each stage."""
        return [[self.conv1_s, self.conv1_t], *([getattr(self, f"layer{i + 1}")] for i in range(self.num_stages))]

    def init_residuals(self) -> None:
        """Start every residual branch at zero if asked to."""
        for block in self.modules() if self.zero_init_residual else ():
            if isinstance(block, X3DBlock):
                zero_norm(block.conv3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return features of shape ``(N, C, T, H, W)`` for clips of shape ``(N, in_channels, T, H, W)``."""
        x = self.conv1_t(self.conv1_s(cpu.prepare(x)))
        for i in range(self.num_stages):
            x = getattr(self, f"layer{i + 1}")(x)
        return self.conv5(x)
