"""What a model is given, as pictures: frames, optical flow, heatmaps or joints after the pipeline."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch

from mmaction.io.video.writers import write_image
from mmaction.reports.clip_pictures import spread
from mmaction.skeletons import AUTO, Layout, choose_layout
from mmaction.structures.scores import to_numpy
from mmaction.visualization.draw import (
    Style,
    color_flow,
    color_heatmaps,
    contact_sheet,
    draw_skeletons,
    draw_text,
    side_by_side,
)
from mmaction.visualization.sinks import movie_sink

MIN_HEIGHT = 160
FPS = 10
GROUND = 16
WIDEST = 1800  # pixels of a sheet, where the frames of a clip can be broken into rows
GUESSED = partial(choose_layout, AUTO)  # the layout of so many joints


def input_pictures(
    inputs: torch.Tensor | Mapping[str, torch.Tensor],
    img_shape: Sequence[int] | None = None,
    layout_of: Callable[[int], Layout] = GUESSED,
) -> np.ndarray:
    """Return the pictures that a packed sample shows, RGB uint8 of shape ``(clips, T, H, W, 3)``.

    ``inputs`` is what ``PackActionInputs`` or ``PackPoseInputs`` made of one sample: frames ``(clips, 3, T, H, W)`` or
    ``(frames, 3, H, W)``, flow with 2 channels in their place (of more than 3 channels of frames the first two are
    shown), heatmaps ``(clips, V, T, H, W)``, or joints ``(clips, M, T, V, 2 or 3)`` in an image of ``img_shape``; of
    several modalities the first is shown. ``layout_of`` gives the layout of so many joints. ValueError if the shape is
    none of these.
    """
    if isinstance(inputs, Mapping):
        inputs = next(iter(inputs.values()))
    array = to_numpy(inputs)
    if array.ndim == 4:  # frames (T, C, H, W)
        array = array.transpose(1, 0, 2, 3)[None]
    if array.ndim != 5:
        raise ValueError(f"cannot show inputs of shape {array.shape}: neither frames, heatmaps nor joints")
    if array.shape[-1] <= 3:
        return _joint_pictures(array, img_shape, layout_of(array.shape[3]))
    if array.shape[1] == 3:
        return _as_bytes(array.transpose(0, 2, 3, 4, 1))
    if array.dtype != np.uint8 and array.max() <= 1.5 and array.min() >= 0:
        colors = _colors(array.shape[1])
        return np.stack([color_heatmaps(clip, colors) for clip in array])
    return np.stack([[color_flow(frame) for frame in clip] for clip in array.transpose(0, 2, 3, 4, 1)])


def _as_bytes(frames: np.ndarray) -> np.ndarray:
    """Return frames as uint8; normalized ones are stretched to the whole range."""
    if frames.dtype == np.uint8:
        return frames
    low, high = float(frames.min()), float(frames.max())
    if low < 0 or high > 255:
        frames = (frames - low) * (255 / max(high - low, 1e-6))
    return np.clip(frames, 0, 255).astype(np.uint8)


def _colors(count: int) -> list[tuple[int, int, int]]:
    """Return ``count`` bright colors, evenly spread over the hues."""
    hues = np.stack([np.arange(count) * 179 // max(count, 1), np.full(count, 255), np.full(count, 255)], axis=1)
    return [(int(r), int(g), int(b)) for r, g, b in cv2.cvtColor(hues.astype(np.uint8)[None], cv2.COLOR_HSV2RGB)[0]]


def _joint_pictures(array: np.ndarray, img_shape: Sequence[int] | None, layout: Layout) -> np.ndarray:
    """Draw joints ``(clips, M, T, V, 2 or 3)``; without the image's size, all that is there is shown."""
    joints = array[..., :2].astype(np.float32)
    score = array[..., 2] if array.shape[-1] == 3 and img_shape is not None else np.abs(joints).sum(axis=-1) > 0
    if img_shape is None:  # normalized coordinates of a graph network
        seen = joints[score > 0] if score.any() else np.zeros((1, 2), np.float32)
        low = seen.min(axis=0)
        joints = ((joints - low) / max(float((seen.max(axis=0) - low).max()), 1e-6)).astype(np.float32)
        img_shape = (1, 1)
    scale = MIN_HEIGHT / img_shape[0]
    shape = (MIN_HEIGHT, max(1, round(img_shape[1] * scale)), 3)
    pictures = np.full((array.shape[0], array.shape[2], *shape), GROUND, np.uint8)
    joints, score = joints * scale, score.astype(np.float32)
    for clip, t in np.ndindex(pictures.shape[:2]):
        draw_skeletons(pictures[clip, t], joints[clip, :, t], score[clip, :, t], layout, Style())
    return pictures


def file_stem(name: str) -> str:
    """Return what of a clip's name can stand in a file name."""
    return re.sub(r"[^\w.-]+", "_", Path(name).stem)


def enlarged(pictures: np.ndarray) -> np.ndarray:
    """Enlarge small pictures ``(..., H, W, 3)`` by a whole factor, so that they are at least 160 high."""
    factor = -(-MIN_HEIGHT // pictures.shape[-3])
    return pictures.repeat(factor, axis=-3).repeat(factor, axis=-2) if factor > 1 else pictures


def save_clips(
    path: Path,
    pictures: np.ndarray,
    title: str,
    columns: int = 8,
    legend: Callable[[int], np.ndarray] | None = None,
) -> None:
    """Write pictures ``(clips, T, H, W, 3)`` of a sample as a contact sheet (``.png``, ``.jpg``) or a video.

    A sheet shows at most ``columns`` frames of each clip, one clip in a row; a video shows the clips one after another.
    ``legend`` makes a picture of a given height that stands beside them.
    """
    pictures = enlarged(pictures)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".mp4", ".gif"):
        with closing(movie_sink(path, FPS)) as sink:
            for index, clip in enumerate(pictures):
                for frame in clip:
                    shown = side_by_side(frame, legend(len(frame))) if legend else np.ascontiguousarray(frame)
                    text = title if len(pictures) == 1 else f"{title} [{index + 1}/{len(pictures)}]"
                    sink.write(draw_text(shown, [text], (0, 0), 0.4))
        return
    chosen = spread(pictures.shape[1], columns)
    in_row = len(chosen)
    while in_row % 2 == 0 and in_row * pictures.shape[3] > WIDEST:  # each clip keeps rows of its own
        in_row //= 2
    sheet = contact_sheet([clip[i] for clip in pictures for i in chosen], in_row)
    if legend:
        sheet = side_by_side(sheet, legend(min(len(sheet), 400)))
    head = np.zeros((24, sheet.shape[1], 3), np.uint8)
    write_image(path, np.concatenate([draw_text(head, [title], (0, 0), 0.45), sheet]))
