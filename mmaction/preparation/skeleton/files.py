"""Merging, splitting, cutting down and describing skeleton annotation files."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import starmap
from os.path import splitext
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mmaction.io.annotations import (
    check_annotation,
    is_evaluated_with,
    read_annotation_file,
    save_annotations,
    split_names,
)
from mmaction.io.file_list import read_file_list
from mmaction.io.pickles import as_numbers
from mmaction.preparation.build_list import Entry, hold_out
from mmaction.structures.sample_name import sample_name

Splits = dict[str, list[str]]


@dataclass(frozen=True)
class AnnotationFile:
    """The content of an annotation file."""

    annotations: list[dict]  # one dict per clip, see :func:`mmaction.io.annotations.load_annotations`
    splits: Splits | None = None  # names of the clips per split, None for the list form of MMAction 0.x
    path: Path | None = None  # where it was read from, for messages

    @classmethod
    def read(cls, path: str | Path) -> "AnnotationFile":
        """Read a file without checking its single annotations; nothing in it is run. ValueError if it is none."""
        annotations, splits = read_annotation_file(path)
        if splits is not None and not isinstance(splits, dict):
            raise ValueError(f"{path}: expected 'split' to be a dict of lists, found {type(splits).__name__}")
        named = None if splits is None else {str(name): split_names(path, splits, name) for name in splits}
        return cls(annotations, named, Path(path))

    def write(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write a plain pickle that this package, MMAction2 and PYSKL read; the list form where there are no splits."""
        save_annotations(path, self.annotations, self.splits, overwrite)

    @property
    def names(self) -> list[str]:
        """Names of the clips in file order."""
        return [sample_name(info) for info in self.annotations]

    @property
    def labels(self) -> dict[str, int]:
        """Label by name, of clips with several the first; clips without a label that is a class index are not in it."""
        labels = {
            name: as_numbers(info.get("label", ())) for name, info in zip(self.names, self.annotations, strict=True)
        }
        usable = {name: label for name, label in labels.items() if label is not None and label.dtype.kind != "f"}
        return {name: int(label.flat[0]) for name, label in usable.items() if label.size}

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield the name of a clip or split and what is wrong with it."""
        counts = Counter(self.names)
        for name, info in zip(self.names, self.annotations, strict=True):
            if problem := check_annotation(dict(info)):
                yield name, problem
            if name == "unnamed":
                yield name, "it has neither frame_dir nor filename"
        yield from ((name, f"stands there {count} times") for name, count in counts.items() if count > 1)
        splits = self.splits or {}
        for split, clips in splits.items():
            if absent := [clip for clip in clips if clip not in counts]:
                yield f"split {split}", f"names {len(absent)} clips that have no annotation, such as {absent[0]}"
            if len(set(clips)) < len(clips):
                yield f"split {split}", f"names {len(clips) - len(set(clips))} clips twice"
            for other, evaluated in splits.items():
                shared = set(clips) & set(evaluated) if is_evaluated_with(split, other) else ()
                if shared:
                    yield f"split {split}", f"names {len(shared)} clips of split {other}, such as {min(shared)}"

    def describe(self) -> dict[str, object]:
        """Return what the file holds: clips, splits, classes, joints, persons, frames, sizes, missing joints."""
        skeletons = [array for array in self._arrays("keypoint") if array.ndim == 4]
        labels = Counter(self.labels.values())
        frames = [array.shape[1] for array in skeletons]
        missing = [np.mean(array <= 0) for array in self._arrays("keypoint_score")]
        facts: dict[str, object] = {
            "clips": len(self.annotations),
            "splits": {name: len(clips) for name, clips in (self.splits or {}).items()},
            "classes": len(labels),
            "labels": f"{min(labels)} to {max(labels)}" if labels else "none",
            "joints and coordinates": _counted(array.shape[2:] for array in skeletons),
            "persons": _counted(array.shape[0] for array in skeletons),
            "image sizes": _counted(tuple(np.ravel(array).tolist()) for array in self._arrays("img_shape")),
        }
        if frames:
            facts["frames"] = f"{min(frames)} to {max(frames)}, median {int(np.median(frames))}"
        if missing:
            facts["missing joints"] = f"{100 * np.mean(missing):.1f} %"
        return facts

    def _arrays(self, key: str) -> Iterator[np.ndarray]:
        """Yield the entries ``key`` of the annotations that are arrays of numbers."""
        arrays = (as_numbers(info[key]) for info in self.annotations if key in info)
        return (array for array in arrays if array is not None and array.size)


def _counted(values: Iterator) -> dict[str, int]:
    return {str(value): count for value, count in Counter(values).most_common(5)}


def same_annotation(first: Mapping, second: Mapping) -> bool:
    """Whether two annotations hold the same keys and values; joints that are NaN in both are the same."""
    return first.keys() == second.keys() and all(_same(first[key], second[key]) for key in first)


def _same(first: Any, second: Any) -> bool:
    one, other = as_numbers(first), as_numbers(second)
    if one is None or other is None:
        return bool(np.array_equal(first, second))
    return np.array_equal(one, other, equal_nan=True)


def merge(files: Sequence[AnnotationFile]) -> AnnotationFile:
    """Put files together; a clip that several files hold with the same content is kept once.

    Splits of the same name are joined. A file without splits adds its clips to none. ValueError if two files hold a
    clip of one name with different content.
    """
    found: dict[str, tuple[dict, AnnotationFile]] = {}
    splits: dict[str, dict[str, None]] = {}
    for file in files:
        for name, info in zip(file.names, file.annotations, strict=True):
            if name in found and not same_annotation(found[name][0], info):
                places = " and in ".join(str(one.path or "annotations of no file") for one in (found[name][1], file))
                raise ValueError(f"{name} is in {places} with different content")
            found.setdefault(name, (info, file))
        for split, clips in (file.splits or {}).items():
            splits.setdefault(split, {}).update(dict.fromkeys(clips))
    has_splits = any(file.splits is not None for file in files)
    named = {split: list(clips) for split, clips in splits.items()}
    return AnnotationFile([info for info, _ in found.values()], named if has_splits else None)


def match_lists(names: Sequence[str], lists: Mapping[str, str | Path]) -> tuple[dict[str, int], Splits, Splits]:
    """Find the clips that lists (split name to a file of lines ``NAME LABEL``) name.

    A listed name stands for the clip of this name, with or without extension; where there is none, for the clip that is
    named like the end of its path: ``videos/judo/a.mp4`` for ``judo/a``, else for ``a``.

    Returns labels by clip, per split the clips, and per split the listed names, without extension, that stand for no
    clip. ValueError if a list cannot be read, two listed names stand for one clip, or a clip has two labels.
    """
    known = set(names)
    labels: dict[str, int] = {}
    listed: dict[str, str] = {}
    splits: Splits = {}
    missing: Splits = {}
    for split, path in lists.items():
        lines: dict[str, int] = {}
        splits[split], missing[split] = [], []
        for line in read_file_list(str(path)):
            name, label, where = splitext(line.name)[0], line.labels[0], f"{path}:{line.number}"
            clip = next((end for end in _ends(line.name) if end in known), None)
            if clip is None:
                missing[split].append(name)
                continue
            if listed.setdefault(clip, name) != name:
                raise ValueError(
                    f"{where}: {name} and {listed[clip]} both stand for the clip {clip}; the clips need the names of "
                    "the listed files with their folders"
                )
            if lines.setdefault(clip, line.number) != line.number:
                raise ValueError(f"{where}: {name} stands there already, in line {lines[clip]}")
            if labels.setdefault(clip, label) != label:
                raise ValueError(f"{where}: {name} has label {label} here, and {labels[clip]} in another list")
            splits[split].append(clip)
    return labels, splits, missing


def _ends(name: str) -> Iterator[str]:
    """Yield a path and the ends of it, the longest first, each with and without extension."""
    parts = PurePosixPath(name).parts
    for end in (name, *("/".join(parts[first:]) for first in range(len(parts)))):
        yield from (end, splitext(end)[0])


def split_by_lists(
    file: AnnotationFile, lists: Mapping[str, str | Path]
) -> tuple[AnnotationFile, dict[str, list[str]]]:
    """Give a file the splits and labels of lists such as ``train.txt`` and ``val.txt``, see :func:`match_lists`.

    Clips in no list are left out; clips that share a name are all kept. The listed clips without an annotation come
    with the new file, per split. ValueError if the lists and the file have no clip in common, or as
    :func:`match_lists`.
    """
    by_name: dict[str, list[dict]] = defaultdict(list)
    for name, info in zip(file.names, file.annotations, strict=True):
        by_name[name].append(info)
    labels, splits, missing = match_lists(file.names, lists)
    if not labels:
        listed = next(name for absent in missing.values() for name in absent)
        raise ValueError(
            f"{file.path} has none of the listed clips; listed are such as {listed}, its own are such as "
            f"{next(iter(by_name), 'none')}"
        )
    chosen = [{**info, "label": label} for name, label in labels.items() for info in by_name[name]]
    return AnnotationFile(chosen, splits, file.path), missing


def split_at_random(
    file: AnnotationFile, val_share: float, *, seed: int = 0, group: str | None = None
) -> AnnotationFile:
    r"""Hold out the share ``val_share`` of each class, or whole groups of clips, as lists of videos are split.

    The same seed gives the same split, whatever the order of the file. Clips for which the match of the regular
    expression ``group`` (its first group, if it has one) is equal stay on one side, for example ``^.{11}`` for clips of
    one YouTube video or ``s(\d+)`` for clips of one subject. ValueError if a side would be empty.
    """
    if not 0 < val_share < 1:
        raise ValueError(f"val_share must be between 0 and 1, got {val_share}")
    labels = dict(zip(file.names, (str(info.get("label")) for info in file.annotations), strict=True))
    held_out = {entry.path for entry in hold_out(starmap(Entry, labels.items()), val_share, seed, group)}
    splits: Splits = {"train": [], "val": []}
    for name in file.names:
        splits["val" if name in held_out else "train"].append(name)
    for split, clips in splits.items():
        if not clips:
            raise ValueError(f"split {split} would be empty: {len(file.names)} clips, val_share {val_share}")
    return replace(file, splits=splits)


def subset(
    file: AnnotationFile,
    *,
    split: str | None = None,
    labels: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
    per_class: int | None = None,
    relabel: bool = False,
) -> AnnotationFile:
    """Keep the clips of a split, of classes, or of names; of these the first ``per_class`` of each class and split.

    ``relabel`` numbers the kept ``labels`` anew from 0, in the order given. KeyError if there is no such split, or no
    clip of one of the names or classes; ValueError if nothing is left, or ``relabel`` comes without ``labels``.
    """
    if relabel and labels is None:
        raise ValueError("relabel needs labels, whose order says the new numbers")
    splits = file.splits or {}
    if split is not None and split not in splits:
        raise KeyError(f"{file.path} has no split {split!r}, it has {', '.join(splits) or 'none'}")
    classes = [int(np.ravel(info["label"])[0]) for info in file.annotations]
    order = [] if labels is None else list(labels)
    _refuse_unknown(file, names or (), file.names, "names")
    _refuse_unknown(file, order, classes, "labels")
    wanted = set(file.names if names is None else names) & set(file.names if split is None else splits[split])
    splits_of: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for split_name, clips in splits.items():
        for clip in clips:
            splits_of[clip] += (split_name,)
    kept: list[dict] = []
    left: set[str] = set()
    counts: Counter = Counter()
    for name, info, label in zip(file.names, file.annotations, classes, strict=True):
        key = (label, splits_of[name])
        if name not in wanted or (labels is not None and label not in order):
            continue
        if per_class is not None and counts[key] >= per_class:
            continue
        counts[key] += 1
        kept.append({**info, "label": order.index(label)} if relabel else info)
        left.add(name)
    if not kept:
        raise ValueError(f"no clip of {file.path} fits; it has {len(file.names)} clips")
    chosen = splits if split is None else {split: splits[split]}
    left_in = {name: [clip for clip in clips if clip in left] for name, clips in chosen.items()}
    return AnnotationFile(kept, None if file.splits is None else left_in, file.path)


def _refuse_unknown(file: AnnotationFile, wanted: Collection, known: Collection, argument: str) -> None:
    if unknown := set(wanted) - set(known):
        raise KeyError(
            f"{file.path} has no clip of {len(unknown)} of the {len(set(wanted))} {argument}, such as "
            f"{min(unknown)!r}; take them out of {argument}"
        )
