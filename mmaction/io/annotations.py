"""Read, check and write skeleton annotation files."""

import difflib
import logging
import os
import pickle
import re
import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmaction.io.pickles import as_numbers, load_pickle
from mmaction.structures.sample_name import sample_name
from mmaction.utils.files import write_atomically
from mmaction.utils.text import first_few, repeated


def load_annotations(path: str | os.PathLike, split: str | None = None, needs_label: bool = True) -> list[dict]:
    """Return the checked annotations of a skeleton file.

    An annotation is a dict with ``frame_dir`` (or ``filename``), ``label``, ``keypoint`` ``(M, T, V, 2 or 3)``,
    ``keypoint_score`` ``(M, T, V)``, ``total_frames``, ``img_shape``, ``original_shape``. With an ``img_shape``, a
    third channel of ``keypoint`` is the score. A joint that is missing has score 0; one whose coordinates are NaN
    becomes such a joint at 0, 0 here, and integer coordinates become float32.

    Args:
        path: The file.
        split: Name of the split whose annotations are wanted; None: all.
        needs_label: Whether an annotation without a label is an error.

    Raises:
        FileNotFoundError: If there is no such file.
        KeyError: If the file has no such split; lists close matches and those that it has.
        ValueError: If the file's structure or an annotation is wrong, the split is empty, two annotations have one
            name, or a split for training shares clips with the one that evaluates it; names the place.
    """
    annotations, splits = read_annotation_file(path)
    indexed = list(enumerate(annotations))
    if split is not None:
        indexed = _select(path, indexed, splits, split)
    _check_unique(path, [sample_name(info, "") for _, info in indexed])
    for index, info in indexed:
        problem = check_annotation(info, needs_label)
        if problem:
            raise ValueError(f"{path}, annotation {index} ({sample_name(info)}): {problem}")
    return [info for _, info in indexed]


def read_annotation_file(path: str | os.PathLike) -> tuple[list[dict], object]:
    """Return the annotations of a file, unchecked, and its table of splits or None.

    Reads the forms that are in use: ``dict(split={name: [id, ...]}, annotations=[...])`` (MMAction2 1.x, PYSKL), the
    list of annotations (MMAction 0.x), and the one annotation of a single clip. FileNotFoundError if there is no such
    file; ValueError if it holds something else.
    """
    data = load_pickle(path)
    splits = None
    if isinstance(data, dict):
        splits = data.get("split")
        annotations = [data] if "keypoint" in data else data.get("annotations")
    else:
        annotations = data
    if not isinstance(annotations, list) or not all(isinstance(item, dict) for item in annotations):
        found = f"a dict with the keys {', '.join(map(str, data))}" if isinstance(data, dict) else type(data).__name__
        raise ValueError(
            f"{path} holds {found}; expected dict(split=..., annotations=[...]), a list of annotations (dicts), or one "
            "annotation"
        )
    return annotations, splits


def split_names(path: str | os.PathLike, splits: object, split: str) -> list[str]:
    """Return the names that a split of a file lists; KeyError lists those there are, ValueError if it is no list."""
    if not isinstance(splits, dict):
        raise ValueError(f"{path} has no table of splits, so split={split!r} cannot be chosen; leave split out")
    if split not in splits:
        close = difflib.get_close_matches(split, map(str, splits))
        hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
        raise KeyError(f"{path} has no split {split!r}; {hint}it has {', '.join(map(repr, splits))}")
    if not isinstance(splits[split], (list, tuple, set, frozenset, np.ndarray)):
        raise ValueError(f"the split {split!r} of {path} is a list of names; got {reprlib.repr(splits[split])}")
    return [str(name) for name in splits[split]]


def is_evaluated_with(training: str, evaluation: str) -> bool:
    """Whether one split trains what another evaluates, going by their names (``xsub_train``, ``xsub_val``)."""
    trains, evaluates = "train" in training, "train" not in evaluation
    return trains and evaluates and training in {re.sub(word, "train", evaluation) for word in ("val", "test")}


def _select(path: str | os.PathLike, indexed: list, splits: object, split: str) -> list:
    listed = split_names(path, splits, split)
    wanted = set(listed)
    _check_apart(path, splits, split, wanted)
    if len(wanted) < len(listed):
        _warn(f"the split {split!r} of {path} lists {_named(repeated(listed))} more than once; they are loaded once")
    chosen = [(index, info) for index, info in indexed if sample_name(info) in wanted]
    if not chosen:
        reason = "names no clip" if not wanted else f"names {len(wanted)} clips, and none has an annotation"
        raise ValueError(f"the split {split!r} of {path} is empty: it {reason}")
    missing = len(wanted) - len({sample_name(info) for _, info in chosen})
    if missing:
        _warn(f"{missing} of the {len(wanted)} clips of split {split!r} have no annotation in {path}")
    return chosen


def _check_apart(path: str | os.PathLike, splits: Any, split: str, wanted: set[str]) -> None:
    """Refuse a split that shares clips with the one that it is evaluated with, or that it evaluates."""
    for other in splits:
        if is_evaluated_with(split, str(other)) or is_evaluated_with(str(other), split):
            shared = wanted & set(split_names(path, splits, other))
            if shared:
                raise ValueError(
                    f"{path}: the splits {split!r} and {other!r} share {_named(sorted(shared))}, so a model would be "
                    "tested on what it learned; take them out of one (tools/data/skeleton/split.py makes new splits)"
                )


def _check_unique(path: str | os.PathLike, names: list[str]) -> None:
    twice = repeated([name for name in names if name])
    if twice:
        raise ValueError(
            f"{path} holds several annotations of {_named(twice)}; they would be loaded several times, and in every "
            "split that names them. Keep one of each, or give them names of their own"
        )


def _named(names: Sequence[str]) -> str:
    return f"{len(names):,} clips ({first_few(map(repr, names))})"


def _warn(message: str) -> None:
    print_log(message, logger="current", level=logging.WARNING)


def check_annotation(info: dict, needs_label: bool = True) -> str | None:
    """Return what is wrong with one annotation, or None; fills in ``total_frames`` where it is absent."""
    if "label" not in info and needs_label:
        return "it has no label"
    label = as_numbers(info.get("label", 0))
    if label is None or label.dtype.kind == "f" or label.ndim > 1 or (label.size and label.min() < 0):
        return f"the label is a class index from 0 on, or a list of them; got {reprlib.repr(info['label'])}"
    for key in ("img_shape", "original_shape"):
        shape = as_numbers(info.get(key, (1, 1)))
        if shape is None or shape.shape != (2,) or not ((shape > 0) & (shape < np.inf)).all():
            return f"{key} is height and width in pixels; got {reprlib.repr(info[key])}"
    frames = as_numbers(info.get("total_frames", 1))
    if frames is None or frames.ndim or not 1 <= frames < np.inf:
        return f"total_frames is at least 1; got {reprlib.repr(info['total_frames'])}"
    return _check_skeleton(info) if "keypoint" in info else None


def _check_skeleton(info: dict) -> str | None:
    keypoint = as_numbers(info["keypoint"])
    if keypoint is None:
        return f"keypoint is an array of numbers; got {_brief(info['keypoint'])}"
    if keypoint.dtype.kind != "f":  # whole millimeters or pixels, which turning and scaling would cut off
        keypoint = keypoint.astype(np.float32)
    info["keypoint"] = keypoint
    if keypoint.ndim == 3 and "frame_inds" in info:  # one row per detected person, to be sorted by DecompressPose
        rows = np.size(np.asarray(as_numbers(info["frame_inds"])))
        return None if rows == len(keypoint) else f"frame_inds has {rows} entries, keypoint has {len(keypoint)}"
    if keypoint.ndim != 4 or keypoint.shape[-1] not in (2, 3) or 0 in keypoint.shape[1:]:
        return f"keypoint has shape (M, T, V, 2 or 3): persons, frames, joints, coordinates; got {keypoint.shape}"
    if info.setdefault("total_frames", keypoint.shape[1]) != keypoint.shape[1]:
        return f"total_frames is {info['total_frames']}, but keypoint {keypoint.shape} has {keypoint.shape[1]} frames"
    if "keypoint_score" in info:
        score = as_numbers(info["keypoint_score"])
        if score is None or score.shape != keypoint.shape[:3]:
            got = _brief(info["keypoint_score"]) if score is None else score.shape
            return f"keypoint_score has the shape (M, T, V) of keypoint, {keypoint.shape[:3]}; got {got}"
        info["keypoint_score"] = score
    if not len(keypoint):  # nobody was found: one person of whom no joint is seen, so that every clip has one
        for key in {"keypoint", "keypoint_score"} & info.keys():
            info[key] = np.zeros((1, *info[key].shape[1:]), info[key].dtype)
    _mark_missing(info)
    return None


def _mark_missing(info: dict) -> None:
    """Give joints whose coordinates or score are NaN the score 0 and the place 0, 0, in new arrays."""
    scores = info.get("keypoint_score")
    absent = np.isnan(info["keypoint"]).any(-1)
    if scores is not None and scores.dtype.kind == "f":
        absent |= np.isnan(scores)
    if absent.any():
        info["keypoint"] = np.where(absent[..., None], info["keypoint"].dtype.type(0), info["keypoint"])
        if scores is not None:
            info["keypoint_score"] = np.where(absent, scores.dtype.type(0), scores)


def _brief(value: object) -> str:
    return str(value.dtype) if isinstance(value, np.ndarray) else reprlib.repr(value)


def save_annotations(
    path: str | os.PathLike,
    annotations: Sequence[dict],
    split: Mapping[str, Sequence[str]] | None = None,
    overwrite: bool = False,
) -> None:
    """Write annotations as a pickle that this package, MMAction2 and PYSKL read, whatever their NumPy.

    The file appears only when it is complete. ``split`` holds the names of the clips in each split; without, the bare
    list is written. FileExistsError if the file exists and ``overwrite`` is not set; ValueError names an annotation
    that is wrong.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(
            f"{path} exists; choose another name, or replace it: --overwrite, in Python overwrite=True"
        )
    for index, info in enumerate(annotations):
        problem = check_annotation(info)
        if problem:
            raise ValueError(f"annotation {index} ({sample_name(info)}): {problem}")
    content: list | dict = list(annotations)
    if split is not None:
        content = {"split": {name: list(ids) for name, ids in split.items()}, "annotations": content}
    # Protocol 3 names a global once, in plain text, where NumPy 1's module can take the place of NumPy 2's.
    data = pickle.dumps(content, protocol=3)
    for name in (b"_reconstruct", b"scalar"):
        data = data.replace(b"cnumpy._core.multiarray\n" + name, b"cnumpy.core.multiarray\n" + name, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, data)
