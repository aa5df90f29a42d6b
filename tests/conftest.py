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
