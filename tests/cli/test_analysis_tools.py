"""What all tools of tools/analysis have in common."""

from pathlib import Path

import pytest
from engine.processes import run_forked

TOOLS = sorted(path.stem for path in (Path(__file__).resolve().parents[2] / "tools" / "analysis").glob("*.py"))


def test_all_are_found():
    assert len(TOOLS) >= 11


@pytest.mark.parametrize("name", TOOLS)
def test_help_shows_an_example(name, tool, capsys):
    with pytest.raises(SystemExit) as done:
        tool(name)(["--help"])
    assert done.value.code == 0
    assert f"python tools/analysis/{name}.py" in capsys.readouterr().out


@pytest.mark.integration
def test_a_mistake_is_one_message_and_exit_code_2(root, tmp_path):
    log = tmp_path / "log.txt"
    assert run_forked([str(root / "tools/analysis/report.py"), str(tmp_path / "nowhere")], tmp_path, log) == 2
    said = log.read_text()
    assert "nowhere: no such file; tools/test.py writes scores.npz into its work folder" in said
    assert "Traceback" not in said


def test_no_tool_replaces_its_config(tool, tmp_path):
    (tmp_path / "base.py").write_text("a = 1\n")
    (tmp_path / "mine.py").write_text('_base_ = "base.py"\n')
    (tmp_path / "mine.json").write_text("{}")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for name, config, out in (
        ("print_config", "mine.py", "mine.py"),
        ("print_config", "mine.py", "base.py"),
        ("benchmark", "mine.json", "mine.json"),
    ):
        with pytest.raises(ValueError, match="is an input and is not replaced"):
            tool(name)([str(tmp_path / config), "--out", str(tmp_path / out)])
    assert before == {path: path.read_bytes() for path in tmp_path.iterdir()}


@pytest.mark.parametrize(("name", "suffix"), [("report", ".html"), ("benchmark", ".json")])
def test_a_file_of_another_kind_is_not_replaced(name, suffix, tool, capsys):
    with pytest.raises(SystemExit) as done:
        tool(name)(["a", "--out", "a/scores.npz"])
    assert done.value.code == 2
    assert f"--out a/scores.npz: expected a file named *{suffix}" in capsys.readouterr().err


def test_every_tool_is_documented(root):
    text = "".join(page.read_text(encoding="utf-8") for page in (root / "docs").glob("*.md"))
    for name in TOOLS:
        assert f"tools/analysis/{name}.py" in text, name
