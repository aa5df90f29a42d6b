"""The registered transforms: each draws its parameters, calls pure functions and writes keys."""

from .clip_sampling import DenseSampleFrames, SampleFrames, UntrimmedSampleFrames
from .color import ColorJitter, TorchVisionWrapper
from .cropping import CenterCrop, MultiScaleCrop, RandomCrop, RandomResizedCrop, TenCrop, ThreeCrop
from .formatting import FormatShape, PackActionInputs, PackPoseInputs, Transpose
from .heatmap import GeneratePoseTarget
from .loading import (
    ArrayDecode,
    DecordDecode,
    DecordInit,
    ImageDecode,
    OpenCVDecode,
    OpenCVInit,
    PyAVDecode,
    PyAVInit,
    RawFrameDecode,
    VideoDecode,
    VideoInit,
)
from .pose import DecompressPose, PoseCompact, PoseDecode
from .pose_augment import PoseJitter, RandomJointDropout, RandomPoseAffine
from .processing import Flip, Fuse, RandomRescale, Resize
from .sampling import MMUniformSampleFrames, UniformSample, UniformSampleFrames

__all__ = [
    "ArrayDecode",
    "CenterCrop",
    "ColorJitter",
    "DecompressPose",
    "DecordDecode",
    "DecordInit",
    "DenseSampleFrames",
    "Flip",
    "FormatShape",
    "Fuse",
    "GeneratePoseTarget",
    "ImageDecode",
    "MMUniformSampleFrames",
    "MultiScaleCrop",
    "OpenCVDecode",
    "OpenCVInit",
    "PackActionInputs",
    "PackPoseInputs",
    "PoseCompact",
    "PoseDecode",
    "PoseJitter",
    "PyAVDecode",
    "PyAVInit",
    "RandomCrop",
    "RandomJointDropout",
    "RandomPoseAffine",
    "RandomRescale",
    "RandomResizedCrop",
    "RawFrameDecode",
    "Resize",
    "SampleFrames",
    "TenCrop",
    "ThreeCrop",
    "TorchVisionWrapper",
    "Transpose",
    "UniformSample",
    "UniformSampleFrames",
    "UntrimmedSampleFrames",
    "VideoDecode",
    "VideoInit",
]
