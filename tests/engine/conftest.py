import importlib.util
import sys
from pathlib import Path

import pytest

from mmaction.registry import HOOKS

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # configs of these tests import `toy`


@pytest.fixture
def toy():
    import toy

    return toy


@pytest.fixture
def register():
    """Registers a hook class for one test."""
    names = []

    def add(cls):
        HOOKS.register_module(module=cls, force=True)
        names.append(cls.__name__)
        return cls

    yield add
    for name in names:
        HOOKS.module_dict.pop(name)


@pytest.fixture
def train(root):
    """tools/train.py as a function of its arguments."""
    return _tool(root, "train")


@pytest.fixture
def test(root):
    """tools/test.py as a function of its arguments."""
    return _tool(root, "test")


def _tool(root, name):
    spec = importlib.util.spec_from_file_location(f"tool_{name}", root / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda *args: module.main([str(arg) for arg in args])
