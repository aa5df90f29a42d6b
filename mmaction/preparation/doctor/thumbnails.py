"""A small picture of the middle of a clip, with its skeleton."""

from __future__ import annotations

import numpy as np

from mmaction.io.suffixes import is_image
from mmaction.io.video import VideoError, open_video
from mmaction.preparation.doctor.read_samples import Sample
from mmaction.skeletons import choose_layout
from mmaction.visualization.draw import Style, draw_skeletons

HEIGHT = 130


def thumbnail(sample: Sample) -> bytes | None:
    """Return a JPEG picture of a clip, or None where nothing can be shown."""
    import cv2

    image = _video_frame(sample) if sample.path and sample.frames else None
    if sample.info is not None and sample.frames:
        image = _skeleton(sample, image)
    if image is None:
        return None
    width = max(1, round(image.shape[1] * HEIGHT / image.shape[0]))
    small = cv2.resize(image, (min(width, 3 * HEIGHT), HEIGHT), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


def _video_frame(sample: Sample) -> np.ndarray | None:
    """Return the middle frame of a readable video or folder, upright, RGB uint8."""
    import cv2

    if sample.path.is_dir():
        images = sorted(path for path in sample.path.iterdir() if is_image(path))
        image = cv2.imread(str(images[len(images) // 2])) if images else None
        return None if image is None else image[..., ::-1]
    try:
        _, frame = next(open_video(sample.path).frames([sample.frames // 2]))
    except (VideoError, OSError):
        return None  # the finding about this file says so
    return frame.rgb()


def _skeleton(sample: Sample, image: np.ndarray | None) -> np.ndarray | None:

    keypoint = np.asarray(sample.info["keypoint"], np.float32)
    try:
        layout = choose_layout(sample.split.layout, keypoint.shape[2], say=lambda sentence: None)
    except ValueError:
        return image
    if keypoint.shape[-1] != 2:
        return image
    frame = keypoint.shape[1] // 2
    points = np.nan_to_num(keypoint[:, frame])
    score = np.asarray(sample.info.get("keypoint_score", np.ones(keypoint.shape[:3])))[:, frame]
    if image is None:
        seen = keypoint[np.isfinite(keypoint).all(-1)]
        height, width = (sample.height, sample.width) if sample.height else np.ceil(seen.max(0))[::-1].astype(int) + 1
        scale = 2 * HEIGHT / max(height, 1)
        points, image = points * scale, np.zeros((2 * HEIGHT, max(1, min(round(width * scale), 2000)), 3), np.uint8)
    image = np.ascontiguousarray(image)
    return draw_skeletons(image, points, score.astype(np.float32), layout, Style.for_size(*image.shape[:2]))
