"""3D residual networks: I3D and SlowOnly, each a row of arguments that is translated into a pathway's spec."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from mmaction.models import cpu
from mmaction.models.backbones.base import Backbone
from mmaction.models.backbones.residual import (
    BASIC,
    BOTTLENECK,
    Kernel,
    LayerCfgs,
    PathwaySpec,
    PerBlock,
    ResidualNet,
    blocks_of,
    make_stage,
    per_block,
    per_stage,
    stage_specs,
    zero_residuals,
)
from mmaction.models.layers import BN3D, CONV3D, RELU, Cfg
from mmaction.registry import MODELS

KERNELS: dict[tuple[int, str], tuple[Kernel, ...]] = {
    (BASIC, "none"): ((1, 3, 3), (1, 3, 3)),
    (BASIC, "3x1x1"): ((3, 3, 3), (3, 3, 3)),
    (BASIC, "3x3x3"): ((3, 3, 3), (3, 3, 3)),
    (BOTTLENECK, "none"): ((1, 1, 1), (1, 3, 3), (1, 1, 1)),
    (BOTTLENECK, "3x1x1"): ((3, 1, 1), (1, 3, 3), (1, 1, 1)),
    (BOTTLENECK, "3x3x3"): ((1, 1, 1), (3, 3, 3), (1, 1, 1)),
}
"""Kind of block and inflation to the kernels of the block's convolutions."""


def stage_kernels(
    expansion: int, num_blocks: int, inflate: PerBlock, inflate_style: str
) -> tuple[tuple[Kernel, ...], ...]:
    """Return the kernels of each convolution in each block of a stage."""
    if inflate_style not in ("3x1x1", "3x3x3"):
        raise ValueError(f"inflate_style must be '3x1x1' or '3x3x3'; got {inflate_style!r}")
    flags = per_block("inflate", inflate, num_blocks)
    return tuple(KERNELS[expansion, inflate_style if flag else "none"] for flag in flags)


@MODELS.register_module()
class ResNet3d(ResidualNet):
    """3D residual network; with its defaults an I3D (Carreira and Zisserman, CVPR 2017) without strides in time.

    Args:
        depth: 18, 34, 50, 101 or 152.
        pretrained: Checkpoint for the initial weights: ``torchvision://resnet50``, a URL or a file.
        stage_blocks: Blocks of each stage; None: as ``depth`` says.
        pretrained2d: Whether ``pretrained`` is a 2D network, to be inflated.
        in_channels: Channels of the input: 3 for RGB, 2 for flow, one per joint or limb for heatmaps.
        num_stages: Number of stages, 1 to 4.
        base_channels: Channels of the stem; stage i has ``base_channels * 2**i`` inside its blocks.
        out_indices: Stages whose output is returned, from 0.
        spatial_strides: Spatial stride of each stage.
        temporal_strides: Temporal stride of each stage.
        dilations: Spatial dilation of each stage.
        conv1_kernel: Kernel ``(T, H, W)`` of the stem.
        conv1_stride_s: Spatial stride of the stem.
        conv1_stride_t: Temporal stride of the stem.
        pool1_stride_s: Spatial stride of the pool after the stem.
        pool1_stride_t: Temporal stride of that pool.
        with_pool1: Whether the stem is pooled (kernel 1x3x3).
        with_pool2: Whether the first stage's output is pooled over pairs of frames.
        style: Where a bottleneck strides: ``pytorch`` in its 3x3 convolution, ``caffe`` in its first one.
        frozen_stages: See :class:`~mmaction.models.backbones.base.Backbone`.
        inflate: Whether blocks have temporal kernels: one entry per stage, each a flag or one flag per block.
        inflate_style: Where: ``3x1x1`` in the first convolution, ``3x3x3`` in the spatial one.
        conv_cfg: Config of the convolutions.
        norm_cfg: Config of the norms.
        act_cfg: Config of the activations.
        norm_eval: See :class:`~mmaction.models.backbones.base.Backbone`.
        with_cp: Whether blocks recompute their activations in the backward pass: less memory, more time.
        non_local: Which blocks a non-local block follows, given like ``inflate``.
        non_local_cfg: Arguments of mmcv's ``NonLocal3d``: ``mode`` (``gaussian``, ``embedded_gaussian``,
            ``dot_product`` or ``concatenation``), ``sub_sample``, ``use_scale``, ``norm_cfg``.
        zero_init_residual: Whether each residual branch starts as zero.
        init_cfg: MMEngine's description of the initial weights.
        lateral_channels: Channels that another pathway adds to the input of each stage; empty for none.
    """

    def __init__(
        self,
        depth: int = 50,
        pretrained: str | None = None,
        stage_blocks: Sequence[int] | None = None,
        pretrained2d: bool = True,
        in_channels: int = 3,
        num_stages: int = 4,
        base_channels: int = 64,
        out_indices: Sequence[int] = (3,),
        spatial_strides: Sequence[int] = (1, 2, 2, 2),
        temporal_strides: Sequence[int] = (1, 1, 1, 1),
        dilations: Sequence[int] = (1, 1, 1, 1),
        conv1_kernel: Sequence[int] = (3, 7, 7),
        conv1_stride_s: int = 2,
        conv1_stride_t: int = 1,
        pool1_stride_s: int = 2,
        pool1_stride_t: int = 1,
        with_pool1: bool = True,
        with_pool2: bool = True,
        style: str = "pytorch",
        frozen_stages: int = -1,
        inflate: PerBlock | Sequence[PerBlock] = (1, 1, 1, 1),
        inflate_style: str = "3x1x1",
        conv_cfg: Cfg = CONV3D,
        norm_cfg: Cfg | None = BN3D,
        act_cfg: Cfg = RELU,
        norm_eval: bool = False,
        with_cp: bool = False,
        non_local: PerBlock | Sequence[PerBlock] = (0, 0, 0, 0),
        non_local_cfg: Cfg = {},  # noqa: B006 (read only)
        zero_init_residual: bool = True,
        init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None,
        lateral_channels: Sequence[int] = (),
    ) -> None:
        expansion, blocks = blocks_of(depth, num_stages, stage_blocks)
        inflate = per_stage("inflate", inflate, num_stages)
        non_local = per_stage("non_local", non_local, num_stages)
        spatial = per_stage("spatial_strides", spatial_strides, num_stages)
        temporal = per_stage("temporal_strides", temporal_strides, num_stages)
        stages = stage_specs(
            base_channels,
            [stage_kernels(expansion, n, flags, inflate_style) for n, flags in zip(blocks, inflate, strict=True)],
            [(t, s, s) for t, s in zip(temporal, spatial, strict=True)],
            per_stage("dilations", dilations, num_stages),
            style,
            [per_block("non_local", flags, n) for n, flags in zip(blocks, non_local, strict=True)],
            per_stage("lateral_channels", lateral_channels or 0, num_stages),
        )
        pool1 = ((1, 3, 3), (pool1_stride_t, pool1_stride_s, pool1_stride_s), (0, 1, 1))
        spec = PathwaySpec(
            in_channels=in_channels,
            stem_channels=base_channels,
            stem_kernel=tuple(conv1_kernel),
            stem_stride=(conv1_stride_t, conv1_stride_s, conv1_stride_s),
            pool1=pool1 if with_pool1 else None,
            pool2=((2, 1, 1), (2, 1, 1), (0, 0, 0)) if with_pool2 else None,
            stages=stages,
        )
        super().__init__(
            spec,
            LayerCfgs(conv_cfg, norm_cfg, act_cfg, with_cp, non_local_cfg),
            out_indices,
            zero_init_residual,
            pretrained=pretrained,
            pretrained2d=pretrained2d,
            frozen_stages=frozen_stages,
            norm_eval=norm_eval,
            init_cfg=init_cfg,
        )


@MODELS.register_module()
class ResNet3dSlowOnly(ResNet3d):
    """The slow pathway of SlowFast alone (Feichtenhofer et al., ICCV 2019): temporal kernels in the last stages only.

    With heatmaps as input this is PoseC3D (Duan et al., CVPR 2022). It takes the arguments of :class:`ResNet3d`, some
    with other defaults. ``lateral=True`` raises ValueError, as a single pathway has nothing to fuse; it and the
    arguments after it are here because published configs may name them, and the others have no effect.
    """

    def __init__(
        self,
        conv1_kernel: Sequence[int] = (1, 7, 7),
        conv1_stride_t: int = 1,
        pool1_stride_t: int = 1,
        inflate: PerBlock | Sequence[PerBlock] = (0, 0, 1, 1),
        with_pool2: bool = False,
        lateral: bool = False,
        lateral_inv: bool = False,
        lateral_norm: bool = False,
        speed_ratio: int = 8,
        channel_ratio: int = 8,
        fusion_kernel: int = 5,
        lateral_infl: int = 2,
        lateral_activate: Sequence[int] = (1, 1, 1, 1),
        **kwargs: Any,
    ) -> None:
        if lateral:
            raise ValueError("lateral=True needs a second pathway: use ResNet3dSlowFast")
        super().__init__(
            conv1_kernel=conv1_kernel,
            conv1_stride_t=conv1_stride_t,
            pool1_stride_t=pool1_stride_t,
            inflate=inflate,
            with_pool2=with_pool2,
            **kwargs,
        )


@MODELS.register_module()
class ResNet3dLayer(Backbone):
    """One stage of a :class:`ResNet3d`, as a head of its own above shared features.

    ``stage`` says which one, from 0; it takes the channels of the one before, and ``pretrained`` is a checkpoint of the
    whole network. With ``all_frozen`` nothing is trained. It also takes the arguments of :class:`ResNet3d`, with one
    value where that takes one for each stage.
    """

    def __init__(
        self,
        depth: int,
        pretrained: str | None = None,
        pretrained2d: bool = True,
        stage: int = 3,
        base_channels: int = 64,
        spatial_stride: int = 2,
        temporal_stride: int = 1,
        dilation: int = 1,
        style: str = "pytorch",
        all_frozen: bool = False,
        inflate: PerBlock = 1,
        inflate_style: str = "3x1x1",
        conv_cfg: Cfg = CONV3D,
        norm_cfg: Cfg | None = BN3D,
        act_cfg: Cfg = RELU,
        norm_eval: bool = False,
        with_cp: bool = False,
        zero_init_residual: bool = True,
        init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(pretrained, pretrained2d, 0 if all_frozen else -1, norm_eval, init_cfg)
        if not 0 <= stage <= 3:
            raise ValueError(f"stage must be 0 to 3; got {stage}")
        expansion, blocks = blocks_of(depth, 4)
        *_, spec = stage_specs(
            base_channels,
            [stage_kernels(expansion, n, inflate if i == stage else 0, inflate_style) for i, n in enumerate(blocks)][
                : stage + 1
            ],
            [(temporal_stride, spatial_stride, spatial_stride)] * (stage + 1),
            [dilation] * (stage + 1),
            style,
        )
        self.layer_name = f"layer{stage + 1}"
        self.zero_init_residual = zero_init_residual
        self.add_module(self.layer_name, make_stage(spec, LayerCfgs(conv_cfg, norm_cfg, act_cfg, with_cp)))
        self.freeze_stages()

    def stage_modules(self) -> list[list[nn.Module]]:
        """Return the stage, which ``all_frozen`` freezes."""
        return [[getattr(self, self.layer_name)]]

    def init_residuals(self) -> None:
        """Start every residual branch at zero if asked to."""
        if self.zero_init_residual:
            zero_residuals(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the stage's output for features of shape ``(N, C, T, H, W)``."""
        return getattr(self, self.layer_name)(cpu.prepare(x))
