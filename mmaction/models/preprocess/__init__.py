"""From a batch of samples to the tensor that the backbone reads, on the device of the model."""

from mmaction.models.preprocess.action import ActionDataPreprocessor
from mmaction.models.preprocess.blending import CutmixBlending, MixupBlending, RandomBatchAugment
from mmaction.models.preprocess.heatmap import PoseHeatmapPreprocessor
from mmaction.models.preprocess.multimodal import MultiModalDataPreprocessor

__all__ = [
    "ActionDataPreprocessor",
    "CutmixBlending",
    "MixupBlending",
    "MultiModalDataPreprocessor",
    "PoseHeatmapPreprocessor",
    "RandomBatchAugment",
]
