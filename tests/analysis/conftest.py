"""A browser without a window, for the pages that the tools write."""

import re
import runpy
import shutil
import subprocess

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--enable-logging=stderr", "--virtual-time-budget=10000", "--window-size=1280,2000"),
)


@pytest.fixture
def browse(tmp_path):
    """Opens an HTML file; returns the page as it stands after its scripts have run, and what the console says."""
    program = next((path for name in NAMES if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"no browser found, looked for {', '.join(NAMES)}; apt-get install chromium")

    def open_page(path):
        command = [program, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", path.resolve().as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180)
        assert done.stdout.strip(), done.stderr[-2000:]
        return done.stdout, re.findall(r"CONSOLE.*", done.stderr)

    return open_page


@pytest.fixture
def tool(root):
    """Returns the ``main`` of a tool in ``tools/analysis``, to be called in this process."""
    return lambda name: runpy.run_path(str(root / "tools/analysis" / f"{name}.py"))["main"]
