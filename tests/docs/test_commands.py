"""Every command in README and docs runs, and names programs, configs and options that exist."""

import re
import runpy

import pytest
from page_commands import (
    COPY_PAGE,
    NOT_RUN,
    PAGES,
    PROGRAM,
    README,
    ROOT,
    SHELLS,
    START_PAGE,
    blocks,
    commands,
    files,
    program,
    reason_not_to_run,
)
from workspace import Workspace

USED = [(page, words) for page in PAGES for words in commands(page)]
SHOWING = sorted({page for page, _ in USED})
PROGRAMS = sorted({path for _, words in USED if (path := program(words)) and path.suffix == ".py"})
TOOLS = sorted([*(ROOT / "tools").rglob("*.py"), *(ROOT / "tools").glob("*.sh"), ROOT / "pose_visualizer.py"])


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_options_are_known(path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", [str(path), "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(path), run_name="__main__")
    assert not ended.value.code
    known = set(re.findall(r"(?<![\w-])(--[a-z][\w-]*)", capsys.readouterr().out))
    for page, words in USED:
        if program(words) == path:
            after = words[words.index(str(path.relative_to(ROOT))) + 1 :]
            unknown = {word.split("=")[0] for word in after if word.startswith("--")} - known
            assert not unknown, f"{page.name}: {' '.join(words)}"


@pytest.mark.parametrize("path", TOOLS, ids=lambda path: path.name)
def test_configs_in_help_are_there(path):
    named = set(re.findall(r"configs/[\w./-]+\.py", path.read_text(encoding="utf-8")))
    missing = [name for name in named if not (ROOT / name).is_file()]
    assert not missing, f"{path.name} names {missing}"


def test_the_pages_show_commands():
    assert len(PROGRAMS) >= 8


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize(
    "page", [page for page in SHOWING if page not in (README, START_PAGE, COPY_PAGE)], ids=lambda path: path.name
)
def test_commands_run(page, demo_data, tmp_path):
    workspace = Workspace(tmp_path, demo_data)
    workspace.write_files(page)
    for words in commands(page):
        if not reason_not_to_run(words):
            workspace.run(words)


def test_the_commands_not_run_are_there():
    lines = [" ".join(words) for _, words in USED]
    unused = [pattern for pattern in NOT_RUN if not any(re.fullmatch(pattern, line) for line in lines)]
    assert not unused, f"no page shows {unused}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_commands_stand_in_shell_blocks(page):
    others = [block for language, block in blocks(page) if language not in SHELLS]
    hidden = [block for block in others if re.search(f"(?m)^{PROGRAM}", block)]
    assert not hidden, f"{page.name}: write ```bash before {hidden}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_named_files_are_there(page):
    words = [word for used, line in USED if used == page for word in line]
    named = {word for word in words if re.match(r"(configs|tools|tests)/[\w./-]+\.(py|sh)$", word)}
    made = {*(line[-1] for used, line in USED if used == page and line[0] == "cp"), *files(page)}
    missing = [name for name in named - made if not (ROOT / name).is_file()]
    assert not missing, f"{page.name} names {missing}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?://|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing, f"{page.name} links to {missing}"


def test_make_targets_are_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    asked = {words[1] for _, words in USED if words[0] == "make"}
    assert {"demo", "test"} <= asked <= targets
