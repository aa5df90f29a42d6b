"""Fill the registries and choose the scope in which configs are read."""

import importlib

from mmengine.registry import init_default_scope as set_default_scope

ROOMS = ("datasets", "engine", "evaluation", "models", "visualization")


def register_all_modules(init_default_scope: bool = True) -> None:
    """Import every module that registers classes.

    Args:
        init_default_scope: Make ``mmaction`` the scope in which a config's ``type`` is looked up. Pass False where
            another package built on MMEngine leads and only needs the classes to be there.
    """
    for room in ROOMS:
        importlib.import_module(f"mmaction.{room}")
    if init_default_scope:
        set_default_scope("mmaction")
