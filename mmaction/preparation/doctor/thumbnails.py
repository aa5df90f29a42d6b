"""A small picture of the middle of a clip, with its skeleton."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mmaction.io.images import read_image
from mmaction.io.suffixes import is_image
from mmaction.io.video import open_video
from mmaction.preparation.doctor.read_samples import Sample
from mmaction.skeletons import choose_layout
from mmaction.visualization.draw import Style, draw_skeletons

HEIGHT = 130


def thumbnail(sample: Sample, say: Callable[[str], object] = print) -> bytes | None:
    """Return a JPEG picture of a clip, or None where nothing can be shown; ``say`` hears how a layout was guessed."""
    import cv2

    image = _video_frame(sample.path, sample.frames // 2) if sample.path and sample.frames else None
    if sample.middle is not None:
        image = _skeleton(sample, image, say)
    if image is None:
        return None
    width = max(1, round(image.shape[1] * HEIGHT / image.shape[0]))
    small = cv2.resize(image, (min(width, 3 * HEIGHT), HEIGHT), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


def _video_frame(path: Path, index: int) -> np.ndarray | None:
    """Return a frame of a video or of a folder of images, upright, RGB uint8; None where it cannot be read."""
    try:
        if path.is_dir():
            images = sorted(path for path in path.iterdir() if is_image(path))
            return read_image(images[len(images) // 2]) if images else None
        _, frame = next(open_video(path).frames([index]))
    except (ValueError, OSError):
        return None  # the finding about this file says so
    return frame.rgb()


def _skeleton(sample: Sample, image: np.ndarray | None, say: Callable[[str], object]) -> np.ndarray | None:
    """Draw the middle frame of a skeleton of a known layout, on black where there is no image."""
    if sample.middle is None or sample.middle[0].shape[-1] != 2:
        return image
    points, score = sample.middle
    try:
        layout = choose_layout(sample.split.layout, points.shape[1], say=say)
    except ValueError as error:
        say(str(error))
        return image
    points = points.astype(np.float32)
    if image is None:
        height, width = (sample.height, sample.width) if sample.height else points.max((0, 1))[::-1].astype(int) + 1
        scale = 2 * HEIGHT / max(height, 1)
        points, image = points * scale, np.zeros((2 * HEIGHT, max(1, min(round(width * scale), 2000)), 3), np.uint8)
    image = np.ascontiguousarray(image)
    return draw_skeletons(image, points, score, layout, Style.for_size(*image.shape[:2]))
