"""The registered transforms: each draws its parameters, calls pure functions and writes keys."""

from .clip_sampling import DenseSampleFrames, SampleFrames, UntrimmedSampleFrames
from .color import ColorJitter, TorchVisionWrapper
from .cropping import CenterCrop, MultiScaleCrop, RandomCrop, RandomResizedCrop, TenCrop, ThreeCrop
from .formatting import FormatShape, PackActionInputs, PackPoseInputs, Transpose
from .frame_loading import ArrayDecode, ImageDecode, RawFrameDecode
from .heatmap import GeneratePoseTarget
from .loading import (
    DecordDecode,
    DecordInit,
    OpenCVDecode,
    OpenCVInit,
    PyAVDecode,
    PyAVInit,
    VideoDecode,
    VideoInit,
)
from .multimodal import MMCompact, MMDecode, VideoPoseDecode
from .pose import DecompressPose, PoseCompact, PoseDecode
from .pose_augment import PoseJitter, RandomJointDropout, RandomPoseAffine
from .processing import Flip, Fuse, RandomRescale, Resize
from .sampling import MMUniformSampleFrames, UniformSample, UniformSampleFrames
from .skeleton_features import (
    FormatGCNInput,
    GenSkeFeat,
    JointToBone,
    MergeSkeFeat,
    PadTo,
    PreNormalize2D,
    PreNormalize3D,
    ToMotion,
)

__all__ = [
    "ArrayDecode",
    "CenterCrop",
    "ColorJitter",
    "DecompressPose",
    "DecordDecode",
    "DecordInit",
    "DenseSampleFrames",
    "Flip",
    "FormatGCNInput",
    "FormatShape",
    "Fuse",
    "GenSkeFeat",
    "GeneratePoseTarget",
    "ImageDecode",
    "JointToBone",
    "MMCompact",
    "MMDecode",
    "MMUniformSampleFrames",
    "MergeSkeFeat",
    "MultiScaleCrop",
    "OpenCVDecode",
    "OpenCVInit",
    "PackActionInputs",
    "PackPoseInputs",
    "PadTo",
    "PoseCompact",
    "PoseDecode",
    "PoseJitter",
    "PreNormalize2D",
    "PreNormalize3D",
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
    "ToMotion",
    "TorchVisionWrapper",
    "Transpose",
    "UniformSample",
    "UniformSampleFrames",
    "UntrimmedSampleFrames",
    "VideoDecode",
    "VideoInit",
    "VideoPoseDecode",
]
