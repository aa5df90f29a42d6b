"""What a training is told by mistake, or does in silence, is said before its first iteration."""

import re
import shutil
from collections import Counter
from types import SimpleNamespace

import pytest
from processes import run_two

from mmaction.datasets import VideoDataset
from mmaction.engine.checks.data import listing_warnings
from mmaction.engine.checks.warnings import class_warnings


def lines(capfd):
    return [line for line in capfd.readouterr().out.splitlines() if "WARNING" in line]


@pytest.mark.parametrize("loop", ["Epoch", "Iter"])
def test_a_batch_larger_than_the_training_set_is_refused_where_it_would_be_dropped(tmp_path, toy, train, loop):
    extra = "train_dataloader.update(batch_size=25, drop_last=True)\n"
    if loop == "Iter":
        extra += "train_cfg = dict(type='IterBasedTrainLoop', max_iters=4)\nparam_scheduler = []\n"
    config = toy.write_config(tmp_path, extra=extra)
    with pytest.raises(ValueError, match="leaves no batch of 25 to train on, as each process has 24 samples; lower"):
        train(config, "--work-dir", tmp_path / "run")
    assert not list(tmp_path.glob("run/*.pth"))


def test_samples_are_not_dropped_from_what_is_measured(tmp_path, toy, train, test):
    train(toy.write_config(tmp_path, extra="train_cfg['max_epochs'] = 1\n"), "--work-dir", tmp_path / "run")
    config = toy.write_config(tmp_path, "drop.py", extra="val_dataloader['drop_last'] = True\n")
    with pytest.raises(ValueError, match="val_dataloader: drop_last=True would leave 1 of 9 samples"):
        train(config, "--work-dir", tmp_path / "other")
    with pytest.raises(ValueError, match="test_dataloader: drop_last=True would leave 1 of 9 samples"):
        test(config, tmp_path / "run" / "epoch_1.pth")
    train(config, "--work-dir", tmp_path / "other", "--cfg-options", "val_dataloader.batch_size=3")


@pytest.mark.slow
@pytest.mark.integration
def test_processes_whose_epochs_differ_in_length_do_not_wait_for_each_other(tmp_path, toy):
    uneven = "train_dataloader['sampler']['round_up'] = False\ntrain_dataloader['batch_size'] = 2\n"
    config = toy.write_config(tmp_path, train_count=5, extra=uneven)
    arguments = ["train", config, "--work-dir", tmp_path / "run", "--launcher", "pytorch"]
    codes, text = run_two(tmp_path, arguments, timeout_s=120)
    assert all(codes) and "an epoch has 2, 1 iterations in processes 0 to 1" in text, text[-4000:]


@pytest.mark.parametrize(
    ("extra", "warning"),
    [
        ("model['num_classes'] = 400\n", "the model has 400 outputs, and the labels end at 2: .* cls_head to 3"),
        ("model['num_classes'] = 4\ndata_names = list('abc')\n", "the model has 4 outputs, and the data set names 3"),
        ("data_names = list('abc')\nval_names = list('acb')\n", "class 1 is 'b' in one and 'c' in the other"),
        ("data_names = list('abc')\nval_names = list('abcd')\n", "one has 3 and the other 4"),
    ],
)
def test_classes_that_do_not_fit_are_named(tmp_path, toy, train, capfd, extra, warning):
    names = (
        "if 'data_names' in globals():\n"
        "    train_dataloader['dataset']['metainfo'] = dict(classes=data_names)\n"
        "    val_dataloader['dataset']['metainfo'] = dict(classes=globals().get('val_names', data_names))\n"
    )
    config = toy.write_config(tmp_path, extra=f"train_cfg['max_epochs'] = 1\n{extra}{names}")
    train(config, "--work-dir", tmp_path / "run")
    assert re.search(warning, "\n".join(lines(capfd)))


def test_a_class_that_is_only_in_the_validation_set_is_named(tmp_path, toy, train, capfd):
    config = toy.write_config(tmp_path, extra="train_cfg['max_epochs'] = 1\n")
    toy.write_list(tmp_path / "train.txt", 8, labels=[0, 2] * 4)
    train(config, "--work-dir", tmp_path / "run")
    said = "\n".join(lines(capfd))
    assert "holds classes that the training set has no sample of: 1; do both lists number" in said


def test_classes_that_nothing_is_learned_of_are_named():
    def said(train, val, outputs):
        sets = {"train": train, "val": val}
        counted = {k: SimpleNamespace(ann_file="", class_counts=lambda v=v: Counter(v)) for k, v in sets.items()}
        return list(class_warnings(counted, outputs))

    assert said([0, 1, 2], [0], 3) == []
    assert said([1, 3], [3], 4) == ["the training set has no sample of these classes: 0, 2; labels count from 0"]
    assert said([0, 2], [0], 3) == ["the training set has no sample of these classes: 1"]
    (only,) = said([0, 2], [1], 3)
    assert only.startswith("the validation set holds classes")


def test_clips_that_lists_hold_twice_are_named(tmp_path):
    def warnings(**lists):
        for name, text in lists.items():
            (tmp_path / name).write_text(text)
        prefix = dict(video=str(tmp_path))
        return list(listing_warnings({name: [VideoDataset(str(tmp_path / name), [], prefix)] for name in lists}))

    assert warnings(train="a.mp4 0\na.mp4 0\nb.mp4 1", val="c.mp4 0") == []
    (differing,) = warnings(train="a.mp4 0\n./a.mp4 1\nb.mp4 1", val="c.mp4 0")
    assert "train set: 1 clips are listed with different labels" in differing
    assert "a.mp4 ([0] and [1])" in differing
    (shared,) = warnings(train="a.mp4 0\nb.mp4 1", val=f"c.mp4 0\n{tmp_path}/b.mp4 1")
    assert "1 clips are in the training and in the validation set" in shared
    assert "b.mp4;" in shared
    assert warnings(train="a.mp4 0\nb.mp4 1", val="b.mp4 1", test="b.mp4 1")[0].count("validation") == 1
    (shared,) = warnings(train="a.mp4 0\nb.mp4 1", val="c.mp4 0", test="a.mp4 0")
    assert "1 clips are in the training and in the test set" in shared


def test_clips_to_learn_from_that_the_test_set_holds_are_named_before_the_training(tmp_path, toy, train, capfd):
    test = f"test_dataloader = dict(val_dataloader, dataset=dict(data, ann_file={str(tmp_path / 'test.txt')!r}))\n"
    kind = "for part in (data, train_dataloader['dataset'], val_dataloader['dataset']):\n"
    kind += "    part['modality'] = 'Feature'\ndel part\n"
    config = toy.write_config(tmp_path, extra=f"train_cfg['max_epochs'] = 1\n{kind}{test}")
    (tmp_path / "val.txt").write_text((tmp_path / "val.txt").read_text().replace("clip", "other"))
    for name, is_named in (("val", False), ("train", True)):
        shutil.copy(tmp_path / f"{name}.txt", tmp_path / "test.txt")
        train(config, "--work-dir", tmp_path / name)
        said = "\n".join(lines(capfd))
        assert ("24 clips are in the training and in the test set" in said) == is_named
        assert "cannot be read" not in said


def test_stages_frozen_at_random_are_named_unless_weights_are_loaded(tmp_path, toy, train, capfd):
    config = toy.write_config(tmp_path, extra=toy.NETWORK + "train_cfg['max_epochs'] = 1\n")
    train(config, "--work-dir", tmp_path / "run")
    assert "frozen_stages of backbone keeps stages as they are, and they are random" in "\n".join(lines(capfd))
    train(config, "--work-dir", tmp_path / "other", "--load-from", tmp_path / "run" / "epoch_1.pth")
    assert "frozen_stages" not in "\n".join(lines(capfd))


def test_a_schedule_that_waits_for_validations_is_named_where_there_are_none(tmp_path, toy, train, capfd):
    extra = "param_scheduler = [dict(type='ReduceOnPlateauLR', monitor='acc/top1', rule='greater')]\n"
    config = toy.write_config(tmp_path, extra=f"train_cfg['max_epochs'] = 1\n{extra}")
    train(config, "--work-dir", tmp_path / "run", "--no-validate")
    assert "ReduceOnPlateauLR needs validation, but this run has none" in "\n".join(lines(capfd))


def test_validations_that_begin_after_the_end_are_named(tmp_path, toy, train, capfd):
    config = toy.write_config(tmp_path, extra="train_cfg.update(max_epochs=1, val_begin=2)\n")
    train(config, "--work-dir", tmp_path / "run")
    assert "val_begin=2 comes after the end of the training at 1: nothing is validated" in "\n".join(lines(capfd))


def test_what_counts_epochs_in_a_run_by_iterations_is_named(tmp_path, toy, train, capfd):
    loop = "train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)\n"
    train(toy.write_config(tmp_path, extra=loop), "--work-dir", tmp_path / "run")
    assert "CosineAnnealingLR and CheckpointHook counts epochs, and a run by iterations" in "\n".join(lines(capfd))
    right = "param_scheduler.pop()\ndefault_hooks['checkpoint'].update(by_epoch=False)\n"
    train(toy.write_config(tmp_path, extra=loop + right), "--work-dir", tmp_path / "other")
    assert "counts epochs" not in "\n".join(lines(capfd))


def test_a_run_as_it_should_be_has_no_warnings_and_ends_with_a_summary(tmp_path, toy, train, capfd):
    config = toy.write_config(tmp_path)
    train(config, "--work-dir", tmp_path / "run", "--epochs", 1)
    out = capfd.readouterr().out
    ending = out[out.index("the training has ended") :]
    (best,) = [line for line in ending.splitlines() if "best_acc_top1_epoch_1.pth, " in line]
    assert "acc/top1 " in best and "acc/mean1 " in best
    assert f"python tools/test.py {config}" in ending
    assert not [
        line for line in out.splitlines() if "WARNING" in line and "predicted" not in line and "given" not in line
    ]


def test_a_schedule_that_outlasts_the_run_is_named_and_epochs_scales_both(tmp_path, toy, train, capfd):
    extra = (
        "train_cfg['max_epochs'] = 5\nmax_epochs = 7\n"
        "param_scheduler = [dict(type='LinearLR', start_factor=0.1, end=2), "
        "dict(type='CosineAnnealingLR', T_max=18, begin=2, end=20, convert_to_iter_based=True)]\n"
    )
    config = toy.write_config(tmp_path, extra=extra)
    train(config, "--work-dir", tmp_path / "run", "--cfg-options", "train_cfg.max_epochs=2")
    said = capfd.readouterr().out
    assert re.search("CosineAnnealingLR ends at iteration 120, after the run, which ends at 12 at 100%", said)
    assert "not read   max_epochs; did you mean train_cfg.max_epochs?" in said


def test_epochs_ends_the_schedule_with_the_run(root, tmp_path, toy, train, capfd):
    extra = "train_cfg['max_epochs'] = 20\nparam_scheduler[1] = dict(type='CosineAnnealingLR', T_max=18, begin=2)\n"
    train(toy.write_config(tmp_path, extra=extra), "--work-dir", tmp_path / "run", "--epochs", 2)
    assert (tmp_path / "run" / "epoch_2.pth").is_file()
    assert not any("Cosine" in line for line in lines(capfd))


@pytest.mark.parametrize(
    ("head", "evaluator", "named"),
    [
        ("multi_class=False", "dict(type='AccMetric', metric_list=('mean_average_precision',))", "multi_class=True"),
        ("multi_class=True", "dict(type='AccMetric', metric_list=('mean_average_precision',))", "CrossEntropyLoss"),
        ("multi_class=True, loss_cls=dict(type='BCELossWithLogits')", "dict(type='AccMetric')", "top_k_accuracy"),
        ("multi_class=True, loss_cls=dict(type='BCELossWithLogits')", "dict(type='ConfusionMatrix')", "ConfusionMat"),
    ],
)
def test_what_is_for_one_label_is_refused_where_samples_have_several(tmp_path, toy, train, head, evaluator, named):
    extra = (
        f"{toy.NETWORK}model['cls_head'].update({head})\nval_evaluator = {evaluator}\n"
        "for loader in (train_dataloader, val_dataloader): loader['dataset'].update(multi_class=True, num_classes=3)\n"
        "default_hooks['checkpoint']['save_best'] = None\n"
    )
    with pytest.raises(ValueError, match=f"multi_class=True .*{named}"):
        train(toy.write_config(tmp_path, extra=extra), "--work-dir", tmp_path / "run")
