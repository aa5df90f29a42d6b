"""C3D (Tran et al., ICCV 2015), and its light shape for heatmaps (Duan et al., CVPR 2022)."""

from typing import Any

import torch
from mmengine.model import normal_init
from torch import nn
from torch.nn import functional as F

from mmaction.models import cpu
from mmaction.models.backbones.base import Backbone
from mmaction.models.backbones.residual import LayerCfgs
from mmaction.models.layers import BN3D, CONV3D, RELU, Cfg, triple
from mmaction.registry import MODELS

STAGES: tuple[tuple[str, int], ...] = (("a", 1), ("a", 2), ("ab", 4), ("ab", 8), ("ab", 8))
"""For each stage the letters of its convolutions and its width, as a multiple of the first one."""


class AvgPool(nn.AvgPool3d):
    """Average pool that leaves channels last on a CPU; where it does not reach over time, it pools frames in 2D."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the pooled features of shape ``(N, C, T, H, W)``."""
        kernel, stride = triple(self.kernel_size), triple(self.stride)
        if kernel[0] > 1:
            return cpu.prepare(super().forward(x))
        frames = F.avg_pool2d(x.transpose(1, 2).flatten(0, 1), kernel[1:], stride[1:])
        return frames.unflatten(0, (x.shape[0], -1)).transpose(1, 2)


@MODELS.register_module()
class C3D(Backbone):
    """Stages of 3x3x3 convolutions with pools between them, then, in the shape of the paper, two linear layers.

    The light shape of PoseC3D (C3D-light) is ``C3D(in_channels=17, base_channels=32, num_stages=3,
    temporal_downsample=False)``: any ``num_stages`` gives the fully convolutional network with batch norm and average
    pools that PoseC3D uses, whose features a pooling head takes.

    Args:
        pretrained: Checkpoint for the initial weights: a URL or a file.
        style: Accepted for published configs; there is no bottleneck whose stride it could place.
        conv_cfg: Config of the convolutions; None means Conv3d.
        norm_cfg: Config of the norms; None means no norm in the shape of the paper, BN3d in the light one.
        act_cfg: Config of the activations; None means ReLU.
        out_dim: Features that enter the first linear layer: 8192 for clips of 16x112x112.
        dropout_ratio: Probability of dropout between the linear layers.
        init_std: Standard deviation of the linear layers' initial weights.
        in_channels: Channels of the input.
        base_channels: Channels of the first stage.
        num_stages: None for the shape of the paper; 3 or 4 for the light shape with that many stages after the first.
        temporal_downsample: Whether the pools after the first one halve the number of frames.
        init_cfg: MMEngine's description of the initial weights.
    """

    def __init__(
        self,
        pretrained: str | None = None,
        style: str = "pytorch",
        conv_cfg: Cfg | None = None,
        norm_cfg: Cfg | None = None,
        act_cfg: Cfg | None = None,
        out_dim: int = 8192,
        dropout_ratio: float = 0.5,
        init_std: float = 0.005,
        in_channels: int = 3,
        base_channels: int = 64,
        num_stages: int | None = None,
        temporal_downsample: bool = True,
        init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(pretrained, init_cfg=init_cfg)
        if num_stages not in (None, 3, 4):
            raise ValueError(f"num_stages must be None, 3 or 4; got {num_stages!r}")
        light = num_stages is not None
        layers = LayerCfgs(conv_cfg or CONV3D, norm_cfg or (BN3D if light else None), act_cfg or RELU)
        pool = AvgPool if light else nn.MaxPool3d
        stages = STAGES if num_stages is None else STAGES[: num_stages + 1]
        self.steps: list[str] = []
        for i, (letters, multiple) in enumerate(stages, start=1):
            for letter in letters:
                width = base_channels * multiple
                self._append(f"conv{i}{letter}", layers.conv(in_channels, width, (3, 3, 3), bias=None))
                in_channels = width
            size = (1 if i == 1 or not temporal_downsample else 2, 2, 2)
            if i < len(stages):
                self._append(f"pool{i}", pool(size, size))
            elif not light:
                self._append(f"pool{i}", pool(size, size, (0, 1, 1)))
        self.init_std = init_std
        self.with_linear = not light
        if self.with_linear:
            self.fc6 = nn.Linear(out_dim, 4096)
            self.fc7 = nn.Linear(4096, 4096)
            self.relu = nn.ReLU()
            self.dropout = nn.Dropout(dropout_ratio)

    def _append(self, name: str, module: nn.Module) -> None:
        self.add_module(name, module)
        self.steps.append(name)

    def stage_modules(self) -> list[list[nn.Module]]:
        """Return nothing: no stage of C3D is ever frozen."""
        return []

    def init_residuals(self) -> None:
        """Draw the linear layers from a normal of standard deviation ``init_std``."""
        for module in self.children():
            if isinstance(module, nn.Linear):
                normal_init(module, std=self.init_std)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return features: shape ``(N, 4096)``, or ``(N, C, T, H, W)`` of the light shape.

        Clips have the shape ``(N, in_channels, T, H, W)``; linear layers take 16x112x112 unless ``out_dim`` says
        otherwise, and raise ValueError for another size.
        """
        size = tuple(x.shape[2:])
        x = cpu.prepare(x)
        for name in self.steps:
            x = getattr(self, name)(x)
        if not self.with_linear:
            return x
        x = x.flatten(1)
        if x.shape[1] != self.fc6.in_features:
            raise ValueError(f"clips of {size} give {x.shape[1]} features, not out_dim={self.fc6.in_features}")
        return self.relu(self.fc7(self.dropout(self.relu(self.fc6(x)))))
