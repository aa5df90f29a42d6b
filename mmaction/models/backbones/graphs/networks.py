"""Graph networks: ten blocks of a convolution over joints and one over time, each network a row of its parts.

Sources: ST-GCN (Yan et al., AAAI 2018), ST-GCN++ (Duan et al., "PYSKL", ACM MM 2022), 2s-AGCN (Shi et al., CVPR 2019),
CTR-GCN (Chen et al., ICCV 2021).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from mmaction.models import cpu
from mmaction.models.backbones.base import Backbone
from mmaction.models.backbones.graphs.adjacency import build_adjacency
from mmaction.models.backbones.graphs.spatial import AdaptiveGraphConv, GraphConv, RefinedGraphConv
from mmaction.models.backbones.graphs.temporal import DilatedBranches, MultiScaleConv, TemporalConv
from mmaction.models.initial import InitCfg
from mmaction.registry import MODELS

DATA_NORMS = ("VC", "MVC", None)


class GraphBlock(nn.Module):
    """A convolution over joints, one over time, and a shortcut around both; ``names`` are theirs in the state dict."""

    def __init__(
        self,
        spatial: nn.Module,
        temporal: nn.Module,
        in_channels: int,
        out_channels: int,
        stride: int,
        residual: bool,
        names: tuple[str, str],
    ) -> None:
        super().__init__()
        self.names = names
        self.add_module(names[0], spatial)
        self.add_module(names[1], temporal)
        self.residual: nn.Module | None = None
        if residual and in_channels == out_channels and stride == 1:
            self.residual = nn.Identity()
        elif residual:
            self.residual = TemporalConv(in_channels, out_channels, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return shape ``(N, out_channels, T // stride, V)`` for ``(N, in_channels, T, V)``."""
        spatial, temporal = (getattr(self, name) for name in self.names)
        y = temporal(spatial(x))
        return torch.relu(y if self.residual is None else y + self.residual(x))


class GraphNet(Backbone):
    """What the graph networks share: the adjacency, the norm of the input, and the row of blocks.

    Args:
        graph_cfg: Arguments of :func:`~mmaction.models.backbones.graphs.adjacency.build_adjacency`: ``layout`` (a name
            or a description), ``mode``, ``max_hop``.
        in_channels: Channels of a joint: 3 for (x, y, score) and (x, y, z).
        base_channels: Channels of the first stage.
        data_bn_type: Norm of the input: ``VC`` for each joint and channel, ``MVC`` also for each person, None: none.
        ch_ratio: Factor of the channels at each of the ``inflate_stages``.
        num_person: Number of persons M, for ``MVC``.
        num_stages: Number of blocks.
        inflate_stages: Blocks, from 1, in which channels grow.
        down_stages: Blocks, from 1, that halve the number of frames.
        init_cfg: MMEngine's description of the initial weights; None: Kaiming.
        pretrained: Checkpoint for the initial weights: a URL or a file.
        options: For blocks: ``gcn_*`` for the convolution over joints, ``tcn_*`` for the one over time; a tuple with
            an entry for each block gives each its own value.
    """

    block_names = ("gcn", "tcn")
    blocks_name = "gcn"
    keeps_adjacency = False

    def __init__(
        self,
        graph_cfg: Mapping[str, Any],
        in_channels: int = 3,
        base_channels: int = 64,
        data_bn_type: str | None = "VC",
        ch_ratio: float = 2,
        num_person: int = 2,
        num_stages: int = 10,
        inflate_stages: Sequence[int] = (5, 8),
        down_stages: Sequence[int] = (5, 8),
        init_cfg: InitCfg | None = None,
        pretrained: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(pretrained, init_cfg=init_cfg)
        if data_bn_type not in DATA_NORMS:
            raise ValueError(f"data_bn_type must be one of {DATA_NORMS}; got {data_bn_type!r}")
        adjacency = build_adjacency(**graph_cfg)
        if self.keeps_adjacency:
            self.register_buffer("A", adjacency.clone())
        self.num_joints = adjacency.shape[-1]
        self.data_bn_type, self.num_person = data_bn_type, num_person
        persons = num_person if data_bn_type == "MVC" else 1
        width = persons * in_channels * self.num_joints
        self.data_bn = nn.Identity() if data_bn_type is None else nn.BatchNorm1d(width)
        blocks: list[nn.Module] = []
        channels, inflated = in_channels, 0
        for stage in range(1, num_stages + 1):
            inflated += stage > 1 and stage in inflate_stages
            leaving = int(base_channels * ch_ratio**inflated + 1e-4)
            stride = 2 if stage > 1 and stage in down_stages else 1
            own = {key: value[stage - 1] if _per_stage(value, num_stages) else value for key, value in options.items()}
            if stage == 1:
                own.pop("tcn_dropout", None)  # the first block sees the joints themselves
            if stage > 1 or in_channels != base_channels:
                blocks.append(self.block(channels, leaving, adjacency, stride, residual=stage > 1, **own))
            channels = leaving
        self.add_module(self.blocks_name, nn.ModuleList(blocks))

    def block(
        self,
        in_channels: int,
        out_channels: int,
        adjacency: torch.Tensor,
        stride: int,
        residual: bool,
        **options: Any,
    ) -> GraphBlock:
        """Build one block."""
        gcn = {key.removeprefix("gcn_"): value for key, value in options.items() if key.startswith("gcn_")}
        tcn = {key.removeprefix("tcn_"): value for key, value in options.items() if key.startswith("tcn_")}
        unknown = [key for key in options if not key.startswith(("gcn_", "tcn_"))]
        if unknown:
            raise TypeError(f"{type(self).__name__} takes no {unknown[0]}; options of blocks begin with gcn_ or tcn_")
        spatial = self.spatial(in_channels, out_channels, adjacency, **gcn)
        temporal = self.temporal(out_channels, stride, **tcn)
        return GraphBlock(spatial, temporal, in_channels, out_channels, stride, residual, self.block_names)

    spatial: Callable[..., nn.Module] = GraphConv

    def temporal(self, channels: int, stride: int, type: str = "unit_tcn", **options: Any) -> nn.Module:
        """Build the convolution over time: ``unit_tcn`` of nine frames, or ``mstcn`` of several branches."""
        if type not in ("unit_tcn", "mstcn"):
            raise ValueError(f"tcn_type must be 'unit_tcn' or 'mstcn'; got {type!r}")
        if type == "unit_tcn":
            return TemporalConv(channels, channels, stride=stride, **options)
        return MultiScaleConv(channels, channels, stride=stride, **options)

    def stage_modules(self) -> list[list[nn.Module]]:
        """Return nothing: no block of a graph network is ever frozen."""
        return []

    def init_residuals(self) -> None:
        """Let the convolutions over joints start as they want to."""
        for module in self.modules():
            if isinstance(module, AdaptiveGraphConv | RefinedGraphConv):
                module.init_weights()

    def check_joints(self, num_joints: int, mirrored: bool = False) -> None:
        """Raise ValueError unless skeletons of ``num_joints`` joints fit."""
        if num_joints != self.num_joints:
            raise ValueError(
                f"the graph has {self.num_joints} joints, the skeletons have {num_joints}; set layout in graph_cfg of "
                "the backbone, and dataset in GenSkeFeat, to the layout of the data"
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return features ``(N, M, channels, T', V)`` for skeletons ``(N, M, T, V, in_channels)``."""
        samples, persons, frames, joints, channels = x.shape
        self.check_joints(joints)
        if self.data_bn_type == "MVC" and persons != self.num_person:
            raise ValueError(
                f"data_bn_type='MVC' norms each of {self.num_person} persons, the samples have {persons}: give "
                "num_person of the backbone and of FormatGCNInput the same value"
            )
        x = x.permute(0, 1, 3, 4, 2)  # (N, M, V, C, T), the order of the norm's weights
        x = x.flatten(1, 3) if self.data_bn_type == "MVC" else x.flatten(0, 1).flatten(1, 2)
        x = self.data_bn(x).view(samples * persons, joints, channels, frames).permute(0, 2, 3, 1)
        x = cpu.prepare(x)
        for block in getattr(self, self.blocks_name):
            x = block(x)
        return x.unflatten(0, (samples, persons))


def _per_stage(value: Any, num_stages: int) -> bool:
    return isinstance(value, tuple) and len(value) == num_stages


@MODELS.register_module()
class STGCN(GraphNet):
    """ST-GCN, and with ``gcn_adaptive="init", gcn_with_res=True, tcn_type="mstcn"`` ST-GCN++.

    Arguments: see :class:`GraphNet`; of the blocks ``gcn_adaptive``, ``gcn_conv_pos``, ``gcn_with_res``, ``tcn_type``
    (``unit_tcn``, ``mstcn``), ``tcn_dropout``, ``tcn_ms_cfg``.
    """


@MODELS.register_module()
class AAGCN(GraphNet):
    """The network of 2s-AGCN (``gcn_attention=False``) and of MS-AAGCN.

    Arguments: see :class:`GraphNet`; of the blocks ``gcn_adaptive``, ``gcn_attention``, ``gcn_coff_embedding``,
    ``tcn_type``, ``tcn_dropout``.
    """

    spatial = AdaptiveGraphConv
    keeps_adjacency = True

    def __init__(
        self,
        graph_cfg: Mapping[str, Any],
        in_channels: int = 3,
        base_channels: int = 64,
        data_bn_type: str | None = "MVC",
        num_person: int = 2,
        num_stages: int = 10,
        inflate_stages: Sequence[int] = (5, 8),
        down_stages: Sequence[int] = (5, 8),
        init_cfg: InitCfg | None = None,
        **options: Any,
    ) -> None:
        options |= dict(num_stages=num_stages, inflate_stages=inflate_stages, down_stages=down_stages)
        options |= dict(num_person=num_person, init_cfg=init_cfg)
        super().__init__(graph_cfg, in_channels, base_channels, data_bn_type, **options)


@MODELS.register_module()
class CTRGCN(GraphNet):
    """CTR-GCN.

    Arguments: see :class:`GraphNet`; of the blocks ``kernel_size``, ``dilations`` and ``tcn_dropout``.
    """

    spatial = RefinedGraphConv
    block_names = ("gcn1", "tcn1")
    blocks_name = "net"
    keeps_adjacency = True

    def __init__(
        self,
        graph_cfg: Mapping[str, Any],
        in_channels: int = 3,
        base_channels: int = 64,
        num_stages: int = 10,
        inflate_stages: Sequence[int] = (5, 8),
        down_stages: Sequence[int] = (5, 8),
        pretrained: str | None = None,
        num_person: int = 2,
        init_cfg: InitCfg | None = None,
        **options: Any,
    ) -> None:
        options = {key if key.startswith("tcn_") else f"tcn_{key}": value for key, value in options.items()}
        options |= dict(num_stages=num_stages, inflate_stages=inflate_stages, down_stages=down_stages)
        options |= dict(num_person=num_person, pretrained=pretrained, init_cfg=init_cfg)
        super().__init__(graph_cfg, in_channels, base_channels, "MVC", **options)

    def temporal(self, channels: int, stride: int, **options: Any) -> nn.Module:  # type: ignore[override]
        """Build the convolutions over time."""
        return DilatedBranches(channels, stride=stride, **options)
