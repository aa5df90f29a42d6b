"""Feature extractors."""

from mmaction.models.backbones import foundation
from mmaction.models.backbones.c3d import C3D
from mmaction.models.backbones.experts import ExpertAttention
from mmaction.models.backbones.foundation import *
from mmaction.models.backbones.graphs import AAGCN, CTRGCN, STGCN
from mmaction.models.backbones.multipath import ResNet3dSlowFast, RGBPoseConv3D
from mmaction.models.backbones.resnet import C2D, ResNet
from mmaction.models.backbones.resnet2plus1d import Conv2plus1d, ResNet2Plus1d
from mmaction.models.backbones.resnet3d import ResNet3d, ResNet3dLayer, ResNet3dSlowOnly
from mmaction.models.backbones.resnet_tsm import ResNetTSM
from mmaction.models.backbones.x3d import X3D

__all__ = [
    "AAGCN",
    "C2D",
    "C3D",
    "CTRGCN",
    "STGCN",
    "X3D",
    "Conv2plus1d",
    "ExpertAttention",
    "RGBPoseConv3D",
    "ResNet",
    "ResNet2Plus1d",
    "ResNet3d",
    "ResNet3dLayer",
    "ResNet3dSlowFast",
    "ResNet3dSlowOnly",
    "ResNetTSM",
]
__all__ += foundation.__all__
