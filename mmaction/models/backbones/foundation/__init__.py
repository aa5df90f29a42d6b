"""Networks that other libraries keep: transformers, timm and torchvision; the first two are imported where used."""

from mmaction.models.backbones.foundation.published import MViT, SwinTransformer3D, TimeSformer, VisionTransformer
from mmaction.models.backbones.foundation.timm_image import TimmImage
from mmaction.models.backbones.foundation.torchvision_video import TorchvisionVideo
from mmaction.models.backbones.foundation.transformers_video import TransformersVideo
from mmaction.models.backbones.foundation.uniformerv2 import UniFormerV2

__all__ = [
    "MViT",
    "SwinTransformer3D",
    "TimeSformer",
    "TimmImage",
    "TorchvisionVideo",
    "TransformersVideo",
    "UniFormerV2",
    "VisionTransformer",
]
