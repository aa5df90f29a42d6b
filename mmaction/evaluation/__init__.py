"""Metrics: functions on arrays and the thin classes that the Runner calls."""

from mmaction.evaluation.functional import (
    confusion_matrix,
    get_weighted_score,
    mean_average_precision,
    mean_class_accuracy,
    mmit_mean_average_precision,
    top_k_accuracy,
    top_k_classes,
)
from mmaction.evaluation.metrics import AccMetric, ConfusionMatrix
from mmaction.evaluation.summary import summarize

__all__ = [
    "AccMetric",
    "ConfusionMatrix",
    "confusion_matrix",
    "get_weighted_score",
    "mean_average_precision",
    "mean_class_accuracy",
    "mmit_mean_average_precision",
    "summarize",
    "top_k_accuracy",
    "top_k_classes",
]
