"""A recognizer as one function of tensors, from what the data pipeline gives to scores: what is exported."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from mmaction.models.preprocess.heatmap import PoseHeatmapPreprocessor
from mmaction.models.preprocess.rendering import render_segments
from mmaction.models.recognizers.base import BaseRecognizer


class Heatmaps(nn.Module):
    """Draws what a preprocessor draws of joints (B, N, M, T, V, 3), for any number of persons M at once.

    Args:
        preprocessor: Tells how.
        joints: V.
        img_shape: Height and width of the image in which the joints lie.
        double: Whether mirror images follow.
    """

    def __init__(
        self, preprocessor: PoseHeatmapPreprocessor, joints: int, img_shape: Sequence[int], double: bool
    ) -> None:
        super().__init__()
        preprocessor.check_joints(joints, double)
        self.spec, self.scaling, self.dtype = preprocessor.spec, preprocessor.scaling, preprocessor.dtype
        self.joints = joints if self.spec.with_kp else 0
        self.img_shape = tuple(img_shape)
        height, width = (int(side * self.scaling + 0.5) for side in img_shape)
        self.shape = height, width
        self.start, self.end = (nn.Buffer(torch.as_tensor(index)) for index in self.spec.segments(joints))
        self.order = nn.Buffer(torch.as_tensor(self.spec.mirror_order(joints))) if double else None

    def forward(self, joints: torch.Tensor) -> torch.Tensor:
        """Return heatmaps (B, N, C, T, H, W), (B, 2 * N, ...) with mirror images: the greatest value of all persons."""
        points, score = joints[..., :2] * self.scaling, joints[..., 2]
        score = score if self.spec.use_score else torch.ones_like(score)
        points, score = (part.flatten(1, 2).unsqueeze(2) for part in (points, score))  # each person as a clip
        heatmaps = render_segments(points, score, self.start, self.end, self.joints, self.shape, self.spec.sigma)
        heatmaps = heatmaps.unflatten(1, (joints.shape[1], -1)).amax(dim=2)
        if self.order is not None:
            heatmaps = torch.cat([heatmaps, heatmaps.index_select(2, self.order).flip(-1)], dim=1)
        return heatmaps.to(self.dtype)


class ScoreGraph(nn.Module):
    """From a tensor for each input, (B, ...) as the pipeline packs them, to scores (B, num_classes).

    Args:
        model: The recognizer, in evaluation.
        names: Names of the inputs.
        heatmaps: Draws the last of them, where it holds joints.
        example: Inputs of one sample, which tell how many views are merged.
    """

    def __init__(
        self,
        model: BaseRecognizer,
        names: Sequence[str],
        heatmaps: Heatmaps | None,
        example: Sequence[torch.Tensor],
    ) -> None:
        super().__init__()
        self.model, self.names, self.heatmaps = model, names, heatmaps
        self.rows = len(self.logits(example)[0])

    def logits(self, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return the logits (B * views, num_classes) of each modality that is predicted from."""
        values = [*inputs[:-1], inputs[-1] if self.heatmaps is None else self.heatmaps(inputs[-1])]
        preprocessor = self.model.data_preprocessor
        batch: Any
        if len(values) == 1:
            batch = _prepared(preprocessor, values[0])
        else:
            named = zip(self.names, values, strict=True)
            batch = {name: _prepared(preprocessor.preprocessors[name], value) for name, value in named}
        logits = self.model.extract_feat(batch, stage="head")[0]
        if not isinstance(logits, Mapping):
            return [logits]
        return [logits[name] for name in getattr(self.model.cls_head, "loss_weights", logits)]

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Return the scores, merged over views and modalities as in a test."""
        parts = [self.model.cls_head.average_clip(logits, self.rows) for logits in self.logits(inputs)]
        return torch.stack(parts).mean(dim=0)


def _prepared(preprocessor: nn.Module, value: torch.Tensor) -> torch.Tensor:
    if isinstance(preprocessor, PoseHeatmapPreprocessor):  # heatmaps by now
        return value
    return preprocessor({"inputs": value}, False)["inputs"]
