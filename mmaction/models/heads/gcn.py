"""Head of the graph networks."""

from typing import Any

import torch
from torch import nn

from mmaction.models.heads.base import BaseHead, linear_init, pool
from mmaction.registry import MODELS


@MODELS.register_module()
class GCNHead(BaseHead):
    """Head of ST-GCN and its kin: features (V, M, in_channels, T, J) of V views, M persons and J joints.

    Arguments: see ``BaseHead``; ``dropout`` is the probability that a feature is dropped in training.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        loss_cls: dict | None = None,
        dropout: float = 0.0,
        average_clips: str | None = "prob",
        init_cfg: dict | list[dict] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            num_classes,
            in_channels,
            loss_cls,
            average_clips=average_clips,
            init_cfg=init_cfg or linear_init(0.01),
            **kwargs,
        )
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(in_channels, num_classes)

    def pool_feats(self, feats: torch.Tensor) -> torch.Tensor:
        """Return the mean over persons, time and joints, shape (V, in_channels)."""
        return self.check_width(pool(feats.transpose(1, 2), "avg"))

    def classify(self, pooled: torch.Tensor, num_segs: int = 1) -> torch.Tensor:
        """Return the logits of each view, shape (V, num_classes)."""
        return self.fc(self.dropout(pooled))
