"""Data sets and the transforms that turn an annotation into the input of a model."""

from typing import Any

from mmaction.datasets import transforms
from mmaction.datasets.base import BaseActionDataset
from mmaction.datasets.features import FeatureDataset
from mmaction.datasets.pose import PoseDataset
from mmaction.datasets.rawframe import RawframeDataset
from mmaction.datasets.sampler import ClassBalancedSampler
from mmaction.datasets.video import VideoDataset
from mmaction.datasets.wrappers import ClassBalancedDataset, ConcatDataset, RepeatDataset

__all__ = [
    "BaseActionDataset",
    "ClassBalancedDataset",
    "ClassBalancedSampler",
    "ConcatDataset",
    "FeatureDataset",
    "PoseDataset",
    "RawframeDataset",
    "RepeatDataset",
    "VideoDataset",
    "transforms",
]


def __getattr__(name: str) -> Any:
    # configs that import their classes take the transforms from here
    if name in transforms.__all__:
        return getattr(transforms, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
