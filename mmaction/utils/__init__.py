"""Set-up of the package, helpers of the command-line tools, and names of types for plug-ins."""

from typing import Any

from mmaction.utils.setup import register_all_modules

_TYPES = (
    "ConfigType",
    "ForwardResults",
    "MultiConfig",
    "OptConfigType",
    "OptMultiConfig",
    "OptSampleList",
    "SampleList",
)

__all__ = ["register_all_modules", *_TYPES]


def __getattr__(name: str) -> Any:
    # Imported on demand: they need torch, which the tools do without until their arguments are read.
    if name in _TYPES:
        from mmaction.utils import typing_utils

        return getattr(typing_utils, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
