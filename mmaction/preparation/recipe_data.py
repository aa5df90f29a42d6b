"""What a recipe needs to know of a data set: its splits and classes, and how long and large its clips are."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmaction.io.annotations import read_annotation_file
from mmaction.io.file_list import read_file_list, resolve_name
from mmaction.io.video import open_video
from mmaction.label_spaces import LABEL_MAP, read_label_map
from mmaction.preparation.build_list import VAL_SPLITS, build_lists, find_clips
from mmaction.skeletons import AUTO, choose_layout
from mmaction.utils.text import first_few

LOOKED_AT = 50  # clips that are opened to learn lengths and sizes
MOST_PERSONS = 2  # whom a graph network sees, as in the published configs
ATTRIBUTES = "classes.csv"


@dataclass
class Data:
    """What is known of a data set."""

    kind: str  # video or skeleton
    root: str  # folder of the videos, or the skeleton file
    lists: dict[str, str]  # lists of clips by split (videos), or names of the splits (skeletons): train, val
    counts: dict[str, int]  # clips by split
    classes: int
    lengths: list[int]  # frames of the clips that were looked at
    edge: int = 0  # short edge of the frames in pixels, the median; 0 where it is unknown
    layout: tuple[str, int, int] = ("", 0, 0)  # layout (name or file), joints and dimensions of skeletons
    persons: int = 1  # most of a skeleton clip
    label_space: str = ""  # CSV of classes with attributes that lies beside the lists, or empty
    notes: list[str] = field(default_factory=list)  # sentences for the user


def read_data(
    path: Path, val: Path | None = None, videos: Path | None = None, overwrite: bool = False, layout: str = AUTO
) -> Data:
    """Look at a data set.

    Args:
        path: Folder of videos in folders of classes, a list of clips to train on, or a skeleton pickle.
        val: List of clips to validate on, with a list.
        videos: Folder of the videos that the lists name; None: the folder of the list.
        overwrite: Whether lists that lie beside a folder of videos are made anew.
        layout: Of skeletons: a name, a file that describes one, or ``auto``: the first with so many joints.

    Raises:
        FileNotFoundError, ValueError: If there is none, or it cannot be used; the message says what to do.
    """
    if path.is_dir():
        return _read_folder(path, overwrite)
    if not path.is_file():
        raise FileNotFoundError(f"no folder of videos, list of clips or skeleton file at {path}")
    if path.suffix == ".pkl":
        return _read_skeletons(path, layout)
    if val is None:
        raise ValueError(f"{path} lists clips to train on; name the list to validate on, too: --val LIST")
    return _read_lists({"train": path, "val": val}, videos or path.parent, [])


def _read_folder(path: Path, overwrite: bool) -> Data:
    folder = path.parent if path.name else path.resolve().parent
    lists = {name: folder / f"{name}.txt" for name in ("train", "val")}
    if all(file.is_file() for file in lists.values()) and not overwrite:
        notes = [f"took the lists {lists['train']} and {lists['val']}, which were there"]
        held_out = [file for file in [folder / "test.txt"] if file.is_file()]
        listed = [line.name for file in [*lists.values(), *held_out] for line in read_file_list(str(file))]
        if unlisted := sorted(find_clips(path, "videos")[0].keys() - map(os.path.normpath, listed)):
            notes.append(f"no list holds {len(unlisted)} videos: {first_few(unlisted)}; --overwrite makes new lists")
        return _read_lists(lists, path, notes)
    targets, _, said = build_lists(path, folder, overwrite=overwrite)
    if "val" not in targets:
        raise ValueError(f"{path} has no clips to validate on; see {folder}")
    said.append(
        "the split into training and validation is the folders' own, or random by class (seed 0, 20 %): clips of "
        "one recording may be on both sides; build_file_list.py --group keeps them together"
    )
    return _read_lists(targets, path, said)


def _read_lists(lists: dict[str, Path], root: Path, notes: list[str]) -> Data:
    read = {name: read_file_list(str(lists[name])) for name in ("train", "val")}
    labels = Counter(line.labels[0] for line in read["train"])
    names = lists["train"].with_name(LABEL_MAP)
    classes = max([*labels, *(line.labels[0] for line in read["val"])]) + 1
    if names.is_file():
        classes = max(classes, len(read_label_map(names)))
    lengths, edges, broken = _look([line.name for line in read["train"]], root)
    looked = f"looked at {len(lengths)} of {len(read['train'])} clips to train on"
    notes.append(f"{looked}; {len(broken)} cannot be read: {first_few(broken)}" if broken else looked)
    if absent := sorted({*range(classes)} - {*labels}):
        notes.append(f"{len(absent)} of {classes} classes have no clip to train on: {first_few(absent)}")
    space = lists["train"].with_name(ATTRIBUTES)
    return Data(
        "video",
        str(root),
        {name: str(file) for name, file in lists.items()},
        {name: len(lines) for name, lines in read.items()},
        classes,
        lengths,
        int(np.median(edges)),
        label_space=str(space) if space.is_file() else "",
        notes=notes,
    )


def _look(names: Sequence[str], root: Path) -> tuple[list[int], list[int], list[str]]:
    """Return frames and short edges of some clips, evenly spread, and the names of those that cannot be read."""
    lengths, edges, broken, reason = [], [], [], ""
    for index in np.unique(np.linspace(0, len(names) - 1, LOOKED_AT).astype(int)):
        try:
            reader = open_video(resolve_name(names[index], str(root)))
            edges.append(min(reader.info.shape))
            lengths.append(reader.num_frames)
        except (ValueError, OSError) as error:
            reason = reason or str(error)
            broken.append(names[index])
    if not lengths:
        raise ValueError(f"none of {len(broken)} clips below {root} can be read: {first_few(broken)}; {reason}")
    return lengths, edges, broken


def _read_skeletons(path: Path, layout: str) -> Data:
    annotations, splits = read_annotation_file(path)
    splits = splits if isinstance(splits, dict) else {}
    train, val = _find_splits(path, list(splits))
    by_name = {str(info.get("frame_dir", info.get("filename"))): info for info in annotations}
    used = [by_name[name] for name in splits[train] if name in by_name]
    if not used:
        raise ValueError(f"{path}: the split {train} names no clip that has an annotation")
    shape = np.shape(used[0]["keypoint"])
    joints, dims = shape[-2], 2 if "img_shape" in used[0] else shape[-1]
    notes: list[str] = []
    found = choose_layout(layout, joints, say=lambda text: notes.append(f"{text}; --layout names or describes another"))
    layout = found.name if layout == AUTO else layout
    skeletons = (info["keypoint"] for info in used if np.ndim(info["keypoint"]) == 4)
    persons = max((int(np.any(part, axis=(1, 2, 3)).sum()) for part in skeletons), default=1)
    if persons > MOST_PERSONS:
        notes.append(f"clips show up to {persons} persons; a graph network sees {MOST_PERSONS} (num_person)")
    sizes = [min(info["img_shape"]) for info in used[:: max(len(used) // LOOKED_AT, 1)] if "img_shape" in info]
    return Data(
        "skeleton",
        str(path),
        {"train": train, "val": val},
        {"train": len(splits[train]), "val": len(splits[val])},
        max(int(info["label"]) for info in annotations) + 1,
        [int(info["total_frames"]) for info in used],
        int(np.median(sizes)) if sizes else 0,
        (layout, joints, dims),
        persons,
        notes=notes,
    )


def _find_splits(path: Path, names: Sequence[str]) -> tuple[str, str]:
    """Return the split to train on, and the one to validate on that belongs to it: ``xsub_val`` to ``xsub_train``."""
    train = next((name for name in names if "train" in name), "")
    family = train.replace("train", "").strip("_")
    others = [name for name in names if name != train and family in name]
    val = next((name for name in others if name.strip("0123456789_").endswith(VAL_SPLITS)), "")
    if not train or not val:
        raise ValueError(
            f"{path} needs a split to train on and one to validate on; it has {', '.join(names) or 'none'}: "
            "tools/data/skeleton/split.py writes them"
        )
    return train, val
