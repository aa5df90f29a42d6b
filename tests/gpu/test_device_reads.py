"""An iteration of a training reads nothing from the device, but where losses are logged."""

import pytest
from gpu.reads import DeviceReads
from mmengine.hooks import Hook

from mmaction.engine import build_runner
from mmaction.utils.config import load_config


class ReadCounter(Hook):
    """Notes how many values each iteration reads, hooks included."""

    priority = "LOWEST"

    def before_train(self, runner):
        self.mode, self.counts = DeviceReads(runner.model), []
        self.mode.__enter__()

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.counts.append(list(self.mode.found))
        self.mode.found.clear()

    def after_train_epoch(self, runner):
        self.mode.__exit__(None, None, None)


@pytest.fixture
def counted(pose_run, tmp_path):
    """Returns a function from options of the config to the reads of each iteration of an epoch."""

    def train(**options):
        config, _ = pose_run
        hooks = {f"default_hooks.{name}": {"type": kind, "late": True} for name, kind in LATE.items()}
        cfg, _ = load_config(config, {**hooks, "default_hooks.logger": dict(type="LoggerHook", interval=4), **options})
        cfg.work_dir = str(tmp_path / "run")
        runner = build_runner(cfg)
        counter = ReadCounter()
        runner.register_hook(counter)
        runner.train()
        return counter.counts

    return train


LATE = {"runtime_info": "RuntimeInfoHook", "finite_loss": "FiniteLossHook"}
AMP = {"optim_wrapper.type": "AmpOptimWrapper"}


@pytest.mark.parametrize("options", [{}, AMP], ids=["float32", "mixed"])
def test_values_are_read_at_the_interval_of_the_log_alone(counted, options):
    counts = counted(**{"optim_wrapper.clip_grad": dict(max_norm=40.0), **options})
    assert len(counts) >= 8
    assert [bool(reads) for reads in counts[:8]] == [False, False, False, True] * 2, counts


def test_the_counter_finds_what_mmengine_reads(counted):
    counts = counted(**{"default_hooks.runtime_info": dict(type="mmengine.RuntimeInfoHook")})
    assert all(counts)
