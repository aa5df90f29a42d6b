"""Every command in README and docs names programs, configs and options that exist."""

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted((ROOT / "docs").glob("*.md"))


def commands(page: Path) -> list[list[str]]:
    """Return the words of each command line in the shell blocks of a page."""
    found = []
    for block in re.findall(r"```(?:bash|shell|console)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"\s(?:&&|\||;)\s", line):
                words = shlex.split(part.strip().removeprefix("$ "), comments=True)
                if words:
                    found.append(words)
    return found


def program(words: list[str]) -> Path | None:
    """Return the program of this repository that a command runs, if it runs one."""
    for word in words:
        if word.endswith((".py", ".sh")) and (word.startswith("tools/") or word == "pose_visualizer.py"):
            return ROOT / word
    return None


USED = [(page, words) for page in PAGES for words in commands(page)]
PROGRAMS = sorted({path for _, words in USED if (path := program(words)) and path.suffix == ".py"})


@cache
def help_of(path: Path) -> str:
    """Return what a program prints for ``--help``."""
    done = subprocess.run([sys.executable, str(path), "--help"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_pages_show_commands():
    assert len(PROGRAMS) >= 8


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_options_are_known(path):
    known = set(re.findall(r"(?<![\w-])(--[a-z][\w-]*)", help_of(path)))
    for page, words in USED:
        if program(words) == path:
            after = words[words.index(str(path.relative_to(ROOT))) + 1 :]
            unknown = {word.split("=")[0] for word in after if word.startswith("--")} - known
            assert not unknown, f"{page.name}: {' '.join(words)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_named_files_are_there(page):
    words = [word for used, line in USED if used == page for word in line]
    files = [word for word in words if re.match(r"(configs|tools|tests)/[\w./-]+\.(py|sh)$", word)]
    made = {"configs/recognition/slowfast/slowfast_r50_diving48.py"}  # the copy that the README makes
    missing = [name for name in files if name not in made and not (ROOT / name).is_file()]
    assert not missing, f"{page.name} names {missing}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?://|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing, f"{page.name} links to {missing}"


def test_make_targets_are_there():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    asked = {words[1] for _, words in USED if words[0] == "make"}
    assert {"demo", "test"} <= asked <= targets
