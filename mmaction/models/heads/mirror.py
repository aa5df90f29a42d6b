"""Learning from mirror images where some classes are sides."""

from collections.abc import Sequence
from typing import Any

import torch

from mmaction.models.heads.base import views_per_sample
from mmaction.models.heads.wrapping import WrappingHead
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample


@MODELS.register_module()
class MirrorHead(WrappingHead):
    """A head that learns from mirror images although some classes may differ in left and right alone.

    ``Flip`` mirrors training clips at random. A plain head then learns that a wave to the left and one to the right are
    the same class. This one has two terms for each class: the logit is ``common + side`` for a clip and ``common -
    side`` for a mirrored clip. Classes of either side share what they learn, the others are told apart by the second
    term. In testing nothing is mirrored.

    Args:
        num_classes: Number of classes.
        in_channels: Length of a pooled feature vector.
        head: Type of the head to wrap, such as ``I3DHead``, ``TSMHead`` or ``GCNHead``; its layers give both terms.
        options: Arguments of the wrapped head, such as ``dropout_ratio``, ``loss_cls``, ``average_clips``.
    """

    def __init__(self, num_classes: int, in_channels: int, head: str = "I3DHead", **options: Any) -> None:
        super().__init__(num_classes, in_channels, 2 * num_classes, head, options)

    def classify(self, pooled: Any, num_segs: int = 1) -> torch.Tensor:
        """Return the logits of clips that are not mirrored, shape (V', num_classes)."""
        common, side = self.head.classify(pooled, num_segs).chunk(2, dim=1)
        return common + side

    def loss_pooled(
        self, pooled: Any, data_samples: Sequence[ActionDataSample], num_segs: int = 1
    ) -> dict[str, torch.Tensor]:
        """Return the loss and the accuracies; a sample whose meta information has a true ``flip`` is mirrored."""
        common, side = self.head.classify(pooled, num_segs).chunk(2, dim=1)
        signs = side.new_tensor([-1.0 if sample.get("flip") else 1.0 for sample in data_samples])
        signs = signs.repeat_interleave(views_per_sample(side, data_samples))
        return self.loss_by_feat(common + signs.unsqueeze(1) * side, data_samples)
