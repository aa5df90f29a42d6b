"""The command lines that prepare, convert and examine data sets."""

import importlib.util
import pickle
import shutil
import subprocess
import sys

import pytest

TOOLS = [
    "check_dataset",
    "diving48/prepare",
    "gym/prepare",
    *(f"skeleton/{name}" for name in ("convert", "describe", "download", "merge", "split", "subset")),
]


@pytest.fixture
def tool(root):
    def load(name):
        path = root / "tools/data" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name.replace("/", "_"), path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return lambda *argv: module.main([str(word) for word in argv])

    return load


@pytest.mark.parametrize("name", TOOLS)
def test_help_explains(tool, name, capsys):
    with pytest.raises(SystemExit, match="0"):
        tool(name)("--help")
    text = capsys.readouterr().out
    assert "usage:" in text and ("Example" in text or "Exit codes" in text)


@pytest.mark.integration
def test_a_mistake_is_one_message_without_traceback(root, tmp_path):
    command = [sys.executable, root / "tools/data/skeleton/describe.py", tmp_path / "absent.pkl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "absent.pkl" in done.stderr and "Traceback" not in done.stderr


def test_check_dataset_with_paths(tool, demo_data, tmp_path, capsys):
    folder = tmp_path / "demo"
    shutil.copytree(demo_data, folder)
    check = tool("check_dataset")
    lists = (folder / "train.txt", folder / "val.txt")
    assert check(*lists, "--strict", "--out", tmp_path / "report") == 0
    said = capsys.readouterr().out
    assert "0 errors, 0 warnings, 0 notes" in said and "not looked for" not in said
    assert (tmp_path / "report/report.html").stat().st_size > 10_000
    assert (tmp_path / "report/findings.csv").read_text().count("\n") == 1
    (folder / "train.txt").write_text((folder / "train.txt").read_text() * 2)
    assert check(*lists, "--out", tmp_path / "report") == 0
    assert check(*lists, "--out", tmp_path / "report", "--strict", "--fix", tmp_path / "fixed") == 1
    assert "clips kept" in capsys.readouterr().out
    fixed = sorted((tmp_path / "fixed").glob("[tv]*.txt"))
    assert check(*fixed, "--videos", folder / "videos", "--strict", "--out", tmp_path / "r") == 0
    shutil.copy(folder / "val.txt", folder / "judging.txt")
    assert check(lists[0], folder / "judging.txt", "--quick", "--out", tmp_path / "r") == 0
    assert "no pair as train and val among the names train, judging" in capsys.readouterr().out
    next((folder / "videos").iterdir()).unlink()
    assert check(*lists, "--out", tmp_path / "report") == 2
    with pytest.raises(ValueError, match="give one config"):
        check("a.py", "b.py")


def test_check_dataset_with_a_config(tool, demo_data, tmp_path, capsys):
    config = tmp_path / "config.py"
    config.write_text(
        "def_ = dict(type='PoseDataset', ann_file='PATH', num_classes=5)\n"
        "flip = [dict(type='Flip', flip_ratio=0.5)]\n"
        "metainfo = dict(classes=('swipe left', 'swipe right', 'c', 'd', 'e'))\n"
        "train_dataloader = dict(dataset=dict(type='RepeatDataset', times=2, "
        "dataset=dict(split='train', pipeline=flip, metainfo=metainfo, **def_)))\n"
        "val_dataloader = dict(dataset=dict(split='val', pipeline=[], **def_))\n".replace(
            "PATH", str(demo_data / "skeletons.pkl")
        )
    )
    check = tool("check_dataset")
    assert check(config, "--out", tmp_path / "report", "--strict") == 1
    assert "'swipe left' becomes 'swipe right'" in capsys.readouterr().out
    options = ("--cfg-options", "train_dataloader.dataset.dataset.pipeline.0.flip_ratio=0")
    assert check(config, "--out", tmp_path / "report", "--strict", *options) == 0
    with pytest.raises(ValueError, match=r"--videos, --flips: .* config"):
        check(config, "--videos", tmp_path, "--flips")
    with pytest.raises(ValueError, match="--cfg-options"):
        check(demo_data / "train.txt", *options)
    with pytest.raises(KeyError, match="coco71"):
        check(demo_data / "train.txt", "--layout", "coco71")
    with pytest.raises(SystemExit, match="2"):
        check(demo_data / "train.txt", "--workers", "0")
    assert "--workers: expected a whole number of at least 1" in capsys.readouterr().err


def test_skeleton_tools_in_a_row(tool, demo_data, tmp_path, capsys):
    source, out = demo_data / "skeletons.pkl", tmp_path
    tool("skeleton/subset")(source, "--out", out / "val.pkl", "--split", "val")
    tool("skeleton/subset")(source, "--out", out / "train.pkl", "--split", "train")
    tool("skeleton/merge")(out / "train.pkl", out / "val.pkl", "--out", out / "all.pkl")
    lists = (f"train={demo_data / 'train.txt'}", f"val={demo_data / 'val.txt'}")
    tool("skeleton/split")(out / "all.pkl", "--out", out / "again.pkl", "--lists", *lists)
    tool("skeleton/split")(out / "all.pkl", "--out", out / "random.pkl", "--val-share", "0.5", "--seed", 3)
    convert = tool("skeleton/convert")
    convert("export", "openpose", out / "again.pkl", "--out", out / "json")
    convert("import", "openpose", out / "json", "--out", out / "back.pkl", "--layout", "coco17", "--videos",
            demo_data / "videos", "--lists", *lists)  # fmt: skip
    convert("layout", out / "back.pkl", "--out", out / "body25.pkl", "--from", "coco17", "--to", "body25")
    convert("list", out / "back.pkl", "--out", out / "old.pkl", "--split", "val")
    assert tool("skeleton/describe")(*sorted(out.glob("*.pkl"))) == 0
    text = capsys.readouterr().out
    assert "joints that coco17 does not have (score 0): neck" in text
    with open(source, "rb") as one, open(out / "back.pkl", "rb") as other:
        original, back = pickle.load(one), pickle.load(other)
    assert {name: set(clips) for name, clips in back["split"].items()} == {
        name: set(clips) for name, clips in original["split"].items()
    }
    labels = {info["frame_dir"]: (info["label"], info["total_frames"]) for info in original["annotations"]}
    assert {info["frame_dir"]: (info["label"], info["total_frames"]) for info in back["annotations"]} == labels
    with open(out / "old.pkl", "rb") as file:
        assert isinstance(pickle.load(file), list)
    for command in (
        ("list", out / "back.pkl", "--out", out / "old.pkl"),
        ("export", "openpose", out / "back.pkl", "--out", out / "json"),
    ):
        with pytest.raises(FileExistsError, match="overwrite"):
            convert(*command)
        convert(*command, "--overwrite")


def test_named_clips_and_a_merged_leak(tool, demo_data, tmp_path, capsys):
    source, names = demo_data / "skeletons.pkl", tmp_path / "names.txt"
    with open(source, "rb") as file:
        content = pickle.load(file)
    clip = content["split"]["val"][0]
    names.write_text(f"{clip}\r\n\n")
    tool("skeleton/subset")(source, "--out", tmp_path / "one.pkl", "--names", names)
    content["split"] = {"train": [clip]}
    (tmp_path / "leak.pkl").write_bytes(pickle.dumps(content))
    tool("skeleton/merge")(tmp_path / "one.pkl", tmp_path / "leak.pkl", "--out", tmp_path / "all.pkl")
    assert f"problem: split train: names 1 clips of split val, such as {clip}" in capsys.readouterr().out


def test_describe_names_problems(tool, demo_data, tmp_path, capsys):
    with open(demo_data / "skeletons.pkl", "rb") as file:
        content = pickle.load(file)
    content["annotations"][0]["total_frames"] += 1
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps(content))
    assert tool("skeleton/describe")(tmp_path / "bad.pkl") == 2
    assert "problem: " in capsys.readouterr().out


def test_download_shows_its_table(tool, capsys):
    tool("skeleton/download")()
    text = capsys.readouterr().out
    assert "gym_2d" in text and "https://download.openmmlab.com/mmaction/v1.0/skeleton/data/gym_2d.pkl" in text


def test_prepare_tools(tool, tmp_path):
    with pytest.raises(FileNotFoundError, match="--download fetches the official"):
        tool("diving48/prepare")("--out", tmp_path / "d")
    with pytest.raises(FileNotFoundError, match="--download fetches the official"):
        tool("gym/prepare")("--out", tmp_path / "g")
