"""Heads of MMAction2's transformers."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from mmaction.models.heads.base import LinearHead
from mmaction.registry import MODELS
from mmaction.utils.shipped_configs import CONFIGS


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

    def fit_weights(self, weights: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
        """Return ``weights`` with the mapped rows of a layer of other classes alone, under ``prefix``."""
        fitted, own = dict(weights), self.fc_cls.state_dict()
        wide = [name for name in own if len(fitted.get(f"{prefix}fc_cls.{name}", own[name])) != self.num_classes]
        if self.channel_map and wide:
            path = Path(self.channel_map)  # published configs name it from the folder above the shipped configs
            rows = json.loads((path if path.is_file() else CONFIGS.parent / path).read_text())
            fitted |= {f"{prefix}fc_cls.{name}": fitted[f"{prefix}fc_cls.{name}"][rows] for name in wide}
        return fitted

    def _load_from_state_dict(self, state: dict, prefix: str, *args: Any) -> None:
        state.update(self.fit_weights(state, prefix))  # in place: the layers read it after this
        super()._load_from_state_dict(state, prefix, *args)
