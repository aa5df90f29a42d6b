"""Class-balanced focal loss."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from mmaction.models.losses.base import BaseWeightedLoss, check_class_count
from mmaction.registry import MODELS


@MODELS.register_module()
class CBFocalLoss(BaseWeightedLoss):
    """Focal loss whose classes weigh as much as their effective number of samples is small.

    A class of n samples weighs (1 - beta) / (1 - beta^n) (Cui et al., "Class-balanced loss based on effective number of
    samples", CVPR 2019, equation 3); the weights are scaled to a mean of 1 over the classes that have samples. A class
    without samples weighs 0. A batch without labels costs 0.

    Args:
        loss_weight: Factor on the loss.
        samples_per_cls: Number of training samples of every class.
        beta: In [0, 1); 0 weighs all classes alike, near 1 by the inverse frequency.
        gamma: Exponent of the focal factor, at least 0; 0 leaves the plain sigmoid cross entropy.
    """

    def __init__(
        self,
        loss_weight: float = 1.0,
        samples_per_cls: Sequence[int] = (),
        beta: float = 0.9999,
        gamma: float = 2.0,
    ) -> None:
        super().__init__(loss_weight)
        counts = torch.as_tensor(samples_per_cls, dtype=torch.float64)
        if counts.ndim != 1 or not (counts > 0).any() or (counts < 0).any():
            raise ValueError(f"samples_per_cls needs the sample count of every class; got {samples_per_cls}")
        if not 0 <= beta < 1 or gamma < 0:
            raise ValueError(f"beta must lie in [0, 1) and gamma must be at least 0; got beta={beta}, gamma={gamma}")
        self.beta = beta
        self.gamma = gamma
        present = counts > 0
        weights = torch.where(present, (1 - beta) / (1 - beta ** counts.clamp(min=1)), 0.0)
        self.weights: torch.Tensor
        self.register_buffer("weights", (weights / weights.sum() * present.sum()).float(), persistent=False)

    def _forward(self, cls_score: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        check_class_count("samples_per_cls", len(self.weights), cls_score)
        target = label if label.is_floating_point() else F.one_hot(label, cls_score.shape[1])
        target = target.to(cls_score)
        entropy = F.binary_cross_entropy_with_logits(cls_score, target, reduction="none")
        # (1 - p)^gamma where the target is 1 and p^gamma where it is 0, in a form that neither overflows nor divides.
        focus = torch.exp(-self.gamma * (target * cls_score + F.softplus(-cls_score)))
        sample_weight = (target * self.weights.to(cls_score)).sum(dim=1, keepdim=True)
        return (sample_weight * focus * entropy).sum() / target.sum().clamp_min(torch.finfo(target.dtype).tiny)
