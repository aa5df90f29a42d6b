"""The pages of the site that stand elsewhere: README, configs, notebooks, docstrings and the help of the commands."""

import contextlib
import importlib
import io
import re
import sys
from pathlib import Path

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the commands of this checkout, also where another one is installed
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
ROOMS = (
    *("apis", "structures", "label_spaces", "skeletons", "datasets", "datasets.transforms", "models", "evaluation"),
    *("visualization", "engine", "reports"),
)
PARTS = {  # rooms that name nothing by themselves
    "visualization": ("draw", "poses", "visualizer"),
    "reports": ("report", "compare", "fusion", "curves"),
}
HIDDEN = "---\nsearch: {exclude: true}\n---\n\n"


def relocate(text: str, page: str) -> str:
    """Let the links of a page, which fit the checkout, fit the site."""
    inside = "../" * page.count("/")
    text = re.sub(r"\]\((?:\.\./)*(configs/[\w./-]+)\.py\)", rf"]({inside}\1.md)", text)
    for source, name in PAGES.items():
        text = re.sub(rf"\]\((?:\.\./)*{re.escape(source)}", f"]({inside}{name}", text)
    return re.sub(r"\]\(docs/", "](", text) if page in PAGES.values() else text


def config_page(name: str) -> str:
    """Return a page that shows a config."""
    code = (ROOT / f"{name}.py").read_text(encoding="utf-8")
    return f"{HIDDEN}# {Path(name).name}\n\n`{name}.py`\n\n```python\n{code}```\n"


def reference_page(room: str) -> str:
    """Return a page with the docstrings of a package; what it loads on demand is named by its own module."""
    package = importlib.import_module(f"mmaction.{room}")
    found = [f"mmaction.{room}"]
    if room in PARTS:
        found = [f"mmaction.{room}.{part}" for part in PARTS[room]]
    elif "__getattr__" in vars(package):
        things = [getattr(package, name) for name in package.__all__]
        found = [f"{thing.__module__}.{thing.__name__}" for thing in things if hasattr(thing, "__module__")]
    shown = "    options: {show_root_heading: true, show_root_toc_entry: true, show_root_full_path: false}\n"
    options = shown if len(found) > 1 else ""
    return "\n".join([f"# mmaction.{room}\n", *(f"::: {name}\n{options}" for name in found)])


def commands_page() -> str:
    """Return a page with the help of each command."""
    from mmaction.cli.console import COMMANDS

    text = "# Commands\n\n`mmaction NAME` and the program in `tools/` are the same.\n"
    for name, (module, purpose) in COMMANDS.items():
        command = importlib.import_module(f"mmaction.cli.{module}")
        sys.argv[0] = f"mmaction {name}"
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
            command.main(["--help"])
        text += f"\n## {name}\n\n{purpose[0].upper()}{purpose[1:]}.\n\n```text\n{said.getvalue()}```\n"
    return text


def notebook(path: Path) -> tuple[str, dict[str, bytes]]:
    """Return a notebook as Markdown, and its pictures."""
    from nbconvert import MarkdownExporter

    text, resources = MarkdownExporter().from_filename(str(path))
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)  # colors of the terminal
    return text, {f"notebooks/{name}": data for name, data in resources["outputs"].items()}


def on_files(files: Files, config) -> Files:
    """Add the pages that stand elsewhere."""
    pages = {name: (ROOT / source).read_text(encoding="utf-8") for source, name in PAGES.items()}
    for room in ROOMS:
        pages[f"reference/{room}.md"] = reference_page(room)
    pages["reference/commands.md"] = commands_page()
    for path in sorted((ROOT / "docs/notebooks").glob("*.ipynb")):
        pages[f"notebooks/{path.stem}.md"], pictures = notebook(path)
        for name, data in pictures.items():
            files.append(File.generated(config, name, content=data))
    written = [*pages.values(), *(file.content_string for file in files.documentation_pages())]
    for name in sorted({name for text in written for name in re.findall(r"(configs/[\w./-]+)\.py\)", text)}):
        pages[f"{name}.md"] = config_page(name)
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page, **_) -> str:
    """Mend the links of a page."""
    return relocate(markdown, page.file.src_uri)
