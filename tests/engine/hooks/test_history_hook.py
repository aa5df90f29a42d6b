"""The values behind the running means of the log do not pile up."""

import pytest

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
