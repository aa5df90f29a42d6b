"""The registered transforms: each draws its parameters, calls pure functions and writes keys."""

from .cropping import CenterCrop, MultiScaleCrop, RandomCrop, RandomResizedCrop, TenCrop, ThreeCrop
from .processing import Flip, Fuse, RandomRescale, Resize

__all__ = [
    "CenterCrop",
    "Flip",
    "Fuse",
    "MultiScaleCrop",
    "RandomCrop",
    "RandomRescale",
    "RandomResizedCrop",
    "Resize",
    "TenCrop",
    "ThreeCrop",
]
