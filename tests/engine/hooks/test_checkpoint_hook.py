"""Snapshots, SIGTERM, and the order in which checkpoints are written and removed."""

import os
import shutil
import signal

import pytest
import torch
from mmengine import fileio
from mmengine.hooks import Hook
from toy import find_resumable

from mmaction.engine import build_runner
from mmaction.engine.hooks import CheckpointHook
from mmaction.io.checkpoints import read_checkpoint
from mmaction.utils.cli import ToolStop
from mmaction.utils.config import load_config


@pytest.mark.parametrize("workers", [0, 2])
def test_sigterm_writes_a_snapshot_from_which_the_run_goes_on_identically(tmp_path, toy, train, register, workers):
    @register
    class Terminate(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            if runner.iter == 8 and "stopped" in runner.work_dir:
                toy.terminate_all()

    extra = f"default_hooks['stop'] = dict(type='Terminate')\ntrain_dataloader['num_workers'] = {workers}\n"
    config = toy.write_config(tmp_path, extra=extra)
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


@pytest.mark.parametrize("epoch", [2, 3])
def test_sigterm_breaks_off_a_validation(tmp_path, toy, train, stop_in_validation, epoch, capfd):
    config = toy.write_config(tmp_path, extra=stop_in_validation(epoch))
    with pytest.raises(ToolStop, match=rf"by SIGTERM in the validation after iteration {6 * epoch}; go on with --res"):
        train(config, "--work-dir", tmp_path / "stopped", "--seed", 2)
    assert find_resumable(tmp_path / "stopped")[0].name == f"epoch_{epoch}.pth"
    train(config, "--work-dir", tmp_path / "resumed", "--resume", tmp_path / "stopped" / f"epoch_{epoch}.pth")
    assert f"validating epoch {epoch}, " in capfd.readouterr().out


def test_sigterm_in_a_validation_without_a_checkpoint_before_it_takes_a_snapshot(
    tmp_path, toy, train, stop_in_validation
):
    ema = "custom_hooks = [dict(type='EMAHook')]\ndefault_hooks['checkpoint'].update(interval=3, save_best=None)\n"
    config = toy.write_config(tmp_path, extra=stop_in_validation(2) + ema)
    train(config, "--work-dir", tmp_path / "whole", "--seed", 2)
    with pytest.raises(ToolStop, match="stopped by SIGTERM after iteration 12; go on with --resume"):
        train(config, "--work-dir", tmp_path / "stopped", "--seed", 2)
    assert [path.name for path in (tmp_path / "stopped").glob("*.pth")] == ["iter_12.pth"]
    train(config, "--work-dir", tmp_path / "stopped", "--resume")
    ends = [read_checkpoint(tmp_path / name / "epoch_3.pth")["state_dict"] for name in ("whole", "stopped")]
    assert all(torch.equal(value, ends[1][key]) for key, value in ends[0].items())


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
    from mmaction.io.downloads import check_file, hash_from_name

    extra = "default_hooks['checkpoint'].update(published_keys=['meta', 'state_dict'], save_best=None)\n"
    train(
        toy.write_config(tmp_path, extra=extra),
        "--work-dir",
        tmp_path / "run",
        "--cfg-options",
        "train_cfg.max_epochs=1",
    )
    (published,) = (tmp_path / "run").glob("epoch_1-*.pth")
    check_file(published, hash_from_name(published.name))
    assert set(read_checkpoint(published)) == {"meta", "state_dict"}


def test_only_snapshots_of_the_same_run_are_removed(tmp_path, toy, train):
    by_iter = "train_cfg = dict(type='IterBasedTrainLoop', max_iters=6, val_interval=6)\nparam_scheduler = []\n"
    by_iter += "default_hooks['checkpoint'] = dict(type='CheckpointHook', by_epoch=False, interval=3)\n"
    by_iter += "train_dataloader['sampler'] = dict(type='InfiniteSampler', shuffle=True)\n"
    work_dir = tmp_path / "run"
    train(toy.write_config(tmp_path, "by_iter.py", extra=by_iter), "--work-dir", work_dir)
    extra = "default_hooks['checkpoint'].update(snapshot_interval=2)\n"
    train(toy.write_config(tmp_path, extra=extra), "--work-dir", work_dir, "--cfg-options", "train_cfg.max_epochs=1")
    assert {path.name for path in work_dir.glob("iter_*.pth")} == {"iter_3.pth", "iter_6.pth"}


@pytest.mark.parametrize("copied", [False, True])
def test_a_run_resumed_in_another_folder_removes_no_best_checkpoint_of_the_first(tmp_path, toy, train, copied):
    config, first, second = toy.write_config(tmp_path), tmp_path / "first", tmp_path / "second"
    train(config, "--work-dir", first, "--seed", 0, "--cfg-options", "train_cfg.max_epochs=1")
    before = {path.name: path.read_bytes() for path in first.glob("best_*.pth")}
    assert before
    if copied:
        shutil.copytree(first, second)
    request = [] if copied else [first / "epoch_1.pth"]
    better = ("--cfg-options", "train_cfg.max_epochs=4", "model.dropout=0", "optim_wrapper.optimizer.lr=0.02")
    train(config, "--work-dir", second, "--resume", *request, *better)
    assert {path.name: path.read_bytes() for path in first.glob("best_*.pth")} == before
    assert len(list(second.glob("best_*.pth"))) == 1


BY_ITER = """
train_cfg = dict(type='IterBasedTrainLoop', max_iters=12, val_interval=100)
train_dataloader['sampler'] = dict(type='InfiniteSampler', shuffle=True)
param_scheduler = []
default_hooks['checkpoint'] = dict(type='CheckpointHook', by_epoch=False, interval=4)
"""


def test_runs_by_iterations_take_snapshots_until_the_next_checkpoint(tmp_path, toy, train, register):
    seen = []

    @register
    class Watch(Hook):
        priority = "LOWEST"

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            seen.append({int(name[5:-4]) for name in os.listdir(runner.work_dir) if name.startswith("iter_")})

    config = toy.write_config(tmp_path, extra=BY_ITER + "default_hooks['watch'] = dict(type='Watch')\n")
    train(config, "--work-dir", tmp_path / "run", "--cfg-options", "default_hooks.checkpoint.snapshot_interval=3")
    assert seen[:8] == [set(), set(), {3}, {4}, {4}, {4, 6}, {4, 6}, {4, 8}]
    assert seen[8:] == [{4, 8, 9}, {4, 8, 9}, {4, 8, 9}, {4, 8, 12}]


def test_sigterm_at_a_checkpoint_by_iterations_keeps_it(tmp_path, toy, train, register):
    @register
    class Terminate(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            if runner.iter + 1 in (4, 7):
                os.kill(os.getpid(), signal.SIGTERM)

    config = toy.write_config(tmp_path, extra=BY_ITER + "default_hooks['stop'] = dict(type='Terminate')\n")
    left = []
    for after in (4, 7):
        with pytest.raises(ToolStop, match=f"stopped by SIGTERM after iteration {after}"):
            train(config, "--work-dir", tmp_path / "run", "--resume")
        left.append({path.name for path in (tmp_path / "run").glob("*.pth")})
    assert left == [{"iter_4.pth"}, {"iter_4.pth", "iter_7.pth"}]
    train(config, "--work-dir", tmp_path / "run", "--resume")
    assert {path.name for path in (tmp_path / "run").glob("*.pth")} == {"iter_4.pth", "iter_8.pth", "iter_12.pth"}


def test_sigterm_in_a_validation_while_gradients_are_summed_waits_for_their_step(tmp_path, toy, train, register):
    @register
    class Terminate(Hook):
        def before_val_epoch(self, runner):
            os.kill(os.getpid(), signal.SIGTERM)

    extra = "default_hooks['stop'] = dict(type='Terminate')\noptim_wrapper['accumulative_counts'] = 2\n"
    config = toy.write_config(tmp_path, extra=BY_ITER + extra)
    with pytest.raises(ToolStop, match="stopped by SIGTERM after iteration 6"):
        train(config, "--work-dir", tmp_path / "run", "--cfg-options", "train_cfg.val_interval=5")
    assert {path.name for path in (tmp_path / "run").glob("*.pth")} == {"iter_4.pth", "iter_6.pth"}


@pytest.fixture
def store(tmp_path):
    """A folder that stands for an object store under ``store://``."""
    from mmengine.fileio.backends import LocalBackend
    from mmengine.fileio.backends.registry_utils import backends, prefix_to_backends

    folder = tmp_path / "bucket"

    def local(path):
        assert str(path).startswith("store://"), path
        return str(folder / str(path)[8:])

    class Store(LocalBackend):
        put = lambda self, obj, path: LocalBackend.put(self, obj, local(path))  # noqa: E731
        isfile = lambda self, path: os.path.isfile(local(path))  # noqa: E731
        remove = lambda self, path: os.remove(local(path))  # noqa: E731

    fileio.register_backend("store", Store, prefixes="store")
    fileio.FileClient.register_backend("store", Store, prefixes="store")
    yield folder
    fileio.FileClient._backends.pop("store")
    fileio.FileClient._prefix_to_backends.pop("store")
    backends.pop("store")
    prefix_to_backends.pop("store")


def test_checkpoints_in_an_object_store(tmp_path, toy, train, register, store):
    @register
    class Terminate(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            if runner.iter == 8:
                toy.terminate_all()

    extra = "default_hooks['stop'] = dict(type='Terminate')\n"
    extra += "default_hooks['checkpoint'].update(out_dir='store://box', snapshot_interval=2, max_keep_ckpts=1)\n"
    with pytest.raises(ToolStop, match="stopped by SIGTERM after iteration 9"):
        train(toy.write_config(tmp_path, extra=extra), "--work-dir", tmp_path / "run", "--seed", 2)
    assert (tmp_path / "run" / "last_checkpoint").read_text() == "store://box/run/iter_9.pth"
    left = {path.name for path in (store / "box" / "run").iterdir() if "best" not in path.name}
    assert left == {"epoch_1.pth", "iter_9.pth"}


def test_a_validation_alone_keeps_no_checkpoint(tmp_path, toy, train):
    config = toy.write_config(tmp_path, extra="train_cfg['max_epochs'] = 1\n")
    train(config, "--work-dir", tmp_path / "run", "--seed", 0)
    cfg, _ = load_config(config)
    cfg.work_dir, cfg.load_from, cfg.launcher = str(tmp_path / "val"), str(tmp_path / "run" / "epoch_1.pth"), "none"
    assert "acc/top1" in build_runner(cfg).val()
    assert not list((tmp_path / "val").glob("*.pth"))


def test_negative_intervals_are_refused():
    with pytest.raises(ValueError, match=r"are 0 \(never\) or more, got -1 and 30.0"):
        CheckpointHook(snapshot_interval=-1)
