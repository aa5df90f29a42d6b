"""Blending of the samples of a batch, images and labels alike.

A blended sample carries ``gt_score``, the class probabilities (num_classes,), beside its ``gt_label``; heads train on
``gt_score`` wherever it is there. Random numbers come from PyTorch's generator of the CPU.
"""

import abc
from collections.abc import Sequence

import torch

from mmaction.models.labels import gather_labels
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmaction.utils.attributes import ReadableArguments

Batch = tuple[torch.Tensor, list[ActionDataSample]]


class BaseMiniBatchBlending(ReadableArguments, metaclass=abc.ABCMeta):
    """Blend each sample of a batch with another one of it.

    Args:
        num_classes: Number of classes.
        alpha: Both parameters of the beta distribution from which the weight of the first sample is drawn.
    """

    def __init__(self, num_classes: int, alpha: float = 0.2) -> None:
        if alpha <= 0:
            raise ValueError(f"{type(self).__name__}: alpha must be above 0; got {alpha}")
        self.num_classes = num_classes
        self.beta = torch.distributions.Beta(float(alpha), float(alpha))

    @abc.abstractmethod
    def do_blending(self, imgs: torch.Tensor, label: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return blended images (N, ..., H, W) and label probabilities (N, num_classes) as new tensors."""

    def __call__(self, imgs: torch.Tensor, batch_data_samples: Sequence[ActionDataSample]) -> Batch:
        """Return the blended batch, with copies of the samples that carry ``gt_score``."""
        label = gather_labels(batch_data_samples, self.num_classes, multi_class=True)
        imgs, label = self.do_blending(imgs, label)
        blended = [sample.new() for sample in batch_data_samples]
        for sample, score in zip(blended, label, strict=True):
            sample.set_field(score, "gt_score", dtype=torch.Tensor)
        return imgs, blended


@MODELS.register_module()
class MixupBlending(BaseMiniBatchBlending):
    """Weighted mean of two samples (Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018)."""

    def do_blending(self, imgs: torch.Tensor, label: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return ``weight * sample + (1 - weight) * other``; the weight is the same for the whole batch."""
        weight = self.beta.sample().item()
        other = torch.randperm(len(imgs))
        return torch.lerp(imgs[other.to(imgs.device)], imgs, weight), torch.lerp(label[other], label, weight)


@MODELS.register_module()
class CutmixBlending(BaseMiniBatchBlending):
    """A rectangle of another sample in its place (Yun et al., "CutMix", ICCV 2019), the same in every frame."""

    def do_blending(self, imgs: torch.Tensor, label: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return samples with the rectangle, and labels weighted by the share of the area."""
        height, width = imgs.shape[-2:]
        top, bottom, left, right = self.rectangle(height, width, self.beta.sample().item())
        other = torch.randperm(len(imgs))
        imgs = imgs.clone()
        # Reads the clone before it writes: an index list makes a copy of the rectangles.
        imgs[..., top:bottom, left:right] = imgs[other.to(imgs.device), ..., top:bottom, left:right]
        weight = 1 - (bottom - top) * (right - left) / (imgs.shape[-2] * imgs.shape[-1])
        return imgs, torch.lerp(label[other], label, weight)

    @staticmethod
    def rectangle(height: int, width: int, weight: float) -> tuple[int, int, int, int]:
        """Return first row, end row, first column and end column of a rectangle, cut off at the border.

        Its center is drawn, and it has the share ``1 - weight`` of the image.
        """
        ends = []
        for size in (height, width):
            half = int(size * (1 - weight) ** 0.5) // 2
            center = int(torch.randint(size, ()))
            ends.append((max(center - half, 0), min(center + half, size)))
        return *ends[0], *ends[1]


@MODELS.register_module()
class RandomBatchAugment(ReadableArguments):
    """Apply one of several blendings to a batch, or none.

    Args:
        augments: Config of a blending, or several.
        probs: Probability of each; what is missing to 1 is the probability that the batch stays as it is. None: all
            alike, none left out.
    """

    def __init__(self, augments: dict | Sequence[dict], probs: float | Sequence[float] | None = None) -> None:
        augments = [augments] if isinstance(augments, dict) else list(augments)
        if not augments:
            raise ValueError("RandomBatchAugment: augments must hold at least one blending")
        if probs is None:
            probs = [1 / len(augments)] * len(augments)
        probs = [float(p) for p in ([probs] if isinstance(probs, (int, float)) else probs)]
        if len(probs) != len(augments) or min(probs) < 0 or sum(probs) > 1 + 1e-6:
            raise ValueError(
                f"RandomBatchAugment: probs needs one probability for each of the {len(augments)} blendings, at most "
                f"1 in sum; got {probs}"
            )
        self.augments = [MODELS.build(augment) for augment in augments]
        self.probs = torch.tensor([*probs, max(1 - sum(probs), 0.0)])

    def __call__(self, imgs: torch.Tensor, batch_data_samples: Sequence[ActionDataSample]) -> Batch:
        """Return the batch, blended or as it is."""
        choice = int(torch.multinomial(self.probs, 1))
        if choice == len(self.augments):
            return imgs, list(batch_data_samples)
        return self.augments[choice](imgs, batch_data_samples)
