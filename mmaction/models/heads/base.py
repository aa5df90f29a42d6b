"""From the features of a backbone to losses in training and to scores in testing."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from mmaction.models.initial import SafeInit
from mmaction.models.labels import gather_labels, smooth_labels, top_k_accuracies
from mmaction.models.losses.cross_entropy import BCELossWithLogits
from mmaction.models.overrides import accepted, inherits
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmaction.utils.attributes import ReadableArguments

AVERAGE_CLIPS = ("prob", "score", None)
POOLS = ("avg", "max", None)


class BaseHead(ReadableArguments, SafeInit):
    """A classifier in two steps: ``pool_feats`` turns each view into a vector, ``classify`` vectors into logits.

    The steps are apart so that a recognizer can pool many views in small chunks and classify them together. A subclass
    writes ``classify``, or overrides ``forward``, which then is all that training and prediction call.

    Args:
        num_classes: Number of classes.
        in_channels: Length of a pooled feature vector.
        loss_cls: Config of the loss.
        multi_class: Whether a sample may have several labels; they become a multi-hot vector, and the probabilities
            of the classes are independent: the sigmoid of the logits instead of the softmax. So they are with
            ``BCELossWithLogits``.
        label_smooth_eps: Share of a label that is spread evenly over all classes, in [0, 1).
        topk: The k of the training accuracies ``top{k}_acc`` that are logged beside the loss; () logs none.
        average_clips: How the views of a sample are merged: ``prob`` (mean of the probabilities), ``score`` (mean of
            the logits) or None (no merging: exactly one view per sample, scores are its logits).
        init_cfg: Initialization of the weights.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int | Sequence[int],
        loss_cls: dict | None = None,
        multi_class: bool = False,
        label_smooth_eps: float = 0.0,
        topk: int | Sequence[int] = (1, 5),
        average_clips: str | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        topk = (topk,) if isinstance(topk, int) else tuple(topk)
        if any(k < 1 for k in topk):
            raise ValueError(f"topk must hold numbers from 1 on; got {topk}")
        if not 0 <= label_smooth_eps < 1:
            raise ValueError(f"label_smooth_eps must lie in [0, 1); got {label_smooth_eps}")
        if num_classes < 1:
            raise ValueError(f"num_classes must be at least 1; got {num_classes}")
        check_average_clips(average_clips)
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.loss_cls = MODELS.build(loss_cls or {"type": "CrossEntropyLoss"})
        self.multi_class = multi_class
        self.label_smooth_eps = label_smooth_eps
        self.topk = topk
        self.average_clips = average_clips

    def pool_feats(self, feats: Any) -> Any:
        """Return one feature vector per view, tensor (V, in_channels), from the backbone's features of V views."""
        return mean_feats(feats)

    def classify(self, pooled: Any, num_segs: int = 1) -> Any:
        """Return logits (V', num_classes) of what ``pool_feats`` gives.

        A head with a consensus merges the ``num_segs`` views of a sample, so that V' is the number of samples.
        """
        raise NotImplementedError(f"{type(self).__name__} has neither classify nor forward; write one of them")

    def forward(self, feats: Any, num_segs: int = 1, **kwargs: Any) -> Any:
        """Return the logits of backbone features; ``kwargs``, what else a recognizer knows of them, are not used."""
        return self.classify(self.pool_feats(feats), num_segs)

    def loss(
        self, feats: Any, data_samples: Sequence[ActionDataSample], num_segs: int = 1, **kwargs: Any
    ) -> dict[str, torch.Tensor]:
        """Return the loss ``loss_cls`` and the accuracies ``top{k}_acc`` of a training batch."""
        if inherits(self, BaseHead, "forward"):
            return self.loss_pooled(self.pool_feats(feats), data_samples, num_segs)
        return self.loss_by_feat(self._logits(feats, num_segs=num_segs, **kwargs), data_samples)

    def loss_pooled(
        self, pooled: Any, data_samples: Sequence[ActionDataSample], num_segs: int = 1
    ) -> dict[str, torch.Tensor]:
        """Return the same from the vectors of ``pool_feats``."""
        return self.loss_by_feat(self.classify(pooled, num_segs), data_samples)

    def _logits(self, feats: Any, **known: Any) -> Any:
        return self(feats, **accepted(self.forward, known))

    def loss_by_feat(self, cls_scores: Any, data_samples: Sequence[ActionDataSample]) -> dict[str, torch.Tensor]:
        """Return loss and accuracies from logits ``cls_scores`` (V, num_classes).

        V is a multiple of the number of samples; each sample's views follow each other and share its label:
        ``gt_label`` (class indices), or ``gt_score`` (class probabilities, as blending leaves them). A label that is
        missing or lies outside the classes, or several of them without ``multi_class``, raise ValueError.
        """
        labels = gather_labels(data_samples, self.num_classes, self.multi_class)
        labels = labels.repeat_interleave(views_per_sample(cls_scores, data_samples), dim=0)
        labels = labels.to(cls_scores.device, non_blocking=True)
        losses = {}
        if not labels.is_floating_point():
            losses.update(top_k_accuracies(cls_scores.detach(), labels, self.topk))
        if self.label_smooth_eps:
            labels = smooth_labels(labels, self.num_classes, self.label_smooth_eps)
        loss = self.loss_cls(cls_scores, labels)
        return {**losses, **(loss if isinstance(loss, dict) else {"loss_cls": loss})}

    def predict(
        self, feats: Any, data_samples: Sequence[ActionDataSample], num_segs: int = 1, **kwargs: Any
    ) -> list[ActionDataSample]:
        """Return the samples with ``pred_score`` and ``pred_label``."""
        if inherits(self, BaseHead, "forward"):
            return self.predict_pooled(self.pool_feats(feats), data_samples, num_segs)
        return self.predict_by_feat(self._logits(feats, num_segs=num_segs, **kwargs), data_samples)

    def predict_pooled(
        self, pooled: Any, data_samples: Sequence[ActionDataSample], num_segs: int = 1
    ) -> list[ActionDataSample]:
        """Return the same from the vectors of ``pool_feats``."""
        return self.predict_by_feat(self.classify(pooled, num_segs), data_samples)

    def predict_by_feat(self, cls_scores: Any, data_samples: Sequence[ActionDataSample]) -> list[ActionDataSample]:
        """Merge the views of each sample and write ``pred_score`` (num_classes,) and ``pred_label`` (1,), on the CPU.

        ``cls_scores`` are logits (samples * views, num_classes); the samples are changed and returned.
        """
        scores = self.average_clip(cls_scores, views_per_sample(cls_scores, data_samples)).cpu()
        for sample, score, label in zip(data_samples, scores, scores.argmax(dim=1), strict=True):
            sample.set_pred_score(score).set_pred_label(label)
        return list(data_samples)

    def average_clip(self, cls_scores: torch.Tensor, num_segs: int = 1) -> torch.Tensor:
        """Merge each sample's ``num_segs`` rows of ``cls_scores`` as ``average_clips`` says; float32.

        Several views raise ValueError where ``average_clips`` is None.
        """
        scores = cls_scores.float().unflatten(0, (-1, num_segs))
        if self.average_clips is None:
            if num_segs > 1:
                raise ValueError(
                    f"each sample has {num_segs} views, but average_clips=None does not say how to merge their scores; "
                    "set average_clips='prob' or 'score' in the head or in the model's test_cfg"
                )
            return scores.squeeze(1)
        return (self.probabilities(scores) if self.average_clips == "prob" else scores).mean(dim=1)

    def probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the probability of each class from logits (..., num_classes), as the loss understands them."""
        independent = self.multi_class or isinstance(self.loss_cls, BCELossWithLogits)
        return logits.sigmoid() if independent else logits.softmax(dim=-1)

    def check_width(self, pooled: torch.Tensor, in_channels: int | None = None) -> torch.Tensor:
        """Return ``pooled`` if its vectors are ``in_channels`` long; a ValueError names both lengths otherwise."""
        expected = in_channels or self.in_channels
        if pooled.ndim != 2 or pooled.shape[1] != expected:
            raise ValueError(
                f"{type(self).__name__} was built for in_channels={expected}, but the backbone's features have "
                f"{pooled.shape[1]} channels; set in_channels={pooled.shape[1]} in the head, or check the backbone"
            )
        return pooled


class LinearHead(BaseHead):
    """Pooling, dropout and one linear layer ``fc_cls``.

    Args:
        num_classes: Number of classes.
        in_channels: Length of a pooled feature vector.
        loss_cls: Config of the loss.
        spatial_type: ``avg`` or ``max`` over all positions in time and space, or None: the features are flattened.
        dropout_ratio: Probability that a feature is dropped in training.
        init_std: Standard deviation of the initial weights; the biases start at 0.
        kwargs: ``multi_class``, ``label_smooth_eps``, ``topk``, ``average_clips``, ``init_cfg`` of ``BaseHead``.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        loss_cls: dict | None = None,
        spatial_type: str | None = "avg",
        dropout_ratio: float = 0.5,
        init_std: float = 0.01,
        **kwargs: Any,
    ) -> None:
        kwargs["init_cfg"] = kwargs.get("init_cfg") or linear_init(init_std)
        super().__init__(num_classes, in_channels, loss_cls, **kwargs)
        if spatial_type not in POOLS:
            raise ValueError(f"spatial_type must be one of {POOLS}; got {spatial_type!r}")
        self.spatial_type = spatial_type
        self.dropout = nn.Dropout(dropout_ratio)
        self.build_layers()

    @property
    def width(self) -> int:
        """Length of a pooled feature vector."""
        assert isinstance(self.in_channels, int), "a list is for heads of several modalities"
        return self.in_channels

    def build_layers(self) -> None:
        """Create the layers that follow the dropout."""
        self.fc_cls = nn.Linear(self.width, self.num_classes)

    def pool_feats(self, feats: torch.Tensor | Sequence[torch.Tensor]) -> torch.Tensor:
        """Return (V, in_channels) from features (V, in_channels, ...), vectors included."""
        if not isinstance(feats, torch.Tensor):
            raise TypeError(
                f"{type(self).__name__} needs the features of one stage, got {len(feats)} of them; let out_indices of "
                "the backbone name one stage, or use SlowFastHead, which takes several side by side"
            )
        return self.check_width(pool(feats, self.spatial_type))

    def classify(self, pooled: torch.Tensor, num_segs: int = 1) -> torch.Tensor:
        """Return the logits of each view, shape (V, num_classes)."""
        return self.fc_cls(self.dropout(pooled))


def linear_init(std: float) -> dict:
    """Return the config that draws linear weights from a normal distribution and zeroes the biases."""
    return {"type": "Normal", "layer": "Linear", "std": std}


def pool(feats: torch.Tensor, spatial_type: str | None) -> torch.Tensor:
    """Reduce (V, C, ...) to (V, C) by the mean or the maximum, or flatten it where ``spatial_type`` is None."""
    if spatial_type is None or feats.ndim == 2:
        return feats.flatten(1)
    positions = tuple(range(2, feats.ndim))
    return feats.mean(dim=positions) if spatial_type == "avg" else feats.amax(dim=positions)


def mean_feats(feats: torch.Tensor | Sequence[torch.Tensor]) -> torch.Tensor:
    """Reduce (V, C, ...) to (V, C) by the mean; several stages or pathways come side by side."""
    parts = [feats] if isinstance(feats, torch.Tensor) else feats
    return torch.cat([pool(x, "avg") for x in parts], dim=1)


def views_per_sample(cls_scores: torch.Tensor, data_samples: Sequence[ActionDataSample]) -> int:
    """Return how many rows of ``cls_scores`` belong to each sample; ValueError if they cannot be equally many."""
    rows, samples = len(cls_scores), len(data_samples)
    if not rows or rows % samples:
        raise ValueError(
            f"the head gives {rows} rows of scores for {samples} samples, which is no whole number each; a head of "
            "clips (num_segments) needs them whole in each sample: compare it with num_clips in the pipeline"
        )
    return rows // samples


def check_average_clips(value: str | None) -> str | None:
    """Return ``value`` if it is a way to merge views, else raise ValueError."""
    if value not in AVERAGE_CLIPS:
        raise ValueError(f"average_clips must be one of {AVERAGE_CLIPS}; got {value!r}")
    return value
