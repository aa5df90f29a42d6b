"""Lists of clips for ``VideoDataset`` and ``RawframeDataset``, from a tree of class folders or from a table."""

from __future__ import annotations

import csv
import os.path
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmaction.io.suffixes import is_image, is_video
from mmaction.utils.files import read_text

COLUMNS = {
    "path": ("path", "video", "filename", "file", "name"),
    "label": ("label", "class", "action"),
    "split": ("split", "subset"),
}
VAL_SPLITS = ("val", "valid", "validation", "test")
MAX_CLASSES = 100_000  # numbers from here on are names of classes, such as dates


@dataclass(frozen=True)
class Entry:
    """One clip.

    Attributes:
        path: Video or folder of frames, relative to the data folder, with ``/`` between folders.
        label: Name of the class.
        frames: Number of frames for a folder of frames, else None.
        split: ``'train'``, ``'val'``, ``'test'`` or None: not decided.
    """

    path: str
    label: str
    frames: int | None = None
    split: str | None = None


# what counts the frames of a folder, by kind of data
FRAME_NAMES = {"rawframes": ("img_*",), "flow": ("x_*", "flow_x_*")}
KINDS = ("videos", *FRAME_NAMES)


def _frames_in(folder: Path, kind: str) -> int:
    """Count the images of a folder, of flow those in x direction."""
    found = (path for pattern in FRAME_NAMES[kind] for path in folder.glob(pattern))
    return sum(is_image(path) for path in found)


def _split_of(name: str) -> str:
    """Return the split that a folder or a table calls ``name``, in lower case."""
    return name if name in ("train", "test") else "val"


def entries_of_tree(root: Path, kind: str) -> list[Entry]:
    """Return the clips of a tree ``CLASS/.../CLIP``, or ``train/CLASS/...`` and ``val/CLASS/...`` beside each other.

    Args:
        root: The data folder.
        kind: ``'videos'``, or ``'rawframes'`` or ``'flow'`` for folders of extracted images.

    Raises:
        FileNotFoundError: If there is no such folder, or no clip in it.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"no data folder at {root}")
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    names = {path.name.lower() for path in folders}
    with_splits = "train" in names and names <= {"train", *VAL_SPLITS}
    entries = []
    for folder in folders:
        split = _split_of(folder.name.lower()) if with_splits else None
        classes = [path for path in sorted(folder.iterdir()) if path.is_dir()] if with_splits else [folder]
        for class_folder in classes:
            for path, frames in _clips(class_folder, kind):
                entries.append(Entry(path.relative_to(root).as_posix(), class_folder.name, frames, split))
    if not entries:
        wanted = "videos" if kind == "videos" else f"folders of images {' or '.join(FRAME_NAMES[kind])}"
        raise FileNotFoundError(f"{root} holds no clips; expected {root}/CLASS/... with {wanted}")
    return entries


def _clips(folder: Path, kind: str) -> list[tuple[Path, int | None]]:
    if kind == "videos":
        found = (path for path in sorted(folder.rglob("*")) if is_video(path))
        return [(path, None) for path in found if path.is_file() and not path.name.startswith(".")]
    counted = ((path, _frames_in(path, kind)) for path in sorted(folder.rglob("*")) if path.is_dir())
    return [(path, count) for path, count in counted if count]


def entries_of_table(table: Path, root: Path, kind: str) -> list[Entry]:
    """Return the clips of a CSV with a header: columns ``path``, ``label`` and, if there is one, ``split``.

    Columns may also be called ``video``, ``filename``, ``file`` or ``name``; ``class`` or ``action``; ``subset``.

    Raises:
        FileNotFoundError: If there is no table, or a clip is missing.
        ValueError: If a column or a value is missing; the message holds the line.
    """
    reader = csv.DictReader(read_text(table).split("\n"))
    try:
        return _entries(reader, table, root, kind)
    except csv.Error as error:
        raise ValueError(f"{table}:{reader.line_num}: not a table in CSV: {error}") from error


def _entries(reader: csv.DictReader, table: Path, root: Path, kind: str) -> list[Entry]:
    found = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
    columns = {key: next((found[name] for name in names if name in found), None) for key, names in COLUMNS.items()}
    for key in ("path", "label"):
        if columns[key] is None:
            raise ValueError(
                f"{table}:1: no column for the {key}; expected one of {', '.join(COLUMNS[key])}, "
                f"found {', '.join(found) or 'an empty file'}"
            )
    entries = []
    for row in reader:
        values = {key: (row[name] or "").strip() if name else "" for key, name in columns.items()}
        if not values["path"] or not values["label"]:
            raise ValueError(f"{table}:{reader.line_num}: the {'label' if values['path'] else 'path'} is missing")
        if Path(values["path"]).is_absolute() or ".." in Path(values["path"]).parts:
            raise ValueError(f"{table}:{reader.line_num}: {values['path']!r} leaves the data folder {root}")
        path = root / values["path"]
        if not (os.path.isfile(path) if kind == "videos" else os.path.isdir(path)):
            raise FileNotFoundError(f"{table}:{reader.line_num}: there is no {path}")
        frames = None if kind == "videos" else _frames_in(path, kind)
        if frames == 0:
            raise FileNotFoundError(
                f"{table}:{reader.line_num}: {path} holds no images {' or '.join(FRAME_NAMES[kind])}"
            )
        split = values["split"].lower() or None
        if split not in (None, "train", *VAL_SPLITS):
            raise ValueError(f"{table}:{reader.line_num}: the split is train or val, found {values['split']!r}")
        entries.append(Entry(values["path"], values["label"], frames, split and _split_of(split)))
    if not entries:
        raise ValueError(f"{table}: the table holds no clip")
    return entries


def class_indices(labels: Sequence[str], known: Sequence[str] | None = None) -> dict[str, int]:
    """Return the index of each class: as in ``known``, or as the labels say if all are numbers, or in sorted order.

    Numbers from 100,000 on, such as dates, are names.

    Raises:
        ValueError: If a label is not in ``known``.
    """
    names = sorted(set(labels))
    if known is not None:
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(f"classes that the label map does not have: {', '.join(unknown[:5])}")
        return {name: index for index, name in enumerate(known)}
    if all(name.isascii() and name.isdigit() and len(name) < 10 and int(name) < MAX_CLASSES for name in names):
        return {name: int(name) for name in names}
    return {name: index for index, name in enumerate(names)}


def take_test_split(entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Return the clips of the test split and the others; a test split without a validation split stands in for it."""
    has_val = any(entry.split == "val" for entry in entries)
    test = [entry for entry in entries if has_val and entry.split == "test"]
    return test, [entry for entry in entries if not (has_val and entry.split == "test")]


def split_entries(entries: Sequence[Entry], val_ratio: float, seed: int) -> tuple[list[Entry], list[Entry]]:
    """Return training and validation clips.

    Clips whose split is not decided are split class by class at random; a class of two clips or more has one in each.
    Those of a test split are validation clips.

    Args:
        entries: All clips.
        val_ratio: Share of the undecided clips of a class that goes to validation, 0 to below 1.
        seed: The same seed gives the same split.
    """
    if not 0 <= val_ratio < 1:
        raise ValueError(f"val_ratio is a share from 0 to below 1; got {val_ratio}")
    rng = np.random.default_rng(seed)
    by_class: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.split is None:
            by_class.setdefault(entry.label, []).append(entry)
    val = {entry for entry in entries if entry.split in ("val", "test")}
    for label in sorted(by_class):
        clips = sorted(by_class[label], key=lambda entry: entry.path)
        count = round(val_ratio * len(clips))
        if val_ratio and len(clips) > 1:
            count = min(max(count, 1), len(clips) - 1)
        val.update(clips[place] for place in rng.permutation(len(clips))[:count])
    return [entry for entry in entries if entry not in val], [entry for entry in entries if entry in val]


def write_list(path: Path, entries: Sequence[Entry], indices: Mapping[str, int], delimiter: str = " ") -> None:
    """Write one line ``path [frames] label`` for each clip.

    Raises:
        ValueError: If a path would not read as it is written.
    """
    lines = []
    for entry in entries:
        if entry.path.startswith(("#", '"')) or len(entry.path.splitlines()) > 1 or entry.path != entry.path.strip():
            raise ValueError(f"{entry.path!r} cannot stand in a list: rename the file")
        fields = [entry.path, *([] if entry.frames is None else [str(entry.frames)]), str(indices[entry.label])]
        lines.append(delimiter.join(fields) + "\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines), encoding="utf-8")


def describe_split(train: Sequence[Entry], val: Sequence[Entry], indices: Mapping[str, int]) -> list[str]:
    """Return lines about the split: sizes, and classes that one of the lists does not have."""
    lines = [f"{len(train)} training and {len(val)} validation clips of {len(indices)} classes"]
    for name, entries in (("train", train), ("val", val)):
        counts = Counter(entry.label for entry in entries)
        absent = [label for label in indices if not counts[label]]
        if absent and entries:
            lines.append(
                f"no {name} clip of {len(absent)} classes: {', '.join(absent[:5])}{' ...' * (len(absent) > 5)}"
            )
    return lines
