"""Resize, crop and flip for frames and for keypoints, from the same parameters.

Frames are sequences of ``(H, W, C)`` or ``(H, W)`` arrays; keypoints are ``(..., 2)`` arrays of pixels (x, y). Shapes
are ``(height, width)``, as in ``img_shape``; boxes are ``(x1, y1, x2, y2)`` in pixels, right and bottom edge exclusive.
Nothing here changes its inputs, except that `LazyFrames` note the step and return themselves.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from mmaction.datasets.functional.lazy_frames import Box, LazyFrames, deferrable

Frames = Sequence[np.ndarray] | LazyFrames
Quadruple = tuple[float, float, float, float]

INTERPOLATIONS = {
    "nearest": cv2.INTER_NEAREST,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos": cv2.INTER_LANCZOS4,
}
FLIP_CODES = {"horizontal": 1, "vertical": 0}


# ---------------------------------------------------------------- resize
def rescaled_shape(img_shape: tuple[int, int], scale: float | tuple[float, float]) -> tuple[int, int]:
    """Return the shape of an image enlarged as far as ``scale`` allows with its aspect ratio kept.

    ``scale`` is a factor, or two edge lengths in any order: the longer bounds the long edge, the shorter the short
    edge. The result is rounded half up, as in the published pipelines.
    """
    h, w = img_shape
    factor = min(max(scale) / max(h, w), min(scale) / min(h, w)) if isinstance(scale, tuple) else float(scale)
    return int(h * factor + 0.5), int(w * factor + 0.5)


def resize_frames(imgs: Frames, img_shape: tuple[int, int], interpolation: str = "bilinear") -> Frames:
    """Resize every frame to ``img_shape`` (height, width); frames that have it already are passed on as they are."""
    if isinstance(imgs, LazyFrames):
        if interpolation == "bilinear" and imgs.scale_first(img_shape):
            return imgs
        return imgs.then(lambda images: resize_frames(images, img_shape, interpolation))
    size, code = (img_shape[1], img_shape[0]), INTERPOLATIONS[interpolation]
    return [img if img.shape[:2] == img_shape else cv2.resize(img, size, interpolation=code) for img in imgs]


def scale_keypoints(keypoint: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Multiply keypoints ``(..., 2)`` by the factors of x and y."""
    return keypoint * factor


# ---------------------------------------------------------------- crop
def crop_frames(imgs: Frames, box: Box) -> Frames:
    """Return the part of every frame inside ``box``, as views."""
    if isinstance(imgs, LazyFrames):
        return imgs if imgs.crop_first(box) else imgs.then(lambda images: crop_frames(images, box))
    x1, y1, x2, y2 = box
    return [img[y1:y2, x1:x2] for img in imgs]


def multi_crop_frames(imgs: Frames, boxes: Sequence[Box], mirrored: bool = False) -> Frames:
    """Cut every box from every frame: all frames of the first box come first, then all of the second, and so on.

    With ``mirrored`` the frames of each box are followed by their mirror images.
    """
    if isinstance(imgs, LazyFrames):
        views = len(boxes) * (2 if mirrored else 1)
        return imgs.then(lambda images: multi_crop_frames(images, boxes, mirrored), views)
    crops: list[np.ndarray] = []
    for box in boxes:
        part = crop_frames(imgs, box)
        crops.extend(part)
        if mirrored:
            crops.extend(flip_frames(part))
    return crops


def shift_keypoints(keypoint: np.ndarray, box: Box) -> np.ndarray:
    """Move keypoints ``(..., 2)`` so that the upper left corner of ``box`` becomes the origin."""
    return keypoint - np.asarray(box[:2], dtype=keypoint.dtype)


def compose_quadruple(outer: Quadruple, box: Box, img_shape: tuple[int, int]) -> Quadruple:
    """Return x, y, width and height of a crop as shares of the original image; the image shows its part ``outer``."""
    x, y, w, h = outer
    x1, y1, x2, y2 = box
    img_h, img_w = img_shape
    return x + w * x1 / img_w, y + h * y1 / img_h, w * (x2 - x1) / img_w, h * (y2 - y1) / img_h


def center_box(img_shape: tuple[int, int], size: tuple[int, int]) -> Box:
    """Return the box of ``size`` (height, width) in the middle of an image of ``img_shape``."""
    left, top = (img_shape[1] - size[1]) // 2, (img_shape[0] - size[0]) // 2
    return left, top, left + size[1], top + size[0]


def grid_boxes(img_shape: tuple[int, int], size: tuple[int, int], cells: Sequence[tuple[int, int]]) -> list[Box]:
    """Return boxes of ``size`` at the given (column, row) places of a 4 x 4 grid over the free space.

    ``(0, 0)`` is the upper left corner, ``(4, 4)`` the lower right one and ``(2, 2)`` the center.
    """
    h, w = size
    step_x, step_y = (img_shape[1] - w) // 4, (img_shape[0] - h) // 4
    return [(c * step_x, r * step_y, c * step_x + w, r * step_y + h) for c, r in cells]


CORNERS_AND_CENTER = ((0, 0), (4, 0), (0, 4), (4, 4), (2, 2))
EDGES_AND_QUARTERS = ((0, 2), (4, 2), (2, 0), (2, 4), (1, 1), (3, 1), (1, 3), (3, 3))


def three_boxes(img_shape: tuple[int, int], size: tuple[int, int]) -> list[Box]:
    """Return the two outer boxes and the middle box along the edge that is longer than ``size``."""
    (img_h, img_w), (h, w) = img_shape, size
    if h != img_h and w != img_w:
        raise ValueError(
            f"three crops need an image that is as high or as wide as the crop; got an image of {img_h}x{img_w} "
            f"(height x width) and a crop of {h}x{w}: resize so that the short edge equals the crop first"
        )
    x, y = ((img_w - w) // 2, 0) if h == img_h else (0, (img_h - h) // 2)
    return [(k * x, k * y, k * x + w, k * y + h) for k in (0, 2, 1)]


def random_resized_box(
    rng: np.random.Generator,
    img_shape: tuple[int, int],
    area_range: tuple[float, float],
    aspect_ratio_range: tuple[float, float],
    attempts: int = 10,
) -> Box:
    """Draw a box whose share of the area is uniform and whose aspect ratio is log-uniform.

    Inception-style cropping (Szegedy et al., "Going deeper with convolutions", CVPR 2015). When no attempt fits into
    the image, the largest centered square is returned.
    """
    img_h, img_w = img_shape
    log_ratio = np.log(aspect_ratio_range)
    for _ in range(attempts):
        area = rng.uniform(*area_range) * img_h * img_w
        ratio = np.exp(rng.uniform(*log_ratio))
        w, h = round(float(np.sqrt(area * ratio))), round(float(np.sqrt(area / ratio)))
        if 0 < w <= img_w and 0 < h <= img_h:
            x, y = int(rng.integers(img_w - w + 1)), int(rng.integers(img_h - h + 1))
            return x, y, x + w, y + h
    side = min(img_h, img_w)
    return center_box(img_shape, (side, side))


# ---------------------------------------------------------------- flip
@deferrable
def flip_frames(imgs: Frames, direction: str = "horizontal", flow: bool = False) -> Frames:
    """Mirror every frame: ``'horizontal'`` swaps left and right, ``'vertical'`` top and bottom.

    With ``flow``, where x and y components take turns, x is inverted too: motion to the left becomes one to the right.
    """
    code = FLIP_CODES[direction]
    flipped = [cv2.flip(img, code) for img in imgs]
    if flow:
        flipped[::2] = [cv2.bitwise_not(img) for img in flipped[::2]]
    return flipped


def flip_keypoints(keypoint: np.ndarray, img_width: int) -> np.ndarray:
    """Mirror keypoints ``(..., 2)`` in an image of ``img_width`` pixels, 0 if x = 0 is the middle.

    An x of 0 marks a missing joint and stays.
    """
    flipped = keypoint.copy()
    x = keypoint[..., 0]
    flipped[..., 0] = np.where(x != 0, img_width - x, x)
    return flipped
