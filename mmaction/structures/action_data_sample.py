"""What is known of one sample: its true label, the predicted label and scores, and its meta information."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from mmengine.structures import BaseDataElement

LabelLike = int | np.integer | np.ndarray | torch.Tensor | Sequence[int]
ScoreLike = np.ndarray | torch.Tensor | Sequence[float]


def _as_label(value: LabelLike) -> torch.Tensor:
    """Return ``value`` as a one-dimensional int64 tensor."""
    label = torch.as_tensor(value)
    if label.is_floating_point() or label.is_complex() or label.dtype == torch.bool:
        raise TypeError(f"a label is one class index or several, as integers; got {value!r} of type {label.dtype}")
    return label.reshape(-1).to(torch.int64)


def _as_score(value: ScoreLike) -> torch.Tensor:
    """Return ``value`` as a one-dimensional floating-point tensor, one entry per class."""
    score = torch.as_tensor(value)
    if score.ndim != 1:
        raise ValueError(f"scores are one number per class, shape (num_classes,); got shape {tuple(score.shape)}")
    return score if score.is_floating_point() else score.float()


class ActionDataSample(BaseDataElement):
    """One sample's labels and scores.

    Fields, each absent until it is set: ``gt_label`` (int64, shape ``(L,)``, L labels), ``gt_score`` (float, shape
    ``(num_classes,)``: the soft label that blending makes), ``pred_label`` (int64, shape ``(L,)``), ``pred_score``
    (float, shape ``(num_classes,)``, or a dict of those by modality).

    Example:
        >>> sample = ActionDataSample().set_gt_label(3).set_pred_score([0.1, 0.2, 0.3, 0.4])
        >>> sample.gt_label
        tensor([3])
    """

    def set_gt_label(self, value: LabelLike) -> "ActionDataSample":
        """Set the true class index, or several for a multi-label sample.

        Raises:
            TypeError: If ``value`` is not integral.
        """
        self.set_field(_as_label(value), "gt_label", dtype=torch.Tensor)
        return self

    def set_pred_label(self, value: LabelLike) -> "ActionDataSample":
        """Set the predicted class index.

        Raises:
            TypeError: If ``value`` is not integral.
        """
        self.set_field(_as_label(value), "pred_label", dtype=torch.Tensor)
        return self

    def set_pred_score(self, value: ScoreLike | Mapping[str, ScoreLike]) -> "ActionDataSample":
        """Set the score of every class, shape ``(num_classes,)``, or a dict of such scores by modality.

        Raises:
            ValueError: If a score is not one-dimensional.
        """
        if isinstance(value, Mapping):
            self.set_field({name: _as_score(score) for name, score in value.items()}, "pred_score", dtype=dict)
        else:
            self.set_field(_as_score(value), "pred_score", dtype=torch.Tensor)
        return self
