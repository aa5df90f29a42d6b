"""A training and a test from end to end, in this process."""

import errno
import json
import pickle
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from processes import environment
from stick_figure import write_video

from mmaction.io.checkpoints import read_checkpoint
from mmaction.utils.cli import ToolStop


def test_a_run_leaves_checkpoints_the_best_one_by_name_and_the_config(whole_run):
    names = {path.name for path in whole_run.iterdir()}
    assert {"epoch_1.pth", "epoch_2.pth", "epoch_3.pth", "last_checkpoint", "toy.py"} <= names
    assert len([name for name in names if name.startswith("best_acc_top1_epoch_")]) == 1
    assert not [name for name in names if name.endswith(".tmp")]
    assert (whole_run / "last_checkpoint").read_text() == str(whole_run / "epoch_3.pth")


def test_a_test_leaves_the_config_of_the_training(trained, train, test):
    config, work_dir = trained
    kept = (work_dir / "toy.py").read_text()
    test(config, work_dir / "epoch_3.pth")
    assert (work_dir / "test_epoch_3").is_dir() and (work_dir / "toy.py").read_text() == kept
    train(config, "--work-dir", work_dir, "--cfg-options", "train_cfg.max_epochs=1")
    assert "max_epochs=1" in (work_dir / "toy.py").read_text()


def test_testing_prints_figures_and_writes_result_files(trained, test, tmp_path, capfd):
    config, work_dir = trained
    arguments = ["--eval", "top_k_accuracy", "mean_class_accuracy", "--eval-options", "topk=1,2"]
    test(config, work_dir / "epoch_3.pth", "--work-dir", work_dir, *arguments, "--dump", tmp_path / "scores.pkl")
    printed = dict(line.split(": ") for line in capfd.readouterr().out.splitlines() if line.startswith("acc/"))
    assert set(printed) == {"acc/top1", "acc/top2", "acc/mean1"}
    figures = json.loads((work_dir / "test_epoch_3" / "metrics.json").read_text())
    rows = (work_dir / "test_epoch_3" / "predictions.csv").read_text().splitlines()
    assert len(rows) == 10 and figures["run"]["checkpoint"].endswith("epoch_3.pth")
    assert [row["train_count"] for row in figures["per_class"]] == [8, 8, 8]  # the model tells how many classes
    dumped = pickle.loads((tmp_path / "scores.pkl").read_bytes())
    right = sum(int(sample["pred_score"].argmax() == sample["gt_label"]) for sample in dumped)
    assert len(dumped) == 9 and float(printed["acc/top1"]) == pytest.approx(right / 9, abs=1e-4)


def test_scores_are_dumped_where_the_evaluator_is_written_out(trained, test, tmp_path, toy):
    _, work_dir = trained
    whole = "test_evaluator = dict(type='Evaluator', metrics=[dict(type='AccMetric')])\n"
    config = toy.write_config(tmp_path, "whole.py", extra=whole)
    test(config, work_dir / "epoch_3.pth", "--work-dir", work_dir, "--dump", tmp_path / "scores.pkl")
    assert len(pickle.loads((tmp_path / "scores.pkl").read_bytes())) == 9


def test_a_negative_label_is_named_before_training(train, tmp_path, toy):
    config = toy.write_config(tmp_path)
    toy.write_list(tmp_path / "train.txt", 8, labels=[0, 1, -1, 2, 0, 1, 2, 0])
    with pytest.raises(ValueError, match=r"train\.txt, sample 2 \(clip2\): label -1 is outside .*correct the label$"):
        train(config, "--work-dir", tmp_path / "run")


def test_clips_are_shown_where_the_config_has_no_visualizer(trained, test, tmp_path):
    config, work_dir = trained
    (tmp_path / "val.txt").write_text(f"{write_video(tmp_path / 'clip0.mp4', 4)} 0\n")
    test(config, work_dir / "epoch_3.pth", "--work-dir", work_dir, "--show-dir", tmp_path / "shown")
    assert [path.name for path in (tmp_path / "shown").iterdir()] == ["clip0.mp4"]


def test_a_head_of_another_class_count_is_dropped_in_training_and_refused_in_testing(trained, train, test, tmp_path):
    config, work_dir = trained
    checkpoint, more = work_dir / "epoch_3.pth", "model.num_classes=5"
    train(config, "--work-dir", tmp_path / "fine", "--load-from", checkpoint, "--cfg-options", more)
    log = next((tmp_path / "fine").rglob("*.log")).read_text()
    assert "cls_head.fc_cls.weight: (3, 8) in the file, (5, 8) in the model" in log
    assert log.count("cls_head.fc_cls.weight: (3, 8)") == 1
    with pytest.raises(ValueError, match="does not fit the model of the config"):
        test(config, checkpoint, "--work-dir", work_dir, "--cfg-options", more)


def test_a_checkpoint_of_another_architecture_is_an_error(trained, train, tmp_path):
    config, work_dir = trained
    with pytest.raises(ValueError, match=r"another architecture: .*backbone.0.weight: \(8, 3\), the model \(16, 3\)"):
        train(config, "--work-dir", tmp_path / "b", "--load-from", work_dir / "epoch_1.pth",
              "--cfg-options", "model.width=16")  # fmt: skip


def test_the_plan_names_data_batch_rate_and_weights(whole_run):
    log = next(whole_run.rglob("*.log")).read_text()
    plan = log[log.index("plan of this run") :]
    assert "24 samples of 3 classes from" in plan and "9 samples of 3 classes from" in plan
    assert "epochs     3 of 6 iterations" in plan
    assert "SGD, learning rate 0.5, chosen for a batch of 4" in plan
    assert "weights    initial values" in plan


def test_the_plan_counts_repetitions_and_warns_of_a_rate_for_another_batch(tmp_path, toy, train, capfd):
    repeated = (
        "train_dataloader['dataset'] = dict(type='RepeatDataset', times=4, dataset=train_dataloader['dataset'])\n"
    )
    config = toy.write_config(tmp_path, extra=repeated + "auto_scale_lr = dict(base_batch_size=32)\n")
    one = ["--cfg-options", "train_cfg.max_epochs=1"]
    train(config, "--work-dir", tmp_path / "a", *one)
    text = capfd.readouterr().err + capfd.readouterr().out
    log = next((tmp_path / "a").rglob("*.log")).read_text()
    assert "1 of 24 iterations, each passing 4 times over the data: 4 passes" in log
    assert "meant for a batch of 32, this run has 4; the linear rule gives 0.0625: pass --auto-scale-lr" in log
    train(config, "--work-dir", tmp_path / "b", "--auto-scale-lr", *one)
    log = next((tmp_path / "b").rglob("*.log")).read_text()
    assert "learning rate 0.0625 (scaled to this batch), chosen for a batch of 32" in log
    assert "linear rule" not in log + text


def test_the_plan_of_a_run_by_iterations_counts_them_and_views_are_those_of_joined_test_sets(tmp_path, toy, train):
    extra = """
train_cfg = dict(type='IterBasedTrainLoop', max_iters=9, val_interval=9)
param_scheduler = None
log_processor = dict(by_epoch=False)
default_hooks['checkpoint'].update(by_epoch=False, interval=9)
sampling = dict(type='SampleFrames', clip_len=1, num_clips=10, test_mode=True)
test_dataloader = dict(dataset=dict(type='ConcatDataset', datasets=[dict(pipeline=[sampling])]))
"""
    train(toy.write_config(tmp_path, extra=extra), "--work-dir", tmp_path / "run")
    plan = next((tmp_path / "run").rglob("*.log")).read_text()
    assert "  iterations 9, 1.5 passes over the data" in plan and "  epochs" not in plan
    assert "  views      10 per test sample (10 clips x 1 crops)" in plan


def test_the_logged_base_learning_rate_is_scaled_with_the_others(tmp_path, toy, train):
    extra = "optim_wrapper['paramwise_cfg'] = dict(custom_keys=dict(cls_head=dict(lr_mult=10)))\n"
    config = toy.write_config(tmp_path, extra=extra + "auto_scale_lr = dict(base_batch_size=32)\n")
    train(config, "--work-dir", tmp_path / "run", "--auto-scale-lr", "--cfg-options", "train_cfg.max_epochs=1")
    text = next((tmp_path / "run").rglob("scalars.json")).read_text()
    logged = [entry for entry in map(json.loads, text.splitlines()) if "base_lr" in entry]
    assert logged and all(entry["base_lr"] == entry["lr"] for entry in logged)  # lr is what the backbone learns with


@pytest.mark.parametrize("extra", ["", "default_hooks['checkpoint'].update(out_dir='elsewhere')\n"])
def test_the_plan_says_that_checkpoints_of_an_earlier_run_are_replaced(tmp_path, toy, train, monkeypatch, capfd, extra):
    monkeypatch.chdir(tmp_path)
    config = toy.write_config(tmp_path, extra=extra)

    def said(epochs, *options):
        train(config, "--work-dir", "run", *options, "--cfg-options", f"train_cfg.max_epochs={epochs}")
        printed = capfd.readouterr()
        return "holds checkpoints of an earlier run" in printed.out + printed.err

    assert [said(1), said(2, "--resume"), said(1)] == [False, False, True]


def test_runs_of_the_same_second_write_a_log_each(tmp_path, toy, train, monkeypatch):
    monkeypatch.setattr("mmengine.runner.runner.time.localtime", lambda *_: time.gmtime(0))
    config = toy.write_config(tmp_path)
    for name in "abc":
        train(config, "--work-dir", tmp_path / name, "--cfg-options", "train_cfg.max_epochs=1")
    logs = [next((tmp_path / name).rglob("*.log")).read_text() for name in "abc"]
    assert [log.count("plan of this run") for log in logs] == [1, 1, 1]


def test_auto_scale_takes_the_batch_from_the_file_name_or_says_what_is_missing(tmp_path, toy, train):
    none = "auto_scale_lr = None\n"
    named = toy.write_config(tmp_path, name="toy_2xb8-3e_clips.py", extra=none)
    train(named, "--work-dir", tmp_path / "a", "--auto-scale-lr", "--cfg-options", "train_cfg.max_epochs=1")
    assert "learning rate 0.125 (scaled" in next((tmp_path / "a").rglob("*.log")).read_text()
    bare = toy.write_config(tmp_path, extra=none)
    with pytest.raises(ValueError, match=r"does not say for which batch .* set auto_scale_lr=dict"):
        train(bare, "--work-dir", tmp_path / "b", "--auto-scale-lr")


def test_auto_scale_is_refused_where_a_cycle_sets_the_rate(tmp_path, toy, train):
    cycle = "param_scheduler = [dict(type='OneCycleLR', eta_max=0.2, total_steps=18, by_epoch=False)]\n"
    config = toy.write_config(tmp_path, extra=cycle + "auto_scale_lr = dict(base_batch_size=1)\n")
    with pytest.raises(ValueError, match=r"OneCycleLR takes .* eta_max=0\.2, not .* \(the linear rule gives 0\.8\)"):
        train(config, "--work-dir", tmp_path / "run", "--auto-scale-lr")
    train(config, "--work-dir", tmp_path / "plain")
    assert "SGD, learning rate 0.2, chosen" in next((tmp_path / "plain").rglob("*.log")).read_text()


def test_a_label_without_output_is_named_before_training(tmp_path, toy, train):
    config = toy.write_config(tmp_path)
    toy.write_list(tmp_path / "train.txt", labels=[0, 1, 2, 7, 1])
    with pytest.raises(
        ValueError, match=r"train set .*train.txt, sample 3 \(clip3\): label 7 is outside the 3 classes"
    ):
        train(config, "--work-dir", tmp_path / "run")
    assert not list((tmp_path / "run").glob("*.pth"))


def test_a_test_set_is_not_shuffled(tmp_path, toy, train, test):
    config = toy.write_config(tmp_path, extra="train_cfg['max_epochs'] = 1\n")
    train(config, "--work-dir", tmp_path / "run")
    options = ("--work-dir", tmp_path / "run", "--cfg-options", "test_dataloader.sampler.shuffle=True")
    with pytest.raises(ValueError, match=r"test_dataloader.sampler.shuffle is True, .*; set it to False"):
        test(config, tmp_path / "run" / "epoch_1.pth", *options)


def test_missing_files_are_named_before_training(tmp_path, toy, train):
    config = toy.write_config(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"train set: 24 of 24 files .* do not exist \(clip0, .*data_prefix"):
        train(config, "--work-dir", tmp_path / "run", "--cfg-options", "train_dataloader.dataset.modality=RGB")


def test_an_empty_split_is_an_error(tmp_path, toy, train):
    config = toy.write_config(tmp_path)
    (tmp_path / "val.txt").write_text("\n")
    with pytest.raises(ValueError, match=r"val.txt holds no sample"):
        train(config, "--work-dir", tmp_path / "run")


def test_an_unknown_name_lists_close_matches(tmp_path, toy, train):
    from mmaction.utils.cli import describe_error

    config = toy.write_config(tmp_path)
    with pytest.raises(KeyError) as caught:
        train(config, "--work-dir", tmp_path / "run", "--cfg-options", "model.type=ToyModle")
    assert describe_error(caught.value).startswith("model 'ToyModle' is not registered; did you mean ToyModel")


def test_no_validate_trains_without_a_best_checkpoint(tmp_path, toy, train):
    config = toy.write_config(tmp_path)
    train(config, "--work-dir", tmp_path / "run", "--no-validate", "--cfg-options", "train_cfg.max_epochs=1")
    assert {path.name for path in (tmp_path / "run").glob("*.pth")} == {"epoch_1.pth"}


def test_one_seed_gives_one_result(tmp_path, toy, train):
    config = toy.write_config(tmp_path)
    states = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        train(config, "--work-dir", tmp_path / name, "--seed", seed, "--cfg-options", "train_cfg.max_epochs=1")
        states.append(read_checkpoint(tmp_path / name / "epoch_1.pth")["state_dict"]["backbone.0.weight"])
    assert torch.equal(states[0], states[1]) and not torch.equal(states[0], states[2])


def test_a_last_batch_of_one_clip_that_cannot_be_normed_is_explained(tmp_path, toy, train, register):
    @register
    class Norm(Hook):
        def before_train(self, runner):
            runner.model.backbone.append(torch.nn.BatchNorm1d(8))

    config = toy.write_config(tmp_path, train_count=9, extra="custom_hooks = [dict(type='Norm')]\n")
    with pytest.raises(ToolStop, match=r"(?s)more than 1 value per channel.*train_dataloader.drop_last=True"):
        train(config, "--work-dir", tmp_path / "run")


@pytest.mark.slow
def test_a_killed_data_worker_is_named_with_advice(tmp_path, toy, root):
    config = toy.write_config(tmp_path, extra="pipeline[0]['kill'] = 'clip9'\n")
    call = [sys.executable, root / "tools/train.py", config, "--cfg-options", "train_dataloader.num_workers=1"]
    # not in this process, whose next child to end would make PyTorch's signal handler raise the error once more
    done = subprocess.run(call, env=environment(), cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert re.search(r"DataLoader worker .*\n.*killed from outside.*lower num_workers.*--resume", done.stderr)


def test_a_work_directory_removed_during_the_run_is_named(tmp_path, toy, train, register):
    @register
    class Remove(Hook):
        def before_val_epoch(self, runner):
            shutil.rmtree(runner.work_dir)

    config = toy.write_config(tmp_path, extra="custom_hooks = [dict(type='Remove')]\n")
    with pytest.raises(ToolStop, match=r"the work directory .*run, or .* was removed .*; then go on with --resume"):
        train(config, "--work-dir", tmp_path / "run")


def test_the_config_file_may_be_moved_during_the_run(tmp_path, toy, train, register):
    @register
    class Move(Hook):
        def before_train_epoch(self, runner):
            Path(runner.cfg.filename).unlink(missing_ok=True)

    config = toy.write_config(tmp_path, extra="custom_hooks = [dict(type='Move')]\n")
    train(config, "--work-dir", tmp_path / "run")
    assert not Path(config).exists() and (tmp_path / "run/epoch_3.pth").is_file()


def test_a_full_disk_keeps_earlier_checkpoints_and_says_so(trained, train, monkeypatch, tmp_path):
    config, work_dir = trained
    before = (work_dir / "epoch_3.pth").read_bytes()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(
        ToolStop, match=r"cannot write .*epoch_4.pth: No space left .*Earlier checkpoints are untouched"
    ):
        train(config, "--work-dir", work_dir, "--resume", "--cfg-options", "train_cfg.max_epochs=4")
    assert (work_dir / "epoch_3.pth").read_bytes() == before
    assert not list(work_dir.glob("*.tmp")) + list(work_dir.glob("epoch_4*")) + list(work_dir.glob(".*"))


def test_a_disk_that_is_full_for_any_file_of_the_run_is_named_with_what_to_do(toy, train, monkeypatch, tmp_path):
    def full(self, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    file = r".*run/last_start\.json"
    with pytest.raises(
        ToolStop, match=rf"No space left on device: '{file}'\n  make room on the disk of {file}; .*--resume"
    ):
        train(toy.write_config(tmp_path), "--work-dir", tmp_path / "run")
