import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # configs of these tests import `toy`


@pytest.fixture
def toy():
    import toy

    return toy


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
