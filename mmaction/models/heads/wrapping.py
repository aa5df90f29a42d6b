"""What heads share that read the last layer of another head in a way of their own."""

from collections.abc import Mapping
from typing import Any

from mmaction.models.heads.base import BaseHead
from mmaction.registry import MODELS


class WrappingHead(BaseHead):
    """A head that uses the pooling and the layers of a head of another type, and reads its outputs anew.

    Args:
        num_classes: Number of classes.
        in_channels: Length of a pooled feature vector.
        num_outputs: Number of outputs of the wrapped head's last layer.
        head: Type of the head to wrap, such as ``I3DHead``, ``SlowFastHead``, ``TSMHead`` or ``GCNHead``.
        options: Arguments of the wrapped head, such as ``dropout_ratio``, ``loss_cls``, ``average_clips``.
    """

    def __init__(
        self, num_classes: int, in_channels: int, num_outputs: int, head: str, options: Mapping[str, Any]
    ) -> None:
        inner = MODELS.build({"type": head, "num_classes": num_outputs, "in_channels": in_channels, **options})
        name = type(self).__name__
        if not isinstance(in_channels, int) or not isinstance(inner, BaseHead) or isinstance(inner, WrappingHead):
            raise TypeError(f"{name} wraps heads of one feature vector (I3DHead, TSMHead, GCNHead, ...), not {head}")
        super().__init__(
            num_classes,
            in_channels,
            multi_class=inner.multi_class,
            label_smooth_eps=inner.label_smooth_eps,
            topk=inner.topk,
            average_clips=inner.average_clips,
        )
        self.head, self.loss_cls = inner, inner.loss_cls
        if hasattr(inner, "num_segments"):  # which the recognizer compares with the backbone's
            self.num_segments = inner.num_segments

    def pool_feats(self, feats: Any) -> Any:
        """Return the vectors of the wrapped head."""
        return self.head.pool_feats(feats)
