"""Samples that cannot be loaded."""

import csv

import pytest
import torch
from processes import run_two

from mmaction.engine.checks.unreadable import Evaluator, read_list, score_as_wrong
from mmaction.engine.results.writer import ResultWriter
from mmaction.evaluation import AccMetric, summarize
from mmaction.structures import ActionDataSample, Result
from mmaction.utils.cli import ToolStop

ALLOW = "default_hooks['broken_samples'] = dict(type='BrokenSamplesHook', max_share=0.2)\n"


def rows(work_dir):
    with (work_dir / "broken_samples.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("workers", [0, 1])
def test_in_training_another_sample_stands_in_and_each_is_named_once(tmp_path, toy, train, workers):
    config = toy.write_config(tmp_path, bad=(3, 8), extra=ALLOW)
    work_dir = tmp_path / "run"
    train(config, "--work-dir", work_dir, "--cfg-options", f"train_dataloader.num_workers={workers}")
    assert sorted((row["split"], row["sample"]) for row in rows(work_dir)) == [("train", "bad3"), ("train", "bad8")]
    assert {row["fault"] for row in rows(work_dir)} == {"ValueError: no such clip"}
    log = next(work_dir.rglob("*.log")).read_text()
    assert log.count("cannot load bad3: ValueError: no such clip; another sample stands in") == 1
    assert (work_dir / "epoch_3.pth").is_file()


def test_too_many_stop_the_run_with_the_list(tmp_path, toy, train):
    config = toy.write_config(tmp_path, bad=(3,))
    with pytest.raises(ToolStop, match=r"1 of 24 training samples cannot be loaded, more than 1.0%; .*broken_samples"):
        train(config, "--work-dir", tmp_path / "run")
    assert len(rows(tmp_path / "run")) == 1
    more = "default_hooks.broken_samples.max_share=0.1"  # as the message says
    train(config, "--work-dir", tmp_path / "more", "--epochs", "1", "--cfg-options", more)
    assert (tmp_path / "more" / "epoch_1.pth").is_file()


def test_repetitions_do_not_make_a_share_smaller(tmp_path, toy, train):
    repeat = "train_dataloader['dataset'] = dict(type='RepeatDataset', times=10, dataset=train_dataloader['dataset'])\n"
    extra = ALLOW.replace("0.2", "0.1") + repeat
    config = toy.write_config(tmp_path, bad=(1, 2, 7), extra=extra)
    with pytest.raises(ToolStop, match=r"3 of 24 training samples cannot be loaded, more than 10.0%"):
        train(config, "--work-dir", tmp_path / "run")


def test_each_entry_of_a_file_that_is_listed_several_times_counts(tmp_path, toy, train, test):
    config, work_dir = toy.write_config(tmp_path, extra=ALLOW), tmp_path / "run"
    train(config, "--work-dir", work_dir, "--cfg-options", "train_cfg.max_epochs=1")
    twice = "".join(f"clip{index} {index % 3}\n" for index in range(6)) + "bad 0\nbad 1\nbad 2\nbad 0\n"
    (tmp_path / "val.txt").write_text(twice)
    test(config, work_dir / "epoch_1.pth", "--work-dir", work_dir)
    log = "".join(path.read_text() for path in work_dir.rglob("*.log"))
    assert "4 of 10 test samples could not be loaded" in log and log.count("cannot load bad:") == 1
    assert len(rows(work_dir)) == 1
    both = "test_dataloader['dataset'] = dict(type='ConcatDataset', datasets=[test_dataloader['dataset']] * 2)\n"
    joined = toy.write_config(tmp_path, name="joined.py", extra=ALLOW + both)
    (tmp_path / "val.txt").write_text(twice)  # the config's writer makes its own
    test(joined, work_dir / "epoch_1.pth", "--work-dir", tmp_path / "joined")
    log = "".join(path.read_text() for path in (tmp_path / "joined").rglob("*.log"))
    assert "8 of 20 test samples could not be loaded" in log
    (tmp_path / "train.txt").write_text(twice)
    with pytest.raises(ToolStop, match=r"[34] of 10 training samples cannot be loaded, more than 20.0%"):
        train(config, "--work-dir", work_dir)


def test_a_resumed_run_and_a_test_keep_the_list_and_a_new_run_begins_it_anew(tmp_path, toy, train, test):
    config, work_dir = toy.write_config(tmp_path, bad=(3, 8), extra=ALLOW), tmp_path / "run"
    train(config, "--work-dir", work_dir, "--cfg-options", "train_cfg.max_epochs=1")
    toy.write_list(tmp_path / "train.txt", 24, bad=(5, 8))
    train(config, "--work-dir", work_dir, "--resume", "--cfg-options", "train_cfg.max_epochs=2")
    toy.write_list(tmp_path / "val.txt", 9, bad=(1,))
    test(config, work_dir / "epoch_2.pth", "--work-dir", work_dir)
    listed = [(row["split"], row["sample"]) for row in rows(work_dir)]
    assert sorted(listed) == [("test", "bad1"), ("train", "bad3"), ("train", "bad5"), ("train", "bad8")]
    toy.write_list(tmp_path / "val.txt", 9)
    train(config, "--work-dir", work_dir, "--cfg-options", "train_cfg.max_epochs=1")
    assert sorted(row["sample"] for row in rows(work_dir)) == ["bad5", "bad8"]
    toy.write_list(tmp_path / "train.txt", 24)
    train(config, "--work-dir", work_dir, "--cfg-options", "train_cfg.max_epochs=1")
    assert not (work_dir / "broken_samples.csv").exists()


def test_a_list_that_somebody_has_edited_is_read_as_far_as_it_goes(tmp_path):
    assert read_list(tmp_path / "none.csv") == {}
    (tmp_path / "list.csv").write_text('split,sample,fault\n\na,b\ntrain,"x,y",gone\n')
    assert read_list(tmp_path / "list.csv") == {("train", "x,y"): "gone"}


@pytest.mark.integration
def test_processes_tell_each_other_what_they_found(tmp_path, toy, train):
    extra = ALLOW + "train_dataloader['batch_size'] = 2\ntrain_cfg['max_epochs'] = 1\n"
    config = toy.write_config(tmp_path, bad=(1, 2, 7, 11), extra=extra)
    toy.write_list(tmp_path / "val.txt", 10, bad=(0, 1, 5))
    run, stopped = tmp_path / "run", tmp_path / "stopped"
    share = ("--cfg-options", "default_hooks.broken_samples.max_share=0.125")
    codes, text = run_two(
        tmp_path,
        ["train", config, "--launcher", "pytorch", "--work-dir", run],
        ["test", config, run / "epoch_1.pth", "--launcher", "pytorch", "--work-dir", run],
        ["train", "stops", config, "--launcher", "pytorch", "--work-dir", stopped, *share],
    )
    assert codes == [0, 0], text
    expected = {"train": [1, 2, 7, 11], "val": [0, 1, 5], "test": [0, 1, 5]}
    listed = sorted((row["split"], row["sample"]) for row in rows(run))
    assert listed == sorted((split, f"bad{number}") for split, numbers in expected.items() for number in numbers)
    log = "".join(path.read_text() for path in run.rglob("*.log"))
    assert log.count("cannot load bad11: ValueError: no such clip; another sample stands in") == 1
    assert "3 of 10 test samples could not be loaded and count as wrong" in log
    assert len(rows(stopped)) == 4 and not list(stopped.glob("epoch_*.pth"))


def test_a_test_goes_on_however_many_samples_are_broken(tmp_path, toy, train, test):
    config, work_dir = toy.write_config(tmp_path), tmp_path / "run"
    train(config, "--work-dir", work_dir, "--no-validate", "--cfg-options", "train_cfg.max_epochs=1")
    toy.write_list(tmp_path / "val.txt", 200, bad=range(199))
    test(config, work_dir / "epoch_1.pth", "--work-dir", work_dir)
    assert len(rows(work_dir)) == 199
    assert "199 of 200 test samples could not be loaded" in "".join(p.read_text() for p in work_dir.rglob("*.log"))
    assert Result.load(work_dir / "test_epoch_1").column("broken").sum() == 199


def test_one_intact_sample_stands_in_for_all_broken_ones_of_a_test(tmp_path, toy):
    ann_file = toy.write_list(tmp_path / "val.txt", 50, bad=range(49))
    pipeline = [dict(type="ToyLoad")]
    dataset = toy.ToyDataset(ann_file, pipeline, modality="Pose", test_mode=True)
    tried, load = [], dataset._load
    dataset._load = lambda index, stream: tried.append(index) or load(index, stream)
    assert [dataset[index]["data_samples"].broken[2] for index in (3, 7, 7)] == [3, 7, 7]
    assert tried[-4:] == [7, 49, 7, 49]
    dataset.intact_sample = 7  # which has gone since
    assert dataset[7]["data_samples"].broken[2] == 7
    assert tried.count(7) == 3  # not once more to stand in for itself


@pytest.mark.parametrize(("count", "tried"), [(50, 50), (1500, 1001)])
def test_a_test_of_which_nothing_can_be_loaded_ends(tmp_path, toy, count, tried):
    ann_file, seen = toy.write_list(tmp_path / "val.txt", count, bad=range(count)), []
    dataset = toy.ToyDataset(ann_file, [dict(type="ToyLoad")], modality="Pose", test_mode=True)
    load = dataset._load
    dataset._load = lambda index, stream: seen.append(index) or load(index, stream)
    with pytest.raises(ValueError, match="bad3 cannot be loaded, nor can others of its data set: ValueError: no such"):
        dataset[3]
    assert len(seen) == len(set(seen)) == tried


def test_strict_samples_stop_at_the_first(tmp_path, toy, train):
    config = toy.write_config(tmp_path, bad=(3,), extra=ALLOW)
    with pytest.raises(ValueError, match="no such clip"):
        train(config, "--work-dir", tmp_path / "run", "--cfg-options", "train_dataloader.dataset.strict_samples=True")


def test_a_set_of_which_nothing_loads_is_an_error(tmp_path, toy, train):
    config = toy.write_config(tmp_path, bad=range(24), extra=ALLOW)
    with pytest.raises(
        ValueError, match=r"bad\d+ cannot be loaded, nor can others of its data set: ValueError: no such"
    ):
        train(config, "--work-dir", tmp_path / "run")


def test_in_testing_a_broken_sample_is_reported_and_wrong(tmp_path, toy, train, test):
    easy = "pipeline[0]['noise'] = 0\nmodel['dropout'] = 0\n"  # every sample that loads is right
    config = toy.write_config(tmp_path, extra=easy)
    train(config, "--work-dir", tmp_path / "run", "--seed", 0, "--cfg-options", "train_cfg.max_epochs=8")
    toy.write_list(tmp_path / "val.txt", 12, bad=(1, 6))
    test(config, tmp_path / "run" / "epoch_8.pth", "--work-dir", tmp_path / "run")
    lines = (tmp_path / "run" / "test_epoch_8" / "predictions.csv").read_text().splitlines()
    table = list(csv.DictReader(lines))
    wrong = [number for number, row in enumerate(table) if row["correct"] == "0"]
    assert len(table) == 12 and wrong == [1, 6]
    assert [row["label"] for row in table] == [str(index % 3) for index in range(12)]
    assert [row["split"] for row in rows(tmp_path / "run")] == ["test", "test"]
    assert "2 of 12 test samples could not be loaded and count as wrong" in "".join(
        path.read_text() for path in (tmp_path / "run").rglob("*.log")
    )


def test_missing_files_stop_a_test_only_where_all_are_missing(tmp_path, toy, train, test):
    of_files = "for loader in (val_dataloader, test_dataloader):\n    loader['dataset']['modality'] = 'RGB'\n"
    config, work_dir = toy.write_config(tmp_path, extra="train_cfg['max_epochs'] = 1\n"), tmp_path / "run"
    train(config, "--work-dir", work_dir)
    config.write_text(config.read_text() + of_files)
    names = [tmp_path / f"clip{index}" for index in range(9)]
    (tmp_path / "val.txt").write_text("".join(f"{name} 0\n" for name in names))
    with pytest.raises(FileNotFoundError, match=r"test set: 9 of 9 files looked for do not exist .*data_prefix$"):
        test(config, work_dir / "epoch_1.pth", "--work-dir", work_dir)
    for name in names[:6]:
        name.write_text("a clip")
    with pytest.raises(FileNotFoundError, match=r"val set: 3 of 9 files .* default_hooks.preflight.max_share"):
        train(config, "--work-dir", work_dir)
    test(config, work_dir / "epoch_1.pth", "--work-dir", work_dir)
    log = "".join(path.read_text() for path in work_dir.rglob("*.log"))
    assert "test set: 3 of 9 files looked for do not exist (" in log and "clip6, " in log and "count as wrong" in log


@pytest.mark.parametrize("label", [[1], [0, 1, 0]])
def test_the_true_class_is_ranked_last(label):
    wrong = score_as_wrong(torch.tensor([0.1, 0.9, 0.0]), torch.tensor(label))
    assert wrong.tolist() == [0.5, 0, 0.5]


def samples(make_score, labels, broken=1):
    """Perfect predictions; one stands in for a broken sample."""
    made = []
    for index, label in enumerate(labels):
        sample = ActionDataSample().set_gt_label(label).set_pred_score(make_score(label))
        if index == broken:
            sample.set_metainfo({"broken": ("a.mp4", "ValueError: cut off")})
        made.append(sample)
    return made


def measure(data_samples, tmp_path, **options):
    """What the evaluator reports, and the summary that the result writer makes of the same samples."""
    writer = ResultWriter(str(tmp_path))
    evaluator = Evaluator([AccMetric(**options), writer])
    evaluator.process(data_samples)
    return evaluator.evaluate(len(data_samples)), summarize(writer.result)


@pytest.mark.parametrize("num_classes", [2, 3, 5, 7])
def test_a_broken_sample_is_wrong_in_every_measure_however_few_classes(num_classes, tmp_path):
    labels = [0, 1, 1, 0]
    values, summary = measure(samples(lambda label: torch.eye(num_classes)[label], labels), tmp_path)
    assert values == {"acc/top1": 0.75, "acc/top5": 0.75, "acc/mean1": 0.75}
    assert summary["accuracy"] == {"top1": 0.75, "top5": 0.75, "mean1": 0.75}
    assert summary["evaluated"]["broken"] == 1 and summary["confidence_95"]["top5"][0] < 0.75
    saved = Result.load(tmp_path)
    assert summarize(saved)["accuracy"] == summary["accuracy"] and saved.missing.tolist() == [False, True, False, False]
    table = list(csv.DictReader((tmp_path / "predictions.csv").open()))
    assert [row["correct"] for row in table] == ["1", "0", "1", "1"] and [row["rank"] for row in table] == [
        "1",
        "",
        "1",
        "1",
    ]


def test_nobody_is_recognized_in_a_skeleton_without_a_person(tmp_path):
    made = samples(lambda label: torch.eye(3)[label], [0, 1, 2, 0], broken=None)
    made[2].set_metainfo({"nobody": True})
    values, summary = measure(made, tmp_path)
    assert values["acc/top1"] == summary["accuracy"]["top1"] == 0.75
    assert (summary["evaluated"]["broken"], summary["evaluated"]["nobody"]) == (0, 1)
    assert Result.load(tmp_path).predicted.tolist() == [0, 1, -1, 0]


def test_a_broken_sample_of_several_modalities_is_wrong(tmp_path):
    made = samples(lambda label: {name: 3 * torch.eye(3)[label] for name in ("rgb", "pose")}, [0, 1, 2, 0])
    values, _ = measure(made, tmp_path)
    assert len(values) == 15 and {value for key, value in values.items() if "top" in key} == {0.75}


def test_a_broken_sample_of_several_labels_is_wrong(tmp_path):
    names = ("mean_average_precision", "mmit_mean_average_precision")
    labels = [[1, 0, 0, 1], [0, 1, 1, 0], [0, 0, 1, 1], [1, 1, 0, 0]]
    logits = samples(lambda label: 10 * torch.tensor(label) - 30.0, labels)  # 0 would be the highest of such scores
    values, summary = measure(logits, tmp_path, metric_list=names)
    perfect, _ = measure(samples(lambda label: torch.tensor(label) * 1.0, labels, None), tmp_path, metric_list=names)
    assert set(perfect.values()) == {1.0}
    sample_precision = (3 + 2 / 4) / 4  # its two labels come last of four
    class_precision = (2 / 3 + (1 + 2 / 4) / 2) / 2  # it comes first where it does not belong, and last where it does
    assert values["acc/mmit_mean_average_precision"] == pytest.approx(sample_precision)
    assert values["acc/mean_average_precision"] == pytest.approx(class_precision)
    assert {f"acc/{name}": summary["accuracy"][name] for name in names} == pytest.approx(values)


def test_what_is_no_metric_is_named():
    with pytest.raises(
        TypeError, match=r"""hold metrics, such as .*; got "dict\(type='AccMetric'\)".*test_evaluator.type"""
    ):
        Evaluator(["dict(type='AccMetric')"])
