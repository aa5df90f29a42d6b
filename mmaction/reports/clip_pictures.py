"""Pictures of a clip for a report: a strip of frames, or of skeletons where only those are known."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmaction.io.suffixes import is_image, is_pickle
from mmaction.io.video import open_video
from mmaction.structures.sample_name import sample_name
from mmaction.visualization.draw import Style, contact_sheet, draw_skeletons
from mmaction.visualization.pages import picture_uri
from mmaction.visualization.poses import clip_poses, load_annotation_list

FRAMES, HEIGHT = 8, 96
MAX_ASPECT = 1.8
BACKGROUND = 24


def spread(count: int, wanted: int = FRAMES) -> list[int]:
    """Return at most ``wanted`` indices, evenly spread over ``count`` frames, rising and distinct."""
    return sorted({int((i + 0.5) * count / wanted) for i in range(wanted)}) if count else []


def video_strip(source: str | Path) -> np.ndarray:
    """Return frames of a video, or of a folder of frames, side by side, RGB uint8."""
    path = Path(source)
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if is_image(file))
        images = [cv2.imread(str(files[i])) for i in spread(len(files))]
        frames = [cv2.cvtColor(image, cv2.COLOR_BGR2RGB) for image in images if image is not None]
    else:
        reader = open_video(path)
        frames = [frame.rgb() for _, frame in reader.frames(spread(reader.num_frames))]
    if not frames:
        raise ValueError(f"{path} holds no picture")
    return _strip(frames)


def skeleton_strip(annotation: Mapping[str, Any], say: Callable[[str], object] = print) -> np.ndarray:
    """Return skeletons of a clip on dark ground side by side, RGB uint8; all frames show the same part of the image.

    ``say`` is called with a sentence if the layout is guessed. ValueError if no joint was ever seen.
    """
    poses = clip_poses(annotation)
    if poses.layout_note:
        say(poses.layout_note)
    seen = (poses.score > 0) & np.isfinite(poses.keypoint).all(axis=-1)
    if not seen.any():
        raise ValueError(f"{poses.name}: no joint was ever seen")
    low, high = poses.keypoint[seen].min(axis=0), poses.keypoint[seen].max(axis=0)
    size = np.maximum(high - low, 1)
    size = np.maximum(size, size[::-1] / MAX_ASPECT)  # neither a needle nor a ribbon
    low = (low + high - 1.15 * size) / 2
    scale = 2 * HEIGHT / (1.15 * size[1])
    shape = (2 * HEIGHT, max(1, int(1.15 * size[0] * scale)), 3)
    frames = []
    for t in spread(poses.num_frames):
        canvas = np.full(shape, BACKGROUND, np.uint8)
        joints = (poses.keypoint[:, t] - low) * scale
        frames.append(draw_skeletons(canvas, joints, poses.score[:, t], poses.layout, Style(thickness=2, radius=2)))
    return _strip(frames)


def _strip(frames: list[np.ndarray]) -> np.ndarray:
    """Shrink frames to one height and put them side by side."""
    width = max(1, round(frames[0].shape[1] * HEIGHT / frames[0].shape[0]))
    small = [cv2.resize(frame, (width, HEIGHT), interpolation=cv2.INTER_AREA) for frame in frames]
    return contact_sheet(small, len(small), gap=2)


class ClipPictures:
    """Finds a picture of a clip: its frames where they are on this machine, else its skeleton.

    Args:
        annotations: A skeleton file, read when it is first needed; None or an absent file: no skeletons.
    """

    def __init__(self, annotations: str | Path | None = None) -> None:
        self._file = Path(annotations) if annotations else None
        self._entries: dict[str, Mapping[str, Any]] | None = None
        self._say = cache(print)  # each sentence once

    def picture(self, name: str, source: str = "") -> tuple[str | None, str]:
        """Return a ``data:`` address of the clip ``source``, else of the skeleton ``name``; or None and why not."""
        try:
            if source and Path(source).exists():
                return picture_uri(video_strip(source)), ""
            entry = self.annotation(name)
            if entry is not None:
                return picture_uri(skeleton_strip(entry, self._say)), ""
        except (OSError, ValueError) as error:
            return None, str(error)
        return None, f"{source or name} is not on this machine"

    def annotation(self, name: str) -> Mapping[str, Any] | None:
        """Return the skeleton of a clip, None where there is none."""
        name = name.partition(" #")[0]
        if self._entries is None:
            file = self._file
            entries = load_annotation_list(file) if file and is_pickle(file) and file.is_file() else []
            self._entries = {sample_name(entry): entry for entry in entries}
        return self._entries.get(name) or self._entries.get(Path(name).stem)
