"""Data sets and the transforms that turn an annotation into the input of a model."""

from typing import Any

from . import transforms
from .base import BaseActionDataset
from .pose import PoseDataset
from .rawframe import RawframeDataset
from .video import VideoDataset
from .wrappers import ClassBalancedDataset, ConcatDataset, RepeatDataset

__all__ = [
    "BaseActionDataset",
    "ClassBalancedDataset",
    "ConcatDataset",
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
