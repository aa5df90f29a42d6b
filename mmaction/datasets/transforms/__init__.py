"""The registered transforms: each draws its parameters, calls pure functions and writes keys."""

from mmaction.datasets.transforms.clip_sampling import DenseSampleFrames, SampleFrames, UntrimmedSampleFrames
from mmaction.datasets.transforms.color import ColorJitter, TorchVisionWrapper
from mmaction.datasets.transforms.cropping import (
    CenterCrop,
    MultiScaleCrop,
    RandomCrop,
    RandomResizedCrop,
    TenCrop,
    ThreeCrop,
)
from mmaction.datasets.transforms.formatting import FormatShape, PackActionInputs, PackPoseInputs, Transpose
from mmaction.datasets.transforms.frame_loading import ArrayDecode, ImageDecode, RawFrameDecode
from mmaction.datasets.transforms.heatmap import GeneratePoseTarget
from mmaction.datasets.transforms.loading import (
    DecordDecode,
    DecordInit,
    OpenCVDecode,
    OpenCVInit,
    PyAVDecode,
    PyAVInit,
    VideoDecode,
    VideoInit,
)
from mmaction.datasets.transforms.multimodal import MMCompact, MMDecode, VideoPoseDecode
from mmaction.datasets.transforms.pose import DecompressPose, PoseCompact, PoseDecode
from mmaction.datasets.transforms.pose_augment import (
    PoseJitter,
    RandomJointDropout,
    RandomPoseAffine,
    RandomRot,
    RandomScale,
)
from mmaction.datasets.transforms.processing import Flip, Fuse, RandomRescale, Resize
from mmaction.datasets.transforms.sampling import MMUniformSampleFrames, UniformSample, UniformSampleFrames
from mmaction.datasets.transforms.skeleton_features import (
    FitJoints,
    FormatGCNInput,
    GenSkeFeat,
    JointToBone,
    MergeSkeFeat,
    PadTo,
    PreNormalize2D,
    PreNormalize3D,
    ToMotion,
)
from mmaction.datasets.transforms.strong import PytorchVideoWrapper, RandomErasing
from mmaction.datasets.transforms.tokens import LoadTokens

__all__ = [
    "ArrayDecode",
    "CenterCrop",
    "ColorJitter",
    "DecompressPose",
    "DecordDecode",
    "DecordInit",
    "DenseSampleFrames",
    "FitJoints",
    "Flip",
    "FormatGCNInput",
    "FormatShape",
    "Fuse",
    "GenSkeFeat",
    "GeneratePoseTarget",
    "ImageDecode",
    "JointToBone",
    "LoadTokens",
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
    "PytorchVideoWrapper",
    "RandomCrop",
    "RandomErasing",
    "RandomJointDropout",
    "RandomPoseAffine",
    "RandomRescale",
    "RandomResizedCrop",
    "RandomRot",
    "RandomScale",
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
