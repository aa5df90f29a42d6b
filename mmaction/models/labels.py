"""Labels of a batch as the tensor that a loss reads, and the accuracies that are logged with it."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from mmaction.structures import ActionDataSample


def gather_labels(data_samples: Sequence[ActionDataSample], num_classes: int, multi_class: bool) -> torch.Tensor:
    """Collect the labels of a batch.

    Returns:
        The samples' ``gt_score`` as float (N, num_classes) if they have one; else their ``gt_label`` as a multi-hot
        float tensor (N, num_classes) with ``multi_class`` and as int64 class indices (N,) without.

    Raises:
        ValueError: If a label is missing, outside ``num_classes``, or not alone although ``multi_class`` is False.
    """
    if all("gt_score" in sample for sample in data_samples):
        return torch.stack([sample.gt_score for sample in data_samples])
    labels = [_checked_label(sample, num_classes, multi_class) for sample in data_samples]
    if not multi_class:
        return torch.cat(labels)
    multi_hot = torch.zeros(len(labels), num_classes, device=labels[0].device)
    for row, label in zip(multi_hot, labels, strict=True):
        row[label] = 1
    return multi_hot


def _checked_label(sample: ActionDataSample, num_classes: int, multi_class: bool) -> torch.Tensor:
    if "gt_label" not in sample:
        raise ValueError(f"a sample has no gt_label, which training needs; it has the fields {sorted(sample.keys())}")
    label = sample.gt_label
    if not multi_class and len(label) != 1:
        raise ValueError(
            f"a sample has {len(label)} labels, {label.tolist()}; for several per sample set multi_class=True in the "
            "head and in the dataset"
        )
    # Read on the CPU, where the data loader leaves the labels: looking at them does not wait for a device.
    outside = [value for value in label.tolist() if not 0 <= value < num_classes]
    if outside:
        raise ValueError(
            f"label {outside[0]} lies outside num_classes={num_classes} (labels are 0 to {num_classes - 1}); set "
            "num_classes to the data set's class count, or correct the annotation"
        )
    return label


def smooth_labels(labels: torch.Tensor, num_classes: int, eps: float) -> torch.Tensor:
    """Spread the share ``eps`` of every label evenly over the classes; class indices become probabilities."""
    if not labels.is_floating_point():
        labels = F.one_hot(labels, num_classes).float()
    return (1 - eps) * labels + eps / num_classes


def top_k_accuracies(scores: torch.Tensor, labels: torch.Tensor, topk: Sequence[int]) -> dict[str, torch.Tensor]:
    """Return ``top{k}_acc`` for every k: the share of samples whose label is among the k best scores.

    Args:
        scores: Shape (V, num_classes).
        labels: Class indices (V,), on the device of ``scores``; nothing is copied from it.
        topk: With fewer than k classes the accuracy is 1.
    """
    if not topk:
        return {}
    best = scores.topk(min(max(topk), scores.shape[1]), dim=1).indices
    hits = best == labels.unsqueeze(1)
    return {f"top{k}_acc": hits[:, :k].any(dim=1).float().mean() for k in topk}
