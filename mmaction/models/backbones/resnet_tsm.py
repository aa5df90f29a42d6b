"""Temporal Shift Module (Lin et al., ICCV 2019): a 2D network that sees time by moving channels between frames."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from mmaction.models.backbones.residual import PerBlock, per_block, per_stage
from mmaction.models.backbones.resnet import ResNet
from mmaction.models.layers import Cfg, NonLocal
from mmaction.registry import MODELS


def shift(x: torch.Tensor, num_segments: int, shift_div: int) -> torch.Tensor:
    """Move ``C // shift_div`` channels of ``(N * num_segments, C, H, W)`` a frame back, as many on; gaps are zero."""
    clips = x.unflatten(0, (-1, num_segments))
    fold = clips.shape[2] // shift_div
    out = torch.zeros_like(clips)
    out[:, :-1, :fold] = clips[:, 1:, :fold]
    out[:, 1:, fold : 2 * fold] = clips[:, :-1, fold : 2 * fold]
    out[:, :, 2 * fold :] = clips[:, :, 2 * fold :]
    return out.flatten(0, 1)


class TemporalShift(nn.Module):
    """A layer ``net`` behind a :func:`shift` of its input."""

    def __init__(self, net: nn.Module, num_segments: int = 3, shift_div: int = 8) -> None:
        super().__init__()
        self.net = net
        self.num_segments = num_segments
        self.shift_div = shift_div

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``net`` of the shifted frames ``(N * num_segments, C, H, W)``."""
        return self.net(shift(x, self.num_segments, self.shift_div))


class OverClips(nn.Module):
    """Apply something to clips ``(N, C, T, H, W)`` that is given frames ``(N * T, C, H, W)``."""

    def __init__(self, num_segments: int) -> None:
        super().__init__()
        self.num_segments = num_segments

    def over_clips(self, module: nn.Module, frames: torch.Tensor) -> torch.Tensor:
        """Return the frames of ``module(clips)``."""
        clips = frames.unflatten(0, (-1, self.num_segments)).transpose(1, 2).contiguous()
        return module(clips).transpose(1, 2).flatten(0, 1)


class NonLocalWrapper(OverClips):
    """A residual ``block`` of ``channels`` outputs, followed by a non-local block over its clips."""

    def __init__(self, block: nn.Module, channels: int, num_segments: int, non_local_cfg: Cfg) -> None:
        super().__init__(num_segments)
        self.block = block
        self.non_local_block = NonLocal(channels, **non_local_cfg)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's frames, each with what the non-local block adds from the whole clip."""
        return self.over_clips(self.non_local_block, self.block(x))


class TemporalPool(OverClips):
    """A stage ``net`` behind a max pool that halves the number of frames."""

    def __init__(self, net: nn.Module, num_segments: int) -> None:
        super().__init__(num_segments)
        self.net = net
        self.max_pool3d = nn.MaxPool3d((3, 1, 1), (2, 1, 1), (1, 0, 0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``net`` of the pooled frames."""
        return self.net(self.over_clips(self.max_pool3d, x))


@MODELS.register_module()
class ResNetTSM(ResNet):
    """ResNet with temporal shifts.

    Args:
        depth: 18, 34, 50, 101 or 152.
        num_segments: Frames of one clip.
        is_shift: Whether channels are shifted at all.
        non_local: Which blocks a non-local block follows: one entry per stage, each a flag or one flag per block.
        non_local_cfg: Arguments of mmcv's ``NonLocal3d``; empty for no non-local blocks.
        shift_div: ``C // shift_div`` channels move in each direction.
        shift_place: ``blockres`` shifts the input of a block's first convolution (in every second block where the
            third stage has 23 blocks or more); ``block`` also shifts the shortcut.
        temporal_pool: Whether the number of frames is halved before the second stage.
        pretrained2d: Accepted for published configs.
        kwargs: Further arguments of :class:`~mmaction.models.backbones.resnet.ResNet`.
    """

    def __init__(
        self,
        depth: int,
        num_segments: int = 8,
        is_shift: bool = True,
        non_local: PerBlock | Sequence[PerBlock] = (0, 0, 0, 0),
        non_local_cfg: Cfg = {},  # noqa: B006 (read only)
        shift_div: int = 8,
        shift_place: str = "blockres",
        temporal_pool: bool = False,
        pretrained2d: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(depth, **kwargs)
        if shift_place not in ("block", "blockres"):
            raise ValueError(f"shift_place must be 'block' or 'blockres'; got {shift_place!r}")
        if num_segments < (2 if temporal_pool else 1):
            raise ValueError(f"num_segments={num_segments} is too few")
        self.num_segments = num_segments  # the recognizer keeps the frames of a clip together
        every = 2 if len(self.spec.stages) > 2 and len(self.spec.stages[2].kernels) >= 23 else 1
        non_local = per_stage("non_local", non_local, len(self.spec.stages))
        for i, flags in enumerate(non_local):
            stage = getattr(self, f"layer{i + 1}")
            segments = num_segments // 2 if temporal_pool and i > 0 else num_segments
            for j, block in enumerate(stage):
                if is_shift and shift_place == "block":
                    stage[j] = TemporalShift(block, segments, shift_div)
                elif is_shift and j % every == 0:
                    block.conv1.conv = TemporalShift(block.conv1.conv, segments, shift_div)
                if non_local_cfg and per_block("non_local", flags, len(stage))[j]:
                    stage[j] = NonLocalWrapper(stage[j], self.spec.stages[i].out_channels, segments, non_local_cfg)
        if temporal_pool:
            self.layer2 = TemporalPool(self.get_submodule("layer2"), num_segments)
