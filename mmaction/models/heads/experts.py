"""Head of the attention across experts."""

from typing import Any

import torch
from torch import nn

from mmaction.models.heads.base import BaseHead
from mmaction.registry import MODELS


@MODELS.register_module()
class ExpertHead(BaseHead):
    """The experts' log-probabilities together, times a learned factor, and a linear correction from their features.

    The correction begins at 0 and the factor at 1: before training the logits are the mean of the log-probabilities.

    Args:
        num_classes: Number of classes.
        in_channels: Length of the features of all experts together; 0 without ``use_features`` of the backbone.
        loss_cls: Config of the loss.
        dropout_ratio: Probability that a feature is dropped in training.
        average_clips: See ``BaseHead``.
        kwargs: ``label_smooth_eps``, ``topk``, ``init_cfg`` of ``BaseHead``.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        loss_cls: dict | None = None,
        dropout_ratio: float = 0.5,
        average_clips: str | None = "prob",
        **kwargs: Any,
    ) -> None:
        super().__init__(num_classes, in_channels, loss_cls, average_clips=average_clips, **kwargs)
        self.width = in_channels
        self.dropout = nn.Dropout(dropout_ratio)
        self.factor = nn.Parameter(torch.ones(()))
        self.fc_cls = nn.Linear(in_channels, num_classes, bias=False) if in_channels else None
        if self.fc_cls is not None:
            nn.init.zeros_(self.fc_cls.weight)

    def pool_feats(self, feats: torch.Tensor) -> torch.Tensor:
        """Return what ``ExpertAttention`` gives, (V, in_channels + num_classes), as it is."""
        return self.check_width(feats, self.width + self.num_classes)

    def classify(self, pooled: torch.Tensor, num_segs: int = 1) -> torch.Tensor:
        """Return the logits of each view, (V, num_classes)."""
        features, mixed = pooled.split([self.width, self.num_classes], dim=1)
        logits = self.factor * mixed
        return logits if self.fc_cls is None else logits + self.fc_cls(self.dropout(features))
