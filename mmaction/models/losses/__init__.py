"""Losses of the classification heads."""

from mmaction.models.losses.base import BaseWeightedLoss
from mmaction.models.losses.cross_entropy import BCELossWithLogits, CrossEntropyLoss
from mmaction.models.losses.focal import CBFocalLoss

__all__ = ["BCELossWithLogits", "BaseWeightedLoss", "CBFocalLoss", "CrossEntropyLoss"]
