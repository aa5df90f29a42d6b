"""Feature extractors."""

from mmaction.models.backbones.resnet3d import ResNet3d, ResNet3dSlowOnly

__all__ = ["ResNet3d", "ResNet3dSlowOnly"]
