"""Losses of the classification heads."""

from mmaction.models.losses.base import BaseWeightedLoss
from mmaction.models.losses.cross_entropy import BCELossWithLogits, CrossEntropyLoss
from mmaction.models.losses.focal import CBFocalLoss
from mmaction.models.losses.long_tail import BalancedSoftmaxLoss, ClassBalancedLoss, LogitAdjustedLoss

__all__ = [
    "BCELossWithLogits",
    "BalancedSoftmaxLoss",
    "BaseWeightedLoss",
    "CBFocalLoss",
    "ClassBalancedLoss",
    "CrossEntropyLoss",
    "LogitAdjustedLoss",
]
