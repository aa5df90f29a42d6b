"""What the losses of the classification heads have in common."""

import abc
from typing import Any

import torch
from torch import nn

from mmaction.utils.attributes import ReadableArguments

Loss = torch.Tensor | dict[str, torch.Tensor]


class BaseWeightedLoss(ReadableArguments, nn.Module, metaclass=abc.ABCMeta):
    """A loss times a constant.

    A label's kind is told by its dtype, never guessed from its shape: integers (N,) are class indices, floating-point
    numbers (N, num_classes) are probabilities or multi-hot vectors.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    @abc.abstractmethod
    def _forward(self, cls_score: torch.Tensor, label: torch.Tensor) -> Loss:
        """Return the unweighted scalar loss of logits (N, num_classes), or several of them by name."""

    def forward(self, cls_score: torch.Tensor, label: torch.Tensor, **kwargs: Any) -> Loss:
        """Return the scalar loss, or a dict of them; entries without "loss" in their name are not weighted.

        ``cls_score`` are logits (N, num_classes). ``label`` are class indices (N,) of an integer dtype, or
        floating-point numbers (N, num_classes); another shape raises ValueError.
        """
        expected = cls_score.shape if label.is_floating_point() else cls_score.shape[:1]
        if label.shape != expected:
            kind = "floating-point labels (one number per class)" if label.is_floating_point() else "class indices"
            raise ValueError(
                f"{type(self).__name__}: {kind} must have shape {tuple(expected)} for scores of shape "
                f"{tuple(cls_score.shape)}; got {tuple(label.shape)}"
            )
        # In half precision the exponentials of large logits are lost.
        cls_score = cls_score.to(torch.promote_types(cls_score.dtype, torch.float32))
        loss = self._forward(cls_score, label, **kwargs)
        if isinstance(loss, dict):
            return {name: value * self.loss_weight if "loss" in name else value for name, value in loss.items()}
        return loss * self.loss_weight


class ClassWeightedLoss(BaseWeightedLoss):
    """A loss with a factor for each class, e.g. the inverse class frequency; None: all 1.

    A call raises ValueError if there are not as many factors as classes.
    """

    def __init__(self, loss_weight: float = 1.0, class_weight: list[float] | None = None) -> None:
        super().__init__(loss_weight)
        self.class_weight: torch.Tensor | None
        weight = None if class_weight is None else torch.as_tensor(class_weight, dtype=torch.float32)
        self.register_buffer("class_weight", weight, persistent=False)

    def weight_of(self, cls_score: torch.Tensor) -> torch.Tensor | None:
        """Return the class weights in the dtype and on the device of ``cls_score``, or None."""
        if self.class_weight is None:
            return None
        check_class_count("class_weight", len(self.class_weight), cls_score)
        return self.class_weight.to(cls_score)


def check_class_count(name: str, count: int, cls_score: torch.Tensor) -> None:
    """Raise ValueError unless the list argument ``name`` has one entry for each class of ``cls_score``."""
    if count != cls_score.shape[1]:
        raise ValueError(f"{name} has {count} entries, but there are {cls_score.shape[1]} classes; give one per class")
