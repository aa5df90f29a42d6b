"""From other programs' pose files to annotation files and back."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from mmaction.datasets.functional.keypoints import split_scores
from mmaction.io.video import check_video
from mmaction.io.video.folders import VideoFolder
from mmaction.preparation.skeleton.files import AnnotationFile, match_lists
from mmaction.preparation.skeleton.formats import FORMATS, Format, Size
from mmaction.preparation.skeleton.ntu import ntu_label, read_ntu
from mmaction.preparation.skeleton.poses import Pose, PoseList, convert_layout
from mmaction.skeletons import get_layout
from mmaction.structures.sample_name import sample_name


def get_format(name: str) -> Format:
    """Return a format by name; KeyError lists the known ones."""
    if name not in FORMATS:
        raise KeyError(f"unknown pose format {name!r}; known: {', '.join(FORMATS)}")
    return FORMATS[name]


def import_poses(
    source: Path,
    format_name: str,
    *,
    layout: str | None = None,
    size: Size | None = None,
    videos: Path | None = None,
    lists: Mapping[str, Path] | None = None,
    label: int | None = None,
    persons: int | None = None,
    first_frame: int | None = None,
) -> tuple[AnnotationFile, dict[str, str]]:
    """Turn pose files into an annotation file.

    Args:
        source: File or folder in the format.
        format_name: ``openpose``, ``alphapose``, ``coco``, ``mmpose``, ``mediapipe``, or ``ntu``, whose joints in space
            need no ``size`` and whose file names hold labels.
        layout: Layout of the joints; the format's usual one by default.
        size: Width and height of the images in pixels.
        videos: Folder of the videos, by whose names size and number of frames are found instead.
        lists: Split name to a list of lines ``NAME LABEL``, which give labels and splits, see
            :func:`~mmaction.preparation.skeleton.files.match_lists`.
        label: Label of clips that are in no list.
        persons: Keep at most so many persons per clip, those with the highest scores.
        first_frame: Number of the first frame in files of ``alphapose``, ``coco`` and ``mmpose``, 0 by default.

    Returns:
        The annotations, and per clip that could not be taken the reason.

    Raises:
        ValueError: If a file cannot be read, two clips have one name, or neither ``size`` nor ``videos``, or neither
            ``lists`` nor ``label`` is given.
    """
    if format_name == "ntu":
        return _import_ntu(source, lists, label, persons)
    if size is None and videos is None:
        raise ValueError("the size of the images is needed: give it, or the folder of the videos")
    if lists is None and label is None:
        raise ValueError("labels are needed: give lists of lines 'NAME LABEL', or one label for all clips")
    form = get_format(format_name)
    if first_frame is not None and (first_frame < 0 or not form.numbered):
        raise ValueError(
            f"first_frame is 0, 1, ... and for formats that number frames alone; got {first_frame} for {format_name}"
        )
    joints = len(get_layout(layout or form.layouts[0]).joints)
    folder = VideoFolder(videos) if videos else None
    found, left_out = {}, {}
    for clip in form.read(source, joints, (1, 1) if form.needs_size else None):
        if clip.name in found or clip.name in left_out:
            raise ValueError(f"{source}: holds two clips named {clip.name}; rename one of them")
        try:
            video = folder and folder.find(clip.name)
            info = check_video(video) if video else None
            frames, shape = (info.num_frames, info.shape) if info else (0, size[::-1] if size else None)
            if form.numbered:
                _count_from(clip, first_frame, frames)
            found[clip.name] = _annotation(clip, form, frames, shape, joints, persons)
        except ValueError as error:
            left_out[clip.name] = str(error)
    return _with_labels(source, found, left_out, lists, dict.fromkeys(found, label))


def _with_labels(
    source: Path,
    found: dict[str, dict],
    left_out: dict[str, str],
    lists: Mapping[str, Path] | None,
    others: Mapping[str, int | None],
) -> tuple[AnnotationFile, dict[str, str]]:
    """Give annotations the labels and splits of lists; ``others`` are the labels of clips that are in none."""
    labels, splits, _ = match_lists(list(found), lists or {})
    for name in found:
        if labels.get(name, others[name]) is None:
            left_out[name] = f"{name}: no list gives its label"
    taken = ((name, info) for name, info in found.items() if name not in left_out)
    annotations = [{**info, "label": labels.get(name, others[name])} for name, info in taken]
    return AnnotationFile(annotations, splits or None, source), left_out


def _import_ntu(
    source: Path, lists: Mapping[str, Path] | None, label: int | None, persons: int | None
) -> tuple[AnnotationFile, dict[str, str]]:
    """Read joints in space; the label is in the name of the file where neither a list nor ``label`` gives it."""
    found: dict[str, dict] = {}
    for name, keypoint in read_ntu(source, persons):
        if name in found:
            raise ValueError(f"{source}: holds two clips named {name}; rename one of them")
        found[name] = {"frame_dir": name, "total_frames": keypoint.shape[1], "keypoint": keypoint}
    others = {name: ntu_label(name) if label is None else label for name in found}
    return _with_labels(source, found, {}, lists, others)


def _count_from(clip: PoseList, first: int | None, frames: int) -> None:
    """Make the frames of a clip count from 0; its video has ``frames``, 0 if unknown."""
    if first is None and frames and clip.seen == frames + 1:
        raise ValueError(
            f"{clip.name}: has a pose in frame {frames}, its video has frames 0 to {frames - 1}; if the files count "
            "from 1, give first_frame=1 (--first-frame 1)"
        )
    clip.count_from(first or 0)


def _annotation(
    clip: PoseList, form: Format, frames: int, shape: tuple[int, int] | None, joints: int, persons: int | None
) -> dict:
    if shape is None:
        raise ValueError(f"{clip.name}: no video of this name, so the image size is unknown")
    keypoint, score = clip.arrays(joints, frames or None, persons)
    if form.needs_size:
        keypoint *= np.array(shape[::-1], np.float32)
    return {
        "frame_dir": clip.name,
        "img_shape": shape,
        "original_shape": shape,
        "total_frames": keypoint.shape[1],
        "keypoint": keypoint,
        "keypoint_score": score,
    }


def export_poses(file: AnnotationFile, format_name: str, folder: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Write the clips of an annotation file in another program's format, and yield what was written for each.

    Persons without any score are left out. Nothing is written if one of the clips cannot be: FileExistsError if its
    file exists and ``overwrite`` is not set; ValueError if it has no 2D keypoints or its name leaves the folder.
    """
    form = get_format(format_name)
    for info in file.annotations:
        _check_exportable(info)
    targets = (folder / f"{sample_name(info)}{form.suffix}" for info in file.annotations)
    if not overwrite and (taken := next((target for target in targets if target.exists()), None)):
        raise FileExistsError(f"{taken} exists already; choose another folder or pass --overwrite")
    for info in file.annotations:
        name, (keypoint, score) = sample_name(info), _joints(info)
        score = np.ones(keypoint.shape[:3], np.float32) if score is None else np.asarray(score, np.float32)
        points = np.concatenate([keypoint, score[..., None]], axis=-1)
        clip = PoseList(name, length=keypoint.shape[1])
        for person, frame in zip(*np.nonzero(score.any(-1)), strict=True):
            clip.poses.append(Pose(int(frame), points[person, frame], int(person)))
        height, width = info.get("img_shape", (1, 1))
        yield form.write(folder, clip, (int(width), int(height)))


def _joints(info: Mapping) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the joints of an annotation, float32, and their scores, where it has any."""
    keypoint = np.asarray(info.get("keypoint", ()), np.float32)
    return split_scores(keypoint, info.get("keypoint_score"), "img_shape" in info)


def _check_exportable(info: Mapping) -> None:
    name, (keypoint, _) = sample_name(info), _joints(info)
    if Path(name).name != name or name in (".", ".."):
        raise ValueError(f"{name!r} is not a plain name, so no file can be named after it")
    if keypoint.ndim != 4 or keypoint.shape[-1] != 2:
        raise ValueError(f"{name}: expected 2D keypoints (M, T, V, 2), found shape {keypoint.shape}")


def change_layout(file: AnnotationFile, source: str, target: str) -> tuple[AnnotationFile, list[str]]:
    """Sort the joints of all annotations into another layout; ValueError names one with other joints than ``source``.

    Returns:
        The new file, and the joints of ``target`` that ``source`` lacks (they get score 0).
    """
    layouts = get_layout(source), get_layout(target)
    annotations: list[dict] = []
    missing: list[str] = []
    for info in file.annotations:
        keypoint, given = split_scores(np.asarray(info["keypoint"]), info.get("keypoint_score"), "img_shape" in info)
        score = np.ones(keypoint.shape[:3], np.float32) if given is None else np.asarray(given)
        try:
            keypoint, score, missing = convert_layout(keypoint, score, *layouts)
        except ValueError as error:
            raise ValueError(f"{file.path}, {sample_name(info)}: {error}") from error
        changed = {**info, "keypoint": keypoint}
        if given is not None or keypoint.shape[-1] == 2:  # 3D joints have no scores
            changed["keypoint_score"] = score
        annotations.append(changed)
    return AnnotationFile(annotations, file.splits, file.path), missing
