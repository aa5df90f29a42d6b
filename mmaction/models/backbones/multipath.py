"""Networks of two pathways with lateral connections: SlowFast (one way) and RGBPose-Conv3D (both ways).

Each pathway is a :class:`~mmaction.models.backbones.resnet3d.ResNet3d`. They advance stage by stage, the last stages
side by side; after a step, features of one pathway are convolved over time and join the channels of the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.model import BaseModule

from mmaction.models.backbones.residual import blocks_of
from mmaction.models.backbones.resnet3d import ResNet3d
from mmaction.models.inflate import load_pretrained
from mmaction.models.initial import InitCfg, init_from_cfg
from mmaction.models.layers import BN3D, CONV3D, RELU, Cfg, ConvNormAct, same_padding
from mmaction.registry import MODELS
from mmaction.utils.attributes import ReadableArguments

PATHWAY_TYPES = ("resnet3d",)

R50: Cfg = dict(type="resnet3d", depth=50, pretrained=None, conv1_stride_t=1, pool1_stride_t=1)
SLOW_PATHWAY: Cfg = {**R50, "lateral": True, "conv1_kernel": (1, 7, 7), "inflate": (0, 0, 1, 1)}
FAST_PATHWAY: Cfg = {**R50, "lateral": False, "conv1_kernel": (5, 7, 7), "base_channels": 8}
RGB_PATHWAY: Cfg = {
    **dict(lateral=True, lateral_infl=1, lateral_activate=(0, 0, 1, 1), fusion_kernel=7),
    **dict(num_stages=4, base_channels=64, conv1_kernel=(1, 7, 7), inflate=(0, 0, 1, 1), with_pool2=False),
}
POSE_PATHWAY: Cfg = {
    **dict(lateral=True, lateral_inv=True, lateral_infl=16, lateral_activate=(0, 1, 1), fusion_kernel=7),
    **dict(in_channels=17, conv1_kernel=(1, 7, 7), conv1_stride_s=1, conv1_stride_t=1),
    **dict(pool1_stride_s=1, pool1_stride_t=1, with_pool2=False, num_stages=3, stage_blocks=(4, 6, 3)),
    **dict(base_channels=32, inflate=(0, 1, 1), spatial_strides=(2, 2, 2), temporal_strides=(1, 1, 1)),
    **dict(dilations=(1, 1, 1), out_indices=(2,)),
}


@dataclass(frozen=True)
class Lateral:
    """Where and how a pathway takes in features of the other one.

    Args:
        lateral: Whether it does at all.
        lateral_inv: Whether time is stretched (from slow to fast) and not strided.
        lateral_norm: Whether norm and activation follow the convolution.
        lateral_infl: Factor from the source's channels to those that are added; divisor with ``lateral_inv``.
        lateral_activate: For the stem and each stage but the last, whether its output is joined.
        fusion_kernel: Temporal kernel, odd; an even one needs a ``speed_ratio`` from 2 on.
    """

    lateral: bool = False
    lateral_inv: bool = False
    lateral_norm: bool = False
    lateral_infl: int = 2
    lateral_activate: Sequence[int] = (1, 1, 1, 1)
    fusion_kernel: int = 5

    def active(self, point: int) -> bool:
        """Return whether features join after the stem (point 0) or after stage ``point``."""
        return self.lateral and bool(self.lateral_activate[point])

    def channels(self, source_channels: int) -> int:
        """Return how many channels are added."""
        return source_channels // self.lateral_infl if self.lateral_inv else source_channels * self.lateral_infl

    def conv(self, source_channels: int, speed_ratio: int, norm_cfg: Cfg | None, act_cfg: Cfg | None) -> ConvNormAct:
        """Build the convolution over time that turns the source's features into those that are added."""
        kernel = (self.fusion_kernel, 1, 1)
        padding = same_padding(kernel)
        missing = speed_ratio + 2 * padding[0] - self.fusion_kernel  # to speed_ratio times as many frames
        conv_cfg = {"type": "deconv3d", "output_padding": (missing, 0, 0)} if self.lateral_inv else CONV3D
        return ConvNormAct(
            source_channels,
            self.channels(source_channels),
            kernel,
            stride=(speed_ratio, 1, 1),
            padding=padding,
            conv_cfg=conv_cfg,
            norm_cfg=norm_cfg if self.lateral_norm else None,
            act_cfg=act_cfg if self.lateral_norm else None,
        )


class Pathway(ResNet3d):
    """A 3D ResNet that may hold lateral connections: ``conv1_lateral`` after the stem, ``layer1_lateral``, ..."""

    def lateral(self, point: int) -> ConvNormAct | None:
        """Return the connection after the stem (point 0) or after stage ``point``, or None."""
        return getattr(self, "conv1_lateral" if point == 0 else f"layer{point}_lateral", None)

    def stage_modules(self) -> list[list[torch.nn.Module]]:
        """Return the stem, then each stage with the connection behind it."""
        modules = super().stage_modules()
        for point in range(1, len(modules)):
            lateral = self.lateral(point)
            if lateral is not None:
                modules[point].append(lateral)
        return modules


@dataclass(frozen=True)
class PathwayCfg:
    """The arguments of one pathway, taken apart."""

    net: dict[str, Any]
    lateral: Lateral

    @classmethod
    def parse(cls, name: str, cfg: Mapping[str, Any]) -> "PathwayCfg":
        """Split a pathway's config; the caller's dict stays as it is."""
        cfg = {"type": "resnet3d", "with_pool2": False, **cfg}
        kind = cfg.pop("type")
        if kind not in PATHWAY_TYPES:
            raise ValueError(f"{name}: type must be one of {', '.join(PATHWAY_TYPES)}; got {kind!r}")
        for key in ("speed_ratio", "channel_ratio"):
            cfg.pop(key, None)
        lateral = Lateral(**{key: cfg.pop(key) for key in Lateral.__dataclass_fields__ if key in cfg})
        return cls(cfg, lateral)

    @property
    def num_stages(self) -> int:
        """Number of stages."""
        return self.net.get("num_stages", 4)

    def widths(self) -> list[int]:
        """Return the channels that leave the stem and each stage."""
        base = self.net.get("base_channels", 64)
        expansion, blocks = blocks_of(self.net.get("depth", 50), self.num_stages, self.net.get("stage_blocks"))
        return [base, *(base * 2**i * expansion for i in range(len(blocks)))]


class MultiPath(ReadableArguments, BaseModule):
    """Two pathways and their lateral connections.

    ``pathways`` maps the attribute that holds a pathway to the arguments of ``ResNet3d`` and :class:`Lateral`. The fast
    pathway has ``speed_ratio`` frames for one of the slow pathway. ``pretrained`` is a checkpoint of the whole network;
    ``init_cfg`` is followed once each pathway has its own weights.
    """

    def __init__(
        self,
        pathways: Mapping[str, Mapping[str, Any]],
        speed_ratio: int,
        pretrained: str | None = None,
        init_cfg: InitCfg | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.pretrained = pretrained
        self.path_names = tuple(pathways)
        cfgs = {name: PathwayCfg.parse(name, cfg) for name, cfg in pathways.items()}
        self.num_steps = 1 + max(cfg.num_stages for cfg in cfgs.values())
        self.first_step = {name: self.num_steps - 1 - cfg.num_stages for name, cfg in cfgs.items()}
        for name, cfg in cfgs.items():
            source = cfgs[self.other(name)].widths()
            offset = self.first_step[name] - self.first_step[self.other(name)]
            points = [p for p in range(cfg.num_stages) if cfg.lateral.active(p)]
            added = [cfg.lateral.channels(source[p + offset]) if p in points else 0 for p in range(cfg.num_stages)]
            net = Pathway(**cfg.net, lateral_channels=added)
            for point in points:
                norm_cfg, act_cfg = cfg.net.get("norm_cfg", BN3D), cfg.net.get("act_cfg", RELU)
                conv = cfg.lateral.conv(source[point + offset], speed_ratio, norm_cfg, act_cfg)
                net.add_module("conv1_lateral" if point == 0 else f"layer{point}_lateral", conv)
            net.freeze_stages()
            self.add_module(name, net)

    def other(self, name: str) -> str:
        """Return the name of the other pathway."""
        first, second = self.path_names
        return second if name == first else first

    def init_weights(self) -> None:
        """Initialize each pathway, then the whole by ``init_cfg`` and from ``pretrained`` where those are given."""
        for name in self.path_names:
            getattr(self, name).init_weights()
        if self.init_cfg is not None:
            init_from_cfg(self, self.init_cfg)
        if self.pretrained is not None:
            load_pretrained(self, self.pretrained, inflate=False)

    def join(self, name: str, lateral: ConvNormAct, source: torch.Tensor) -> torch.Tensor:
        """Return what the pathway ``name`` takes in from the other pathway's features ``source``."""
        return lateral(source)

    def run(self, features: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Return the last features of each pathway, given the input of each: shapes ``(N, C, T, H, W)``."""
        features = dict(features)
        for step in range(self.num_steps):
            points = {n: step - first for n, first in self.first_step.items() if step >= first}
            for name, point in points.items():
                net = getattr(self, name)
                features[name] = net.stem(features[name]) if point == 0 else net.stage(point - 1, features[name])
            laterals = {name: getattr(self, name).lateral(point) for name, point in points.items()}
            joined = {
                n: self.join(n, conv, features[self.other(n)]) for n, conv in laterals.items() if conv is not None
            }
            for name, added in joined.items():
                _check_fit(name, features[name], added)
                features[name] = torch.cat((features[name], added), dim=1)
        return tuple(features[name] for name in self.path_names)


def _check_fit(name: str, own: torch.Tensor, added: torch.Tensor) -> None:
    """Refuse what cannot join a pathway."""
    if own.shape[2:] != added.shape[2:]:
        raise ValueError(
            f"{name} has {own.shape[2]} frames of {own.shape[3]}x{own.shape[4]} where {added.shape[2]} of "
            f"{added.shape[3]}x{added.shape[4]} join it: the clips do not fit the network. Let clip_len be a multiple "
            "of the rate at which the slow pathway takes frames (speed_ratio: of the two lengths), and the sizes agree"
        )


@MODELS.register_module()
class ResNet3dSlowFast(MultiPath):
    """SlowFast (Feichtenhofer et al., ICCV 2019): few frames with many channels beside many frames with few.

    Args:
        pretrained: Checkpoint of the whole network.
        resample_rate: The slow pathway sees every ``resample_rate``-th frame of the input (tau).
        speed_ratio: The fast pathway sees ``speed_ratio`` times as many (alpha).
        channel_ratio: Channels of the slow pathway over channels of the fast one (1 / beta).
        slow_pathway: Arguments of :class:`~mmaction.models.backbones.resnet3d.ResNet3d` and :class:`Lateral`, and
            ``type='resnet3d'``.
        fast_pathway: Likewise.
        init_cfg: MMEngine's description of the initial weights, followed once each pathway has its own.
    """

    def __init__(
        self,
        pretrained: str | None = None,
        resample_rate: int = 8,
        speed_ratio: int = 8,
        channel_ratio: int = 8,
        slow_pathway: Cfg = SLOW_PATHWAY,
        fast_pathway: Cfg = FAST_PATHWAY,
        init_cfg: InitCfg | None = None,
    ) -> None:
        if resample_rate % speed_ratio:
            raise ValueError(f"resample_rate={resample_rate} must be a multiple of speed_ratio={speed_ratio}")
        slow, fast = slow_pathway.get("base_channels", 64), fast_pathway.get("base_channels", 64)
        if slow != fast * channel_ratio:
            raise ValueError(f"channel_ratio={channel_ratio}, but the pathways have base_channels {slow} and {fast}")
        super().__init__({"slow_path": slow_pathway, "fast_path": fast_pathway}, speed_ratio, pretrained, init_cfg)
        self.slow_rate = resample_rate
        self.fast_rate = resample_rate // speed_ratio

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the features of the slow and of the fast pathway, shapes ``(N, C, T, H, W)`` with different C and T.

        Clips ``x`` have the shape ``(N, C, T, H, W)``, T at least ``resample_rate``.
        """
        return self.run({"slow_path": every(x, self.slow_rate), "fast_path": every(x, self.fast_rate)})


def every(x: torch.Tensor, rate: int) -> torch.Tensor:
    """Return every ``rate``-th of the T frames of ``x``, ``(N, C, T // rate, H, W)``, the first one included."""
    if x.shape[2] < rate:
        raise ValueError(f"a clip of {x.shape[2]} frames is too short to take every {rate}th")
    return x[:, :, : x.shape[2] // rate * rate : rate]


@MODELS.register_module()
class RGBPoseConv3D(MultiPath):
    """RGBPose-Conv3D (Duan et al., CVPR 2022): a slow pathway for RGB and a fast one for heatmaps, joined both ways.

    Args:
        pretrained: Checkpoint of the whole network.
        speed_ratio: Frames of heatmaps for one of RGB.
        channel_ratio: Channels of a stage of the RGB pathway over channels of the pose stage beside it.
        rgb_detach: Whether no gradient flows from the RGB pathway into the pose pathway.
        pose_detach: Whether no gradient flows the other way.
        rgb_drop_path: Probability, in training, that the RGB pathway takes in zeros.
        pose_drop_path: Likewise for the pose pathway.
        rgb_pathway: Arguments of :class:`~mmaction.models.backbones.resnet3d.ResNet3d` and :class:`Lateral`.
        pose_pathway: Likewise.
        init_cfg: MMEngine's description of the initial weights, followed once each pathway has its own.
    """

    def __init__(
        self,
        pretrained: str | None = None,
        speed_ratio: int = 4,
        channel_ratio: int = 4,
        rgb_detach: bool = False,
        pose_detach: bool = False,
        rgb_drop_path: float = 0,
        pose_drop_path: float = 0,
        rgb_pathway: Cfg = RGB_PATHWAY,
        pose_pathway: Cfg = POSE_PATHWAY,
        init_cfg: InitCfg | None = None,
    ) -> None:
        super().__init__({"rgb_path": rgb_pathway, "pose_path": pose_pathway}, speed_ratio, pretrained, init_cfg)
        rgb, pose = (getattr(self, name).spec.stages[-1].out_channels for name in self.path_names)
        if rgb != pose * channel_ratio:
            raise ValueError(f"channel_ratio={channel_ratio}, but the pathways end in {rgb} and {pose} channels")
        self.detach = {"rgb_path": rgb_detach, "pose_path": pose_detach}
        self.drop_path = {"rgb_path": rgb_drop_path, "pose_path": pose_drop_path}
        for name, probability in self.drop_path.items():
            if not 0 <= probability <= 1:
                raise ValueError(f"the drop probability of {name} must be in [0, 1]; got {probability}")
        self._kept: dict[str, torch.Tensor] = {}

    def join(self, name: str, lateral: ConvNormAct, source: torch.Tensor) -> torch.Tensor:
        """Return what the pathway ``name`` takes in: perhaps without gradient, perhaps zeros."""
        joined = lateral(source.detach() if self.detach[name] else source)
        return joined * self._kept[name] if name in self._kept else joined

    def forward(self, imgs: torch.Tensor, heatmap_imgs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the features of both pathways.

        RGB clips have the shape ``(N, 3, T, H, W)``, heatmaps ``(N, V, speed_ratio * T, H', W')``: they are as large as
        the RGB features that they join, a quarter of the image's height and width.
        """
        # a factor and no branch, so that torch.compile makes one graph
        self._kept = {name: torch.rand(()) >= p for name, p in self.drop_path.items() if p and self.training}
        return self.run({"rgb_path": imgs, "pose_path": heatmap_imgs})
