"""Runs that go on with epochs of another length, with summed gradients, and by iterations."""

import json
import re
from pathlib import Path

import pytest
import torch

from mmaction.engine.continuation import fit_iteration
from mmaction.io.checkpoints import read_checkpoint

SCHEDULE = """
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=1, by_epoch=True, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', T_max=3, begin=1, end=4, by_epoch=True, convert_to_iter_based=True),
    dict(type='MultiStepLR', milestones=[3], by_epoch=True)]
train_cfg.update(max_epochs=4)
default_hooks['logger'] = dict(type='LoggerHook', interval=1)
"""


def rates(folder):
    """Return the learning rate of each logged iteration, by its number, as the last run in the folder has it."""
    logs = sorted(Path(folder).glob("*/vis_data/scalars.json"))
    lines = [json.loads(line) for path in logs for line in path.open()]
    return {line["step"]: line["lr"] for line in lines if "lr" in line and "loss" in line}


def weights(path):
    return read_checkpoint(path)["state_dict"]


def differ(one, other):
    return any(not torch.equal(value, other[key]) for key, value in one.items())


@pytest.mark.parametrize(("batch", "count"), [(8, 24), (2, 24), (4, 16)])
def test_epochs_of_another_length_are_trained_whole_with_the_rates_of_a_run_of_that_length(
    tmp_path, toy, train, capfd, batch, count
):
    config = toy.write_config(tmp_path, extra=SCHEDULE)
    run, fresh = tmp_path / "run", tmp_path / "fresh"
    train(config, "--work-dir", run, "--seed", 1, "--cfg-options", "train_cfg.max_epochs=2")
    toy.write_list(tmp_path / "train.txt", count)
    other = ("--seed", 1, "--cfg-options", f"train_dataloader.batch_size={batch}")
    train(config, "--work-dir", run, "--resume", run / "epoch_2.pth", *other)
    length = count // batch
    assert f"an epoch has {length} iterations, it had 6: going on at iteration 1 of epoch 3" in capfd.readouterr().out
    train(config, "--work-dir", fresh, *other)
    resumed, expected = (
        {step: rate for step, rate in rates(folder).items() if step > 2 * length} for folder in (run, fresh)
    )
    assert read_checkpoint(run / "epoch_4.pth")["meta"]["iter"] == 4 * length
    assert expected.keys() == set(range(2 * length + 1, 4 * length + 1))
    assert {step: resumed[step] for step in expected} == pytest.approx(expected, rel=1e-9)
    assert differ(weights(run / "epoch_3.pth"), weights(run / "epoch_2.pth"))


def test_a_snapshot_goes_on_where_the_samples_seen_end():
    loop = type("Loop", (), {"_epoch": 2, "_iter": 16})()
    before, now = ({"iters": n, "batch": b, "samples": 24} for n, b in ((6, 4), (12, 2)))
    assert "iteration 9 of epoch 3" in fit_iteration(loop, before, now) and loop._iter == 32
    loop._iter = 16
    other = {**now, "samples": 26, "iters": 13}
    assert "iteration 1 of epoch 3" in fit_iteration(loop, before, other) and loop._iter == 26
    loop._iter = 13  # of a program that does not tell, in the middle of an epoch: as it is
    assert fit_iteration(loop, None, now) is None and loop._iter == 13
    loop._iter = 12  # at the end of one
    assert fit_iteration(loop, None, now) and loop._iter == 24


def test_scaled_learning_rates_follow_the_batch_when_a_run_goes_on(tmp_path, toy, train):
    config = toy.write_config(tmp_path, extra="auto_scale_lr = dict(base_batch_size=8)\n")
    run, other, scaled = tmp_path / "run", tmp_path / "other", ("--seed", 1, "--auto-scale-lr")
    train(config, "--work-dir", run, *scaled)
    left = read_checkpoint(run / "epoch_2.pth")["optimizer"]["param_groups"][0]["lr"]
    larger = ("--cfg-options", "train_dataloader.batch_size=8")
    train(config, "--work-dir", other, "--resume", run / "epoch_2.pth", *scaled, *larger)
    assert rates(other)[8] == pytest.approx(2 * left)


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ([], None),
        (["--cfg-options", "optim_wrapper.optimizer.lr=0.001"], "0.5 that .* was trained with, not with 0.001 of"),
        (["--cfg-options", "optim_wrapper.paramwise_cfg.bias_lr_mult=4"], "1 that .* was trained with, not with 2 of"),
        (["--auto-scale-lr", "--cfg-options", "train_dataloader.batch_size=8"], None),
        (["--auto-scale-lr", "--cfg-options", "auto_scale_lr.base_batch_size=8"], "not with 0.25 of the config"),
    ],
)
def test_a_learning_rate_that_the_checkpoint_overrules_is_named(tmp_path, toy, train, capfd, options, kept):
    config = toy.write_config(tmp_path, extra="optim_wrapper['paramwise_cfg'] = dict(bias_lr_mult=2.0)\n")
    train(config, "--work-dir", tmp_path / "run", "--cfg-options", "train_cfg.max_epochs=1")
    train(config, "--work-dir", tmp_path / "other", "--resume", tmp_path / "run" / "epoch_1.pth", *options)
    said = capfd.readouterr().out
    assert re.search(f"going on with the learning rate .*{kept}", said) if kept else "going on with the l" not in said


def test_other_samples_than_the_checkpoint_was_trained_on_are_named(tmp_path, toy, train, capfd):
    config = toy.write_config(tmp_path)
    train(config, "--work-dir", tmp_path / "run", "--epochs", 1)
    train(config, "--work-dir", tmp_path / "run", "--epochs", 2, "--resume")
    said = capfd.readouterr().out
    assert "is another one" not in said and "is another than" not in said and "another config" not in said
    toy.write_list(tmp_path / "train.txt", labels=[1, 2, 0] * 8)
    train(config, "--work-dir", tmp_path / "other", "--epochs", 2, "--resume", tmp_path / "run/epoch_1.pth")
    assert (
        f"train.txt: the content is another than when {tmp_path}/run/epoch_1.pth was trained" in capfd.readouterr().out
    )
    toy.write_list(tmp_path / "train.txt", labels=[0, 0, 2] * 8)
    train(config, "--work-dir", tmp_path / "run", "--epochs", 3, "--resume")
    said = capfd.readouterr().out
    assert "epoch_2.pth was trained on: class 0 had 8 samples, it has 16, class 1 had 8 samples, it has 0" in said


def test_what_the_config_has_other_than_the_checkpoint_is_named(tmp_path, toy, train, capfd):
    config = toy.write_config(tmp_path)
    train(config, "--work-dir", tmp_path / "run", "--epochs", 1)
    other = ["--epochs", 2, "--resume", "--cfg-options"]
    train(config, "--work-dir", tmp_path / "run", *other, "model.dropout=0.1", "optim_wrapper.optimizer.momentum=0.5")
    said = capfd.readouterr().out
    assert (
        "another config: model.dropout is 0.1, it was None, optim_wrapper.optimizer.momentum is 0.5, it was 0." in said
    )
    groups = "optim_wrapper.paramwise_cfg.custom_keys.backbone.lr_mult=0.1"
    with pytest.raises(ValueError, match=r"epoch_2.pth has 1 groups of parameters .* gives the optimizer 4"):
        train(config, "--work-dir", tmp_path / "run", "--epochs", 3, "--resume", "--cfg-options", groups)


def test_gradients_summed_to_the_end_of_an_epoch_make_a_step(tmp_path, toy, train):
    config = toy.write_config(tmp_path)
    options = ("--seed", 1, "--cfg-options", "optim_wrapper.accumulative_counts=4")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(config, "--work-dir", whole, *options)
    train(config, "--work-dir", cut, "--resume", whole / "epoch_1.pth", *options)
    assert not differ(weights(whole / "epoch_3.pth"), weights(cut / "epoch_3.pth"))


BY_ITERATIONS = """
train_cfg = dict(by_epoch=False, max_iters=18, val_interval=6)
train_dataloader['sampler'] = dict(type='{sampler}', shuffle=True)
default_hooks['checkpoint'].update(by_epoch=False, interval=6)
default_hooks['see'] = dict(type='SeeClip')
"""


@pytest.fixture
def seen():
    """What a hook has seen of one clip."""
    from mmengine.hooks import Hook

    from mmaction.registry import HOOKS

    values = []

    class SeeClip(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            for clip, sample in zip(data_batch["inputs"], data_batch["data_samples"], strict=True):
                if sample.filename == "clip3":
                    values.append(tuple(clip.tolist()))

    HOOKS.register_module(module=SeeClip, force=True)
    yield values
    HOOKS.module_dict.pop("SeeClip")


@pytest.mark.parametrize("sampler", ["InfiniteSampler", "DefaultSampler"])
def test_a_run_by_iterations_augments_each_pass_anew_and_resumes_exactly(tmp_path, toy, train, seen, sampler):
    config = toy.write_config(tmp_path, extra=BY_ITERATIONS.format(sampler=sampler))
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(config, "--work-dir", whole, "--seed", 1)
    assert len(seen) == 3 and len(set(seen)) == 3
    train(config, "--work-dir", cut, "--resume", whole / "iter_6.pth", "--seed", 1)
    assert not differ(weights(whole / "iter_18.pth"), weights(cut / "iter_18.pth"))


def test_a_run_by_iterations_makes_up_for_a_validation_and_saves_no_summed_gradients(tmp_path, toy, train, seen, capfd):
    extra = "optim_wrapper['accumulative_counts'] = 2\ndefault_hooks['checkpoint'].update(interval=5, save_best=None)\n"
    config = toy.write_config(tmp_path, extra=BY_ITERATIONS.format(sampler="InfiniteSampler") + extra)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(config, "--work-dir", whole, "--seed", 1)
    assert {path.name for path in whole.glob("iter_*.pth")} == {f"iter_{n}.pth" for n in (6, 10, 16, 18)}  # 5, 15
    assert "validating iteration" not in capfd.readouterr().out
    train(config, "--work-dir", cut, "--resume", whole / "iter_6.pth")
    assert "validating iteration 6, after which the checkpoint was written" in capfd.readouterr().out
    assert not differ(weights(whole / "iter_18.pth"), weights(cut / "iter_18.pth"))
