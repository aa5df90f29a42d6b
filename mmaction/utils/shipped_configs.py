"""The configs that come with the package: where they lie, how one is found by its name, and what is known of each."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_PACKAGE = Path(__file__).resolve().parents[1]
# A wheel packs them where mim looks; a checkout keeps them beside the package.
CONFIGS = _PACKAGE / ".mim/configs" if (_PACKAGE / ".mim/configs").is_dir() else _PACKAGE.parent / "configs"
PREFIX = "mmaction::"
METAFILE = "metafile.yml"


def leaf_configs() -> list[Path]:
    """Return the configs that are made to be trained, sorted by name; those in ``_base_`` are parts of them."""
    return sorted(path for path in CONFIGS.rglob("*.py") if "_base_" not in path.parts)


def find_config(name: str | Path) -> Path:
    """Return the file of a config.

    ``name`` is a path, ``mmaction::PATH`` below the shipped configs, or the name of a shipped config with or without
    ``.py``. A file of the user goes before a shipped config. What is found nowhere comes back as it is.
    """
    if str(name).startswith(PREFIX):
        return CONFIGS / str(name).removeprefix(PREFIX)
    path = Path(name).expanduser()
    if path.exists() or len(path.parts) != 1 or path.suffix not in ("", ".py"):
        return path
    return next((leaf for leaf in leaf_configs() if leaf.stem == path.name.removesuffix(".py")), path)


def config_name(path: Path) -> str:
    """Return how a user names a config: its path from the current folder on, or its name if it comes with the package.

    :func:`find_config` finds it by that.
    """
    for folder, prefix in ((Path.cwd(), ""), (CONFIGS, PREFIX)):
        if path.is_relative_to(folder):
            inside = path.relative_to(folder)
            return path.stem if prefix and "_base_" not in inside.parts else f"{prefix}{inside}"
    return str(path)


@dataclass(frozen=True)
class ShippedConfig:
    """What is known of a shipped config: its input, its data set, and the published figures of its weights."""

    path: Path
    input: str
    data: str
    figures: str

    @property
    def name(self) -> str:
        """The name of the file without ``.py``."""
        return self.path.stem


_INPUTS = {
    "rgbpose": "video and joints",
    "keypoint-3d": "joints in space",
    "keypoint-2d": "joints in the image",
    "keypoint": "heatmaps of joints",
    "limb": "heatmaps of limbs",
    "flow": "optical flow",
    "rgb": "video",
}


def describe_configs(word: str = "") -> Iterator[ShippedConfig]:
    """Yield the shipped configs whose name has ``word`` in it, in order of their names."""
    published = _published()
    for path in leaf_configs():
        if word.lower() not in path.stem.lower():
            continue
        results = (published.get(path.stem) or {}).get("Results") or [{}]
        kind = next((text for key, text in _INPUTS.items() if re.search(rf"[-_]{key}$", path.stem)), "video")
        named = re.split(r"[-_](?:rgbpose|keypoint|limb|flow|rgb)\b", path.stem.rpartition("_")[2])[0]
        figures = ", ".join(f"{key} {value}" for key, value in (results[0].get("Metrics") or {}).items())
        yield ShippedConfig(path, kind, results[0].get("Dataset") or named, figures)


@cache
def _published() -> Mapping[str, Mapping[str, Any]]:
    """Return the entries of the metafile by the name of their config."""
    models = yaml.safe_load((CONFIGS / METAFILE).read_text(encoding="utf-8"))["Models"]
    return {Path(model["Config"]).stem: model for model in models}
