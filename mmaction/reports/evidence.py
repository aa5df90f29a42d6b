"""Pictures of the evidence for a class: on the whole frames of a video, or on the joints of a skeleton over time."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

from mmaction.apis.clips import Clip, build_pipeline, fit_pipeline
from mmaction.io.images import read_image
from mmaction.io.video import open_video
from mmaction.reports.clip_pictures import BACKGROUND, MAX_ASPECT, spread
from mmaction.skeletons import Layout
from mmaction.structures.scores import to_numpy
from mmaction.utils.config import type_name
from mmaction.visualization.draw import Style, draw_skeletons, draw_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT, SKELETON_HEIGHT = 360, 240
COLORS = cv2.COLORMAP_TURBO
LEVELS = 255  # of the pictures that tell where a pixel comes from


def colored(level: np.ndarray) -> np.ndarray:
    """Return the colors of evidence in [0, 1], RGB uint8 of shape ``(..., 3)``."""
    flat = np.round(255 * np.clip(np.nan_to_num(level), 0, 1)).astype(np.uint8).reshape(-1, 1)
    return cv2.applyColorMap(flat, COLORS)[..., ::-1].reshape(*level.shape, 3)


def color_bar(height: int, width: int = 64) -> np.ndarray:
    """Return the legend of the colors, from most evidence at the top to none, RGB uint8 ``(height, width, 3)``."""
    bar = np.zeros((height, width, 3), np.uint8)
    top, foot = 24, height - 8
    bar[top:foot, 6:20] = colored(np.linspace(1, 0, foot - top))[:, None]
    draw_text(bar, ["evidence"], (0, 0), 0.33)
    for share, text in ((0, "most"), (1, "none")):
        draw_text(bar, [text], (22, top + round(share * (foot - top - 14))), 0.33)
    return bar


def places_of_inputs(clip: Clip, steps: Sequence[Mapping], shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return which frame each of a clip's input frames is, ``(clips, T)``, and where its pixels come from.

    The pipeline of the configs ``steps`` runs on frames whose colors tell their pixels' place: column ``u`` of input
    ``i`` is column ``p[0] * u + p[1]`` of the frame of height and width ``shape``, row ``v`` is row
    ``p[2] * v + p[3]``, where ``p`` is ``places[i]``; ``places`` is ``(clips, 4)``. ValueError if colors tell no place.
    """
    height, width = shape
    ramp = np.zeros((height, width, 3), np.uint8)
    ramp[..., 0] = np.round(np.linspace(0, LEVELS, width))
    ramp[..., 1] = np.round(np.linspace(0, LEVELS, height))[:, None]
    sample = {key: value for key, value in clip.sample.items() if key not in ("filename", "frame_dir")}
    first, total = sample.get("start_index", 0), sample["total_frames"]
    results: Any = {**sample, "start_index": 0, "array": np.broadcast_to(ramp, (total, *ramp.shape))}
    frames = np.zeros(0, np.int64)
    for transform in build_pipeline(fit_pipeline(steps, "array")).transforms:
        results = transform(results)
        frames = results.get("frame_inds", frames)
    inputs = to_numpy(results["inputs"])
    inputs = inputs.transpose(1, 0, 2, 3)[None] if inputs.ndim == 4 else inputs
    if inputs.ndim != 5 or inputs.shape[1] != 3 or inputs.dtype != np.uint8:
        raise ValueError(f"the pipeline makes no RGB frames of the video, but {inputs.dtype} of shape {inputs.shape}")
    lines = []
    for shown in inputs[:, :, 0].astype(np.float64):
        for channel, size in ((0, width), (1, height)):
            values = shown[channel].mean(axis=channel) * (size - 1) / LEVELS  # over rows, over columns
            inner = np.arange(len(values))[len(values) // 10 : len(values) - len(values) // 10]
            line = np.polyfit(inner, values[inner], 1)
            if np.abs(np.polyval(line, inner) - values[inner]).max() > 2 + 0.02 * size or abs(line[0]) < 1e-6:
                raise ValueError("the pipeline changes colors, so they do not tell where a pixel comes from")
            lines.append(line)
    places = np.array(lines).reshape(len(inputs), 4)
    return np.resize(frames, (len(inputs), inputs.shape[2])) + first, places


def read_frames(clip: Clip, wanted: np.ndarray) -> dict[int, np.ndarray]:
    """Return the frames of a video or a folder by their numbers, RGB uint8, at most ``HEIGHT`` pixels high."""
    numbers = sorted(set(wanted.ravel().tolist()))
    if clip.kind == "video":
        return {t: _small(frame.rgb()) for t, frame in open_video(clip.sample["filename"]).frames(numbers)}
    names = {t: Path(clip.sample["frame_dir"], clip.sample["filename_tmpl"].format(t)) for t in numbers}
    return {t: _small(read_image(name)) for t, name in names.items()}


def _small(image: np.ndarray) -> np.ndarray:
    scale = min(1.0, HEIGHT / image.shape[0])
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image


def evidence_on_frames(
    clip: Clip, steps: Sequence[Mapping], maps: np.ndarray, chosen: Sequence[int] | None = None, strength: float = 0.5
) -> np.ndarray:
    """Lay maps ``(clips, T, h, w)`` over the whole frames that they belong to, RGB uint8 ``(clips, T, H, W, 3)``.

    A thin frame shows what the model was given; ``chosen`` are the input clips that the maps are of (None: all).
    """
    if clip.kind == "video":
        reader = open_video(clip.sample["filename"])
        facts = {"total_frames": reader.num_frames, "avg_fps": 1 / reader.info.frame_time}
        clip, shape = Clip(clip.name, clip.kind, {**clip.sample, **facts}), reader.info.shape
    else:
        first = Path(clip.sample["frame_dir"], clip.sample["filename_tmpl"].format(clip.sample["start_index"]))
        shape = read_image(first).shape[:2]
    frames, places = places_of_inputs(clip, steps, shape)
    if chosen is not None:
        frames, places = frames[list(chosen)], places[list(chosen)]
    images = read_frames(clip, frames)
    pictures = np.stack([np.stack([images[t] for t in row]) for row in frames.tolist()])
    scale = pictures.shape[2] / shape[0]
    for i, (a, b, c, d) in enumerate(places):
        shift = 0.5 / scale - 0.5  # a pixel's center stays a pixel's center
        back = np.array([[1 / (a * scale), 0, (shift - b) / a], [0, 1 / (c * scale), (shift - d) / c]])
        size, flags = pictures.shape[3:1:-1], cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        corners = np.array([[-0.5, -0.5], [maps.shape[3] - 0.5, maps.shape[2] - 0.5]]) * (a, c) + (b, d)
        box = np.round((corners - shift) * scale).astype(int).tolist()
        for t in range(pictures.shape[1]):
            level = np.clip(cv2.warpAffine(maps[i, t], back, size, flags=flags), 0, 1)
            share = strength * level[..., None]
            pictures[i, t] = np.round((1 - share) * pictures[i, t] + share * colored(level))
            cv2.rectangle(pictures[i, t], box[0], box[1], (255, 255, 255), 1)
    return pictures


def joint_evidence(
    inputs: torch.Tensor, maps: np.ndarray, img_shape: Sequence[int] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return joints in pixels of the maps, ``(clips, M, T, V, 2)``, and the evidence at each, NaN where it is unseen.

    ``inputs`` are joints ``(clips, M, T, V, 3)`` in an image of ``img_shape``, or heatmaps ``(clips, V, T, h, w)``,
    whose channels are where they are highest. ``maps`` are ``(clips or more, T, h, w)`` in [0, 1].
    """
    array = to_numpy(inputs).astype(np.float32)
    height, width = maps.shape[2:]
    if array.shape[-1] <= 3:
        assert img_shape is not None
        joints = (array[..., :2] + 0.5) * np.array([width / img_shape[1], height / img_shape[0]], np.float32) - 0.5
        seen = array[..., 2] > 0 if array.shape[-1] == 3 else np.abs(array).sum(axis=-1) > 0
    else:
        flat = array.transpose(0, 2, 1, 3, 4).reshape(*array.shape[:1], array.shape[2], array.shape[1], -1)
        y, x = np.unravel_index(flat.argmax(axis=-1), array.shape[-2:])
        joints, seen = np.stack([x, y], axis=-1)[:, None].astype(np.float32), (flat.max(axis=-1) > 0)[:, None]
    x, y = (np.clip(np.round(joints[..., i]), 0, size - 1).astype(int) for i, size in enumerate((width, height)))
    clip, _, t, _ = np.indices(seen.shape)
    return joints, np.where(seen, maps[clip, t, y, x], np.nan)


def graph_joints(
    clip: Clip, steps: Sequence[Mapping], chosen: Sequence[int] | None = None, extent: float = 200
) -> tuple[np.ndarray, np.ndarray]:
    """Return the joints behind the input of a graph network, ``(clips, M, T, V, 2)``, and which are seen.

    The pipeline of the configs ``steps`` runs on a skeleton with joints in place of bones and motions. Joints are
    scaled so that all of them lie within ``extent`` pixels; those in space are looked at from the front. ``chosen`` are
    the input clips that are returned (None: all).
    """
    steps = [{**step, "feats": ["j"]} if type_name(step) == "GenSkeFeat" else step for step in steps]
    array = to_numpy(build_pipeline(steps)(dict(clip.sample))["inputs"]).astype(np.float32)
    array = array if chosen is None else array[list(chosen)]
    if "img_shape" in clip.sample and array.shape[-1] == 3:
        joints, seen = array[..., :2], array[..., 2] > 0
    else:
        joints, there = array[..., :2], np.asarray(array.any(axis=(-2, -1)))
        seen = np.broadcast_to(there[..., None], array.shape[:-1])
        if "img_shape" not in clip.sample and array.shape[-1] == 3 and there.any():
            height = array[there][..., 1:].std(axis=-2).mean(axis=0)  # people are higher than deep
            up = 1 + int(height.argmax())
            joints = np.stack([array[..., 0], -array[..., up]], axis=-1)
    part = joints[seen] if seen.any() else np.zeros((1, 2), np.float32)
    return joints * (extent / max(float(np.ptp(part, axis=0).max()), 1e-6)), seen


def evidence_on_skeletons(joints: np.ndarray, evidence: np.ndarray, layout: Layout | None) -> np.ndarray:
    """Draw joints ``(clips, M, T, V, 2)``, each a disc in the color of its evidence, limbs of ``layout`` in gray.

    RGB uint8 ``(clips, T, H, W, 3)``; all pictures show the same part of the image.
    """
    seen = np.isfinite(evidence)
    part = joints[seen] if seen.any() else np.zeros((1, 2), np.float32)
    low, high = part.min(axis=0), part.max(axis=0)
    size = np.maximum(high - low, 1)
    size = 1.2 * np.maximum(size, size[::-1] / MAX_ASPECT)
    scale = SKELETON_HEIGHT / size[1]
    shape = (len(joints), joints.shape[2], SKELETON_HEIGHT, max(1, round(size[0] * scale)), 3)
    pictures = np.full(shape, BACKGROUND, np.uint8)
    points = (joints - (low + high - size) / 2) * scale
    for clip, t in np.ndindex(shape[:2]):
        image, here = pictures[clip, t], seen[clip, :, t]
        if layout is not None:
            gray = np.zeros_like(image)
            draw_skeletons(gray, points[clip, :, t], here.astype(float), layout, Style(2, 0))
            image[gray.any(axis=-1)] = 90
        for point, level in zip(points[clip, :, t][here], evidence[clip, :, t][here], strict=True):
            color = tuple(map(int, colored(np.array(level))))
            cv2.circle(image, np.round(point).astype(int).tolist(), round(3 + 4 * float(level)), color, -1, cv2.LINE_AA)
    return pictures


def evidence_figure(pictures: np.ndarray, evidence: np.ndarray, names: Sequence[str], title: str) -> "Figure":
    """Return for each clip some frames of it above its evidence, joints ``names`` by frames."""
    from matplotlib.figure import Figure

    count = len(pictures)
    figure = Figure(figsize=(11, count * (2.2 + 0.17 * len(names)) + 0.5), layout="constrained")
    axes = figure.subplots(2 * count, 1, squeeze=False, height_ratios=[2, 0.17 * len(names)] * count)[:, 0]
    for i, (frames, part) in enumerate(zip(pictures, evidence, strict=True)):
        chosen = spread(len(frames), 8)
        above, below = axes[2 * i : 2 * i + 2]
        above.imshow(
            np.concatenate([np.pad(frames[t], ((0, 0), (0, 4), (0, 0)), constant_values=255) for t in chosen], 1)
        )
        above.set_axis_off()
        above.set_title(f"view {i + 1}, input frames {', '.join(map(str, chosen))}", fontsize=9)
        known = np.where(np.isnan(part), -1, part).max(axis=0)  # of several persons the one with most
        shown = below.imshow(
            np.ma.masked_less(known.T, 0), aspect="auto", cmap="turbo", vmin=0, vmax=1, interpolation="nearest"
        )
        below.set_yticks(range(len(names)), names, fontsize=7)
        below.set_xlabel("input frame")
        below.set_facecolor("0.9")
        figure.colorbar(shown, ax=below, label="evidence", pad=0.01)
    figure.suptitle(title)
    return figure


def channel_names(count: int, layout_of: Callable[[int], Layout], limbs: bool) -> tuple[list[str], Layout | None]:
    """Return what to call joints or channels of heatmaps, and the layout whose joints they are, if they are."""
    if limbs:
        return [f"channel {i}" for i in range(count)], None
    layout = layout_of(count)
    return list(layout.joints), layout
