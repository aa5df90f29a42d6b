"""The built wheel in an empty environment and an empty folder: the command, the packed configs, a training."""

import os
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

NAME = "c3d-light_1xb16-u32-40e_demo-keypoint"

PYTHON = f"""
from mmaction.apis import Recognizer, Run, test, train
from mmaction.structures import Result

options = {{f"{{split}}_dataloader.num_workers": 0 for split in ("train", "val", "test")}}
run = train("{NAME}", options, epochs=1, seed=0, work_dir="py")
assert isinstance(run, Run) and "epoch_1.pth" in run._repr_html_()
result = test("{NAME}", run.checkpoint, options)
assert isinstance(result, Result) and "top 1" in result._repr_html_()
found = Recognizer.load(run.checkpoint).predict("data/demo_diving/skeletons.pkl")
print(len(found), "clips", found[0].name, found[0].score)
"""


@pytest.fixture(scope="module")
def installed(root, tmp_path_factory):
    """Return the folder of the programs of an environment that has the wheel, and what it needs from this one."""
    place = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    source = place / "source"
    subprocess.run(["git", "clone", "--quiet", str(root), str(source)], check=True)
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(place), str(source)], check=True)
    (wheel,) = place.glob("*.whl")
    venv.create(place / "env", with_pip=False)
    (packages,) = (place / "env/lib").glob("python*/site-packages")
    # the libraries of this environment come after; its .pth files, which add the checkout, do not count
    (packages / "zz_libraries.pth").write_text("\n".join(site.getsitepackages()))
    python = str(place / "env/bin/python")
    subprocess.run([*pip, "--python", python, "install", "--no-deps", str(wheel)], check=True)
    return place / "env/bin"


@pytest.fixture
def run(installed, tmp_path):
    """Return a function that runs a program of the environment in an empty folder and returns what it prints."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def program(*arguments, code=0):
        done = subprocess.run(
            [str(installed / arguments[0]), *map(str, arguments[1:])],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return program


@pytest.mark.slow
@pytest.mark.integration
def test_the_wheel_has_everything(run, installed, tmp_path):
    place = run("python", "-c", "import mmaction; print(mmaction.__file__)").strip()
    assert Path(place).is_relative_to(installed.parent)
    assert NAME in run("mmaction", "configs", "--names").split()
    assert "did you mean train" in run("mmaction", "trian", code=2)
    (tmp_path / "leaf.py").write_text(
        f"_base_ = 'mmaction::skeleton/posec3d/{NAME}.py'\nmodel = dict(cls_head=dict(num_classes=7))\n"
    )
    assert "num_classes=7" in run("mmaction", "config", "leaf.py")
    run("mmaction", "demo-data", "--out", "data/demo_diving", "--num-clips", 32, "--num-classes", 4)
    small = ("train_dataloader.num_workers=0", "val_dataloader.num_workers=0", "test_dataloader.num_workers=0")
    run("mmaction", "train", NAME, "--epochs", 1, "--work-dir", "out", "--seed", 0, "--cfg-options", *small)
    checkpoint = next((tmp_path / "out").glob("epoch_1.pth"))
    assert "acc/top1" in run("mmaction", "test", NAME, checkpoint, "--report", "--cfg-options", *small)
    assert len(list((tmp_path / "out").rglob("report.html"))) == 1
    skeletons = "data/demo_diving/skeletons.pkl"
    assert run("mmaction", "infer", NAME, checkpoint, skeletons, "--split", "val", "--format", "csv").count("\n") > 4
    assert "nothing.mp4" in run("mmaction", "infer", NAME, checkpoint, "nothing.mp4", code=2)
    assert check_events(run, tmp_path, checkpoint, skeletons)[0].startswith("dive_")
    assert "camera 97 is not there" in run("mmaction", "infer", checkpoint, "--camera", 97, "--headless", code=2)
    for command in ("features", "new", "view"):
        assert f"usage: mmaction {command}" in run("mmaction", command, "--help")
    (tmp_path / "calls.py").write_text(PYTHON)
    assert "32 clips" in run("python", "calls.py")


def check_events(run, folder, checkpoint, skeletons):
    """Find events in a clip, write them in every form; return the names of the clips in the table."""
    name = (folder / "data/demo_diving/val.txt").read_text().split(".")[0]
    files = [f"events.{ending}" for ending in ("csv", "json", "jsonl", "srt", "eaf")]
    windows = ("--window", 1, "--stride", 0.5, "--fps", 25, "--threshold", 0, "--timeline", "timeline.png")
    table = run("mmaction", "infer", checkpoint, skeletons, "--clip", name, *windows, "--events", *files)
    assert all((folder / file).stat().st_size > 20 for file in [*files, "timeline.png"])
    return [line for line in table.splitlines() if line.startswith("dive_")]
