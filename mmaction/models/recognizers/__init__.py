"""Complete models: preprocessing, backbone and head."""

from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.models.recognizers.exported import ExportedNetwork
from mmaction.models.recognizers.recognizers import (
    MMRecognizer3D,
    Recognizer2D,
    Recognizer3D,
    RecognizerFusion,
    RecognizerGCN,
)

__all__ = [
    "BaseRecognizer",
    "ExportedNetwork",
    "MMRecognizer3D",
    "Recognizer2D",
    "Recognizer3D",
    "RecognizerFusion",
    "RecognizerGCN",
]
