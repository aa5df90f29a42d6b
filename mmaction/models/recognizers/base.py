"""What all recognizers do: views of a sample through backbone, neck and head, to a loss or to scores."""

import abc
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.logging import print_log
from mmengine.model import BaseModel
from torch import nn

from mmaction.models import cpu
from mmaction.models.heads.base import BaseHead, check_average_clips, mean_feats
from mmaction.models.initial import SafeInit
from mmaction.models.overrides import accepted, inherits
from mmaction.models.recognizers.views import (
    ChunkedRunner,
    ViewMemory,
    Views,
    distinct,
    num_views,
    spread,
    tensors_in,
)
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmaction.structures.scores import mean_score
from mmaction.utils.attributes import ReadableArguments
from mmaction.utils.cli import suggest

STAGES = ("backbone", "neck", "head")
MODES = ("tensor", "loss", "predict")
TEST_OPTIONS = ("average_clips", "feature_extraction", "max_testing_views")


class BaseRecognizer(ReadableArguments, SafeInit, BaseModel, metaclass=abc.ABCMeta):
    """Preprocessing, backbone, neck and head in a row.

    Args:
        backbone: Config of the backbone.
        cls_head: Config of the head; None for a network that only gives features.
        neck: Config of a neck, which returns its features and a dict of auxiliary losses.
        train_cfg: Kept for published configs; not used, and a warning says so where it holds anything.
        test_cfg: Options of prediction:
            ``average_clips`` overrides the head's way to merge views (``prob``, ``score``);
            ``max_testing_views`` is the number of views that go through the network at once, for any batch size; None:
            as many as the free memory allows;
            ``feature_extraction=True`` makes ``predict`` write ``feature``, the pooled features averaged over the
            views, shape (in_channels of the head,), instead of scores.
        data_preprocessor: Config of the preprocessor; None: ``ActionDataPreprocessor()``, which stacks and does not
            normalize, as heatmaps need it. Without ``mean`` and ``std`` a backbone that has its own gives them.
    """

    backbone: nn.Module
    neck: nn.Module
    cls_head: BaseHead
    cfg: Config  # set by mmaction.apis.init_recognizer, as are the names of the classes
    classes: list[str] | None
    sample_layout: tuple[str, ...] = ()  # the dimensions of one sample, the views first

    def __init__(
        self,
        backbone: dict,
        cls_head: dict | None = None,
        neck: dict | None = None,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        data_preprocessor: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor or {"type": "ActionDataPreprocessor"})
        self.backbone = MODELS.build(backbone)
        known, adopt = (
            getattr(self.backbone, "input_statistics", None),
            getattr(self.data_preprocessor, "adopt", None),
        )
        if callable(known) and callable(adopt):
            adopt(*known())
        if neck is not None:
            self.neck = MODELS.build(neck)
        if cls_head is not None:
            self.cls_head = MODELS.build(cls_head)
        cpu.pad_small_inputs(self)
        self.train_cfg = train_cfg
        if train_cfg:
            unused = f"train_cfg of the model is not used: {', '.join(train_cfg)}"
            print_log(f"{unused}; a blending belongs into its data_preprocessor", "current", logging.WARNING)
        self.test_cfg = self._checked_test_cfg(test_cfg)
        if self.test_cfg.get("average_clips") and self.with_cls_head:
            self.cls_head.average_clips = check_average_clips(self.test_cfg["average_clips"])
        self._in_chunks = ChunkedRunner()
        self.view_memory: ViewMemory | None = None  # set while several calls share views, as overlapping windows do
        self._measures_loss = False

    @staticmethod
    def _checked_test_cfg(test_cfg: Mapping[str, Any] | None) -> dict[str, Any]:
        test_cfg = dict(test_cfg or {})
        for key in test_cfg:
            if key not in TEST_OPTIONS:
                hint = suggest(key, TEST_OPTIONS) or f"; known are {', '.join(TEST_OPTIONS)}"
                raise ValueError(f"unknown key {key!r} in test_cfg of the model{hint}")
        views = test_cfg.get("max_testing_views")
        if views is not None and (not isinstance(views, int) or views < 1):
            raise ValueError(f"test_cfg.max_testing_views must be a whole number from 1 on, or None; got {views!r}")
        return test_cfg

    @property
    def with_neck(self) -> bool:
        """Whether there is a neck."""
        return getattr(self, "neck", None) is not None

    @property
    def with_cls_head(self) -> bool:
        """Whether there is a head."""
        return getattr(self, "cls_head", None) is not None

    @property
    def views_per_unit(self) -> int:
        """Number of views that the backbone must see together."""
        return 1

    def forward(
        self,
        inputs: Views,
        data_samples: Sequence[ActionDataSample] | None = None,
        mode: str = "tensor",
        **kwargs: Any,
    ) -> Any:
        """Run the network.

        Args:
            inputs: Prepared batch (N, views, ...), or a dict of them, one per modality.
            data_samples: The N samples: with labels in mode ``loss``; optional in mode ``predict``.
            mode: ``tensor`` returns features or logits, see ``stage`` of ``extract_feat``; ``loss`` a dict of losses
                and accuracies; ``predict`` the samples with their scores.
            kwargs: ``stage``, in mode ``tensor``.
        """
        if mode == "tensor":
            return self.extract_feat(inputs, **{"stage": "backbone", **kwargs})[0]
        if mode == "loss":
            if data_samples is None:
                missing = "data_samples with labels" if self.with_cls_head else "a head; the model has no cls_head"
                raise ValueError(f"mode='loss' needs {missing}")
            return self.loss(inputs, data_samples)
        if mode == "predict":
            return self.predict(inputs, data_samples)
        raise ValueError(f"mode must be one of {MODES}; got {mode!r}")

    def loss(self, inputs: Views, data_samples: Sequence[ActionDataSample]) -> dict[str, torch.Tensor]:
        """Return the losses of head and neck and the head's accuracies, by name."""
        if not self.with_cls_head:
            raise ValueError("the model has no cls_head, so there is no loss to train with; add one to the config")
        feats, extra = self.extract_feat(inputs, data_samples=data_samples)
        losses = self.cls_head.loss(feats, data_samples, **accepted(self.cls_head.loss, extra))
        return {**losses, **extra.get("loss_aux", {})}

    def predict(self, inputs: Views, data_samples: Sequence[ActionDataSample] | None = None) -> list[ActionDataSample]:
        """Return the samples with scores (or features), see ``test_cfg``; new ones if none are given.

        A chunk of views is pooled before the next one runs, unless a subclass overrides ``extract_feat`` or the head
        has a ``forward`` or ``predict`` of its own, which need the features of all views.
        """
        features_only = self.test_cfg.get("feature_extraction")
        if not features_only and not self.with_cls_head:
            raise ValueError("the model has no cls_head to give scores; set test_cfg=dict(feature_extraction=True)")
        if data_samples is None:
            data_samples = [ActionDataSample() for _ in range(num_views(inputs))]
        steps_known = features_only or inherits(self.cls_head, BaseHead, "forward", "predict")
        if inherits(self, BaseRecognizer, "extract_feat") and steps_known:
            views, num_segs = self.flatten_views(inputs)
            pooled = self._pooled(views, num_segs)
            if features_only:
                return self._with_features(pooled, data_samples)
            if self._measures_loss:
                self._note_loss(self.cls_head.loss_pooled(pooled, data_samples, num_segs), data_samples)
            return self.cls_head.predict_pooled(pooled, data_samples, num_segs)
        feats, extra = self.extract_feat(inputs, test_mode=True)
        if features_only:
            return self._with_features(self._pool(feats), data_samples)
        if self._measures_loss:
            losses = self.cls_head.loss(feats, data_samples, **accepted(self.cls_head.loss, extra))
            self._note_loss(losses, data_samples)
        return self.cls_head.predict(feats, data_samples, **accepted(self.cls_head.predict, extra))

    def predict_features(
        self, inputs: Views, data_samples: Sequence[ActionDataSample] | None = None, with_map: bool = False
    ) -> list[ActionDataSample]:
        """Return the samples as :meth:`predict` does, with what their scores are made of.

        Each gets ``feature`` (views, in_channels of the head) and ``logits`` (rows, num_classes; a head with a
        consensus gives one row for all views, several modalities their mean), and with ``with_map`` also
        ``feature_maps``: a list of what pooling takes, one (views, ...) for each stage, pathway or modality.
        A model without a head gives no scores and no logits. ValueError if a part of the model joins these steps.
        """
        head = self.cls_head if self.with_cls_head else None
        if not inherits(self, BaseRecognizer, "extract_feat") or not (
            head is None or inherits(head, BaseHead, "forward", "predict")
        ):
            raise ValueError(
                f"{type(self).__name__} with {type(head).__name__} gives no features: one of them overrides forward, "
                "predict or extract_feat, so nothing tells what is pooled; write pool_feats and classify instead"
            )
        samples = list(data_samples or [ActionDataSample() for _ in range(num_views(inputs))])
        views, num_segs = self.flatten_views(inputs)

        def pooled_and_maps(chunk: Views) -> tuple:
            feats = self._features(chunk)
            return (self._pool(feats), *(tensors_in(feats) if with_map else ()))

        pooled, *maps = self._piecewise(pooled_and_maps, views, num_segs)
        found = {"feature": torch.cat(tensors_in(pooled), dim=1)}
        if head is not None:
            found["logits"] = torch.stack(tensors_in(head.classify(pooled, num_segs))).mean(dim=0)
            samples = head.predict_pooled(pooled, samples, num_segs)
        for index, sample in enumerate(samples):
            for name, value in found.items():
                sample.set_field(value.unflatten(0, (len(samples), -1))[index].float().cpu(), name)
            if with_map:
                own = [value.unflatten(0, (len(samples), -1))[index].float().cpu() for value in maps]
                sample.set_field(own, "feature_maps")
        return samples

    def val_step(self, data: Any) -> list[ActionDataSample]:
        """Return the samples with scores and, where they have labels, with ``loss``: the mean of the head's loss."""
        self._measures_loss = self.with_cls_head
        try:
            return super().val_step(data)
        finally:
            self._measures_loss = False

    @staticmethod
    def _note_loss(losses: Mapping[str, torch.Tensor], data_samples: Sequence[ActionDataSample]) -> None:
        total = float(sum(value for name, value in losses.items() if "loss" in name))
        for sample in data_samples:
            sample.set_field(total, "loss", dtype=float)

    def extract_feat(
        self,
        inputs: Views,
        stage: str = "neck",
        data_samples: Sequence[ActionDataSample] | None = None,
        test_mode: bool = False,
    ) -> tuple[Any, dict[str, Any]]:
        """Return features of all views.

        Args:
            inputs: Prepared batch (N, views, ...).
            stage: Where to stop: ``backbone``, ``neck`` or ``head`` (logits).
            data_samples: Handed to the neck, whose auxiliary losses need labels.
            test_mode: Whether the neck runs without labels, and views in chunks as in ``predict``.

        Returns:
            The features, and a dict with ``num_segs`` (views per sample) and ``loss_aux`` (losses of the neck).
        """
        if stage not in STAGES:
            raise ValueError(f"stage must be one of {STAGES}; got {stage!r}")
        views, num_segs = self.flatten_views(inputs)
        extra: dict[str, Any] = {"num_segs": num_segs, "loss_aux": {}}
        if test_mode:
            feats = self._piecewise(self.run_backbone if stage == "backbone" else self._features, views, num_segs)
        else:
            feats = self.run_backbone(views)
            if stage != "backbone" and self.with_neck:
                feats, extra["loss_aux"] = self.neck(feats, data_samples=data_samples)
        if stage == "head":
            feats = self.cls_head(feats, **accepted(self.cls_head.forward, extra))
        return feats, extra

    def flatten_views(self, inputs: Views) -> tuple[Views, int]:
        """Return the views of all samples in one dimension, and the number of views per sample."""
        if isinstance(inputs, dict):
            raise TypeError(f"{type(self).__name__} takes one modality, got {', '.join(inputs)}; use MMRecognizer3D")
        return self._flatten(inputs)

    def _flatten(self, inputs: torch.Tensor) -> tuple[torch.Tensor, int]:
        if inputs.ndim != len(self.sample_layout) + 1:
            raise ValueError(
                f"{type(self).__name__} needs inputs of the dimensions (samples, {', '.join(self.sample_layout)}); got "
                f"shape {tuple(inputs.shape)}. Compare it with FormatShape in the pipeline"
            )
        return inputs.flatten(0, 1), inputs.shape[1]

    def run_backbone(self, views: Views) -> Any:
        """Return the backbone's features of views."""
        return self.backbone(views)

    def _features(self, views: Views) -> Any:
        """Return the features of backbone and neck, for prediction."""
        feats = self.run_backbone(views)
        return self.neck(feats, data_samples=None)[0] if self.with_neck else feats

    def _pool(self, feats: Any) -> Views:
        """Return one feature vector per view."""
        head = getattr(self, "cls_head", None)
        return head.pool_feats(feats) if isinstance(head, BaseHead) else mean_feats(feats)

    def _pooled(self, views: Views, num_segs: int) -> Any:
        """Return one feature vector per view; those that ``view_memory`` knows are not computed again."""

        def compute(fresh: Views) -> Any:
            return self._piecewise(lambda chunk: self._pool(self._features(chunk)), fresh, num_segs)

        return compute(views) if self.view_memory is None else self.view_memory(compute, views, self.views_per_unit)

    @property
    def num_scores(self) -> int:
        """Number of classes of the head."""
        return self.cls_head.num_classes

    @property
    def looks_at_frames(self) -> bool:
        """Whether the network looks at each frame by itself, as TSN does; TSM and 3D networks look at whole clips."""
        return False

    def share_views(self, count: int) -> None:
        """Let the next calls share the features of equal views, ``count`` clips back; 0: no more."""
        self.view_memory = ViewMemory(count) if count else None

    def score_clip(self, data: Mapping[str, Any]) -> np.ndarray:
        """Return the scores (num_scores,) of one sample as the pipeline packs it, the mean over modalities."""
        with torch.no_grad():
            return mean_score(self.test_step(pseudo_collate([data]))[0].pred_score)

    def _piecewise(self, function: Callable[[Views], Any], views: Views, num_segs: int) -> Any:
        """Return what ``function`` makes of the views, ``num_segs`` of each sample: in chunks, equal ones once."""
        unit, limit = self.views_per_unit, self.test_cfg.get("max_testing_views")
        if num_segs <= unit and not limit:
            return function(views)
        views, places = distinct(views, unit)
        output = self._in_chunks(function, views, self.backbone, unit, limit)
        return output if places is None else spread(output, places)

    def _with_features(self, pooled: Views, data_samples: Sequence[ActionDataSample]) -> list[ActionDataSample]:
        if isinstance(pooled, dict):
            pooled = torch.cat(tuple(pooled.values()), dim=1)
        features = pooled.unflatten(0, (len(data_samples), -1)).mean(dim=1).cpu()
        for sample, feature in zip(data_samples, features, strict=True):
            sample.set_field(feature, "feature", dtype=torch.Tensor)
        return list(data_samples)
