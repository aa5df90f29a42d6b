"""Snapshots, SIGTERM, and the order in which checkpoints are written and removed."""

import os
import signal

import pytest
import torch
from mmengine.hooks import Hook

from mmaction.engine.checkpoint import read_checkpoint
from mmaction.engine.hooks import CheckpointHook
from mmaction.registry import HOOKS
from mmaction.utils.cli import ToolStop


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


def test_sigterm_writes_a_snapshot_from_which_the_run_goes_on_identically(tmp_path, toy, train, register):
    @register
    class Terminate(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            if runner.iter == 8 and "stopped" in runner.work_dir:
                os.kill(os.getpid(), signal.SIGTERM)

    config = toy.write_config(tmp_path, extra="default_hooks['stop'] = dict(type='Terminate')\n")
    train(config, "--work-dir", tmp_path / "whole", "--seed", 2)
    stopped = tmp_path / "stopped"
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ToolStop, match="stopped by SIGTERM after iteration 9; go on with --resume"):
        train(config, "--work-dir", stopped, "--seed", 2)
    assert signal.getsignal(signal.SIGTERM) == before
    assert {path.name for path in stopped.glob("*.pth") if "best" not in path.name} == {"epoch_1.pth", "iter_9.pth"}
    train(config, "--work-dir", stopped, "--resume")
    ends = [read_checkpoint(folder / "epoch_3.pth")["state_dict"] for folder in (tmp_path / "whole", stopped)]
    assert all(torch.equal(value, ends[1][key]) for key, value in ends[0].items())
    assert not list(stopped.glob("iter_*.pth"))


def test_an_old_checkpoint_goes_only_after_its_successor_is_there(tmp_path, toy, train, register):
    seen = []

    @register
    class Watch(Hook):
        priority = "VERY_HIGH"

        def before_save_checkpoint(self, runner, checkpoint):
            seen.append(sorted(name for name in os.listdir(runner.work_dir) if name.endswith(".pth")))

    extra = "default_hooks['checkpoint'].update(max_keep_ckpts=1)\ndefault_hooks['watch'] = dict(type='Watch')\n"
    config = toy.write_config(tmp_path, extra=extra)
    train(config, "--work-dir", tmp_path / "run", "--seed", 0)
    assert all(any(name.startswith("epoch_") for name in names) for names in seen[1:])
    left = sorted(path.name for path in (tmp_path / "run").glob("*.pth"))
    assert left[1:] == ["epoch_3.pth"] and left[0].startswith("best_acc_top1_epoch_")


def test_the_best_of_several_figures_are_kept_apart(tmp_path, toy, train):
    extra = "default_hooks['checkpoint'].update(save_best=['acc/top1', 'acc/mean1'])\n"
    train(toy.write_config(tmp_path, extra=extra), "--work-dir", tmp_path / "run", "--seed", 0)
    best = sorted(path.name[: path.name.rindex("_epoch")] for path in (tmp_path / "run").glob("best_*.pth"))
    assert best == ["best_acc_mean1", "best_acc_top1"]


def test_a_published_checkpoint_carries_its_hash(tmp_path, toy, train):
    from mmaction.utils.download import check_file, hash_from_name

    extra = "default_hooks['checkpoint'].update(published_keys=['meta', 'state_dict'], save_best=None)\n"
    train(
        toy.write_config(tmp_path, extra=extra),
        "--work-dir",
        tmp_path / "run",
        "--cfg-options",
        "train_cfg.max_epochs=1",
    )
    (published,) = (tmp_path / "run").glob("epoch_1-*.pth")
    check_file(published, sha256=hash_from_name(published.name))
    assert set(read_checkpoint(published)) == {"meta", "state_dict"}


def test_negative_intervals_are_refused():
    with pytest.raises(ValueError, match=r"are 0 \(never\) or more, got -1 and 30.0"):
        CheckpointHook(snapshot_interval=-1)
