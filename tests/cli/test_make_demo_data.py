"""The tool that writes the procedural data set."""

import subprocess
import sys

import pytest


def run(root, *options):
    command = [sys.executable, str(root / "tools/data/make_demo_data.py"), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.integration
def test_writes_from_any_folder_and_refuses_twice(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ("--out", "demo", "--num-clips", 8, "--num-classes", 2, "--size", "64x48", "--workers", 1)
    done = run(root, *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "demo: 6 clips to train on, 2 to test on, 2 classes\n"
    assert len(list((tmp_path / "demo/videos").iterdir())) == 8
    again = run(root, *options)
    assert again.returncode == 2
    assert "already holds" in again.stderr and "Traceback" not in again.stderr


@pytest.mark.integration
@pytest.mark.parametrize("options", [("--size", "64"), ("--num-clips", 3), ("--num-classes", 100000)])
def test_wrong_options_are_named(root, tmp_path, options):
    done = run(root, "--out", tmp_path / "demo", *options)
    assert done.returncode == 2
    assert options[0].strip("-").replace("-", "_") in done.stderr.replace("-", "_")
    assert not (tmp_path / "demo").exists()
