"""Data sets and the transforms that turn an annotation into the input of a model."""

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
