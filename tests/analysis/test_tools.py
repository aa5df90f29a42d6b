"""What all tools of tools/analysis have in common."""

import subprocess
import sys
from pathlib import Path

import pytest

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
    command = [sys.executable, str(root / "tools/analysis/report.py"), str(tmp_path / "nowhere")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert "nowhere: no such file; tools/test.py writes scores.npz into its work folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_tool_is_documented(root):
    text = (root / "docs/analysis.md").read_text(encoding="utf-8")
    for name in TOOLS:
        assert f"tools/analysis/{name}.py" in text, name
