"""The settings of the pose visualizer: one table from which ``config.ini`` and the command line are read."""

import argparse
import configparser
import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from mmaction.skeletons.frame_checks import Limits
from mmaction.utils.cli import suggest
from mmaction.visualization.draw import COLOR_BY, JOINT_TEXT

OUTPUT_KINDS = ("auto", "mp4", "gif", "frames", "sheet")
_OLD_NAMES = {"colour_by": "color_by"}  # still read
_COMMENT = re.compile(r"(?:^|\s)[#;](?=\s|$)")  # not in "clip #3.mp4"
AUTO_SCALE = math.inf  # stands for a scale that is chosen by the size of the video
_TRUE, _FALSE = ("1", "yes", "true", "on"), ("0", "no", "false", "off")


def _setting(section: str, default: Any, text: str, metavar: str | None = None, choices: tuple = ()) -> Any:
    """A field of :class:`Settings`: its section in the file, default and explanation."""
    return field(default=default, metadata=dict(section=section, help=text, metavar=metavar, choices=choices))


@dataclass(frozen=True)
class Settings:
    """Everything that can be set, in the file as ``name = value`` and on the command line as ``--name value``."""

    video: str = _setting("paths", "", "video, or a folder of videos for the batch mode; without: on black", "PATH")
    annotation: str = _setting("paths", "", "skeleton annotation file", "FILE.pkl")
    dataset: str = _setting("paths", "", "data set config naming annotation and videos, for the batch mode", "CONFIG")
    output: str = _setting("paths", "", "file or folder to write", "PATH")
    label_map: str = _setting("paths", "", "class names, one a line", "FILE")
    scores: str = _setting("paths", "", "scores.npz of the test tool, to show the predictions", "FILE.npz")
    report: str = _setting("paths", "", "write what the checks found", "FILE.json")
    problem_frames: str = _setting("paths", "", "write the frames with a problem, alone, as pictures", "FOLDER")

    clip: str = _setting("clip", "", "annotation: frame_dir or index (default: the video's name)", "NAME")
    layout: str = _setting("clip", "auto", "skeleton layout: a name, a file that describes one, or auto", "NAME")
    frames: str = _setting("clip", "", "frames to draw: START:END, END excluded, either may be left out", "RANGE")
    rescale: bool = _setting("clip", False, "rescale joints from the annotation's image size to the video's")

    score_thr: float = _setting("drawing", 0.0, "lowest score of a joint that is drawn", "SCORE")
    scale: float = _setting("drawing", AUTO_SCALE, "enlarge or shrink the picture; auto: by its size", "FACTOR|auto")
    color_by: str = _setting("drawing", "auto", "what colors the limbs", choices=COLOR_BY)
    joints: str = _setting("drawing", "none", "text beside the joints", choices=JOINT_TEXT)
    boxes: bool = _setting("drawing", False, "box and number of each person")
    trail: int = _setting("drawing", 0, "draw the way of the joints over this many last frames", "N")
    captions: bool = _setting("drawing", True, "frame number, label and score")
    side_by_side: bool = _setting("drawing", False, "the plain skeleton on black beside the video")
    heatmap: str = _setting("drawing", "", "beside the video, what the model of this config sees", "CONFIG")

    kind: str = _setting("output", "auto", "kind of output, auto: by the suffix", choices=OUTPUT_KINDS)
    speed: float = _setting("output", 1.0, "speed of the output", "FACTOR")
    sheet_frames: int = _setting("output", 16, "pictures of a contact sheet", "N")
    window: bool = _setting("output", False, "show a window: space pauses, . and , step, q ends")
    overwrite: bool = _setting("output", False, "replace an output that exists")
    workers: int = _setting("output", 0, "processes of the batch mode, 0: one per CPU core", "N")

    low_score: float = _setting("checks", 0.3, "mean score below which a frame is unsure", "SCORE")
    jump: float = _setting("checks", 0.6, "motion between two frames that is a jump, in body diagonals", "SHARE")
    bones: float = _setting("checks", 2.5, "report a bone so many times as long as usual in the clip", "TIMES")
    swap: float = _setting(
        "checks", 0.4, "report a left/right swap if exchanging the sides shortens the motion to this share", "SHARE"
    )
    tolerance: float = _setting("checks", 0.1, "share of the frames that a check may name", "SHARE")

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, float) and not math.isfinite(value) and (name, value) != ("scale", AUTO_SCALE):
                raise ValueError(f"{name}: expected a number, got {value}")
        for name, low in (("scale", 0.05), ("speed", 0.01), ("sheet_frames", 1), ("trail", 0), ("workers", 0)):
            if getattr(self, name) < low:
                raise ValueError(f"{name}: expected {low} or more, got {getattr(self, name)}")
        frame_range(self.frames)
        self.limits  # noqa: B018  # checks their ranges

    @property
    def inputs(self) -> list[str]:
        """The files and folders that are read."""
        names = (self.video, self.annotation, self.dataset, self.label_map, self.scores, self.heatmap)
        return [name for name in names if name]

    @property
    def limits(self) -> Limits:
        """When a frame and a clip are suspicious."""
        return Limits(self.low_score, self.jump, self.swap, self.bones, self.tolerance)


def frame_range(text: str) -> tuple[int, int | None]:
    """Read ``START:END``; the end is None where it is open."""
    start, colon, end = text.partition(":")
    try:
        first, last = int(start or 0), int(end) if end else None
        if text and (not colon or first < 0 or (last is not None and last <= first)):
            raise ValueError
    except ValueError:
        raise ValueError(f"frames: expected START:END such as 10:50, 10: or :50, got {text!r}") from None
    return first, last


def _convert(name: str, text: str, kind: type, choices: tuple) -> Any:
    """Read the text of one setting."""
    if kind is bool:
        if text.lower() not in _TRUE + _FALSE:
            raise ValueError(f"{name}: expected yes or no, got {text!r}")
        return text.lower() in _TRUE
    try:
        value = scale_factor(text) if name == "scale" else kind(text)
    except ValueError:
        expected = "a whole number" if kind is int else "a number"
        raise ValueError(f"{name}: expected {expected}, got {text!r}") from None
    if choices and value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(choices)}, got {text!r}")
    return value


def scale_factor(text: str) -> float:
    """Read ``auto`` or a number."""
    if text == "auto":
        return AUTO_SCALE
    value = float(text)
    if not math.isfinite(value):  # infinity stands for auto
        raise ValueError(f"expected a number or auto, got {text}")
    return value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add an option for every setting, grouped like the sections of the file; absent options stay None."""
    groups: dict[str, Any] = {}
    for setting in fields(Settings):
        meta = setting.metadata
        group = groups.setdefault(meta["section"], parser.add_argument_group(f"[{meta['section']}]"))
        names = [setting.name, *(old for old, new in _OLD_NAMES.items() if new == setting.name)]
        options = ["--" + name.replace("_", "-") for name in names]
        if setting.type is bool:
            group.add_argument(*options, action=argparse.BooleanOptionalAction, help=meta["help"])
        else:
            kind = scale_factor if setting.name == "scale" else setting.type
            group.add_argument(
                *options, type=kind, choices=meta["choices"] or None, metavar=meta["metavar"], help=meta["help"]
            )


def read_config(path: Path) -> dict[str, Any]:
    """Read the settings of an INI file; an empty value counts as not set.

    A comment begins with ``#`` or ``;`` at the start of a line, or with one of them between spaces after a value. What
    stands in quotes, or names a file or folder that exists, is taken as it is. ``~`` is the home folder.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such configuration file; name one with --config, or pass --video, --annotation and --output"
        )
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"), str(path))
    except (configparser.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a readable INI file ({error})") from error
    if not parser.has_section("paths"):
        raise ValueError(f"{path}: the section [paths] is missing; it names video, annotation and output")
    sections = {setting.metadata["section"] for setting in fields(Settings)}
    values = {}
    for section in parser.sections():
        if section not in sections:
            raise ValueError(f"{path}: unknown section [{section}]; known: {', '.join(sorted(sections))}")
        for name, text in parser.items(section):
            try:
                setting = _find(section, _OLD_NAMES.get(name, name))
                value = _plain(text.strip())
                if value:
                    values[setting.name] = _convert(name, value, setting.type, setting.metadata["choices"])
            except ValueError as error:
                raise ValueError(f"{path}: [{section}] {error}") from None
    return values


def _find(section: str, name: str) -> Any:
    known = {setting.name: setting for setting in fields(Settings)}
    if name not in known:
        raise ValueError(f"has no entry {name!r}{suggest(name, known) or '; known: ' + ', '.join(known)}")
    if known[name].metadata["section"] != section:
        raise ValueError(f"has no entry {name!r}; it belongs in [{known[name].metadata['section']}]")
    return known[name]


def _plain(text: str) -> str:
    """Return a value without quotes or comment, ``~`` replaced."""
    if text[:1] in ("'", '"'):
        value, quote, rest = text[1:].partition(text[0])
        if not quote or rest.strip()[:1] not in ("", "#", ";"):
            raise ValueError(f"expected one value in quotes, got {text}")
    else:
        value = text if _exists(text) else _COMMENT.split(text, maxsplit=1)[0]
    return os.path.expanduser(value.strip())


def _exists(text: str) -> bool:
    return os.path.exists(os.path.expanduser(text))  # false, not an error, for a text that no path can be


@contextmanager
def naming_entries(path: Path, values: dict[str, Any]) -> Iterator[None]:
    """Add to an error about one of the ``values`` that the file set which entry set it."""
    sections = {setting.name: setting.metadata["section"] for setting in fields(Settings)}
    try:
        yield
    except (ValueError, KeyError, OSError) as error:
        text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        for name, value in values.items():
            about = text.startswith(f"{name}:") or (isinstance(value, str) and len(value) > 2 and value in text)
            if about:
                raise _plain_kind(error)(f"{text} ([{sections[name]}] {name} in {path})") from error
        raise


def _plain_kind(error: Exception) -> type[Exception]:
    """Return the class of an error, or the one above it that a message alone makes."""
    kinds = (kind for kind in type(error).__mro__ if kind.__module__ == "builtins" and issubclass(kind, Exception))
    return next(kind for kind in kinds if not issubclass(kind, UnicodeError))


def merge_settings(file_values: dict[str, Any], options: argparse.Namespace) -> Settings:
    """Combine the file with the command line, which has the last word."""
    return Settings(**(file_values | given_options(options)))


def given_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that the command line gives."""
    values = {setting.name: getattr(options, setting.name, None) for setting in fields(Settings)}
    return {name: value for name, value in values.items() if value is not None}
