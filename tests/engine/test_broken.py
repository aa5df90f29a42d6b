"""Samples that cannot be loaded."""

import csv

import pytest
import torch

from mmaction.engine.broken import score_as_wrong
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


def test_the_true_class_is_ranked_last():
    wrong = score_as_wrong(torch.tensor([0.1, 0.9, 0.0]), torch.tensor([1]))
    assert wrong.tolist() == [0.5, 0, 0.5]
