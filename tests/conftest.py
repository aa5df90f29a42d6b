"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of golden results and real data; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("MMACTION_SHARED", ROOT.parent / "shared"))
    if not (folder / "parity").is_dir():
        pytest.skip(f"no shared material in {folder}; set MMACTION_SHARED to its folder")
    return folder


@pytest.fixture(scope="session")
def demo_data(tmp_path_factory) -> Path:
    """A small procedural diving data set, made once for all test processes: 20 clips of 96x72, 5 classes."""
    from filelock import FileLock

    from mmaction.datasets.synthetic.build import DemoSpec, write_demo_data

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demo_diving"
    with FileLock(f"{folder}.lock"):
        if not (folder / "classes.csv").is_file():  # the last file that is written
            write_demo_data(DemoSpec(num_clips=20, num_classes=5, size=(96, 72)), folder, workers=1, progress=False)
    return folder


@pytest.fixture(autouse=True)
def fresh_mmengine():
    """Give each test MMEngine without the loggers, visualizers and scopes of the test before it."""
    from mmengine.utils import ManagerMixin

    from mmaction.utils import register_all_modules

    register_all_modules()
    yield
    pending = [ManagerMixin]
    while pending:
        manager = pending.pop()
        pending.extend(manager.__subclasses__())
        instances = getattr(manager, "_instance_dict", None)
        if instances:
            instances.clear()
