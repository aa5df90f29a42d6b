"""tools/train.py and tools/test.py as a user meets them: a tiny PoseC3D, and every kind of bad input."""

import importlib.util
import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from engine.processes import run_forked

from mmaction.utils.cli import describe_error, run_tool

HERE = Path(__file__).parent
SPEC = importlib.util.spec_from_file_location("pose_config", HERE / "pose_config.py")
pose_config = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(pose_config)


def main_of(root, name):
    spec = importlib.util.spec_from_file_location(f"tool_{name}", root / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.fixture
def config(tmp_path, demo_data):
    return pose_config.write_pose_config(tmp_path / "tiny.py", demo_data / "skeletons.pkl")


@pytest.fixture
def fails(root, capsys):
    """Runs a tool that must end with a message and exit code 2; returns the message."""

    def run(name, *args):
        main = main_of(root, name)
        with pytest.raises(SystemExit) as ended:
            run_tool(lambda: main([str(arg) for arg in args]))
        printed = capsys.readouterr().err
        assert ended.value.code == 2 and "Traceback" not in printed, printed
        return printed

    return run


@pytest.mark.integration
def test_train_resume_and_test_from_another_folder(root, tmp_path, config):
    place = tmp_path / "elsewhere"
    place.mkdir()

    def tool(name, *args):
        log = tmp_path / f"{name}.txt"
        log.write_text("")
        code = run_forked([str(root / "tools" / f"{name}.py"), str(config), *map(str, args)], place, log)
        assert code == 0, log.read_text()[-3000:]
        return log.read_text()

    tool("train", "--amp", "--seed", "0", "--cfg-options", "train_cfg.max_epochs=1")
    text = tool("train", "--resume", "--seed", "0")
    assert "resuming work_dirs/tiny/epoch_1.pth: epoch 1" in text
    work_dir = place / "work_dirs" / "tiny"
    (best,) = work_dir.glob("best_acc_top1_epoch_*.pth")
    text = tool("test", best.relative_to(place), "--eval", "top_k_accuracy", "--eval-options", "topk=1,3")
    assert "views      2 per test sample" in text and "acc/top1: " in text and "acc/top3: " in text
    assert (work_dir / f"test_{best.stem}" / "predictions.csv").is_file()

    tool("train", "--seed", "1", "--work-dir", "runs/other", "--cfg-options", "train_cfg.max_epochs=1")
    tool("test", "runs/other/epoch_1.pth")
    assert (place / "runs/other/test_epoch_1/predictions.csv").is_file(), "beside the training's log"
    copy = shutil.copy(place / "runs/other/epoch_1.pth", place)
    tool("test", Path(copy).name)
    assert (work_dir / "test_epoch_1/predictions.csv").is_file(), "no training has run where the copy lies"


def test_help_explains(root, capsys):
    for name in ("train", "test"):
        with pytest.raises(SystemExit) as ended:
            main_of(root, name)(["--help"])
        text = capsys.readouterr().out
        assert ended.value.code == 0 and "Examples:" in text and "--cfg-options" in text


def test_a_missing_config(fails, tmp_path):
    assert "tyni.py does not exist" in fails("train", tmp_path / "tyni.py")


def test_a_missing_checkpoint(fails, config, tmp_path):
    torch.save({}, tmp_path / "epoch_10.pth")
    for call in (
        ["test", config, tmp_path / "epoch_1.pth"],
        ["train", config, "--load-from", tmp_path / "epoch_1.pth"],
    ):
        message = fails(*call, "--work-dir", tmp_path / "run")
        assert "epoch_1.pth does not exist; did you mean" in message and "epoch_10.pth" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["train_dataloader.dataset.ann_file=nowhere.pkl"], "nowhere.pkl"),
        (["train_dataloader.dataset.split=trian"], "train"),
        (["model.backbone.type=ResNet3dSlowOnlyy"], "'ResNet3dSlowOnlyy' is not registered; did you mean ResNet3dSlow"),
        (["model.cls_head.num_classes=3"], "outside the 3 classes (0 to 2) of the model"),
        (["train_cfg.max_epoch=3"], "max_epoch"),
        (["optim_wrapper.optimizer.type=SDG"], "did you mean SGD"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named(fails, config, tmp_path, options, message):
    assert message in fails("train", config, "--work-dir", tmp_path / "run", "--cfg-options", *options)
    assert not list((tmp_path / "run").glob("*.pth"))


def change_pickle(demo_data, tmp_path, change):
    content = pickle.loads((demo_data / "skeletons.pkl").read_bytes())
    change(content)
    path = tmp_path / "changed.pkl"
    path.write_bytes(pickle.dumps(content))
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c["split"].update(train=[]), ["changed.pkl", "empty"]),
        (lambda c: c["annotations"][0].update(label=77), ["label 77", "outside the 5 classes"]),
        (lambda c: c["annotations"][0].update(keypoint=c["annotations"][0]["keypoint"][0]), ["keypoint", "shape"]),
        (lambda c: c["annotations"][0].update(total_frames=7), ["total_frames", "7"]),
    ],
    ids=["empty split", "label", "shape", "frame count"],
)
def test_wrong_skeletons_are_named_before_training(fails, config, demo_data, tmp_path, change, words):
    path = change_pickle(demo_data, tmp_path, change)
    content = pickle.loads(path.read_bytes())
    if content["split"]["train"]:
        name = content["annotations"][0]["frame_dir"]
        content["split"] = {split: [n for n in names if n != name] for split, names in content["split"].items()}
        content["split"]["train"].append(name)
        path.write_bytes(pickle.dumps(content))
    message = fails("train", config, "--work-dir", tmp_path / "run",
                    "--cfg-options", f"train_dataloader.dataset.ann_file={path}")  # fmt: skip
    assert all(word in message for word in words), message
    assert not list((tmp_path / "run").glob("*.pth"))


class Evil:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_a_pickle_that_would_run_code(fails, config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps({"split": Evil(), "annotations": []}))
    message = fails("train", config, "--work-dir", "run", "--cfg-options", "train_dataloader.dataset.ann_file=evil.pkl")
    assert "evil.pkl" in message and "mkdir" in message and not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--eval", "top_k_acuracy"], "unknown metric 'top_k_acuracy'; did you mean top_k_accuracy?"),
        (["--eval", "top_k_accuracy", "--eval-options", "tpk=1"], "--eval-options: unknown tpk; known: topk"),
        (
            ["--eval", "top_k_accuracy", "--eval-options", "topk=a"],
            "a whole number of at least 1; got topk='a'",
        ),
        (["--eval-options", "topk=1"], "--eval-options needs --eval METRIC"),
        (["--dump", "scores.txt"], "--dump scores.txt: expected a file named *.pkl"),
        (["--launcher", "pytorch"], "the variable RANK is not set"),
    ],
)
def test_wrong_options_of_the_test(fails, config, tmp_path, args, message, monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    torch.save({"state_dict": {"a": torch.zeros(1)}}, tmp_path / "a.pth")
    assert message in fails("test", config, tmp_path / "a.pth", "--work-dir", tmp_path / "run", *args)


def test_an_error_of_a_nested_part_keeps_its_cause(root, config, tmp_path):
    with pytest.raises((TypeError, ValueError)) as caught:
        main_of(root, "train")(
            [str(config), "--work-dir", str(tmp_path / "run"), "--cfg-options", "model.backbone.depht=50"]
        )
    assert "depht" in describe_error(caught.value)
