"""The recognizers, which differ in the layout of their input."""

from collections.abc import Sequence
from typing import Any

import torch

from mmaction.models.heads.tokens import ClipHead
from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.models.recognizers.views import Views
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample


@MODELS.register_module()
class Recognizer2D(BaseRecognizer):
    """Recognizer of single frames: inputs (N, frames, C, H, W); the head merges the frames of a sample."""

    sample_layout = ("frames", "C", "H", "W")

    @property
    def views_per_unit(self) -> int:
        """Frames of one clip, where the backbone mixes frames (TSM), or the head pools them."""
        head = getattr(self, "cls_head", None)
        head = getattr(head, "head", head)  # what AttributeHead wraps
        pooled = head.num_segments if isinstance(head, ClipHead) else 1
        return max(getattr(self.backbone, "num_segments", 1), pooled)

    @property
    def looks_at_frames(self) -> bool:
        """Whether the backbone does not mix frames."""
        return self.views_per_unit == 1

    def flatten_views(self, inputs: Views) -> tuple[Views, int]:
        """Return the frames of all samples in one dimension, and the number of frames per sample."""
        frames, count = super().flatten_views(inputs)
        if count % self.views_per_unit:
            raise ValueError(
                f"backbone or head sees clips of {self.views_per_unit} frames together, but each sample has {count}; "
                "num_clips of SampleFrames must be num_segments of the head and the backbone"
            )
        return frames, count

    def loss(self, inputs: Views, data_samples: Sequence[ActionDataSample]) -> dict[str, torch.Tensor]:
        """Return the losses and accuracies of a training batch.

        Backbone, head and pipeline must agree about the frames of a clip. In testing a sample may have several clips;
        in training it would be cut into parts of the video.
        """
        unit, (_, frames) = self.views_per_unit, self.flatten_views(inputs)
        in_head = getattr(getattr(self, "cls_head", None), "num_segments", unit)
        if unit > 1 and {unit, in_head, frames} != {unit}:
            raise ValueError(
                f"num_segments is {unit} in the backbone and {in_head} in the head, and a training sample has {frames} "
                "frames: the three must be equal. Set num_clips of SampleFrames and num_segments to one number"
            )
        return super().loss(inputs, data_samples)


@MODELS.register_module()
class Recognizer3D(BaseRecognizer):
    """Recognizer of clips of frames, flow or heatmaps: inputs (N, clips, C, T, H, W)."""

    sample_layout = ("clips", "C", "T", "H", "W")


@MODELS.register_module()
class RecognizerGCN(BaseRecognizer):
    """Recognizer of skeletons: inputs (N, clips, M, T, V, C) of M persons and V joints."""

    sample_layout = ("clips", "M", "T", "V", "C")


@MODELS.register_module()
class RecognizerFusion(BaseRecognizer):
    """Recognizer of clips as what several experts make of them: inputs (N, views, D) of ``FeatureDataset``."""

    sample_layout = ("views", "D")


@MODELS.register_module()
class MMRecognizer3D(BaseRecognizer):
    """Recognizer of several modalities: inputs are a dict of (N, clips, C, T, H, W), whose keys the backbone takes."""

    sample_layout = ("clips", "C", "T", "H", "W")

    def flatten_views(self, inputs: Views) -> tuple[Views, int]:
        """Return the views of each modality in one dimension, and the number of views per sample."""
        if not isinstance(inputs, dict):
            raise TypeError("MMRecognizer3D takes a dict of modalities; for one alone use Recognizer3D")
        flat, counts = {}, {}
        for name, batch in inputs.items():
            flat[name], counts[name] = self._flatten(batch)
        if len(set(counts.values())) != 1:
            raise ValueError(f"every modality needs the same number of clips per sample; got {counts}")
        return flat, next(iter(counts.values()))

    def run_backbone(self, views: Any) -> Any:
        """Return the backbone's features, one entry per modality."""
        return self.backbone(**views)
