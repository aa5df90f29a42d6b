"""What tools/test.py leaves behind."""

import csv
import hashlib
import json
import runpy
import shutil

import numpy as np
import pytest
import torch
from mmengine.evaluator import DumpResults

from mmaction.engine.results.writer import FILES
from mmaction.io.annotations import load_annotations, save_annotations
from mmaction.io.pickles import load_pickle
from mmaction.structures import Result

pytestmark = pytest.mark.integration


def test_files_agree_with_the_metrics(pose_run, root, tmp_path, capsys):
    config, checkpoint = pose_run
    main = runpy.run_path(str(root / "tools/test.py"))["main"]
    assert main([str(config), str(checkpoint), "--work-dir", str(tmp_path), "--report"]) == 0
    printed = capsys.readouterr().out
    folder = tmp_path / "test_tiny"
    assert {*FILES, "report.html"} <= {path.name for path in folder.iterdir()}
    predictions = Result.load(folder)
    rows = list(csv.DictReader((folder / "predictions.csv").open()))
    metrics = json.loads((folder / "metrics.json").read_text())
    assert len(rows) == len(predictions) == metrics["evaluated"]["count"]
    assert [row["id"] for row in rows] == list(predictions.ids)
    top1 = np.mean(predictions.predicted == predictions.labels)
    assert metrics["accuracy"]["top1"] == pytest.approx(top1)
    assert np.mean([int(row["correct"]) for row in rows]) == pytest.approx(top1)
    assert f"acc/top1: {top1:.4f}" in printed
    assert metrics["label_space"]["title"]
    assert set(metrics["attributes"]["accuracy"]) >= {"somersaults", "twists"}
    run = metrics["run"]
    assert run["views"] == {"clips": 2, "crops": 1, "heatmap_copies": 1}
    assert run["checkpoint_sha256"] == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert run["data"]["split"] == "val"
    assert run["data"]["ann_sha256"]
    train = load_annotations(run["data"]["ann_file"], "train")
    assert sum(row["train_count"] for row in metrics["per_class"]) == len(train), "repetitions do not count"
    assert 'src="data:image/jpeg' in (folder / "report.html").read_text()


def test_unknown_metric_lists_the_known(pose_run, root, tmp_path):
    config, checkpoint = pose_run
    main = runpy.run_path(str(root / "tools/test.py"))["main"]
    with pytest.raises(ValueError, match=r"unknown metric 'top1'.*known: top_k_accuracy, mean_class_accuracy"):
        main([str(config), str(checkpoint), "--work-dir", str(tmp_path), "--eval", "top1"])


def test_results_of_another_model_or_checkpoint_stay(pose_run, root, tmp_path, capsys):
    config, checkpoint = pose_run
    main = runpy.run_path(str(root / "tools/test.py"))["main"]
    place = ["--work-dir", str(tmp_path)]
    assert main([str(config), str(checkpoint), *place, "--report"]) == 0
    first = (tmp_path / "test_tiny/metrics.json").read_bytes()
    assert main([str(config), str(checkpoint), *place, "--cfg-options", "model.cls_head.average_clips=score"]) == 0
    assert (tmp_path / "test_tiny/metrics.json").read_bytes() == first
    assert {*FILES, "report.html"} == {path.name for path in (tmp_path / "test_tiny").iterdir()}
    assert {*FILES} == {path.name for path in (tmp_path / "test_tiny_2").iterdir()}
    said = capsys.readouterr()
    assert f"{tmp_path}/test_tiny holds the result of another test (other model)" in said.out + said.err
    other = tmp_path / checkpoint.name
    content = torch.load(checkpoint)
    torch.save({"state_dict": {key: value * 0 for key, value in content["state_dict"].items()}}, other)
    assert main([str(config), str(other), *place, "--report"]) == 0
    assert {*FILES, "report.html"} == {path.name for path in (tmp_path / "test_tiny_3").iterdir()}
    assert main([str(config), str(checkpoint), *place, "--cfg-options", "test_dataloader.batch_size=1"]) == 0
    assert {*FILES} == {path.name for path in (tmp_path / "test_tiny").iterdir()}, "the report was of the earlier test"
    assert not (tmp_path / "test_tiny_4").exists()


def test_a_skeleton_without_a_person_is_wrong_and_named(pose_run, root, tmp_path, demo_data, capsys):
    config, checkpoint = pose_run
    content = load_pickle(demo_data / "skeletons.pkl")
    name = content["split"]["val"][1]
    (clip,) = [info for info in content["annotations"] if info["frame_dir"] == name]
    clip["keypoint_score"] = np.zeros_like(clip["keypoint_score"])
    save_annotations(tmp_path / "part.pkl", content["annotations"], content["split"])
    options = ["--cfg-options", f"test_dataloader.dataset.ann_file={tmp_path / 'part.pkl'}"]
    main = runpy.run_path(str(root / "tools/test.py"))["main"]
    assert main([str(config), str(checkpoint), "--work-dir", str(tmp_path), *options]) == 0
    said = capsys.readouterr()
    assert "samples show nobody" in said.out + said.err
    (row,) = [row for row in csv.DictReader((tmp_path / "test_tiny/predictions.csv").open()) if row["nobody"]]
    assert (row["id"], row["correct"], row["top1_class"], row["nobody"]) == (name, "0", "", "1")
    result = Result.load(tmp_path / "test_tiny")
    assert f"acc/top1: {np.mean(result.predicted == result.labels):.4f}" in said.out


def test_a_dump_replaces_an_earlier_one_and_nothing_else(pose_run, root, tmp_path, demo_data, monkeypatch):
    config, checkpoint = pose_run
    main = runpy.run_path(str(root / "tools/test.py"))["main"]
    (tmp_path / "link.pkl").symlink_to(demo_data / "skeletons.pkl")
    (tmp_path / "mine.pkl").write_bytes((demo_data / "skeletons.pkl").read_bytes())

    def run(place, *options):
        command = [str(config), str(checkpoint), "--work-dir", str(tmp_path / "run"), "--dump", str(tmp_path / place)]
        return main([*command, *options])

    before = (demo_data / "skeletons.pkl").read_bytes()
    with pytest.raises(ValueError, match=r"link.pkl is an input and is not replaced"):
        run("link.pkl", "--overwrite")
    with pytest.raises(FileExistsError, match=r"mine.pkl: exists already; .*--overwrite"):
        run("mine.pkl")
    with pytest.raises(OSError, match=r"new.pkl: its folder .*mine.pkl cannot be written to"):
        run("mine.pkl/new.pkl")
    assert (demo_data / "skeletons.pkl").read_bytes() == (tmp_path / "mine.pkl").read_bytes() == before
    assert not (tmp_path / "run").exists()
    assert run("mine.pkl", "--overwrite") == 0
    earlier = (tmp_path / "mine.pkl").stat().st_mtime_ns
    assert run("mine.pkl") == 0
    assert (tmp_path / "mine.pkl").stat().st_mtime_ns > earlier

    def full(self, results):
        raise OSError("no space left")

    shutil.rmtree(tmp_path / "run")
    monkeypatch.setattr(DumpResults, "compute_metrics", full)
    with pytest.raises(OSError, match="no space left"):
        run("mine.pkl")
    assert {*FILES} == {path.name for path in (tmp_path / "run/test_tiny").iterdir()}


def test_the_checkpoint_says_on_how_many_samples_it_was_trained(pose_run, root, tmp_path):
    config, checkpoint = pose_run
    torch.save({**torch.load(checkpoint), "meta": {"class_counts": [7, 0, 3]}}, tmp_path / "own.pth")
    main = runpy.run_path(str(root / "tools/test.py"))["main"]
    gone = ["--cfg-options", "train_dataloader.dataset.dataset.ann_file=gone.pkl"]
    assert main([str(config), str(tmp_path / "own.pth"), "--work-dir", str(tmp_path), *gone]) == 0
    metrics = json.loads((tmp_path / "test_own/metrics.json").read_text())
    assert [row["train_count"] for row in metrics["per_class"]] == [7, 0, 3, 0, 0]
