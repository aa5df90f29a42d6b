"""Cross entropy over classes that exclude each other, and over classes that do not."""

import torch
import torch.nn.functional as F

from mmaction.models.losses.base import ClassWeightedLoss
from mmaction.registry import MODELS


@MODELS.register_module()
class CrossEntropyLoss(ClassWeightedLoss):
    """Softmax cross entropy; integer labels are class indices, floating-point labels are class probabilities.

    With class weights the sum is divided by the weight of the labels, in both forms, so that a one-hot label costs as
    much as its class index. A batch whose labels all weigh 0 costs 0.

    Args:
        loss_weight: Factor on the loss.
        class_weight: One factor per class; None: all 1.

    Example:
        >>> logits = torch.tensor([[2.0, 0.0, -1.0]])
        >>> round(CrossEntropyLoss()(logits, torch.tensor([0])).item(), 4)
        0.1698
    """

    def _forward(self, cls_score: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        weight = self.weight_of(cls_score)
        return F.cross_entropy(cls_score, label) if weight is None else weighted_cross_entropy(cls_score, label, weight)


def weighted_cross_entropy(cls_score: torch.Tensor, label: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the cross entropy with a weight for each class, divided by the weight of the labels."""
    if label.is_floating_point():
        weighted = weight * label
        loss, total = -(weighted * F.log_softmax(cls_score, dim=1)).sum(), weighted.sum()
    else:
        loss = F.cross_entropy(cls_score, label, weight=weight, reduction="sum")
        total = (weight[label.clamp_min(0)] * (label >= 0)).sum()  # torch leaves labels of -100 out
    return loss / total.clamp_min(torch.finfo(total.dtype).tiny)


@MODELS.register_module()
class BCELossWithLogits(ClassWeightedLoss):
    """Sigmoid cross entropy of every class by itself, averaged over samples and classes: for multi-label data.

    Labels are multi-hot tensors (N, num_classes); class indices raise TypeError.

    Args:
        loss_weight: Factor on the loss.
        class_weight: One factor per class; None: all 1.
    """

    def _forward(self, cls_score: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        if not label.is_floating_point():
            raise TypeError(
                "BCELossWithLogits needs multi-hot labels of a floating-point dtype, shape (N, num_classes); got class "
                f"indices ({label.dtype}). Set multi_class=True in the head and in the dataset"
            )
        return F.binary_cross_entropy_with_logits(cls_score, label.to(cls_score), weight=self.weight_of(cls_score))
