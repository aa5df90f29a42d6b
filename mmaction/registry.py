"""The registries of the package: children of MMEngine's, under the scope ``mmaction``.

Each one names the modules that fill it, so that ``MODELS.build(cfg)`` finds a class although nobody imported it yet.
"""

from mmengine import registry as mmengine_registry
from mmengine.registry import Registry


def _child(root_name: str, *locations: str) -> Registry:
    root = getattr(mmengine_registry, root_name)
    return Registry(root.name, parent=root, scope="mmaction", locations=[f"mmaction.{name}" for name in locations])


RUNNERS = _child("RUNNERS", "engine")
RUNNER_CONSTRUCTORS = _child("RUNNER_CONSTRUCTORS", "engine")
LOOPS = _child("LOOPS", "engine")
HOOKS = _child("HOOKS", "engine")
STRATEGIES = _child("STRATEGIES", "engine")
OPTIMIZERS = _child("OPTIMIZERS", "engine")
OPTIM_WRAPPERS = _child("OPTIM_WRAPPERS", "engine")
OPTIM_WRAPPER_CONSTRUCTORS = _child("OPTIM_WRAPPER_CONSTRUCTORS", "engine")
PARAM_SCHEDULERS = _child("PARAM_SCHEDULERS", "engine")
LOG_PROCESSORS = _child("LOG_PROCESSORS", "engine")

DATASETS = _child("DATASETS", "datasets.registered")
DATA_SAMPLERS = _child("DATA_SAMPLERS", "datasets.registered")
TRANSFORMS = _child("TRANSFORMS", "datasets.transforms")

MODELS = _child("MODELS", "models")
MODEL_WRAPPERS = _child("MODEL_WRAPPERS", "engine")
WEIGHT_INITIALIZERS = _child("WEIGHT_INITIALIZERS", "engine")
TASK_UTILS = _child("TASK_UTILS", "models")

METRICS = _child("METRICS", "evaluation")
EVALUATOR = _child("EVALUATOR", "evaluation")

VISUALIZERS = _child("VISUALIZERS", "visualization.visualizer")
VISBACKENDS = _child("VISBACKENDS", "visualization")

INFERENCERS = _child("INFERENCERS", "apis")
FUNCTIONS = _child("FUNCTIONS", "apis")
