"""Networks that other libraries keep: transformers, timm and torchvision; the first two are imported where used."""

from mmaction.models.backbones.foundation.timm_image import TimmImage
from mmaction.models.backbones.foundation.torchvision_video import TorchvisionVideo
from mmaction.models.backbones.foundation.transformers_video import TransformersVideo

__all__ = ["TimmImage", "TorchvisionVideo", "TransformersVideo"]
