"""Read, check and write skeleton annotation files."""

import difflib
import os
import pickle
import reprlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from mmaction.io.pickles import as_numbers, load_pickle


def load_annotations(path: str | os.PathLike, split: str | None = None, needs_label: bool = True) -> list[dict]:
    """Return the checked annotations of a skeleton file.

    Reads ``dict(split={name: [id, ...]}, annotations=[...])`` (MMAction2 1.x, PYSKL) and the bare list of annotations
    (MMAction 0.x). An annotation is a dict with ``frame_dir`` (or ``filename``), ``label``, ``keypoint``
    ``(M, T, V, 2 or 3)``, ``keypoint_score`` ``(M, T, V)``, ``total_frames``, ``img_shape``, ``original_shape``.
    With an ``img_shape``, a third channel of ``keypoint`` is the score.

    Args:
        path: The file.
        split: Name of the split whose annotations are wanted; None: all.
        needs_label: Whether an annotation without a label is an error.

    Raises:
        FileNotFoundError: If there is no such file.
        KeyError: If the file has no such split; lists close matches and those that it has.
        ValueError: If the file's structure or an annotation is wrong, or the split is empty; names the place.
    """
    data = load_pickle(path)
    annotations = data["annotations"] if isinstance(data, dict) and "annotations" in data else data
    if not isinstance(annotations, list) or not all(isinstance(item, dict) for item in annotations):
        found = f"a dict with the keys {', '.join(map(str, data))}" if isinstance(data, dict) else type(data).__name__
        raise ValueError(
            f"{path} holds {found}; expected dict(split=..., annotations=[...]) or a list of annotations (dicts)"
        )
    indexed = list(enumerate(annotations))
    if split is not None:
        indexed = _select(path, indexed, data.get("split") if isinstance(data, dict) else None, split)
    for index, info in indexed:
        problem = check_annotation(info, needs_label)
        if problem:
            raise ValueError(f"{path}, annotation {index} ({annotation_name(info)}): {problem}")
    return [info for _, info in indexed]


def annotation_name(info: dict) -> str:
    """Return the name by which splits refer to an annotation, "unnamed" if it has none."""
    return str(info.get("filename", info.get("frame_dir", "unnamed")))


def _select(path: str | os.PathLike, indexed: list, splits: object, split: str) -> list:
    if not isinstance(splits, dict):
        raise ValueError(f"{path} has no table of splits, so split={split!r} cannot be chosen; leave split out")
    if split not in splits:
        close = difflib.get_close_matches(split, map(str, splits))
        hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
        raise KeyError(f"{path} has no split {split!r}; {hint}it has {', '.join(map(repr, splits))}")
    if not isinstance(splits[split], (list, tuple, set, frozenset, np.ndarray)):
        raise ValueError(f"the split {split!r} of {path} is a list of names; got {reprlib.repr(splits[split])}")
    wanted = set(map(str, splits[split]))
    chosen = [(index, info) for index, info in indexed if annotation_name(info) in wanted]
    if not chosen:
        reason = "names no clip" if not wanted else f"names {len(wanted)} clips, none of which has an annotation"
        raise ValueError(f"the split {split!r} of {path} is empty: it {reason}")
    missing = len(wanted) - len({annotation_name(info) for _, info in chosen})
    if missing:
        message = f"{missing} of the {len(wanted)} clips of split {split!r} have no annotation in {path}"
        print_log(message, logger="current", level=30)
    return chosen


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
        return f"keypoint is an array of numbers; got {_shown(info['keypoint'])}"
    info["keypoint"] = keypoint
    if keypoint.ndim == 3 and "frame_inds" in info:  # one row per detected person, to be sorted by DecompressPose
        rows = np.size(as_numbers(info["frame_inds"]))
        return None if rows == len(keypoint) else f"frame_inds has {rows} entries, keypoint has {len(keypoint)}"
    if keypoint.ndim != 4 or keypoint.shape[-1] not in (2, 3) or 0 in keypoint.shape:
        return f"keypoint has shape (M, T, V, 2 or 3): persons, frames, joints, coordinates; got {keypoint.shape}"
    if info.setdefault("total_frames", keypoint.shape[1]) != keypoint.shape[1]:
        return f"total_frames is {info['total_frames']}, but keypoint {keypoint.shape} has {keypoint.shape[1]} frames"
    if "keypoint_score" in info:
        score = as_numbers(info["keypoint_score"])
        if score is None or score.shape != keypoint.shape[:3]:
            got = _shown(info["keypoint_score"]) if score is None else score.shape
            return f"keypoint_score has the shape (M, T, V) of keypoint, {keypoint.shape[:3]}; got {got}"
        info["keypoint_score"] = score
    return None


def _shown(value: object) -> str:
    return str(value.dtype) if isinstance(value, np.ndarray) else reprlib.repr(value)


def save_annotations(
    path: str | os.PathLike,
    annotations: Sequence[dict],
    split: dict[str, Sequence[str]] | None = None,
    overwrite: bool = False,
) -> None:
    """Write annotations as a pickle that this package, MMAction2 and PYSKL read, whatever their NumPy.

    Args:
        path: The file; it appears only when it is complete.
        annotations: One dict per clip, see :func:`load_annotations`.
        split: Names of the clips in each split; without, the bare list is written.
        overwrite: Whether an existing file may be replaced.

    Raises:
        FileExistsError: If the file exists and may not be replaced.
        ValueError: If an annotation is wrong; names it.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(
            f"{path} exists; choose another name, or replace it: --overwrite, in Python overwrite=True"
        )
    for index, info in enumerate(annotations):
        problem = check_annotation(info)
        if problem:
            raise ValueError(f"annotation {index} ({annotation_name(info)}): {problem}")
    content = list(annotations)
    if split is not None:
        content = {"split": {name: list(ids) for name, ids in split.items()}, "annotations": content}
    # Protocol 3 names a global once, in plain text, where NumPy 2's module can be replaced by that of NumPy 1.
    data = pickle.dumps(content, protocol=3)
    for name in (b"_reconstruct", b"scalar"):
        data = data.replace(b"cnumpy._core.multiarray\n" + name, b"cnumpy.core.multiarray\n" + name, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    os.replace(part, path)
