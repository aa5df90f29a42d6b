import importlib
import shutil
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


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory):
    """The work directory of a run of three epochs with seed 0, which no test may change."""
    import toy

    folder = tmp_path_factory.mktemp("whole_run")
    _command("train")(toy.write_config(folder), "--work-dir", folder / "run", "--seed", 0)
    return folder / "run"


@pytest.fixture
def trained(tmp_path, toy, whole_run):
    """A config and a copy of the run that it describes."""
    return toy.write_config(tmp_path), shutil.copytree(whole_run, tmp_path / "run")


@pytest.fixture
def train():
    """tools/train.py as a function of its arguments."""
    return _command("train")


@pytest.fixture
def test():
    """tools/test.py as a function of its arguments."""
    return _command("test")


def _command(name):
    main = importlib.import_module(f"mmaction.cli.{name}").main
    return lambda *args: main([str(arg) for arg in args])
