"""Class-balanced focal loss."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from mmaction.models.losses.long_tail import CountedLoss, check_beta, effective_weights
from mmaction.registry import MODELS


@MODELS.register_module()
class CBFocalLoss(CountedLoss):
    """Focal loss whose classes weigh as much as their effective number of samples is small.

    See :func:`~mmaction.models.losses.long_tail.effective_weights`. A batch without labels costs 0.

    Args:
        loss_weight: Factor on the loss.
        samples_per_cls: Number of training samples of every class; (): they are counted before the
            training.
        beta: In [0, 1); 0 weighs all classes alike, near 1 by the inverse frequency.
        gamma: Exponent of the focal factor, at least 0; 0 leaves the plain sigmoid cross entropy.
    """

    counts_name = "samples_per_cls"

    def __init__(
        self,
        loss_weight: float = 1.0,
        samples_per_cls: Sequence[int] = (),
        beta: float = 0.9999,
        gamma: float = 2.0,
    ) -> None:
        super().__init__(loss_weight, None if len(samples_per_cls) == 0 else samples_per_cls)
        check_beta(beta)
        if gamma < 0:
            raise ValueError(f"gamma must be at least 0; got gamma={gamma}")
        self.beta = beta
        self.gamma = gamma

    def numbers_of(self, counts: torch.Tensor) -> torch.Tensor:
        """Return the weights."""
        return effective_weights(counts, self.beta)

    def _forward(self, cls_score: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        target = label if label.is_floating_point() else F.one_hot(label, cls_score.shape[1])
        target = target.to(cls_score)
        entropy = F.binary_cross_entropy_with_logits(cls_score, target, reduction="none")
        # (1 - p)^gamma where the target is 1 and p^gamma where it is 0, in a form that neither overflows nor divides.
        focus = torch.exp(-self.gamma * (target * cls_score + F.softplus(-cls_score)))
        sample_weight = (target * self.numbers(cls_score)).sum(dim=1, keepdim=True)
        return (sample_weight * focus * entropy).sum() / target.sum().clamp_min(torch.finfo(target.dtype).tiny)
