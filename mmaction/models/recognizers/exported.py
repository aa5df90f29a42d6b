"""An exported file in the place of a model, so that a Runner tests it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.model import BaseModel

from mmaction.io.exported import open_exported
from mmaction.models.preprocess.action import stack_samples
from mmaction.models.preprocess.heatmap import pad_persons
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample


@MODELS.register_module()
class ExportedNetwork(BaseModel):
    """Gives the scores of a file that ``mmaction export`` wrote, for testing alone.

    Args:
        file: ``*.onnx`` or ``*.pt2``.
        device: See :func:`mmaction.io.exported.open_exported`.
    """

    def __init__(self, file: str, device: str | None = None) -> None:
        super().__init__()
        self.exported = open_exported(file, device, trust=True)  # a config that names it imports what it likes

    def forward(
        self, inputs: Sequence[Any] | Mapping[str, Any], data_samples: Sequence[ActionDataSample], mode: str = "predict"
    ) -> list[ActionDataSample]:
        """Return the samples with ``pred_score`` and ``pred_label``; ValueError for another mode or other inputs."""
        if mode != "predict":
            raise ValueError(f"{self.exported.path} is an exported model, which predicts alone; got mode={mode!r}")
        for sample in data_samples:
            self.exported.check_image(sample.get("img_shape"))
        parts: Any
        if isinstance(inputs, Mapping):
            parts = {name: _stacked(part) for name, part in inputs.items()}
        else:
            parts = _stacked(inputs)
        for sample, score in zip(data_samples, torch.from_numpy(self.exported(parts)), strict=True):
            sample.set_pred_score(score).set_pred_label(score.argmax())
        return list(data_samples)


def _stacked(samples: Sequence[torch.Tensor]) -> np.ndarray:
    """Return samples as one array; of joints, those with fewer persons get some that nobody sees."""
    holds_joints = samples[0].ndim == 5 and samples[0].shape[-1] == 3
    return (pad_persons(samples) if holds_joints else stack_samples(samples)).cpu().numpy()
