"""Validations that no longer get better end a run, however often it was interrupted."""

import shutil

import pytest

from mmaction.io.checkpoints import read_checkpoint
from mmaction.utils.cli import ToolStop

STOP = """
optim_wrapper["optimizer"]["lr"] = 0.0
train_cfg["max_epochs"] = 9
custom_hooks = [dict(type="EarlyStoppingHook", monitor="acc/top1", patience=3)]
"""


def last_epoch(folder):
    return max(int(path.stem.split("_")[1]) for path in folder.glob("epoch_*.pth"))


@pytest.mark.parametrize("epoch", [2, 3])
def test_a_resumed_run_ends_where_the_whole_one_does(tmp_path, toy, train, epoch):
    config = toy.write_config(tmp_path, extra=STOP)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(config, "--work-dir", whole, "--seed", 0)
    assert last_epoch(whole) == 4  # the first validation and three that are no better
    cut.mkdir()
    shutil.copy(whole / f"epoch_{epoch}.pth", cut)
    train(config, "--work-dir", cut, "--resume")
    assert last_epoch(cut) == 4


def test_a_snapshot_after_a_validation_counts_it(tmp_path, toy, train, stop_in_validation):
    extra = STOP + stop_in_validation(2) + "default_hooks['checkpoint'].update(interval=9, save_best=None)\n"
    config = toy.write_config(tmp_path, extra=extra)
    with pytest.raises(ToolStop, match="stopped by SIGTERM after iteration 12"):
        train(config, "--work-dir", tmp_path / "stopped", "--seed", 0)
    info = read_checkpoint(tmp_path / "stopped" / "iter_12.pth")["message_hub"]["runtime_info"]
    assert info["early_stopping_acc/top1"]["wait_count"] == 1
