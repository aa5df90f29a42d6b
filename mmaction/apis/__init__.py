"""Use a trained model from Python: build it, run it on a clip, read the scores."""

from importlib import import_module
from typing import Any

_HOMES = {
    "Recognizer": "recognizer",
    "Run": "training",
    "detection_inference": "detection",
    "inference_recognizer": "inference",
    "inference_skeleton": "inference",
    "init_recognizer": "inference",
    "pose_inference": "detection",
    "test": "testing",
    "train": "training",
}
__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    """Import a name when it is asked for: most need torch; Recognizer does not, for an exported file."""
    if name in _HOMES:
        return getattr(import_module(f"mmaction.apis.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
