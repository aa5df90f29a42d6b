"""A clip with its best classes written on it."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from mmaction.apis.clips import Clip
from mmaction.apis.predictions import Prediction, class_name


def check_suffix(path: Path) -> None:
    """Raise ValueError unless labels can be written into a file of this name."""
    if path.suffix.lower() not in (".mp4", ".gif"):
        raise ValueError(f"{path}: labels are written into *.mp4 or *.gif")


def write_labelled(
    clip: Clip,
    predictions: Sequence[Prediction],
    names: Sequence[str] | None,
    path: Path,
    fps: float | None = None,
    topk: int = 5,
) -> None:
    """Write a video in which each frame lists the best classes of the window whose centre is nearest to it.

    Args:
        clip: A video, or a folder of RGB frames.
        predictions: One for the clip, or one for each window.
        names: Class names, or None.
        path: ``.mp4`` or ``.gif``; it appears only when it is complete.
        fps: Frame rate; None: that of the video, 25 for a folder.
        topk: Classes to list.

    Raises:
        ValueError: If the clip has no pictures, or the suffix is another.
    """
    from mmaction.visualization.draw import draw_scores
    from mmaction.visualization.video_io import VideoSink

    check_suffix(path)
    frames, rate = _pictures(clip, fps)
    labels = [class_name(names, label) for label in range(len(predictions[0].scores))]
    centres = np.array([((p.start_s or 0) + (p.end_s or 0)) / 2 for p in predictions])
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part{path.suffix}")
    try:
        with closing(VideoSink(temporary, rate)) as sink:
            for index, frame in enumerate(frames):
                nearest = predictions[int(np.abs(centres - (index + 0.5) / rate).argmin())]
                sink.write(draw_scores(np.ascontiguousarray(frame), labels, nearest.scores, count=topk))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _pictures(clip: Clip, fps: float | None) -> tuple[Iterator[np.ndarray], float]:
    """Return the RGB frames of a clip, one at a time, and the frame rate."""
    if clip.kind == "video":
        from mmaction.visualization.video_io import VideoReader

        reader = VideoReader(clip.sample["filename"])
        return (image for _, image in reader.frames()), fps or reader.info.fps
    if clip.kind == "frames" and clip.sample["modality"] == "RGB":
        return _folder_pictures(clip), fps or 25.0
    raise ValueError(f"{clip.name} has no pictures to write on; draw skeletons with pose_visualizer.py")


def _folder_pictures(clip: Clip) -> Iterator[np.ndarray]:
    sample = clip.sample
    for number in range(sample["start_index"], sample["start_index"] + sample["total_frames"]):
        path = Path(sample["frame_dir"], sample["filename_tmpl"].format(number))
        image = cv2.imread(str(path))
        if image is None:
            raise ValueError(f"{path} cannot be decoded as an image")
        yield cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
