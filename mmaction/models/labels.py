"""Labels of a batch as the tensor that a loss reads, and the accuracies that are logged with it."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from mmaction.structures import ActionDataSample
from mmaction.structures.sample_name import outside_classes, sample_name


def gather_labels(data_samples: Sequence[ActionDataSample], num_classes: int, multi_class: bool) -> torch.Tensor:
    """Return the labels of a batch.

    These are the samples' ``gt_score``, float (N, num_classes), if they have one. Else their ``gt_label``: without
    ``multi_class`` as class indices, int64 (N,); with it as zeros and ones, float (N, num_classes), made from class
    indices or from a ``gt_label`` that already is such a vector. A label that is missing, outside ``num_classes``, or
    not alone although ``multi_class`` is False raises ValueError.
    """
    if all("gt_score" in sample for sample in data_samples):
        return torch.stack([sample.gt_score for sample in data_samples])
    if not multi_class:
        return torch.cat([_class_index(sample, num_classes) for sample in data_samples])
    return torch.stack([_multi_hot(sample, num_classes) for sample in data_samples])


def _label_of(sample: ActionDataSample) -> torch.Tensor:
    if "gt_label" not in sample:
        raise ValueError(f"{_name(sample)} has no gt_label; its fields are {', '.join(sample.keys()) or 'none'}")
    return sample.gt_label


def _name(sample: ActionDataSample) -> str:
    return f"sample {sample_name(sample, 'without a name')}"


def _class_index(sample: ActionDataSample, num_classes: int) -> torch.Tensor:
    """Return the only label of a sample, shape (1,)."""
    label = _label_of(sample)
    if len(label) != 1:
        raise ValueError(
            f"{_name(sample)} has {len(label)} labels, {label.tolist()}; for several per sample set multi_class=True "
            "in the head and in the dataset"
        )
    return _check_range(label, sample, num_classes)


def _multi_hot(sample: ActionDataSample, num_classes: int) -> torch.Tensor:
    """Return a row of zeros and ones from class indices, or from ``num_classes`` zeros and ones as they are."""
    label = _label_of(sample)
    if 1 < len(label) == num_classes:
        if not ((label == 0) | (label == 1)).all():
            raise ValueError(
                f"{_name(sample)}: a label as long as num_classes={num_classes} is read as zeros and ones, one for "
                f"each class; got {label.tolist()}"
            )
        return label.float()
    row = torch.zeros(num_classes, device=label.device)
    row[_check_range(label, sample, num_classes)] = 1
    return row


def _check_range(label: torch.Tensor, sample: ActionDataSample, num_classes: int) -> torch.Tensor:
    """Return ``label`` if every index has a class.

    It is read on the CPU, where the data loader leaves it, so that nobody waits for a device.
    """
    problem = next(filter(None, (outside_classes(value, num_classes) for value in label.tolist())), None)
    if problem:
        raise ValueError(
            f"{_name(sample)}: {problem}; set num_classes to the data set's class count, or correct the annotation"
        )
    return label


def smooth_labels(labels: torch.Tensor, num_classes: int, eps: float) -> torch.Tensor:
    """Spread the share ``eps`` of every label evenly over the classes; class indices become probabilities."""
    if not labels.is_floating_point():
        labels = F.one_hot(labels, num_classes).float()
    return (1 - eps) * labels + eps / num_classes


def top_k_accuracies(scores: torch.Tensor, labels: torch.Tensor, topk: Sequence[int]) -> dict[str, torch.Tensor]:
    """Return ``top{k}_acc`` for every k: the share of samples whose label is among the k best scores.

    Scores have the shape (V, num_classes); with fewer than k classes the accuracy is 1. Nothing leaves their device.
    """
    if not topk:
        return {}
    best = scores.topk(min(max(topk), scores.shape[1]), dim=1).indices
    hits = best == labels.unsqueeze(1)
    return {f"top{k}_acc": hits[:, :k].any(dim=1).float().mean() for k in topk}
