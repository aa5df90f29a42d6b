"""The data sets and samplers that the registries hold."""

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
]
