"""Heads of the 2D networks, whose views are single frames: segments of one video."""

from typing import Any

import torch

from mmaction.models.heads.base import LinearHead
from mmaction.registry import MODELS


def _check_consensus(consensus: dict | None) -> None:
    consensus = {"type": "AvgConsensus", **(consensus or {})}
    if consensus["type"] != "AvgConsensus" or consensus.get("dim", 1) != 1:
        raise ValueError(f"consensus must be dict(type='AvgConsensus', dim=1), the mean over segments; got {consensus}")


@MODELS.register_module()
class TSNHead(LinearHead):
    """Head of TSN: the mean of all frames' features, then dropout and a linear layer.

    Arguments: see ``LinearHead``; ``consensus`` may be ``dict(type='AvgConsensus', dim=1)``, the only one there is.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        loss_cls: dict | None = None,
        spatial_type: str | None = "avg",
        consensus: dict | None = None,
        dropout_ratio: float = 0.4,
        init_std: float = 0.01,
        **kwargs: Any,
    ) -> None:
        _check_consensus(consensus)
        super().__init__(num_classes, in_channels, loss_cls, spatial_type, dropout_ratio, init_std, **kwargs)

    def classify(self, pooled: torch.Tensor, num_segs: int = 1) -> torch.Tensor:
        """Return logits (N, num_classes) from pooled frames (N * num_segs, in_channels)."""
        return super().classify(pooled.unflatten(0, (-1, num_segs)).mean(dim=1))


@MODELS.register_module()
class TSMHead(LinearHead):
    """Head of TSM: dropout and a linear layer for each frame, then the mean of each clip's logits.

    Arguments: see :class:`TSNHead`; ``num_segments`` (frames of a clip), ``is_shift`` and ``temporal_pool`` are as in
    the backbone.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        num_segments: int = 8,
        loss_cls: dict | None = None,
        spatial_type: str | None = "avg",
        consensus: dict | None = None,
        dropout_ratio: float = 0.8,
        init_std: float = 0.001,
        is_shift: bool = True,
        temporal_pool: bool = False,
        **kwargs: Any,
    ) -> None:
        _check_consensus(consensus)
        super().__init__(num_classes, in_channels, loss_cls, spatial_type, dropout_ratio, init_std, **kwargs)
        self.num_segments = num_segments
        self.is_shift = is_shift
        self.temporal_pool = temporal_pool

    def classify(self, pooled: torch.Tensor, num_segs: int = 1) -> torch.Tensor:
        """Return logits (V, num_classes), one for each clip of ``num_segments`` frames."""
        frames = self.num_segments // 2 if self.is_shift and self.temporal_pool else self.num_segments
        if pooled.shape[0] % frames:
            raise ValueError(
                f"TSMHead averages clips of {frames} frames, but the batch has {len(pooled)} frames in all; "
                "num_clips of SampleFrames must be num_segments of the head and the backbone"
            )
        return super().classify(pooled).unflatten(0, (-1, frames)).mean(dim=1)
