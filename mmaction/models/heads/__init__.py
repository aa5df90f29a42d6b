"""Classifiers on the features of a backbone."""

from mmaction.models.heads.attributes import AttributeHead, ClassAttributes
from mmaction.models.heads.base import BaseHead, LinearHead
from mmaction.models.heads.experts import ExpertHead
from mmaction.models.heads.gcn import GCNHead
from mmaction.models.heads.mirror import MirrorHead
from mmaction.models.heads.resnet3d import I3DHead, SlowFastHead, X3DHead
from mmaction.models.heads.rgbpose import RGBPoseHead
from mmaction.models.heads.segments import TSMHead, TSNHead
from mmaction.models.heads.tokens import AttentiveHead, TokenHead
from mmaction.models.heads.transformers import MViTHead, TimeSformerHead, UniFormerHead

__all__ = [
    "AttentiveHead",
    "AttributeHead",
    "BaseHead",
    "ClassAttributes",
    "ExpertHead",
    "GCNHead",
    "I3DHead",
    "LinearHead",
    "MViTHead",
    "MirrorHead",
    "RGBPoseHead",
    "SlowFastHead",
    "TSMHead",
    "TSNHead",
    "TimeSformerHead",
    "TokenHead",
    "UniFormerHead",
    "X3DHead",
]
