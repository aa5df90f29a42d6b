"""The values behind the running means of the log do not pile up."""

import json

import pytest
import torch

from mmaction.engine.hooks import HistoryHook
from mmaction.io.checkpoints import read_checkpoint

SHORT = "default_hooks['history'] = dict(type='HistoryHook', length=3)\nlog_processor = dict(window_size=2{})\n"
CUSTOM = ", custom_cfg=[dict(data_src='loss', log_name='mean_loss', method_name='mean', window_size={!r})]"


@pytest.mark.parametrize(("window", "kept"), [(None, 3), (4, 4), ("epoch", 6), ("global", 18)])
def test_a_checkpoint_holds_what_the_log_needs(tmp_path, toy, train, window, kept):
    config = toy.write_config(tmp_path, extra=SHORT.format(CUSTOM.format(window) if window else ""))
    train(config, "--work-dir", tmp_path / "run", "--seed", 0)
    scalars = read_checkpoint(tmp_path / "run" / "epoch_3.pth")["message_hub"]["log_scalars"]
    assert len(scalars["train/loss"].data[0]) == len(scalars["train/loss"].data[1]) == kept


def test_a_length_that_keeps_nothing_is_refused():
    with pytest.raises(ValueError, match="length: expected 1 or more, got 0"):
        HistoryHook(0)


def test_a_resumed_run_tells_its_own_times(tmp_path, toy, train):
    config = toy.write_config(tmp_path, extra="default_hooks['logger']['interval'] = 1\n")
    train(config, "--work-dir", tmp_path / "run", "--epochs", 1)
    path = tmp_path / "run" / "epoch_1.pth"
    checkpoint = torch.load(path, weights_only=False)
    times = checkpoint["message_hub"]["log_scalars"]["train/time"]
    times._log_history[-1] = 1e6  # a run that stood still
    torch.save(checkpoint, path)
    train(config, "--work-dir", tmp_path / "run", "--epochs", 2, "--resume", path)
    logged = [json.loads(line) for line in max(tmp_path.glob("run/*/vis_data/scalars.json")).read_text().splitlines()]
    seen = [line["time"] for line in logged if "loss" in line]
    assert seen and max(seen) < 1000
