"""The tool that writes the procedural data set."""

import pytest

from mmaction.cli import make_demo_data
from mmaction.utils.cli import run_tool


@pytest.fixture
def run(capsys):
    """Returns the exit code of the tool, and what it says and complains about."""

    def tool(*options):
        with pytest.raises(SystemExit) as ended:
            run_tool(lambda: make_demo_data.main([*map(str, options)]))
        return ended.value.code or 0, *capsys.readouterr()

    return tool


def test_writes_from_any_folder_and_refuses_twice(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ("--out", "demo", "--num-clips", 8, "--num-classes", 2, "--size", "64x48", "--workers", 1)
    assert run(*options)[:2] == (0, "demo: 6 clips to train on, 2 to test on, 2 classes\n")
    assert len(list((tmp_path / "demo/videos").iterdir())) == 8
    code, _, said = run(*options)
    assert code == 2 and "already holds" in said and "Traceback" not in said


@pytest.mark.parametrize("options", [("--size", "64"), ("--num-clips", 3), ("--num-classes", 100000)])
def test_wrong_options_are_named(run, tmp_path, options):
    code, _, said = run("--out", tmp_path / "demo", *options)
    assert code == 2
    assert options[0].strip("-").replace("-", "_") in said.replace("-", "_")
    assert not (tmp_path / "demo").exists()
