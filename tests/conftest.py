"""Fixtures that every test may use."""

import json
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from mmaction.utils.cli import start_without_transformers

start_without_transformers()  # as all programs do
# one thread each: the test processes of one machine would wait for each other's threads
os.environ.setdefault("OMP_NUM_THREADS", "1")
# a busy machine must not fail a test: no time limits on single examples
# Each run draws the same examples: what a run finds, the next one finds as well.
settings.register_profile("patient", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

ROOT = Path(__file__).resolve().parents[1]
pytest_plugins = ["fixtures.scored_samples", "fixtures.trained_model"]


def pytest_collection_modifyitems(items):
    """Skip what needs a CUDA device where there is none."""
    import torch

    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


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

    from mmaction.preparation.demo.build import DemoSpec, write_demo_data

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


@pytest.fixture(autouse=True, scope="session")
def configs_without_yapf():
    """Do not format configs: MMEngine does it for each log and file, most of the time of a small training."""
    from yapf.yapflib import yapf_api

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yapf_api, "FormatCode", lambda text, **_: (text, True))
        yield


@pytest.fixture(autouse=True)
def own_random_tensors(request):
    """Let each test draw the same random tensors every time, whatever the process has run before it."""
    import torch

    seed = zlib.crc32(request.node.name.encode())
    (torch if torch.cuda.is_available() else torch.default_generator).manual_seed(seed)


@pytest.fixture
def trainer(monkeypatch):
    """The library transformers; it takes neither ``tests/datasets`` for a library nor this process for one of many."""
    pytest.importorskip("accelerate")
    transformers = pytest.importorskip("transformers")
    monkeypatch.delenv("LOCAL_RANK", raising=False)  # our programs set it
    monkeypatch.setattr("transformers.trainer.is_datasets_available", lambda: False)
    return transformers


# Simulated test results on the real label lists


def _confuse(labels, targets, num_classes, share, rng):
    """Scores that are right but for ``share`` of the samples, where a class out of ``targets[label]`` wins."""
    predicted = labels.copy()
    for i, label in enumerate(labels):
        if len(targets[label]) and rng.random() < share:
            predicted[i] = rng.choice(targets[label])
    logits = rng.normal(size=(len(labels), num_classes)).astype(np.float32)
    logits[np.arange(len(labels)), labels] += 7
    logits[np.arange(len(labels)), predicted] += 9
    return logits


@pytest.fixture(scope="session")
def diving_twist_misses(shared):
    """The Diving48 V2 test list, scored by a model that misses nothing but the twist."""
    from mmaction.label_spaces import load_label_space
    from mmaction.structures import Result

    space = load_label_space("diving48")
    entries = json.loads((shared / "data/diving48/Diving48_V2_test.json").read_text())
    train = json.loads((shared / "data/diving48/Diving48_V2_train.json").read_text())
    labels = np.array([entry["label"] for entry in entries])
    targets = [space.siblings(c, "twists") for c in range(len(space))]
    scores = _confuse(labels, targets, len(space), 0.5, np.random.default_rng(0))
    meta = {"frames": np.array([entry["end_frame"] for entry in entries])}
    predictions = Result([entry["vid_name"] for entry in entries], labels, scores, space.names, meta)
    return predictions, space, np.bincount([entry["label"] for entry in train], minlength=len(space)).tolist()


def _gym_element_misses(shared, name):
    from mmaction.label_spaces import load_label_space
    from mmaction.structures import Result

    space = load_label_space(name)
    rows = [line.split() for line in (shared / f"data/finegym/{name}_val_element.txt").open() if line.strip()]
    labels = np.array([int(label) for _, label in rows])
    targets = [space.siblings(c) for c in range(len(space))]
    scores = _confuse(labels, targets, len(space), 0.4, np.random.default_rng(1))
    return Result([name for name, _ in rows], labels, scores, space.names), space


@pytest.fixture(scope="session", params=["gym99", "gym288"])
def gym_element_misses(shared, request):
    """A FineGym val list, scored by a model that finds the set and often misses the element."""
    return _gym_element_misses(shared, request.param)


@pytest.fixture(scope="session")
def gym288_element_misses(shared):
    """The list of Gym288 of ``gym_element_misses``."""
    return _gym_element_misses(shared, "gym288")
