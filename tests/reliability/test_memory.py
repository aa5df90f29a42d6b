"""A short version of memory.py, with controls: a copy or a leak would be seen."""

import gc
import math
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from mmengine.runner import Runner
from reliability import memory
from torch.utils.data import get_worker_info

from mmaction.datasets import VideoDataset
from mmaction.datasets.shared_array import release_freed_memory
from mmaction.engine import ActionRunner
from mmaction.utils.cli import start_without_transformers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
WORKERS = 4


@pytest.fixture(scope="module")
def skeletons(tmp_path_factory):
    path = tmp_path_factory.mktemp("memory") / "skeletons.pkl"
    memory.write_skeletons(path, count=200, mean_frames=3000)
    return path


def own_memory() -> float:
    """Return what this process and its children hold together, in MB."""
    return memory.take_sample(0, memory.process_tree(os.getpid())).own_mb


def growth_of_reading(path, worker_init_fn=None):
    """Return by how many MB a process and its workers grow together by reading, and the MB of the annotations."""
    loader = memory.skeleton_loader(path, WORKERS, batch_size=8)
    loader.worker_init_fn = worker_init_fn or loader.worker_init_fn
    loader.dataset.full_init()
    before = own_memory()
    for _ in loader:  # each annotation is read once
        pass
    assert len(memory.process_tree(os.getpid())) >= 1 + WORKERS
    return own_memory() - before, loader.dataset.data_bytes.nbytes / 2**20


def test_reading_leaves_no_more_than_the_annotations(tmp_path):
    memory.write_skeletons(tmp_path / "many.pkl", count=8000)
    release_freed_memory()
    before = own_memory()
    loader = memory.skeleton_loader(tmp_path / "many.pkl", workers=0)
    loader.dataset.full_init()
    size = loader.dataset.data_bytes.nbytes / 2**20
    assert size > 50
    assert own_memory() - before < 1.4 * size


def copy_annotations(worker):
    dataset = get_worker_info().dataset
    dataset.own_copy = dataset.data_bytes.copy()


@pytest.fixture(scope="module")
def in_new_process():
    """Returns the result of a new process: workers would also copy what other tests left in this one."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, initializer=start_without_transformers) as pool:
        yield lambda function, *args: pool.submit(function, *args).result()


def growths_of_reading(path):
    """Return what :func:`growth_of_reading` does, then where each worker has a copy of the annotations."""
    return growth_of_reading(path), growth_of_reading(path, copy_annotations)


def test_workers_share_the_annotations(skeletons, in_new_process):
    (grown, size), (copied, _) = in_new_process(growths_of_reading, skeletons)
    assert size > 50
    assert grown < WORKERS * size / 2
    assert copied > grown + 0.8 * WORKERS * size


class Collecting:
    """A data set whose samples are what a full garbage collection adds to the memory of this process alone, in MB."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        before = memory.take_sample(0, [os.getpid()]).private_mb
        gc.collect()
        return memory.take_sample(0, [os.getpid()]).private_mb - before


def copied_by_collection(*builders):
    """Return how many MB a garbage collection copies in a worker of a loader that each of ``builders`` has built."""
    options = {"batch_size": 1, "num_workers": 1, "multiprocessing_context": "fork"}
    config = {"dataset": Collecting(), "sampler": {"type": "DefaultSampler"}, **options}
    loaders = (builder.build_dataloader(config, seed=0) for builder in builders)
    return [max(value for batch in loader for value in batch) for loader in loaders]


def test_garbage_collection_in_workers_copies_no_inherited_objects(in_new_process):
    plain, frozen = in_new_process(copied_by_collection, Runner, ActionRunner)
    assert plain > 10
    assert frozen < plain / 4


class Recorder:
    """Stands in for the shared number of epochs done, and looks at the memory whenever it is set."""

    def __init__(self):
        self.samples = []

    def __setattr__(self, name, value):
        if name == "value" and value != math.inf:
            self.samples.append(memory.take_sample(value, [os.getpid()]))
        super().__setattr__(name, value)


def growth_of_training(data, folder, leak_kb):
    """Return by how many MB a process grows in an epoch of training on 4 clips, if ``leak_kb`` of each stay."""
    kept, read = [], VideoDataset.get_data_info

    def leaking(self, idx):
        kept.append(np.ones(leak_kb * 1024, dtype=np.uint8))
        return read(self, idx)

    VideoDataset.get_data_info = leaking
    small = {"num_workers": 0, "persistent_workers": False, "dataset.pipeline.3.crop_size": 64, "dataset.indices": 4}
    options = {f"{part}_dataloader.{key}": value for part in ("train", "val") for key, value in small.items()}
    options["train_cfg.val_begin"] = 100
    progress = Recorder()
    memory.train_videos(progress, data, 24, folder, options)
    assert len(progress.samples) == 24
    return memory.growth(progress.samples, warm_up=8)


@pytest.mark.slow
@pytest.mark.parametrize("leak_kb", [0, 4096])
def test_training_on_videos_does_not_grow(demo_data, tmp_path, leak_kb, in_new_process):
    slope = in_new_process(growth_of_training, demo_data, tmp_path, leak_kb)
    assert slope > 10 if leak_kb else abs(slope) < 2, slope
