"""Hooks that the Runner calls around each epoch and iteration."""

from mmaction.engine.checks.health import FiniteLossHook, PredictionHealthHook
from mmaction.engine.hooks.checkpoint_hook import CheckpointHook
from mmaction.engine.hooks.data_hooks import ClassCountsHook, DataEpochHook, DataWaitHook
from mmaction.engine.hooks.early_stopping_hook import EarlyStoppingHook
from mmaction.engine.hooks.ema_hook import EMAHook
from mmaction.engine.hooks.history_hook import HistoryHook
from mmaction.engine.hooks.runtime_info_hook import RuntimeInfoHook
from mmaction.engine.hooks.visualization_hook import VisualizationHook

__all__ = [
    "CheckpointHook",
    "ClassCountsHook",
    "DataEpochHook",
    "DataWaitHook",
    "EMAHook",
    "EarlyStoppingHook",
    "FiniteLossHook",
    "HistoryHook",
    "PredictionHealthHook",
    "RuntimeInfoHook",
    "VisualizationHook",
]
