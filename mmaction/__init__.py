"""Fine-grained action recognition: gymnastics elements, dives and other actions that differ in their details."""

import sys
from typing import Any

from mmaction.version import __version__

__all__ = ["__version__"]


class _OptimizersWithoutTransformers:
    """An import hook: MMEngine, which would load transformers at each start for one optimizer, goes without it.

    That takes 5 s and 200 MB. :func:`mmaction.engine.optim.adafactor` is the optimizer.
    """

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        builder = sys.modules.get("mmengine.optim.optimizer.builder")
        if name == "transformers" and builder and not hasattr(builder, "TRANSFORMERS_OPTIMIZERS"):
            raise ImportError("MMEngine needs no transformers")  # which it catches


sys.meta_path.insert(0, _OptimizersWithoutTransformers)
