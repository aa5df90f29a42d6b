"""A run that was cut off goes on to the same weights, bit for bit."""

import shutil

import pytest
import torch

from mmaction.engine.checkpoint import read_checkpoint
from mmaction.engine.resume import find_resumable, peek_meta

SNAPSHOTS = "default_hooks['checkpoint'].update(snapshot_interval=2)\n"
KEEP = "default_hooks['keep'] = dict(type='KeepEverything')\n"


@pytest.fixture
def keep_everything():
    """A hook that copies each snapshot before the next one replaces it."""
    from mmengine.hooks import Hook

    from mmaction.registry import HOOKS

    class KeepEverything(Hook):
        priority = "LOWEST"

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            from pathlib import Path

            for path in Path(runner.work_dir).glob("iter_*.pth"):
                shutil.copy(path, Path(runner.work_dir) / f"kept_{path.name}")

    HOOKS.register_module(module=KeepEverything, force=True)
    yield
    HOOKS.module_dict.pop("KeepEverything")


def assert_same_run(path, other):
    """Compare weights, optimizer, schedulers and best-so-far of two checkpoints exactly."""
    ours, theirs = read_checkpoint(path), read_checkpoint(other)
    for key, value in ours["state_dict"].items():
        assert torch.equal(value, theirs["state_dict"][key]), key
    flat_a, flat_b = (torch.utils._pytree.tree_flatten(c["optimizer"])[0] for c in (ours, theirs))
    for a, b in zip(flat_a, flat_b, strict=True):
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
    assert ours["param_schedulers"] == theirs["param_schedulers"]
    info_a, info_b = (c["message_hub"]["runtime_info"] for c in (ours, theirs))
    assert info_a["best_score"] == info_b["best_score"]


@pytest.mark.parametrize("amp", [False, True])
@pytest.mark.parametrize("workers", [0, 1])
def test_resuming_in_the_middle_of_an_epoch_changes_nothing(tmp_path, toy, train, keep_everything, amp, workers):
    config = toy.write_config(tmp_path, extra=SNAPSHOTS + KEEP)
    options = ["--seed", 3, *(["--amp"] if amp else []), "--cfg-options", f"train_dataloader.num_workers={workers}"]
    if workers:
        options.append("train_dataloader.persistent_workers=True")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(config, "--work-dir", whole, *options)
    for snapshot in (8, 10):  # iterations of the second epoch of six
        shutil.rmtree(cut, ignore_errors=True)
        train(config, "--work-dir", cut, "--resume", whole / f"kept_iter_{snapshot}.pth", *options)
        assert_same_run(whole / "epoch_3.pth", cut / "epoch_3.pth")


def test_no_snapshot_is_taken_while_gradients_are_summed(tmp_path, toy, train, keep_everything):
    config = toy.write_config(tmp_path, extra=SNAPSHOTS + KEEP)
    options = ["--seed", 3, "--cfg-options", "optim_wrapper.accumulative_counts=3"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(config, "--work-dir", whole, *options)
    kept = {path.name for path in whole.glob("kept_iter_*.pth")}
    assert kept == {"kept_iter_3.pth", "kept_iter_9.pth", "kept_iter_15.pth"}  # due at 2, 8 and 14
    train(config, "--work-dir", cut, "--resume", whole / "kept_iter_9.pth", *options)
    assert_same_run(whole / "epoch_3.pth", cut / "epoch_3.pth")


def test_a_random_seed_is_taken_over_and_the_validation_cut_off_is_made_up_for(tmp_path, toy, train, capfd):
    config = toy.write_config(tmp_path)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(config, "--work-dir", whole)
    cut.mkdir()
    shutil.copy(whole / "epoch_2.pth", cut)  # whether or not epoch 2 was the best, it is a state to go on from
    meta = peek_meta(cut / "epoch_2.pth")
    train(config, "--work-dir", cut, "--resume")
    assert_same_run(whole / "epoch_3.pth", cut / "epoch_3.pth")
    assert peek_meta(cut / "epoch_3.pth")["seed"] == meta["seed"]
    assert f"resuming {cut / 'epoch_2.pth'}: epoch 2, iteration 12" in capfd.readouterr().err


def test_a_damaged_checkpoint_is_named_and_skipped(tmp_path, toy, train, capfd):
    config = toy.write_config(tmp_path)
    work_dir = tmp_path / "run"
    train(config, "--work-dir", work_dir, "--seed", 0)
    data = bytearray((work_dir / "epoch_3.pth").read_bytes())
    (work_dir / "epoch_3.pth").write_bytes(data[: len(data) // 2])
    flipped = bytearray((work_dir / "epoch_2.pth").read_bytes())
    place = flipped.find(b"data/0") + 80  # inside the values of the first tensor: it still unpickles
    flipped[place] ^= 0xFF
    (work_dir / "epoch_2.pth").write_bytes(flipped)
    path, damaged = find_resumable(work_dir)
    assert path == work_dir / "epoch_1.pth"
    assert {bad.name for bad in damaged} == {"epoch_2.pth", "epoch_3.pth"}
    train(config, "--work-dir", work_dir, "--resume")
    assert "skipped the damaged checkpoint" in capfd.readouterr().err
    assert find_resumable(work_dir) == (work_dir / "epoch_3.pth", {})


def test_only_damaged_checkpoints_are_an_error_and_none_is_a_fresh_start(tmp_path, toy, train, capfd):
    config = toy.write_config(tmp_path)
    work_dir = tmp_path / "run"
    work_dir.mkdir()
    (work_dir / "epoch_1.pth").write_bytes(b"PK not a zip")
    with pytest.raises(ValueError, match=r"no intact checkpoint in .*epoch_1.pth"):
        train(config, "--work-dir", work_dir, "--resume")
    (work_dir / "epoch_1.pth").unlink()
    train(config, "--work-dir", work_dir, "--resume", "--cfg-options", "train_cfg.max_epochs=1")
    assert "nothing to resume" in capfd.readouterr().err
    assert (work_dir / "epoch_1.pth").is_file()


def test_weights_alone_cannot_be_resumed(tmp_path, toy, train):
    config = toy.write_config(tmp_path)
    torch.save({"state_dict": {"a": torch.zeros(1)}}, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match="holds weights only; pass it as --load-from"):
        train(config, "--work-dir", tmp_path / "run", "--resume", tmp_path / "weights.pth")


def test_a_program_in_a_checkpoint_does_not_run_on_resuming(tmp_path, toy, train):
    config = toy.write_config(tmp_path)
    train(config, "--work-dir", tmp_path / "run", "--cfg-options", "train_cfg.max_epochs=1")
    content = read_checkpoint(tmp_path / "run" / "epoch_1.pth")
    content["meta"]["config"] = f"open({str(tmp_path / 'ran')!r}, 'w')"
    torch.save(content, tmp_path / "evil.pth")
    train(config, "--work-dir", tmp_path / "other", "--resume", tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()
