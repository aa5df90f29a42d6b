"""What is extracted: the videos of a folder or a list, and given boxes."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmaction.io.file_list import read_file_list, resolve_names
from mmaction.io.pickles import as_numbers, load_pickle
from mmaction.io.suffixes import is_video
from mmaction.io.video.folders import no_videos, walk_videos
from mmaction.utils.text import first_few, repeated


@dataclass(frozen=True)
class SourceVideo:
    """A video to extract."""

    path: Path
    name: str  # ``frame_dir`` of its annotation, unique
    label: int = 0  # class index

    def state(self) -> list:
        """Return what tells the file from others and from its earlier self: path, bytes, time of change."""
        stat = self.path.stat()
        return [os.path.abspath(self.path), stat.st_size, stat.st_mtime_ns]


def list_videos(source: Path, root: Path | None = None) -> list[SourceVideo]:
    """Find the videos of a folder (label 0), of a list (``PATH LABEL`` a line), or one video.

    The videos of a folder are named by their paths in it. The paths of a list are relative to ``root``, and name the
    videos; without ``root`` they are relative to the list's own folder, and the names have no folders.
    FileNotFoundError if a video is missing; ValueError if there is none, a line is wrong, two have one name, or
    ``root`` is given without a list.
    """
    is_one_video = is_video(source) and source.is_file()
    if root is not None and (is_one_video or source.is_dir()):
        raise ValueError(f"the folder {root} is for the paths of a list; {source} is no list")
    if source.is_dir():
        paths, _ = walk_videos(source)
        videos = [SourceVideo(path, path.relative_to(source).with_suffix("").as_posix()) for path in paths]
    elif is_one_video:
        videos = [SourceVideo(source, source.stem)]
    elif source.is_file():
        videos = list(_listed(source, root))
    else:
        raise FileNotFoundError(f"{source}: no such video, list or folder")
    if not videos:
        raise no_videos(source)
    twice = sorted(repeated(video.name for video in videos))
    if twice:
        advice = "; if they lie in different folders, give --videos ROOT" if source.is_file() and root is None else ""
        raise ValueError(f"{source}: these names occur more than once: {first_few(twice)}{advice}")
    return videos


def _listed(source: Path, root: Path | None) -> Iterator[SourceVideo]:
    lines = read_file_list(str(source))
    places = ((str(source.parent / line.name), line) for line in lines)
    for place, line in places if root is None else resolve_names(str(source), lines, str(root)):
        path = Path(place)
        if not os.path.isfile(path):  # false for a name that is too long, where Path.is_file raises
            advice = "; give the folder that the list's paths are relative to with --videos" if root is None else ""
            raise FileNotFoundError(f"{source}:{line.number}: no such video: {path}{advice}")
        inside = root is not None and path.absolute().is_relative_to(root.absolute())
        name = path.absolute().relative_to(root.absolute()) if root is not None and inside else Path(path.name)
        yield SourceVideo(path, name.with_suffix("").as_posix(), line.labels[0])


def read_boxes(path: str) -> dict[str, list[np.ndarray]]:
    """Read given boxes: a pickle ``{name: [boxes of frame 0, ...]}`` of arrays ``(N, 4 or 5)``.

    Returns for each name and frame the boxes x1, y1, x2, y2 in pixels, ``(N, 4)``, float32. ValueError if the file has
    another structure, or a box is empty or not finite.
    """
    content = load_pickle(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a dict from the name of a video to a list of boxes for each frame")
    boxes = {}
    for name, frames in content.items():
        if not isinstance(frames, (list, tuple)):
            raise ValueError(f"{path}: {name}: expected boxes (N, 4 or 5) for each frame")
        boxes[str(name)] = [_frame_boxes(frame, f"{path}: {name}, frame {t}") for t, frame in enumerate(frames)]
    return boxes


def _frame_boxes(frame: object, where: str) -> np.ndarray:
    array = as_numbers(frame)
    if array is None or (array.size and (array.shape or (0,))[-1] not in (4, 5)):
        raise ValueError(f"{where}: expected boxes (N, 4 or 5)")
    boxes = array.reshape(-1, array.shape[-1] if array.size else 4)[:, :4].astype(np.float32)
    fine = np.isfinite(boxes).all(-1) & (boxes[:, 2:] > boxes[:, :2]).all(-1)
    if not fine.all():
        raise ValueError(
            f"{where}: {boxes[~fine][0].tolist()} is no box x1, y1, x2, y2 with x1 < x2 and y1 < y2; a frame without "
            "a person has an array (0, 4)"
        )
    return boxes
