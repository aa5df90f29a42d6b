"""Heads of MMAction2's transformers."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from mmaction.models.heads.base import LinearHead
from mmaction.registry import MODELS


@MODELS.register_module()
class TimeSformerHead(LinearHead):
    """Head of TimeSformer and VideoMAE: a linear layer on vectors (V, in_channels).

    Arguments: see ``LinearHead``.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        loss_cls: dict | None = None,
        init_std: float = 0.02,
        dropout_ratio: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_classes, in_channels, loss_cls, None, dropout_ratio, init_std, **kwargs)


@MODELS.register_module()
class MViTHead(LinearHead):
    """Head of MViT: dropout and a linear layer on the class token, or on the mean of the map.

    Arguments: see ``LinearHead``; ``init_scale`` multiplies the initial weights, ``with_cls_token`` says what is pooled
    of features (map, class token).
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        loss_cls: dict | None = None,
        dropout_ratio: float = 0.5,
        init_std: float = 0.02,
        init_scale: float = 1.0,
        with_cls_token: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_classes, in_channels, loss_cls, "avg", dropout_ratio, init_std, **kwargs)
        self.init_scale, self.with_cls_token = init_scale, with_cls_token

    def init_weights(self) -> None:
        """Draw the weights and scale them."""
        super().init_weights()
        self.fc_cls.weight.data.mul_(self.init_scale)

    def pool_feats(self, feats: torch.Tensor | Sequence[torch.Tensor]) -> torch.Tensor:
        """Return (V, in_channels) from the map and the class token."""
        if isinstance(feats, torch.Tensor):
            raise TypeError("MViTHead needs features (map, class token), as MViT gives them; for others use TokenHead")
        return self.check_width(feats[-1] if self.with_cls_token else feats[0].flatten(2).mean(dim=2))


@MODELS.register_module()
class UniFormerHead(LinearHead):
    """Head of UniFormer: a linear layer on pooled features.

    Args:
        num_classes: Number of classes.
        in_channels: Length of a pooled feature vector.
        channel_map: File with the number, in Kinetics-710, of each class: a checkpoint of 710 classes is cut to them.
        kwargs: Arguments of ``LinearHead``.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        loss_cls: dict | None = None,
        dropout_ratio: float = 0.0,
        channel_map: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_classes, in_channels, loss_cls, "avg", dropout_ratio, 0.02, **kwargs)
        self.channel_map = channel_map

    def _load_from_state_dict(self, state: dict, prefix: str, *args: Any) -> None:
        weight = state.get(f"{prefix}fc_cls.weight")
        if self.channel_map and weight is not None and len(weight) != self.num_classes:
            rows = json.loads(Path(self.channel_map).read_text())
            for name in ("weight", "bias"):
                state[f"{prefix}fc_cls.{name}"] = state[f"{prefix}fc_cls.{name}"][rows]
        super()._load_from_state_dict(state, prefix, *args)
