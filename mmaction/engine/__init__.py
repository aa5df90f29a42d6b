"""What MMEngine's Runner lacks: hooks, exact resumption, safe checkpoints, checks before training, several CPUs."""

from mmaction.engine.checks.plan import PreflightHook
from mmaction.engine.checks.unreadable import BrokenSamplesHook, Evaluator
from mmaction.engine.hooks import (
    CheckpointHook,
    DataEpochHook,
    DataWaitHook,
    EarlyStoppingHook,
    EMAHook,
    FiniteLossHook,
    HistoryHook,
    PredictionHealthHook,
)
from mmaction.engine.loops import EpochBasedTrainLoop
from mmaction.engine.optim import AmpOptimWrapper
from mmaction.engine.optim_groups import (
    LearningRateDecayOptimizerConstructor,
    SwinOptimWrapperConstructor,
    TSMOptimWrapperConstructor,
)
from mmaction.engine.pretrained import PretrainedInit
from mmaction.engine.results.facts import ResultHook
from mmaction.engine.runner import ActionRunner, build_runner
from mmaction.engine.sharding import MMFullyShardedDataParallel
from mmaction.engine.token_cache import TokenCacheHook

__all__ = [
    "ActionRunner",
    "AmpOptimWrapper",
    "BrokenSamplesHook",
    "CheckpointHook",
    "DataEpochHook",
    "DataWaitHook",
    "EMAHook",
    "EarlyStoppingHook",
    "EpochBasedTrainLoop",
    "Evaluator",
    "FiniteLossHook",
    "HistoryHook",
    "LearningRateDecayOptimizerConstructor",
    "MMFullyShardedDataParallel",
    "PredictionHealthHook",
    "PreflightHook",
    "PretrainedInit",
    "ResultHook",
    "SwinOptimWrapperConstructor",
    "TSMOptimWrapperConstructor",
    "TokenCacheHook",
    "build_runner",
]
