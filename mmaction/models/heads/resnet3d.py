"""Heads of the 3D networks."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from mmaction.models.heads.base import LinearHead, pool
from mmaction.registry import MODELS


@MODELS.register_module()
class I3DHead(LinearHead):
    """Head of I3D, SlowOnly, C2D, C3D and PoseC3D: features (V, in_channels, T, H, W) to logits (V, num_classes).

    Arguments: see ``LinearHead``; with ``spatial_type=None`` the features may be vectors, as C3D gives them.
    """


@MODELS.register_module()
class SlowFastHead(LinearHead):
    """Head of SlowFast: the pooled features of both pathways side by side.

    Arguments: see ``LinearHead``; ``in_channels`` counts the channels of all pathways, 2304 for SlowFast R50.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        loss_cls: dict | None = None,
        spatial_type: str | None = "avg",
        dropout_ratio: float = 0.8,
        init_std: float = 0.01,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_classes, in_channels, loss_cls, spatial_type, dropout_ratio, init_std, **kwargs)

    def pool_feats(self, feats: torch.Tensor | Sequence[torch.Tensor]) -> torch.Tensor:
        """Return (V, in_channels) from the features of the slow and the fast pathway, each (V, C, T, H, W).

        The fast pathway comes first in the vector, as in the published weights.
        """
        if isinstance(feats, torch.Tensor):
            raise TypeError(
                f"SlowFastHead needs the features of several pathways, got one tensor of shape {tuple(feats.shape)}; "
                "for a backbone of one pathway use I3DHead"
            )
        return self.check_width(torch.cat([pool(x, self.spatial_type) for x in reversed(feats)], dim=1))


@MODELS.register_module()
class X3DHead(LinearHead):
    """Head of X3D: pooling, a linear layer ``fc1`` to 2048 channels, ReLU, dropout, a linear layer ``fc2``.

    Arguments: see ``LinearHead``; ``fc1_bias`` gives the first layer a bias.
    """

    mid_channels = 2048  # Feichtenhofer, "X3D: expanding architectures", CVPR 2020, table 1

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        loss_cls: dict | None = None,
        spatial_type: str | None = "avg",
        dropout_ratio: float = 0.5,
        init_std: float = 0.01,
        fc1_bias: bool = False,
        **kwargs: Any,
    ) -> None:
        self._fc1_bias = fc1_bias  # read by build_layers
        super().__init__(num_classes, in_channels, loss_cls, spatial_type, dropout_ratio, init_std, **kwargs)

    def build_layers(self) -> None:
        """Create both linear layers."""
        self.fc1 = nn.Linear(self.width, self.mid_channels, bias=self._fc1_bias)
        self.fc2 = nn.Linear(self.mid_channels, self.num_classes)

    def classify(self, pooled: torch.Tensor, num_segs: int = 1) -> torch.Tensor:
        """Return the logits of each view, shape (V, num_classes)."""
        return self.fc2(self.dropout(torch.relu(self.fc1(pooled))))
