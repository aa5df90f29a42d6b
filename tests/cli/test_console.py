"""The command mmaction: its commands, the list of configs, completion, and how fast it answers."""

import importlib
import re
import subprocess
import sys

import pytest
import yaml

from mmaction.cli import completion, configs, console
from mmaction.utils.shipped_configs import CONFIGS, METAFILE, leaf_configs


def test_every_command_is_there_and_explains_itself(root):
    modules = {module for module, _ in console.COMMANDS.values()}
    for tool in (root / "tools").rglob("*.py"):
        assert tool.stem == "demo" or re.search(r"mmaction\.cli\.(\w+) ", tool.read_text())[1] in modules, tool
    for module, _ in console.COMMANDS.values():
        assert callable(importlib.import_module(f"mmaction.cli.{module}").main)


def test_help_lists_the_commands(capsys):
    with pytest.raises(SystemExit) as ended:
        console.main(["--help"])
    printed = capsys.readouterr().out
    assert ended.value.code == 0 and all(f"  {name} " in printed for name in console.COMMANDS)


def test_a_misspelled_command_is_told(capsys):
    with pytest.raises(SystemExit) as ended:
        console.main(["trian", "config.py"])
    assert ended.value.code == 2 and "did you mean train" in capsys.readouterr().err


def test_the_arguments_go_to_the_command(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["mmaction"])
    assert console.main(["configs", "_diving48-limb", "--names"]) == 0
    assert capsys.readouterr().out.split() == ["slowonly_r50_1xb16-u48-240e_diving48-limb"]
    with pytest.raises(SystemExit):
        console.main(["train", "--help"])
    assert capsys.readouterr().out.startswith("usage: mmaction train ")


def test_configs_are_listed_with_input_data_and_figures(capsys):
    assert configs.main(["gym-keypoint"]) == 0
    assert "heatmaps of joints; FineGym (Gym99); Mean Class Accuracy 93.5" in capsys.readouterr().out
    assert configs.main(["--paths"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == len(leaf_configs()) and all(re.match(r"mmaction::\S+\.py", line) for line in listed)
    with pytest.raises(ValueError, match="nonsense"):
        configs.main(["nonsense"])


def test_the_metafile_says_what_the_model_zoo_says(root):
    models = yaml.safe_load((CONFIGS / METAFILE).read_text())["Models"]
    zoo = (root / "docs/model_zoo.md").read_text(encoding="utf-8")
    rows = {line.split("](")[0][3:]: line for line in zoo.splitlines() if line.startswith("| [")}
    assert rows.keys() == {model["Name"] for model in models} and len(models) == len(rows)
    for model in models:
        row = rows[model["Name"]]
        assert (root / model["Config"]).stem == model["Name"] and f"({model['Weights']})" in row
        for value in model["Results"][0]["Metrics"].values():
            assert re.search(rf"\| {value}0? ", row), f"{model['Name']}: {value}"


@pytest.mark.parametrize("shell", completion.SCRIPTS)
def test_completion_is_a_script(shell, capsys):
    assert completion.main([shell]) == 0
    script = capsys.readouterr().out
    assert "mmaction configs --names" in script
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


HELP = """
import sys
from mmaction.cli import console
for command in sys.argv[1:]:
    try:
        console.main([command, "--help"])
    except SystemExit:
        loaded = {"torch", "cv2", "matplotlib", "sklearn", "scipy"} & sys.modules.keys()
        assert not loaded, f"{command} imports {loaded}"
        print("explained", command)
"""


def test_help_needs_neither_pytorch_nor_opencv(root):
    commands = ["configs", "completion", "train", "test", "infer", "report", "check", "poses"]
    run = subprocess.run([sys.executable, "-c", HELP, *commands], capture_output=True, text=True, cwd=root, check=False)
    assert run.returncode == 0, run.stderr
    assert re.findall("^explained (.*)$", run.stdout, re.MULTILINE) == commands
