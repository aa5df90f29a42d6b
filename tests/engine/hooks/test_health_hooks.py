"""Numbers that go wrong are noticed."""

import logging
import re
from types import SimpleNamespace

import pytest
import torch

from mmaction.engine.hooks import DataWaitHook, PredictionHealthHook
from mmaction.structures import ActionDataSample
from mmaction.utils.cli import ToolStop


def test_a_nan_loss_stops_with_samples_checkpoint_and_hint(tmp_path, toy, train):
    config = toy.write_config(tmp_path)
    with pytest.raises(ToolStop) as caught:
        train(config, "--work-dir", tmp_path / "run", "--seed", 0, "--cfg-options", "model.poison_at=9")
    text = str(caught.value)
    assert text.startswith("epoch 2, iteration 3: loss = nan, loss_cls = nan.")
    assert (
        len(re.findall(r"clip\d+", text)) == 4 and f"last good checkpoint: {tmp_path / 'run' / 'epoch_1.pth'}" in text
    )
    assert "learning rate below" in text
    assert not (tmp_path / "run" / "epoch_2.pth").exists()


class Runner:
    """The parts of a Runner that these hooks look at."""

    def __init__(self, classes=("a", "b", "c"), workers=2):
        self.messages = []
        self.logger = logging.Logger("test")
        self.logger.warning = self.messages.append
        self.val_dataloader = SimpleNamespace(dataset=SimpleNamespace(metainfo={"classes": classes}))
        self.train_dataloader = [None] * 5
        self.message_hub = SimpleNamespace(log_scalars={})


def validate(predicted, true, num_classes=3):
    hook, runner = PredictionHealthHook(), Runner()
    hook.before_val_epoch(runner)
    samples = [
        ActionDataSample().set_gt_label(t).set_pred_score(torch.eye(num_classes)[p])
        for p, t in zip(predicted, true, strict=True)
    ]
    for start in range(0, len(samples), 2):
        hook.after_val_iter(runner, start, None, samples[start : start + 2])
    hook.after_val_epoch(runner)
    return runner.messages


def test_constant_predictions_are_warned_about():
    (message,) = validate([1, 1, 1, 1], [0, 1, 2, 0])
    assert message.startswith("every validation sample was given class 1 (b)")


def test_a_class_never_predicted_is_named_unless_it_has_no_sample():
    (message,) = validate([0, 1, 0, 1], [0, 1, 2, 0])
    assert message == "1 of 3 classes of the validation set were never predicted: 2 (c)"
    assert validate([0, 1, 0, 1], [0, 1, 1, 0]) == []


@pytest.mark.parametrize(("data_s", "warned"), [(0.1, False), (0.6, True)])
def test_a_starving_loader_is_named_with_its_share(data_s, warned):
    from mmengine.logging import HistoryBuffer

    runner = Runner()
    runner.train_dataloader = type("Loader", (), {"__len__": lambda self: 5, "num_workers": 2})()
    times = {"train/data_time": [30.0] + [data_s] * 4, "train/time": [31.0] + [1.0] * 4}
    runner.message_hub.log_scalars = {k: HistoryBuffer(v, [1] * 5) for k, v in times.items()}
    hook = DataWaitHook(min_wait_s=0)
    hook.after_train_epoch(runner)
    hook.after_train_epoch(runner)
    assert len(runner.messages) == warned
    if warned:
        assert "waited for data 60% of the epoch (2.4 of 4.0 s) with num_workers=2" in runner.messages[0]
