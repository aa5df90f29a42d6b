"""Lists of clips for ``VideoDataset`` and ``RawframeDataset``, from a tree of class folders or from a table."""

import csv
import os.path
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmaction.io.file_list import format_line
from mmaction.io.suffixes import describe_passed_over, is_image
from mmaction.io.video.folders import walk_videos
from mmaction.label_spaces import LABEL_MAP
from mmaction.utils.files import read_text, write_lines
from mmaction.utils.text import first_few

COLUMNS = {
    "path": ("path", "video", "filename", "file", "name"),
    "label": ("label", "class", "action"),
    "split": ("split", "subset"),
}
TRAIN_SPLITS = ("train", "training")
VAL_SPLITS = ("val", "valid", "validate", "validation", "test", "testing")
MAX_CLASSES = 100_000  # numbers from here on are names of classes, such as dates
FRAME_NAMES = {"rawframes": ("img_*",), "flow": ("x_*", "flow_x_*")}  # the images that are counted, by kind of data
KINDS = ("videos", *FRAME_NAMES)


@dataclass(frozen=True)
class Entry:
    """One clip of a list."""

    path: str  # video or folder of frames, relative to the data folder, with / between folders
    label: str  # name of the class
    frames: int | None = None  # number of frames for a folder of frames, else None
    split: str | None = None  # 'train', 'val', 'test' or None: not decided


def find_clips(root: Path, kind: str) -> tuple[dict[str, int | None], list[str]]:
    """Return the clips below ``root`` with their numbers of frames, and sentences about what was passed over."""
    if kind == "videos":
        videos, others = walk_videos(root)
        passed_over = describe_passed_over(others)
        return {path.relative_to(root).as_posix(): None for path in videos}, [passed_over] if passed_over else []
    if not root.is_dir():
        raise FileNotFoundError(f"no data folder at {root}")
    found: dict[str, int | None] = {}
    unread, odd = [], []
    for folder in sorted(path for path in root.rglob("*") if path.is_dir()):
        name = folder.relative_to(root).as_posix()
        if numbers := frame_numbers(folder, kind):
            found[name] = len(numbers)
            odd += [name] if numbers != [*range(1, len(numbers) + 1)] else []
        elif any(is_image(path) for path in folder.iterdir()):
            unread.append(name)
    notes = _passed_over(unread, f"folders without images {_frame_names(kind)}")
    if odd:
        notes.append(
            f"{len(odd)} folders do not number their frames 1, 2, 3, ...: {first_few(odd)}; frames that count from 0 "
            "need start_index=0 in the data set, and missing ones must be extracted again"
        )
    return found, notes


def _passed_over(names: Sequence[str], what: str) -> list[str]:
    return [f"passed over {len(names)} {what}: {first_few(names)}"] if names else []


def _frame_names(kind: str) -> str:
    return " or ".join(FRAME_NAMES[kind])


def frame_numbers(folder: Path, kind: str) -> list[int]:
    """Return the numbers in the names of a folder's images, sorted; of optical flow, only those in x direction.

    An image without a number has -1.
    """
    images = [path for pattern in FRAME_NAMES[kind] for path in folder.glob(pattern) if is_image(path)]
    return sorted(int(path.stem[len(path.stem.rstrip("0123456789")) :] or -1) for path in images)


def entries_of_tree(root: Path, kind: str) -> tuple[list[Entry], list[str]]:
    """Return the clips of a tree ``CLASS/.../CLIP``, or ``train/CLASS/...`` and ``val/CLASS/...`` beside each other.

    ``kind`` is ``videos``, or ``rawframes`` or ``flow`` for folders of extracted images. Sentences about what was
    passed over come with the clips. FileNotFoundError if there is no such folder, or no clip in a class folder.
    """
    clips, notes = find_clips(root, kind)
    top = {path.name.lower() for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")}
    splits = top & {*TRAIN_SPLITS, *VAL_SPLITS} if top & {*TRAIN_SPLITS} else set()
    depth = int(bool(top) and splits == top)  # of the class folders
    if len(splits) > 1 and not depth:
        beside = first_few(sorted(top - splits))
        notes.append(f"took the folders {first_few(sorted(splits))} for classes, as these lie beside them: {beside}")
    entries, homeless = [], []
    for path, frames in clips.items():
        parts = path.split("/")
        if len(parts) < depth + 2:
            homeless.append(path)
        else:
            entries.append(Entry(path, parts[depth], frames, _split_name(parts[0].lower()) if depth else None))
    notes += _passed_over(homeless, "clips that lie in no class folder")
    if not entries:
        wanted = "videos" if kind == "videos" else f"folders of images {_frame_names(kind)}"
        raise FileNotFoundError("; ".join([f"{root} holds no clips; expected {root}/CLASS/... with {wanted}", *notes]))
    classes = {path.relative_to(root).as_posix() for path in root.glob("*/" * depth + "*") if path.is_dir()}
    used = {"/".join(entry.path.split("/")[: depth + 1]) for entry in entries}
    empty = sorted(name for name in classes - used if not Path(name).name.startswith("."))
    return entries, [*notes, *_passed_over(empty, "class folders without clips")]


def _split_name(name: str) -> str:
    """Return the split that a folder or a table calls ``name``."""
    return "train" if name in TRAIN_SPLITS else "test" if name.startswith("test") else "val"


def entries_of_table(table: Path, root: Path, kind: str) -> tuple[list[Entry], list[str]]:
    """Return the clips of a CSV with a header: columns ``path``, ``label`` and, if there is one, ``split``.

    Sentences about what was passed over come with the clips. :data:`COLUMNS` holds other names of the columns.
    FileNotFoundError if there is no table, or a clip is missing; ValueError if a column or a value is missing, or a
    clip is listed twice; the message holds the line.
    """
    reader = csv.DictReader(read_text(table).split("\n"))
    try:
        entries = _read_rows(reader, table, root, kind)
    except csv.Error as error:
        raise ValueError(f"{table}:{reader.line_num}: not a table in CSV: {error}") from error
    clips, notes = find_clips(root, kind)
    listed = {os.path.normpath(entry.path) for entry in entries}
    unlisted = [path for path in clips if path not in listed]
    return entries, [*notes, *_passed_over(unlisted, f"clips that {table} does not list")]


def _read_rows(reader: csv.DictReader, table: Path, root: Path, kind: str) -> list[Entry]:
    found = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
    columns = {key: next((found[name] for name in names if name in found), None) for key, names in COLUMNS.items()}
    for key in ("path", "label"):
        if columns[key] is None:
            raise ValueError(
                f"{table}:1: no column for the {key}; expected one of {', '.join(COLUMNS[key])}, "
                f"found {', '.join(found) or 'an empty file'}"
            )
    entries: dict[str, Entry] = {}
    for row in reader:
        values = {key: (row[name] or "").strip() if name else "" for key, name in columns.items()}
        try:
            entry = _entry(values, root, kind)
            if entry.path in entries:
                raise ValueError(f"{entry.path} is listed twice")
        except (ValueError, FileNotFoundError) as error:
            raise type(error)(f"{table}:{reader.line_num}: {error}") from None
        entries[entry.path] = entry
    if not entries:
        raise ValueError(f"{table}: the table holds no clip")
    return list(entries.values())


def _entry(values: Mapping[str, str], root: Path, kind: str) -> Entry:
    name, label, split = values["path"], values["label"], values["split"].lower()
    if not name or not label:
        raise ValueError(f"the {'label' if name else 'path'} is missing")
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"{name!r} leaves the data folder {root}")
    if split and split not in (*TRAIN_SPLITS, *VAL_SPLITS):
        raise ValueError(f"the split is train or val, found {values['split']!r}")
    path = root / name
    if not (os.path.isfile(path) if kind == "videos" else os.path.isdir(path)):
        raise FileNotFoundError(f"there is no {path}")
    frames = None if kind == "videos" else len(frame_numbers(path, kind))
    if frames == 0:
        raise FileNotFoundError(f"{path} holds no images {_frame_names(kind)}")
    return Entry(name, label, frames, _split_name(split) if split else None)


def class_indices(labels: Sequence[str], known: Sequence[str] | None = None) -> dict[str, int]:
    """Return the index of each class: as in ``known``, as the labels say if all are different numbers, or sorted.

    ValueError for a label that is not in ``known``.
    """
    names = sorted(set(labels))
    if known is not None:
        if unknown := [name for name in names if name not in known]:
            raise ValueError(f"classes that the label map does not have: {first_few(unknown)}")
        return {name: index for index, name in enumerate(known)}
    if all(name.isascii() and name.isdigit() and len(name) < 10 and int(name) < MAX_CLASSES for name in names):
        numbers = {name: int(name) for name in names}
        if len(set(numbers.values())) == len(numbers):  # 1 and 01 are two names
            return numbers
    return {name: index for index, name in enumerate(names)}


def class_names(indices: Mapping[str, int]) -> list[str]:
    """Return the names in the order of their indices; an index without a name is called ``class N``."""
    by_index = {index: name for name, index in indices.items()}
    return [by_index.get(index, f"class {index}") for index in range(max(by_index) + 1)]


def split_entries(
    entries: Sequence[Entry], val_ratio: float, seed: int, group: str | None = None
) -> dict[str, list[Entry]]:
    r"""Return the clips of the lists ``train`` and ``val``, and of ``test`` if the data have all three splits.

    A test split without a validation split becomes the validation split. Clips whose split is not decided are split
    class by class at random, the share ``val_ratio`` (0 to below 1) for validation; a class of two clips or more has
    one in each. Clips whose paths have an equal match of the regular expression ``group`` (its first group, if it has
    one) stay on one side: ``([^/]{11})[^/]*$`` where file names begin with the id of a YouTube video, ``/s(\d+)_``
    where they begin with a subject. ValueError if all clips are of one group.
    """
    if not 0 <= val_ratio < 1:
        raise ValueError(f"val_ratio is a share from 0 to below 1; got {val_ratio}")
    has_val = any(entry.split == "val" for entry in entries)
    lists: dict[str, list[Entry]] = {"train": [], "val": []}
    held_out = hold_out([entry for entry in entries if entry.split is None], val_ratio, seed, group)
    for entry in entries:
        split = entry.split or ("val" if entry in held_out else "train")
        lists.setdefault("val" if split == "test" and not has_val else split, []).append(entry)
    return lists


def hold_out(entries: Iterable[Entry], val_ratio: float, seed: int, group: str | None = None) -> set[Entry]:
    """Choose clips to validate on, as :func:`split_entries` says; the same ones whatever the order of ``entries``."""
    entries, rng = sorted(entries, key=lambda entry: entry.path), np.random.default_rng(seed)
    return _whole_groups(entries, val_ratio, rng, group) if group else _share(entries, val_ratio, rng)


def _share(entries: Sequence[Entry], val_ratio: float, rng: np.random.Generator) -> set[Entry]:
    """Choose a share of each class."""
    by_class: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_class[entry.label].append(entry)
    chosen: set[Entry] = set()
    for _, clips in sorted(by_class.items()):
        count = round(val_ratio * len(clips))
        if val_ratio and len(clips) > 1:
            count = min(max(count, 1), len(clips) - 1)
        chosen.update(clips[place] for place in rng.permutation(len(clips))[:count])
    return chosen


def _whole_groups(entries: Sequence[Entry], val_ratio: float, rng: np.random.Generator, pattern: str) -> set[Entry]:
    """Choose whole groups, in random order, as long as they bring every class closer to its share."""
    names = group_names([entry.path for entry in entries], pattern)
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[names[entry.path]].append(entry)
    if not val_ratio or not groups:
        return set()
    if len(groups) == 1:
        raise ValueError(f"group {pattern!r} puts all {len(entries)} clips into one group, so they cannot be split")
    lacking = {label: val_ratio * count for label, count in Counter(entry.label for entry in entries).items()}
    chosen: set[Entry] = set()
    order = [sorted(groups)[place] for place in rng.permutation(len(groups))]
    for name in order:
        counts = Counter(entry.label for entry in groups[name])
        if sum(abs(lacking[label] - count) - abs(lacking[label]) for label, count in counts.items()) < 0:
            chosen.update(groups[name])
            lacking = {label: share - counts[label] for label, share in lacking.items()}
    return chosen or set(groups[min(order, key=lambda name: len(groups[name]))])


def group_names(names: Iterable[str], pattern: str) -> dict[str, str]:
    """Return the group of each name: what ``pattern`` matches in it, or the first group of the match if it has one.

    ValueError where ``pattern`` is no regular expression, or does not match a name.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"group {pattern!r} is no regular expression: {error}") from error
    found = {name: expression.search(name) for name in names}
    if unmatched := [name for name, match in found.items() if match is None]:
        raise ValueError(f"group {pattern!r} does not match {len(unmatched)} names, such as {unmatched[0]}")
    return {name: match[1 if expression.groups else 0] for name, match in found.items() if match}


def write_list(path: Path, entries: Iterable[Entry], indices: Mapping[str, int]) -> None:
    """Write one line ``path [frames] label`` for each clip; ValueError where a path would not read as it is written."""
    numbers = ((entry.path, [] if entry.frames is None else [entry.frames], entry.label) for entry in entries)
    write_lines(path, (format_line(name, *frames, indices[label]) for name, frames, label in numbers))


def describe_split(lists: Mapping[str, Sequence[Entry]], indices: Mapping[str, int]) -> list[str]:
    """Return lines about the lists: their sizes, and classes that one of them does not have."""
    sizes = ", ".join(f"{len(entries)} {name}" for name, entries in lists.items())
    lines = [f"{sizes} clips of {len(indices)} classes"]
    if unused := sorted({*range(max(indices.values()))} - {*indices.values()}):
        lines.append(f"the names of the classes are numbers and stay as they are; unused: {first_few(unused)}")
    for name, entries in lists.items():
        counts = Counter(entry.label for entry in entries)
        if entries and (absent := [label for label in indices if not counts[label]]):
            lines.append(f"no {name} clip of {len(absent)} classes: {first_few(absent)}")
    return lines


def build_lists(
    src: Path,
    out: Path,
    kind: str = "videos",
    table: Path | None = None,
    known: Sequence[str] | None = None,
    val_ratio: float = 0.2,
    seed: int = 0,
    group: str | None = None,
    overwrite: bool = False,
    keep_map: bool = False,
) -> tuple[dict[str, Path], list[str], list[str]]:
    """Write the lists of a data folder into ``out``, and the names of the classes unless ``keep_map``.

    Args:
        src: The data folder.
        out: Folder of the lists.
        kind: As for :func:`entries_of_tree`.
        table: CSV of clips and labels, in place of the folders; see :func:`entries_of_table`.
        known: Names of the classes in the order of their numbers.
        val_ratio: As for :func:`split_entries`.
        seed: As there.
        group: As there.
        overwrite: Whether lists that are there may be replaced.
        keep_map: Whether ``known`` was read from the file to which the names would be written.

    Returns:
        The lists by split, the names of the classes, and sentences about what was found, split and written.

    Raises:
        FileExistsError: If a list is there and ``overwrite`` is not set.
    """
    entries, notes = entries_of_table(table, src, kind) if table else entries_of_tree(src, kind)
    lists = split_entries(entries, val_ratio, seed, group)
    targets = {name: out / f"{name}.txt" for name in lists}
    written = [*targets.values(), *([] if keep_map else [out / LABEL_MAP])]
    existing = [str(path) for path in written if path.exists()]
    if existing and not overwrite:
        raise FileExistsError(f"{', '.join(existing)} exist already: write to another folder, or add --overwrite")
    indices = class_indices([entry.label for entry in entries], known)
    for name, clips in lists.items():
        write_list(targets[name], clips, indices)
    names = class_names(indices)
    if not keep_map:
        write_lines(out / LABEL_MAP, names)
    said = [*notes, *describe_split(lists, indices), f"wrote {', '.join(map(str, written))}"]
    return targets, names, said
