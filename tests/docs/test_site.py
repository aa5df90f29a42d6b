"""The site: every page has its place, and the build has neither dead links nor anything from elsewhere."""

import os
import re
import subprocess
import sys

import pytest
import yaml
from page_commands import ROOT


class Loader(yaml.SafeLoader):
    """Reads ``!ENV [NAME, DEFAULT]`` as its default."""


Loader.add_constructor("!ENV", lambda loader, node: loader.construct_sequence(node)[-1])


def places(entry) -> list[str]:
    """Return the pages below an entry of the navigation."""
    if isinstance(entry, str):
        return [entry]
    return [page for part in (entry.values() if isinstance(entry, dict) else entry) for page in places(part)]


def test_every_page_has_a_place():
    nav = places(yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader)["nav"])
    written = [page for page in nav if not page.startswith(("reference/", "notebooks/"))]
    made = {"index.md", "contributing.md", "changelog.md"}  # from the files in the root
    assert len(nav) == len(set(nav))
    assert set(written) - made == {path.name for path in (ROOT / "docs").glob("*.md")}
    notebooks = {f"notebooks/{path.stem}.md" for path in (ROOT / "docs/notebooks").glob("*.ipynb")}
    assert {page for page in nav if page.startswith("notebooks/")} == notebooks


@pytest.mark.slow
@pytest.mark.integration
def test_the_site_is_built_without_a_warning(tmp_path):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"}
    build = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr[-3000:]
    text = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.html")}
    assert "--resume" in text["commands.html"]
    empty = [path.name for path in tmp_path.glob("reference/*.html") if 'class="doc' not in text[path.name]]
    assert empty == ["commands.html"]
    loaded = r'(?:<script[^>]* src|<link[^>]* rel="stylesheet"[^>]* href|<img[^>]* src)="(https?:[^"]+)"'
    assert not [found for page in text.values() for found in re.findall(loaded, page)]
    index = (tmp_path / "search/search_index.json").read_text(encoding="utf-8")
    assert "troubleshooting.html" in index and '"location":"configs/' not in index
