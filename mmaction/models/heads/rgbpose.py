"""Head of RGBPose-Conv3D."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from mmaction.models.heads.base import BaseHead, linear_init, pool, views_per_sample
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample

MODALITIES = ("rgb", "pose")


@MODELS.register_module()
class RGBPoseHead(BaseHead):
    """One linear layer for the RGB pathway, ``fc_rgb``, and one for the pose pathway, ``fc_pose``.

    ``pred_score`` of a sample is a dict of the scores by modality, of those that are trained; ``pred_label`` follows
    from their sum.

    Args:
        num_classes: Number of classes.
        in_channels: Channels of the RGB and of the pose features.
        loss_cls: Config of the loss.
        loss_components: The modalities that are trained, and predicted from; their losses are ``rgb_loss_cls`` and
            ``pose_loss_cls``.
        loss_weights: One factor for all components, or one for each.
        dropout: Probability that a feature is dropped in training, or a dict of them by modality.
        init_std: Standard deviation of the initial weights.
        kwargs: ``multi_class``, ``label_smooth_eps``, ``topk``, ``average_clips``, ``init_cfg`` of ``BaseHead``.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: Sequence[int],
        loss_cls: dict | None = None,
        loss_components: Sequence[str] = MODALITIES,
        loss_weights: float | Sequence[float] = 1.0,
        dropout: float | Mapping[str, float] = 0.5,
        init_std: float = 0.01,
        **kwargs: Any,
    ) -> None:
        kwargs["init_cfg"] = kwargs.get("init_cfg") or linear_init(init_std)
        super().__init__(num_classes, in_channels, loss_cls, **kwargs)
        if not loss_components or not set(loss_components) <= set(MODALITIES):
            raise ValueError(f"loss_components must name some of {MODALITIES}; got {loss_components}")
        if isinstance(loss_weights, (int, float)):
            loss_weights = [loss_weights] * len(loss_components)
        if len(loss_weights) != len(loss_components) or len(in_channels) != len(MODALITIES):
            raise ValueError(
                "loss_weights needs one number per loss component, in_channels one for RGB and one for pose; got "
                f"loss_weights={loss_weights}, loss_components={loss_components}, in_channels={in_channels}"
            )
        self.loss_weights = dict(zip(loss_components, loss_weights, strict=True))
        dropout = dropout if isinstance(dropout, Mapping) else dict.fromkeys(MODALITIES, dropout)
        self.channels = dict(zip(MODALITIES, in_channels, strict=True))
        self.dropout = nn.ModuleDict({name: nn.Dropout(dropout[name]) for name in MODALITIES})
        self.fc_rgb = nn.Linear(self.channels["rgb"], num_classes)
        self.fc_pose = nn.Linear(self.channels["pose"], num_classes)

    def pool_feats(self, feats: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return vectors (V, channels) by modality from RGB and pose features (V, channels, T, H, W)."""
        pairs = zip(MODALITIES, feats, strict=True)
        return {name: self.check_width(pool(x, "avg"), self.channels[name]) for name, x in pairs}

    def classify(self, pooled: Mapping[str, torch.Tensor], num_segs: int = 1) -> dict[str, torch.Tensor]:
        """Return the logits of each view by modality, shape (V, num_classes)."""
        layers = {"rgb": self.fc_rgb, "pose": self.fc_pose}
        return {name: layers[name](self.dropout[name](x)) for name, x in pooled.items()}

    def loss_by_feat(self, cls_scores: Any, data_samples: Sequence[ActionDataSample]) -> dict[str, torch.Tensor]:
        """Return loss and accuracies of each component, named ``{modality}_loss_cls``, ``{modality}_top1_acc``, ..."""
        losses = {}
        for name, weight in self.loss_weights.items():
            part = super().loss_by_feat(cls_scores[name], data_samples)
            for key, value in part.items():
                losses[f"{name}_{key}"] = value * weight if "loss" in key else value
        return losses

    def predict_by_feat(self, cls_scores: Any, data_samples: Sequence[ActionDataSample]) -> list[ActionDataSample]:
        """Merge the views of each component and write ``pred_score`` (a dict) and ``pred_label``, on the CPU."""
        parts = {name: cls_scores[name] for name in self.loss_weights}
        scores = {name: self.average_clip(x, views_per_sample(x, data_samples)).cpu() for name, x in parts.items()}
        labels = torch.stack(list(scores.values())).sum(dim=0).argmax(dim=1)
        for index, sample in enumerate(data_samples):
            sample.set_pred_score({name: score[index] for name, score in scores.items()})
            sample.set_pred_label(labels[index])
        return list(data_samples)
