"""Fill the registries and choose the scope in which configs are read."""

import gc
import importlib

from mmengine.registry import init_default_scope as set_default_scope

REGISTERING_MODULES = ("datasets.registered", "engine", "evaluation", "models", "visualization.visualizer")


def register_all_modules(init_default_scope: bool = True) -> None:
    """Import every module that registers classes.

    Args:
        init_default_scope: Make ``mmaction`` the scope in which a config's ``type`` is looked up. Pass False where
            another package built on MMEngine leads and only needs the classes to be there.
    """
    collects_garbage = gc.isenabled()
    gc.disable()  # the imports reach a full collection, which takes longer than they do and finds nothing
    try:
        for name in REGISTERING_MODULES:
            importlib.import_module(f"mmaction.{name}")
    finally:
        if collects_garbage:
            gc.enable()
    if init_default_scope:
        set_default_scope("mmaction")
