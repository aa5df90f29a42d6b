"""Reading and writing the pose files of OpenPose, AlphaPose, COCO tools, MMPose and MediaPipe.

A reader takes a file or folder and yields :class:`PoseList`; a writer is its inverse. Coordinates are pixels;
MediaPipe writes shares of the image size. Every error names the file.
"""

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mmaction.preparation.skeleton.poses import Pose, PoseList
from mmaction.utils.files import read_json, write_text

Size = tuple[int, int]
MAX_FRAMES = 1_000_000  # of one clip; more is a mistake in the file


@dataclass(frozen=True)
class Format:
    """A file format of poses."""

    layouts: tuple[str, ...]  # layouts it may have, the default first
    # called with a path, the number of joints, and width and height (or None); yields clips
    read: Callable[[Path, int, Size | None], Iterator[PoseList]]
    # called with a folder, a clip, and width and height; writes it and returns the path
    write: Callable[[Path, PoseList, Size], Path]
    needs_size: bool = False  # whether coordinates are shares of the image
    numbered: bool = False  # whether each pose states the number of its frame, which may count from 0 or from 1
    suffix: str = ".json"  # ``write`` makes ``CLIP`` and this: a file, or a folder where it is empty


def _points(values: Any, joints: int, where: str) -> np.ndarray:
    """Return x, y, score of ``joints`` joints; a value that is no finite number is an error, a score is cut to 0..1."""
    try:
        points = np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{where}: keypoints must be numbers, found {str(values)[:60]}") from None
    if points.size != joints * 3:
        hint = "; are they of another layout (--layout)?" if points.size and points.size % 3 == 0 else ""
        raise ValueError(
            f"{where}: expected {joints} joints x 3 numbers (x, y, score), found {points.size} numbers{hint}"
        )
    points = points.reshape(joints, 3)
    if not np.isfinite(points).all():
        raise ValueError(f"{where}: keypoints must be finite numbers")
    points[:, 2] = points[:, 2].clip(0, 1)
    return points


def _get(entry: Any, key: str, where: str) -> Any:
    if not isinstance(entry, dict) or key not in entry:
        raise ValueError(f"{where}: expected an object with {key!r}, found {str(entry)[:60]}")
    return entry[key]


def _list(value: Any, where: str) -> list:
    if not isinstance(value, list):
        raise ValueError(f"{where}: expected a list, found {str(value)[:60]}")
    return value


def _number(value: Any, where: str) -> float:
    try:
        number = float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{where}: expected a number, found {str(value)[:60]}")
    return number


def _frame(value: float, where: str) -> int:
    if not 0 <= value < MAX_FRAMES:
        raise ValueError(f"{where}: frame {str(value)[:60]} is not between 0 and {MAX_FRAMES:,}")
    return int(value)


_OPENPOSE_NAME = re.compile(r"(?P<clip>.+?)_(?P<frame>\d+)_keypoints")


def read_openpose(folder: Path, joints: int, size: Size | None = None) -> Iterator[PoseList]:
    """Read a folder of ``CLIP_000000000012_keypoints.json``, one file per frame, as OpenPose's ``--write_json`` makes.

    Sub-folders are read too. The clip is as long as it has files, with or without a person.
    """
    files: dict[str, list[tuple[int, Path]]] = {}
    for path in sorted(folder.rglob("*_keypoints.json")):
        if found := _OPENPOSE_NAME.fullmatch(path.stem):
            files.setdefault(found["clip"], []).append((int(found["frame"][-18:]), path))
    if not files:
        raise ValueError(f"{folder} holds no CLIP_FRAME_keypoints.json")
    for name, frames in files.items():
        frames.sort()
        for (frame, one), (other, path) in pairwise(frames):
            if frame == other:
                raise ValueError(f"{one} and {path} are both frame {frame} of the clip {name}; rename one of the clips")
        (first, _), (last, path) = frames[0], frames[-1]
        clip = PoseList(name, length=_frame(last - first, str(path)) + 1)
        for frame, path in frames:
            for person in _list(_get(read_json(path), "people", str(path)), str(path)):
                points = _points(_get(person, "pose_keypoints_2d", str(path)), joints, str(path))
                clip.poses.append(Pose(frame - first, points))
        yield clip


def write_openpose(folder: Path, clip: PoseList, size: Size) -> Path:
    """Write one file per frame into ``folder/CLIP``; frames of a longer clip that was there before go."""
    people: dict[int, list[dict]] = defaultdict(list)
    for pose in clip.poses:
        people[pose.frame].append({"person_id": [-1], "pose_keypoints_2d": _flat(pose.points)})
    paths = [folder / clip.name / f"{clip.name}_{frame:012d}_keypoints.json" for frame in range(clip.frames)]
    for frame, path in enumerate(paths):
        write_text(path, json.dumps({"version": 1.3, "people": people.get(frame, [])}))
    frame_name = re.compile(re.escape(clip.name) + r"_\d{12}_keypoints\.json")
    for path in set((folder / clip.name).glob("*_keypoints.json")) - set(paths):
        if frame_name.fullmatch(path.name):
            path.unlink()
    return folder / clip.name


def _flat(points: np.ndarray) -> list[float]:
    return [float(value) for value in points.ravel()]


def _frame_of(image: Any, where: str) -> tuple[Path, int]:
    """Return folder and frame of an ``image_id``: a number, ``12.jpg``, or ``CLIP/12.jpg``."""
    if isinstance(image, str):
        path = Path(image)
        if digits := re.search(r"(\d+)$", path.stem):
            return path.parent, _frame(int(digits[1][-18:]), where)
        raise ValueError(f"{where}: image_id {image[:60]!r} does not end in a frame number")
    return Path(), _frame(_number(image, where), where)


def read_results(path: Path, joints: int, size: Size | None = None) -> Iterator[PoseList]:
    """Read COCO results: a list of ``{image_id, keypoints, score}``, as COCO tools and AlphaPose write.

    ``path`` is a file, named after its clip, or a folder of such files. ``image_id`` is the frame: a number, or a file
    name that ends in one; the last folder in the file name is the clip. ``idx`` and ``track_id`` are the person's
    identity, unless they give one to two persons of a frame.
    Where nobody is in the last frames of a clip, its file does not tell its length.
    """
    for file in _json_files(path):
        content = _inner(read_json(file), "annotations")
        clips: dict[str, PoseList] = {}
        folders: dict[str, Path] = {}
        for index, entry in enumerate(_list(content, str(file))):
            where = f"{file}, entry {index}"
            folder, frame = _frame_of(_get(entry, "image_id", where), where)
            name = folder.name or file.stem
            if folders.setdefault(name, folder) != folder:
                raise ValueError(
                    f"{where}: {folders[name]} and {folder} are both the clip {name}; rename one of the folders in "
                    "image_id"
                )
            track = _track(next((entry[key] for key in ("track_id", "idx") if entry.get(key) is not None), []), where)
            clip = clips.setdefault(name, PoseList(name))
            clip.poses.append(Pose(frame, _points(_get(entry, "keypoints", where), joints, where), track))
        yield from clips.values()


def _track(value: Any, where: str) -> int | None:
    """Return the one number in a number or lists of it, None where there are several or none."""
    values = [value]
    while any(isinstance(item, list) for item in values):
        values = [inner for item in values for inner in (item if isinstance(item, list) else [item])]
    numbers = {int(_number(item, where)) for item in values}
    return numbers.pop() if len(numbers) == 1 else None


def write_coco(folder: Path, clip: PoseList, size: Size) -> Path:
    """Write ``folder/CLIP.json``: COCO results with ``track_id``."""
    return _write_results(folder, clip, "track_id", lambda frame: frame)


def write_alphapose(folder: Path, clip: PoseList, size: Size) -> Path:
    """Write ``folder/CLIP.json`` as AlphaPose does: image names, ``idx``, ``box``."""
    return _write_results(folder, clip, "idx", lambda frame: f"{frame}.jpg")


def _write_results(folder: Path, clip: PoseList, identity: str, image: Callable[[int], Any]) -> Path:
    entries = []
    for pose in sorted(clip.poses, key=lambda pose: pose.frame):
        low, high = pose.points[:, :2].min(0), pose.points[:, :2].max(0)
        box = [float(value) for value in (*low, *(high - low))]
        entries.append(
            {
                "image_id": image(pose.frame),
                "category_id": 1,
                "keypoints": _flat(pose.points),
                "score": pose.score,
                "box": box,
                identity: pose.track or 0,
            }
        )
    return write_text(folder / f"{clip.name}.json", json.dumps(entries))


def read_mediapipe(path: Path, joints: int, size: Size | None) -> Iterator[PoseList]:
    """Read landmarks of MediaPipe Pose: a JSON list with one item per frame, in a file named after its clip.

    An item is None or empty (nobody), a list of landmarks ``{x, y, visibility}``, a list of such lists (persons), or
    an object with one of these as ``pose_landmarks``.
    """
    if size is None:
        raise ValueError("MediaPipe's landmarks are shares of the image: give its size")
    for file in _json_files(path):
        items = _list(read_json(file), str(file))
        clip = PoseList(file.stem, length=len(items))
        for frame, item in enumerate(items):
            where = f"{file}, frame {frame}"
            for person, landmarks in enumerate(_mediapipe_persons(item, where)):
                values = [_landmark(landmark, size, where) for landmark in landmarks]
                clip.poses.append(Pose(frame, _points(values, joints, where), person))
        yield clip


def _mediapipe_persons(item: Any, where: str) -> list[list]:
    if isinstance(item, dict):
        item = _get(item, "pose_landmarks", where)
    if not item:
        return []
    item = _list(item, where)
    if not isinstance(item[0], list):
        item = [item]
    return [_list(person, where) for person in item]


def _landmark(landmark: Any, size: Size, where: str) -> tuple[float, float, float]:
    x, y = (_number(_get(landmark, axis, where), where) for axis in "xy")
    return x * size[0], y * size[1], _number(landmark.get("visibility", 1.0), where)


def write_mediapipe(folder: Path, clip: PoseList, size: Size) -> Path:
    """Write ``folder/CLIP.json``: per frame ``{pose_landmarks: [person, ...]}``."""
    frames: list[dict] = [{"pose_landmarks": []} for _ in range(clip.frames)]
    for pose in clip.poses:
        person = [
            {"x": float(x) / size[0], "y": float(y) / size[1], "visibility": float(score)}
            for x, y, score in pose.points
        ]
        frames[pose.frame]["pose_landmarks"].append(person)
    return write_text(folder / f"{clip.name}.json", json.dumps(frames))


def read_mmpose(path: Path, joints: int, size: Size | None = None) -> Iterator[PoseList]:
    """Read predictions of MMPose, in a file named after its clip, or a folder of such files.

    The inferencer writes a list of ``{frame_id, instances}``, the demo scripts an object with such a list as
    ``instance_info`` (which counts from 1). An instance has ``keypoints`` ``(V, 2)`` and ``keypoint_scores`` ``(V,)``,
    and may have a ``track_id``.
    """
    for file in _json_files(path):
        frames = _list(_inner(read_json(file), "instance_info"), str(file))
        clip = PoseList(file.stem, length=len(frames))
        for number, entry in enumerate(frames):
            where = f"{file}, entry {number}"
            frame = _frame(_number(_get(entry, "frame_id", where), where), where)
            for person in _list(_get(entry, "instances", where), where):
                points = _get(person, "keypoints", where), _get(person, "keypoint_scores", where)
                try:
                    values = np.column_stack([np.asarray(part, dtype=np.float32) for part in points])
                except (TypeError, ValueError, OverflowError):
                    raise ValueError(f"{where}: expected keypoints (V, 2) and keypoint_scores (V,)") from None
                track = _track(person.get("track_id", []), where)
                clip.poses.append(Pose(frame, _points(values, joints, where), track))
        yield clip


def _inner(content: Any, key: str) -> Any:
    """Return the entry ``key`` of an object that has it, anything else as it is."""
    return content[key] if isinstance(content, dict) and key in content else content


def _json_files(path: Path) -> list[Path]:
    paths = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    if not paths:
        raise ValueError(f"{path} holds no .json file")
    return paths


def write_mmpose(folder: Path, clip: PoseList, size: Size) -> Path:
    """Write ``folder/CLIP.json`` as MMPose's inferencer does, with ``track_id``."""
    frames: list[dict] = [{"frame_id": frame, "instances": []} for frame in range(clip.frames)]
    for pose in clip.poses:
        points, scores = pose.points[:, :2].tolist(), pose.points[:, 2].tolist()
        person = {"keypoints": points, "keypoint_scores": scores, "track_id": pose.track or 0}
        frames[pose.frame]["instances"].append(person)
    return write_text(folder / f"{clip.name}.json", json.dumps(frames))


FORMATS = {
    "openpose": Format(("body25", "openpose18", "coco17"), read_openpose, write_openpose, suffix=""),
    "alphapose": Format(("coco17",), read_results, write_alphapose, numbered=True),
    "coco": Format(("coco17",), read_results, write_coco, numbered=True),
    "mmpose": Format(("coco17",), read_mmpose, write_mmpose, numbered=True),
    "mediapipe": Format(("mediapipe33",), read_mediapipe, write_mediapipe, needs_size=True),
}
