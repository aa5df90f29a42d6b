"""The registered transforms: each draws its parameters, calls pure functions and writes keys."""

from .cropping import CenterCrop, MultiScaleCrop, RandomCrop, RandomResizedCrop, TenCrop, ThreeCrop
from .formatting import FormatShape, PackActionInputs, PackPoseInputs
from .heatmap import GeneratePoseTarget
from .pose import PoseCompact, PoseDecode
from .processing import Flip, Fuse, RandomRescale, Resize
from .sampling import MMUniformSampleFrames, UniformSample, UniformSampleFrames

__all__ = [
    "CenterCrop",
    "Flip",
    "FormatShape",
    "Fuse",
    "GeneratePoseTarget",
    "MMUniformSampleFrames",
    "MultiScaleCrop",
    "PackActionInputs",
    "PackPoseInputs",
    "PoseCompact",
    "PoseDecode",
    "RandomCrop",
    "RandomRescale",
    "RandomResizedCrop",
    "Resize",
    "TenCrop",
    "ThreeCrop",
    "UniformSample",
    "UniformSampleFrames",
]
