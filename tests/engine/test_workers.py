"""Data workers outlive the SIGTERM that a batch system sends to all, and nothing else."""

import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from mmaction.engine import ActionRunner
from mmaction.engine.workers import start_worker
from mmaction.utils.cli import worker_advice


class Hanging(torch.utils.data.Dataset):
    """Data whose first two samples are read at once, and the others never."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        if index > 1:
            time.sleep(600)
        return index


def hanging_workers():
    loader = torch.utils.data.DataLoader(Hanging(), batch_size=None, num_workers=2, worker_init_fn=start_worker)
    batches = iter(loader)
    next(batches), next(batches)  # both workers have started
    return batches, [worker.pid for worker in batches._workers]


def wait_for(condition, timeout_s=120.0):
    end = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not hasattr(signal, "sigtimedwait"), reason="the system does not tell who sent a signal")
class TestHanging:
    """In a process of its own: the threads of other tests would take signals from the workers."""

    CODE = (
        "import mmaction.utils.cli as cli; cli.start_without_transformers()\n"
        "import sys, time, torch, mmaction.engine.workers as w; w.LOOK_S = 0.2; sys.path.insert(0, sys.argv[1])\n"
        "torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL = 0.2\n"
        "from test_workers import hanging_workers\n"
        "batches, pids = hanging_workers(); print(*pids, flush=True); sys.stdin.readline()\n"
        "batches._shutdown_workers()"
    )

    @pytest.fixture
    def main(self):
        """A process with two workers, and their numbers."""
        command = [sys.executable, "-c", self.CODE, os.path.dirname(__file__)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            pids = [int(pid) for pid in process.stdout.readline().split()]
            assert len(pids) == 2 and all(map(is_running, pids))
            yield process, pids
            process.kill()

    def test_a_signal_from_outside_is_outlived_and_the_loader_still_ends_its_workers(self, main):
        process, pids = main
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        time.sleep(0.5)
        assert all(map(is_running, pids))
        process.communicate("end\n")
        assert wait_for(lambda: not any(map(is_running, pids)))

    def test_none_stays_behind_when_the_main_process_is_killed(self, main):
        process, pids = main
        process.kill()
        process.wait()
        assert wait_for(lambda: not any(map(is_running, pids)))


def test_outside_of_a_worker_the_signal_is_left_alone():
    assert multiprocessing.parent_process() is None
    start_worker(0)
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_the_function_of_the_config_is_called_too():
    called = []
    loader = ActionRunner.build_dataloader(
        {"dataset": Hanging(), "batch_size": 1, "sampler": {"type": "DefaultSampler"}, "num_workers": 0}, seed=0
    )
    assert loader.worker_init_fn.func is start_worker
    start_worker(3, then=called.append)
    assert called == [3]


class Drawing(torch.utils.data.Dataset):
    """What a plug-in draws that uses the generators of NumPy and Python."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return np.random.rand(), random.random(), float(torch.rand(()))  # noqa: NPY002


def test_a_plug_in_draws_other_numbers_in_each_epoch_and_the_same_in_each_run():
    config = {"dataset": Drawing(), "batch_size": 1, "sampler": {"type": "DefaultSampler"}, "num_workers": 2}
    runs = []
    for _ in range(2):
        loader = ActionRunner.build_dataloader(config, seed=0)
        torch.manual_seed(0)
        runs.append([tuple(float(part[0]) for part in batch) for _ in range(2) for batch in loader])
    assert runs[0] == runs[1]
    assert all(len(set(numbers)) == 8 for numbers in zip(*runs[0], strict=True))


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("DataLoader worker (pid 3) is killed by signal: Terminated. ", "got SIGTERM, .*go on with --resume"),
        ("DataLoader worker (pid 3) is killed by signal: Killed. ", "the memory is full"),
        ("DataLoader worker (pid(s) 3) exited unexpectedly", "the memory is full"),
    ],
)
def test_advice_goes_by_the_signal(message, advice):
    assert re.search(advice, worker_advice(message))
