"""What MMEngine's Runner lacks: hooks, exact resumption, safe checkpoints, checks before training, several CPUs."""

from mmaction.engine import hooks
from mmaction.engine.checks.plan import PreflightHook
from mmaction.engine.checks.unreadable import BrokenSamplesHook, Evaluator
from mmaction.engine.hooks import *
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
    "EpochBasedTrainLoop",
    "Evaluator",
    "LearningRateDecayOptimizerConstructor",
    "MMFullyShardedDataParallel",
    "PreflightHook",
    "PretrainedInit",
    "ResultHook",
    "SwinOptimWrapperConstructor",
    "TSMOptimWrapperConstructor",
    "TokenCacheHook",
    "build_runner",
]
__all__ += hooks.__all__
