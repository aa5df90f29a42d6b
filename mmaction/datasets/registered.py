"""The data sets, samplers and functions for batches that the registries hold."""

from mmaction.datasets.base import BaseActionDataset
from mmaction.datasets.collate import repeat_pseudo_collate
from mmaction.datasets.features import FeatureDataset
from mmaction.datasets.pose import PoseDataset
from mmaction.datasets.rawframe import RawframeDataset
from mmaction.datasets.sampler import ClassBalancedSampler
from mmaction.datasets.video import RepeatAugDataset, VideoDataset
from mmaction.datasets.wrappers import ClassBalancedDataset, ConcatDataset, RepeatDataset

__all__ = [
    "BaseActionDataset",
    "ClassBalancedDataset",
    "ClassBalancedSampler",
    "ConcatDataset",
    "FeatureDataset",
    "PoseDataset",
    "RawframeDataset",
    "RepeatAugDataset",
    "RepeatDataset",
    "VideoDataset",
    "repeat_pseudo_collate",
]
