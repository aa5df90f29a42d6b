"""Losses for data sets where some classes have many samples and most have few."""

import abc
from collections.abc import Sequence

import torch
import torch.nn.functional as F

from mmaction.models.losses.base import BaseWeightedLoss, check_class_count
from mmaction.models.losses.cross_entropy import weighted_cross_entropy
from mmaction.registry import MODELS


class CountedLoss(BaseWeightedLoss):
    """A loss with a number for each class that follows from its count of training samples.

    The engine counts the training set and tells it before a training (``set_class_counts``), unless the config does.
    """

    counts_name = "class_counts"  # the argument that gives them

    def __init__(self, loss_weight: float, counts: Sequence[int] | None) -> None:
        super().__init__(loss_weight)
        self._from_config = counts is not None
        self._counts = None if counts is None else _checked(self.counts_name, counts)
        self._numbers: torch.Tensor | None = None

    @abc.abstractmethod
    def numbers_of(self, counts: torch.Tensor) -> torch.Tensor:
        """Return the number of each class from the counts, float64 (num_classes,)."""

    def set_class_counts(self, counts: Sequence[int]) -> None:
        """Take the counts of the training set, unless the config gave others."""
        if not self._from_config:
            self._counts, self._numbers = _checked(self.counts_name, counts), None

    def numbers(self, cls_score: torch.Tensor) -> torch.Tensor:
        """Return the numbers in the dtype and on the device of the scores; ValueError where no counts fit."""
        if self._counts is None:
            raise ValueError(
                f"{type(self).__name__} needs the training samples of each class: train with tools/train.py, which "
                f"counts them, or set {self.counts_name}"
            )
        counts, num_classes = self._counts, cls_score.shape[1]
        if not self._from_config and len(counts) < num_classes:  # the last classes have no samples
            counts = F.pad(counts, (0, num_classes - len(counts)))
        check_class_count(self.counts_name, len(counts), cls_score)
        if self._numbers is None:
            self._numbers = self.numbers_of(counts)
        self._numbers = self._numbers.to(cls_score)
        return self._numbers


def _checked(name: str, counts: Sequence[int]) -> torch.Tensor:
    found = torch.as_tensor(counts, dtype=torch.float64)
    if found.ndim != 1 or not (found > 0).any() or (found < 0).any():
        raise ValueError(f"{name} needs the sample count of every class; got {counts}")
    return found


def effective_weights(counts: torch.Tensor, beta: float) -> torch.Tensor:
    """Return weights of classes by their effective number of samples, scaled to a mean of 1 over those with samples.

    A class of n samples weighs (1 - beta) / (1 - beta^n), one without samples 0 (Cui et al., "Class-balanced loss based
    on effective number of samples", CVPR 2019, equation 3).
    """
    present = counts > 0
    weights = torch.where(present, (1 - beta) / (1 - beta ** counts.clamp(min=1)), 0.0)
    return weights / weights.sum() * present.sum()


def check_beta(beta: float) -> None:
    """Raise ValueError unless ``beta`` lies in [0, 1)."""
    if not 0 <= beta < 1:
        raise ValueError(f"beta must lie in [0, 1); got beta={beta}")


@MODELS.register_module()
class LogitAdjustedLoss(CountedLoss):
    """Cross entropy of the logits plus tau times the logarithm of the class frequencies, in training.

    The network then learns logits for classes that are all alike frequent (Menon et al., "Long-tail learning via logit
    adjustment", ICLR 2021, equation 10). A class without samples counts as having one.

    Args:
        loss_weight: Factor on the loss.
        tau: How much of the frequencies is taken out; 1 for the mean class accuracy, 0 for the plain cross entropy.
        class_counts: Training samples of each class; None: they are counted before the training.
    """

    def __init__(self, loss_weight: float = 1.0, tau: float = 1.0, class_counts: Sequence[int] | None = None) -> None:
        super().__init__(loss_weight, class_counts)
        self.tau = tau

    def numbers_of(self, counts: torch.Tensor) -> torch.Tensor:
        """Return tau times the log-frequencies."""
        counts = counts.clamp(min=1)
        return self.tau * torch.log(counts / counts.sum())

    def _forward(self, cls_score: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(cls_score + self.numbers(cls_score), label)


@MODELS.register_module()
class BalancedSoftmaxLoss(LogitAdjustedLoss):
    """Cross entropy of a softmax in which each class counts as often as it has samples.

    Ren et al., "Balanced meta-softmax", NeurIPS 2020, equation 4: :class:`LogitAdjustedLoss` with ``tau=1``.

    Args:
        loss_weight: Factor on the loss.
        class_counts: Training samples of each class; None: they are counted before the training.
    """

    def __init__(self, loss_weight: float = 1.0, class_counts: Sequence[int] | None = None) -> None:
        super().__init__(loss_weight, 1.0, class_counts)


@MODELS.register_module()
class ClassBalancedLoss(CountedLoss):
    """Cross entropy in which a class weighs the more, the fewer samples it has; see :func:`effective_weights`.

    Args:
        loss_weight: Factor on the loss.
        beta: In [0, 1); 0 weighs all classes alike, near 1 by the inverse frequency.
        class_counts: Training samples of each class; None: they are counted before the training.
    """

    def __init__(
        self, loss_weight: float = 1.0, beta: float = 0.9999, class_counts: Sequence[int] | None = None
    ) -> None:
        super().__init__(loss_weight, class_counts)
        check_beta(beta)
        self.beta = beta

    def numbers_of(self, counts: torch.Tensor) -> torch.Tensor:
        """Return the weights."""
        return effective_weights(counts, self.beta)

    def _forward(self, cls_score: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return weighted_cross_entropy(cls_score, label, self.numbers(cls_score))
