"""Data sets and the transforms that turn an annotation into the input of a model."""

from typing import Any

from mmaction.datasets import transforms

__all__ = [
    "BaseActionDataset",
    "ClassBalancedDataset",
    "ClassBalancedSampler",
    "ConcatDataset",
    "FeatureDataset",
    "PoseDataset",
    "RawframeDataset",
    "RepeatAugDataset",
    "RepeatDataset",
    "VideoDataset",
    "transforms",
]


def __getattr__(name: str) -> Any:
    # configs that import their classes take the transforms from here
    if name in transforms.__all__:
        return getattr(transforms, name)
    if name in __all__:  # imported on demand: data sets need torch, transforms do without
        from mmaction.datasets import registered

        return getattr(registered, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
