"""Numbers that go wrong are noticed."""

import logging
import re
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook

from mmaction.engine.hooks import DataWaitHook, FiniteLossHook, PredictionHealthHook
from mmaction.registry import HOOKS
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
    way = f"(with --load-from {tmp_path / 'run' / 'epoch_1.pth'}; --resume keeps the old schedule)"
    assert "a learning rate below 0.3" in text and f", or a longer warm-up {way}" in text
    assert not (tmp_path / "run" / "epoch_2.pth").exists()
    with pytest.raises(ToolStop, match=r"iteration 3: .*\n.*\n  last good checkpoint: none yet\n.*warm-up; opt"):
        train(config, "--work-dir", tmp_path / "run", "--seed", 0, "--cfg-options", "model.poison_at=3")


@pytest.mark.parametrize(
    ("dtype", "tip"), [(torch.bfloat16, "without --amp"), (None, "without --amp, or with optim_wrapper.dtype=bfloat16")]
)
def test_the_hint_on_mixed_precision_is_something_else_than_what_was_done(tmp_path, dtype, tip):
    wrapper = SimpleNamespace(get_lr=lambda: {"lr": [0.1]}, loss_scaler=None, cast_dtype=dtype)
    advice = FiniteLossHook()._advice(SimpleNamespace(work_dir=tmp_path, optim_wrapper=wrapper))
    assert advice.endswith(tip)


class SpoilWeights(Hook):
    """Does what half precision can do: the loss was finite, the step was not."""

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter == 11:  # the last one of the second epoch
            next(runner.model.parameters()).data[0] = float("inf")


def test_weights_spoilt_by_the_last_step_of_an_epoch_are_not_saved(tmp_path, toy, train):
    HOOKS.register_module(module=SpoilWeights, force=True)
    config = toy.write_config(tmp_path, extra="custom_hooks = [dict(type='SpoilWeights')]\n")
    with pytest.raises(
        ToolStop, match=r"epoch 2: 1 of \d weights have become NaN or infinite, such as backbone"
    ) as caught:
        train(config, "--work-dir", tmp_path / "run")
    text = str(caught.value)
    assert f"last good checkpoint: {tmp_path / 'run' / 'epoch_1.pth'}" in text and "learning rate below" in text
    assert not [path.name for path in (tmp_path / "run").glob("*epoch_2*")]


def test_scores_of_a_validation_that_are_nan_stop_with_the_samples(tmp_path, toy, train, register):
    @register
    class SpoilScores(Hook):
        def before_val_epoch(self, runner):
            runner.model.register_forward_hook(self.spoil)

        @staticmethod
        def spoil(model, arguments, samples):
            for sample in samples if isinstance(samples, list) else ():
                if sample.filename in ("clip4", "clip6"):
                    sample.set_pred_score(sample.pred_score * float("nan"))

    config = toy.write_config(tmp_path, extra="custom_hooks = [dict(type='SpoilScores')]\n")
    with pytest.raises(ToolStop, match=r"after iteration 6: the scores of 2 of 4 .* infinite: clip4, clip6\.\n.*try:"):
        train(config, "--work-dir", tmp_path / "run")


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
    hook, runner = PredictionHealthHook(), Runner("abcde"[:num_classes])
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


def test_a_sample_that_could_not_be_loaded_hides_nothing():
    hook, runner = PredictionHealthHook(), Runner()
    hook.before_val_epoch(runner)
    samples = [ActionDataSample().set_gt_label(t).set_pred_score(torch.eye(3)[1]) for t in (0, 1, 2, 0)]
    samples[0].set_metainfo({"broken": ("a.mp4", "ValueError: cut off")})
    samples[0].set_pred_score(torch.eye(3)[2])
    hook.after_val_iter(runner, 0, None, samples)
    hook.after_val_epoch(runner)
    (message,) = runner.messages
    assert message.startswith("every validation sample was given class 1 (b)")


def test_a_class_never_predicted_is_named_unless_it_has_no_sample():
    (message,) = validate([0, 1, 0, 1], [0, 1, 2, 0])
    assert message == "1 of 3 classes of the validation set were never predicted: 2 (c)"
    assert validate([0, 1, 0, 1], [0, 1, 1, 0]) == []


def test_true_classes_may_be_0_or_1_for_each_class():
    messages = validate([3, 2], [[0, 0, 0, 1, 1], [0, 0, 1, 1, 0]], num_classes=5)
    assert messages == ["1 of 3 classes of the validation set were never predicted: 4 (e)"]


def test_scores_of_several_modalities_are_summed():
    hook, runner = PredictionHealthHook(), Runner()
    hook.before_val_epoch(runner)
    for label in (0, 1):
        scores = {"rgb": torch.tensor([0.6, 0.4, 0.0]), "pose": torch.tensor([0.0, 0.9, 0.1])}
        hook.after_val_iter(runner, label, None, [ActionDataSample().set_gt_label(label).set_pred_score(scores)])
    hook.after_val_epoch(runner)
    assert runner.messages[0].startswith("every validation sample was given class 1 (b)")


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


def test_a_starving_loader_of_a_run_by_iterations_is_named_before_its_end():
    from mmengine.logging import HistoryBuffer
    from mmengine.runner import IterBasedTrainLoop

    runner = Runner()
    runner.train_dataloader = type("Loader", (), {"__len__": lambda self: 5, "num_workers": 2})()
    runner.train_loop = IterBasedTrainLoop.__new__(IterBasedTrainLoop)
    times = {"train/data_time": [0.6] * 120, "train/time": [1.0] * 120}
    runner.message_hub.log_scalars = {k: HistoryBuffer(v, [1] * 120) for k, v in times.items()}
    hook = DataWaitHook()
    for runner.iter in range(98):
        hook.after_train_iter(runner, runner.iter)
    assert not runner.messages
    runner.iter = 99
    hook.after_train_iter(runner, runner.iter)
    assert "waited for data 60% of the last 100 iterations (59.4 of 99.0 s)" in runner.messages[0]
