"""The data sets, samplers and functions for batches that the registries hold; :mod:`mmaction.datasets` names them."""

from mmaction.datasets.base import BaseActionDataset as BaseActionDataset
from mmaction.datasets.collate import repeat_pseudo_collate as repeat_pseudo_collate
from mmaction.datasets.features import FeatureDataset as FeatureDataset
from mmaction.datasets.pose import PoseDataset as PoseDataset
from mmaction.datasets.rawframe import RawframeDataset as RawframeDataset
from mmaction.datasets.sampler import ClassBalancedSampler as ClassBalancedSampler
from mmaction.datasets.video import RepeatAugDataset as RepeatAugDataset
from mmaction.datasets.video import VideoDataset as VideoDataset
from mmaction.datasets.wrappers import ClassBalancedDataset as ClassBalancedDataset
from mmaction.datasets.wrappers import ConcatDataset as ConcatDataset
from mmaction.datasets.wrappers import RepeatDataset as RepeatDataset
