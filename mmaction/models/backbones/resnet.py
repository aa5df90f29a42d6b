"""2D residual networks over frames: ResNet, and C2D, which pools them over time."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from mmaction.models.backbones.residual import (
    BASIC,
    BOTTLENECK,
    Kernel,
    LayerCfgs,
    PathwaySpec,
    Pool,
    ResidualNet,
    blocks_of,
    per_stage,
    stage_specs,
)
from mmaction.models.layers import RELU, Cfg, freeze
from mmaction.registry import MODELS

CONV2D: Cfg = {"type": "Conv"}
BN2D: Cfg = {"type": "BN2d", "requires_grad": True}
INIT: Sequence[Cfg] = (
    {"type": "Kaiming", "layer": "Conv2d"},
    {"type": "Constant", "layer": "BatchNorm2d", "val": 1.0},
)

KERNELS: dict[int, tuple[Kernel, ...]] = {BASIC: ((3, 3), (3, 3)), BOTTLENECK: ((1, 1), (3, 3), (1, 1))}
"""Kind of block to the kernels of its convolutions."""


@MODELS.register_module()
class ResNet(ResidualNet):
    """Residual network of He et al. (CVPR 2016), applied to each frame.

    Args:
        depth: 18, 34, 50, 101 or 152.
        pretrained: Checkpoint for the initial weights: ``torchvision://resnet50``, a URL or a file.
        torchvision_pretrain: Accepted for published configs; torchvision's names are recognized without it.
        in_channels: Channels of the input.
        num_stages: Number of stages, 1 to 4.
        out_indices: Stages whose output is returned, from 0.
        strides: Stride of each stage.
        dilations: Dilation of each stage.
        style: Where a bottleneck strides: ``pytorch`` in its 3x3 convolution, ``caffe`` in its first one.
        frozen_stages: See :class:`~mmaction.models.backbones.base.Backbone`.
        conv_cfg: Config of the convolutions.
        norm_cfg: Config of the norms.
        act_cfg: Config of the activations.
        norm_eval: See :class:`~mmaction.models.backbones.base.Backbone`.
        partial_bn: Whether all batch norms but the first are frozen in training (TSN, Wang et al., ECCV 2016).
        with_cp: Whether blocks recompute their activations in the backward pass: less memory, more time.
        init_cfg: MMEngine's description of the initial weights.
    """

    def __init__(
        self,
        depth: int,
        pretrained: str | None = None,
        torchvision_pretrain: bool = True,
        in_channels: int = 3,
        num_stages: int = 4,
        out_indices: Sequence[int] = (3,),
        strides: Sequence[int] = (1, 2, 2, 2),
        dilations: Sequence[int] = (1, 1, 1, 1),
        style: str = "pytorch",
        frozen_stages: int = -1,
        conv_cfg: Cfg = CONV2D,
        norm_cfg: Cfg = BN2D,
        act_cfg: Cfg = RELU,
        norm_eval: bool = False,
        partial_bn: bool = False,
        with_cp: bool = False,
        init_cfg: dict[str, Any] | Sequence[Cfg] | None = INIT,
    ) -> None:
        expansion, blocks = blocks_of(depth, num_stages)
        stages = stage_specs(
            64,
            [(KERNELS[expansion],) * n for n in blocks],
            [(stride, stride) for stride in per_stage("strides", strides, num_stages)],
            per_stage("dilations", dilations, num_stages),
            style,
        )
        spec = PathwaySpec(in_channels, 64, (7, 7), (2, 2), self.pool1, None, stages)
        super().__init__(
            spec,
            LayerCfgs(conv_cfg, norm_cfg, act_cfg, with_cp),
            out_indices,
            pretrained=pretrained,
            frozen_stages=frozen_stages,
            norm_eval=norm_eval,
            init_cfg=[dict(cfg) for cfg in init_cfg] if isinstance(init_cfg, Sequence) else init_cfg,
        )
        self.partial_bn = partial_bn

    pool1: Pool = ((3, 3), (2, 2), (1, 1))

    def train(self, mode: bool = True) -> "ResNet":
        """Switch between training and evaluation; with ``partial_bn`` all batch norms but the first stay frozen."""
        super().train(mode)
        if mode and self.partial_bn:
            freeze([module for module in self.modules() if isinstance(module, nn.BatchNorm2d)][1:])
        return self


@MODELS.register_module()
class C2D(ResNet):
    """ResNet over the frames of a clip, with a max pool over pairs of frames after the first stage.

    This is the baseline of Non-local Neural Networks (Wang et al., CVPR 2018, Table 1).
    """

    pool1: Pool = ((3, 3), (2, 2), (0, 0))

    def forward(self, x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Return the features ``(N, C, T // 2, H, W)`` of the stages ``out_indices``; T of ``x`` is at least 2."""
        clips = x.shape[0]
        x = self.stem(x.transpose(1, 2).flatten(0, 1))
        outs = []
        for i in range(len(self.spec.stages)):
            x = self.stage(i, x)
            if i == 0:
                x = F.max_pool3d(_unfold(x, clips), (2, 1, 1)).transpose(1, 2).flatten(0, 1)
            if i in self.out_indices:
                outs.append(_unfold(x, clips))
        return outs[0] if len(outs) == 1 else tuple(outs)


def _unfold(frames: torch.Tensor, clips: int) -> torch.Tensor:
    """Return frames ``(N * T, C, H, W)`` as clips ``(N, C, T, H, W)``."""
    return frames.unflatten(0, (clips, -1)).transpose(1, 2)
