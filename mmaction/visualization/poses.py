"""Choose the annotation of a video from a skeleton file, without torch."""

import difflib
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mmaction.io.annotations import read_annotation_file
from mmaction.io.pickles import as_numbers
from mmaction.io.skeleton_values import ADVICE
from mmaction.skeletons import Layout, choose_layout
from mmaction.structures.sample_name import sample_name


@dataclass(frozen=True)
class ClipPoses:
    """The skeletons of one clip."""

    name: str  # ``frame_dir`` of the annotation
    keypoint: np.ndarray  # joints x, y in pixels, shape ``(M, T, V, 2)``
    score: np.ndarray  # confidence, 0 where a joint was not seen, shape ``(M, T, V)``
    layout: Layout  # joints and limbs
    img_shape: tuple[int, int] | None = None  # height and width of the image that the joints are for, None if unknown
    label: int | None = None  # class index, None if unknown
    layout_note: str = ""  # how the layout was guessed; empty where it is known
    third_is_score: bool = False  # whether the scores are the third coordinate of the joints

    @property
    def num_frames(self) -> int:
        """Frames of the annotation."""
        return self.keypoint.shape[1]

    def rescaled(self, height: int, width: int) -> "ClipPoses":
        """The same skeletons for an image of another size; unchanged if the annotation does not say its own.

        ValueError if height and width of the annotation are exchanged, so that rescaling would stretch the body.
        """
        if self.img_shape == (width, height) and height != width:
            raise ValueError(f"{self.name}: img_shape {self.img_shape} is not rescaled: {ADVICE['swapped-size']}")
        if self.img_shape is None or self.img_shape == (height, width):
            return self
        factor = np.array([width / self.img_shape[1], height / self.img_shape[0]], np.float32)
        return replace(self, keypoint=self.keypoint * factor, img_shape=(height, width))


def load_annotation_list(path: str | Path) -> list[dict]:
    """Read the annotations of a skeleton file: the dict with ``annotations``, the bare list, or a single annotation.

    FileNotFoundError if there is no such file; ValueError if it is no annotation file, would run code, or holds no
    annotation.
    """
    content = read_annotation_file(path)[0]
    if not all("keypoint" in entry for entry in content):
        raise ValueError(f"{path}: expected annotations with a 'keypoint' array each; its skeletons lie elsewhere")
    if not content:
        raise ValueError(f"{path}: holds no annotation")
    return content


def find_annotation(annotations: list[dict], wanted: str, video: Path, source: str | Path) -> dict:
    """Choose the annotation ``wanted``, or the one that has the video's name where ``wanted`` is empty.

    ``wanted`` is a ``frame_dir`` or a position in the list (0 is the first). KeyError if none matches; lists close
    names.
    """
    key = wanted or video.stem
    by_name = {sample_name(entry): entry for entry in annotations}
    if key in by_name:
        return by_name[key]
    if not wanted:
        same_file = [name for name in by_name if Path(name).name == video.stem or Path(name).stem == video.stem]
        if len(same_file) == 1:
            return by_name[same_file[0]]
    if wanted.isdigit() and int(wanted) < len(annotations):
        return annotations[int(wanted)]
    close = difflib.get_close_matches(key, by_name, n=5, cutoff=0.5) or list(by_name)[:5]
    reason = f"no annotation is called {key!r}" + ("" if wanted else ", the name of the video")
    raise KeyError(
        f"{source}: {reason}; close names: {', '.join(close)}; "
        f"choose one by frame_dir or by index 0 to {len(annotations) - 1} (clip = ..., --clip ...)"
    )


def clip_poses(
    entry: Mapping, layout: str | Mapping | Layout = "auto", source: str | Path = "annotation", config: Any = None
) -> ClipPoses:
    """Check one annotation and make it a :class:`ClipPoses`.

    It holds ``keypoint`` ``(M, T, V, 2 or 3)``, M may be 0, and, where known, ``keypoint_score`` ``(M, T, V)``,
    ``img_shape``, ``label``. Of three coordinates the third is the score where there is no ``keypoint_score``.
    ``layout`` is as for :func:`mmaction.skeletons.choose_layout`, which also takes the ``config`` that the skeletons
    are used with. ValueError if the shapes do not fit.
    """
    name = sample_name(entry)
    keypoint, label = _numbers(entry, "keypoint", f"{source}, {name}"), as_numbers(entry.get("label"))
    if keypoint.ndim == 3:
        keypoint = keypoint[None]
    if keypoint.ndim != 4 or keypoint.shape[-1] not in (2, 3) or 0 in keypoint.shape[1:3]:
        raise ValueError(f"{source}, {name}: keypoint: expected the shape (M, T, V, 2 or 3), got {keypoint.shape}")
    if entry.get("keypoint_score") is not None:
        score = _numbers(entry, "keypoint_score", f"{source}, {name}")
    else:
        score = keypoint[..., 2] if keypoint.shape[-1] == 3 else (keypoint != 0).any(axis=-1).astype(np.float32)
    if score.shape == keypoint.shape[1:3]:
        score = score[None]
    if score.shape != keypoint.shape[:3]:
        raise ValueError(f"{source}, {name}: keypoint_score: expected shape {keypoint.shape[:3]}, got {score.shape}")
    shape = next((entry[key] for key in ("img_shape", "original_shape") if entry.get(key) is not None), None)
    size = None if shape is None else as_numbers(shape)
    if shape is not None and (size is None or size.shape != (2,) or not ((size > 0) & (size < np.inf)).all()):
        raise ValueError(f"{source}, {name}: img_shape: expected height and width, got {reprlib.repr(shape)}")
    guesses: list[str] = []
    return ClipPoses(
        name=name,
        keypoint=keypoint[..., :2],
        score=score,
        layout=choose_layout(layout, keypoint.shape[2], config, guesses.append),
        img_shape=None if size is None else (int(size[0]), int(size[1])),
        label=int(label) if label is not None and not label.ndim and label.dtype.kind != "f" else None,
        layout_note="".join(guesses),
        third_is_score=keypoint.shape[-1] == 3 and entry.get("keypoint_score") is None,
    )


def _numbers(entry: Mapping, key: str, where: str) -> np.ndarray:
    array = as_numbers(entry[key])
    if array is None:
        raise ValueError(f"{where}: {key}: expected an array of numbers, got {reprlib.repr(entry[key])}")
    return array.astype(np.float32)
