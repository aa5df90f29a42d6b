"""Drawing on images: arrays in, arrays out, without torch.

Images are RGB, shape ``(H, W, 3)``, uint8. The ``draw_*`` functions write on the image they get, which has to be
contiguous, and return it; the others return new arrays. Joints are x, y in pixels; a joint whose score is below the
threshold or whose position is not finite is not drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from mmaction.skeletons import Layout
from mmaction.skeletons.frame_checks import visible_joints

Color = tuple[int, int, int]

LEFT: Color = (0, 170, 255)
RIGHT: Color = (255, 140, 0)
CENTER: Color = (120, 230, 90)
WHITE: Color = (255, 255, 255)
BLACK: Color = (0, 0, 0)
PERSONS: tuple[Color, ...] = (
    (255, 225, 25), (240, 50, 230), (70, 240, 240), (60, 180, 75), (245, 130, 48), (145, 30, 180), (210, 245, 60),
    (250, 190, 212), (0, 128, 128), (170, 110, 40),
)  # fmt: skip
COLOR_BY = ("auto", "side", "person")
JOINT_TEXT = ("none", "names", "indices")
_FONT = cv2.FONT_HERSHEY_SIMPLEX
SMALLEST = 0.33  # scale of the font below which nobody can read it
# where the middle of a text may lie, in half sizes of it from its joint: 12 directions, near and far
_AROUND = np.array(
    [[r * np.cos(a), r * np.sin(a)] for r in (1, 1.5, 2.5, 4, 6) for a in np.linspace(0, 2 * np.pi, 12, False)]
)
_SHIFT = 3  # OpenCV draws lines with this many fractional bits


@dataclass(frozen=True)
class Style:
    """How skeletons look."""

    thickness: int = 2  # width of a limb in pixels
    radius: int = 3  # radius of a joint in pixels; 0 draws single pixels
    font_scale: float = 0.5  # scale of OpenCV's Hershey font, whose capitals are about 22 pixels high at 1
    score_thr: float = 0.0  # lowest score of a joint that is drawn; a joint of score 0 never is
    # ``side`` colors limbs left, right and center; ``person`` gives each person one color and keeps the sides in the
    # joints; ``auto`` is ``side`` for one person and ``person`` for several
    color_by: str = "auto"
    joint_text: str = "none"  # ``names``, ``indices`` or ``none`` beside the joints

    def __post_init__(self) -> None:
        for argument, known in (("color_by", COLOR_BY), ("joint_text", JOINT_TEXT)):
            if getattr(self, argument) not in known:
                raise ValueError(f"{argument}: expected one of {', '.join(known)}, got {getattr(self, argument)!r}")

    @classmethod
    def for_size(cls, height: int, width: int, **changes: Any) -> "Style":
        """Scale the default, which is for 360 lines, to an image; ``changes`` are kept as given."""
        unit = min(height, width) / 360
        scaled = cls(max(1, round(2 * unit)), max(1, round(3 * unit)), float(np.clip(0.5 * unit, 0.33, 1.6)))
        return replace(scaled, **changes)


def side_colors(layout: Layout) -> list[Color]:
    """The color of each joint by its side of the body."""
    colors = [CENTER] * len(layout.joints)
    for index in layout.left_joints:
        colors[index] = LEFT
    for index in layout.right_joints:
        colors[index] = RIGHT
    return colors


def limb_colors(layout: Layout, limbs: Sequence[tuple[int, int]] | None = None) -> list[Color]:
    """The color of each limb (the layout's, or given pairs): of its side, or the center's where its joints differ."""
    joints = side_colors(layout)
    colors = []
    for a, b in layout.limbs if limbs is None else limbs:
        sides = {joints[a], joints[b]} - {CENTER}
        colors.append(sides.pop() if len(sides) == 1 else CENTER)
    return colors


def person_color(track: int) -> Color:
    """The color of a person; the same track has the same color in every frame."""
    return PERSONS[track % len(PERSONS)]


def draw_skeletons(
    image: np.ndarray, keypoint: np.ndarray, score: np.ndarray, layout: Layout, style: Style = Style()
) -> np.ndarray:
    """Draw every person of a frame: joints ``(M, V, 2)`` in pixels, scores ``(M, V)``."""
    if keypoint.shape[-2] != len(layout.joints) or score.shape != keypoint.shape[:-1]:
        raise ValueError(
            f"expected joints (M, {len(layout.joints)}, 2) and scores (M, {len(layout.joints)}) of the layout "
            f"{layout.name!r}, got {keypoint.shape} and {score.shape}"
        )
    seen = visible_joints(keypoint, score, style.score_thr)
    by_person = style.color_by == "person" or (style.color_by == "auto" and seen.any(axis=-1).sum() > 1)
    for person in np.flatnonzero(seen.any(axis=-1)):
        limbs = [person_color(int(person))] * len(layout.limbs) if by_person else limb_colors(layout)
        _draw_limbs(image, keypoint[person], seen[person], layout, limbs, style)
        _draw_joints(image, keypoint[person], seen[person], side_colors(layout), style)
    if style.joint_text != "none":
        texts = layout.joints if style.joint_text == "names" else [str(v) for v in range(len(layout.joints))]
        _draw_joint_texts(image, keypoint, seen, texts, style)
    return image


def _fixed(points: np.ndarray) -> np.ndarray:
    """Positions with fractional bits, kept within what OpenCV can draw, int32."""
    points = np.nan_to_num(points, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(np.round(points * 2**_SHIFT), -(2**20), 2**20).astype(np.int32)


def _draw_limbs(
    image: np.ndarray, joints: np.ndarray, seen: np.ndarray, layout: Layout, colors: Sequence[Color], style: Style
) -> None:
    ends = _fixed(joints).tolist()
    for (a, b), color in zip(layout.limbs, colors, strict=True):
        if seen[a] and seen[b]:
            cv2.line(image, ends[a], ends[b], color, style.thickness, cv2.LINE_AA, _SHIFT)


def _draw_joints(
    image: np.ndarray, joints: np.ndarray, seen: np.ndarray, colors: Sequence[Color], style: Style
) -> None:
    for index in np.flatnonzero(seen).tolist():
        x, y = np.clip(np.round(joints[index]), -(2**15), 2**15)
        cv2.circle(image, (int(x), int(y)), style.radius, colors[index], -1)


def _draw_joint_texts(
    image: np.ndarray, keypoint: np.ndarray, seen: np.ndarray, texts: Sequence[str], style: Style
) -> None:
    """Write the names of the joints ``(M, V, 2)`` where they cover least of each other, with a line to each joint."""
    scale, edge = 0.7 * style.font_scale, np.array(image.shape[1::-1])
    points = np.clip(keypoint[seen], -(2**15), 2**15)
    dots = np.concatenate([points, points], axis=-1) + np.array([-1, -1, 1, 1]) * style.radius
    names = [texts[joint] for _, joint in np.argwhere(seen)]
    center = points.mean(axis=0) if len(points) else 0
    taken = dots
    for point, name in sorted(zip(points.tolist(), names, strict=True), key=lambda item: item[0][1]):
        size = np.array(_text_size(name, scale))
        middles = point + _AROUND * (size / 2 + style.radius + 1)
        boxes = np.concatenate([middles - size / 2, middles + size / 2], axis=-1)
        covered = np.maximum(
            np.minimum(boxes[:, None, 2:], taken[:, 2:]) - np.maximum(boxes[:, None, :2], taken[:, :2]), 0
        )
        outside = (np.maximum(-boxes[:, :2], 0) + np.maximum(boxes[:, 2:] - edge, 0)).sum(axis=-1)
        inward = ((middles - point) * (center - point)).sum(axis=-1) > 0
        cost = covered.prod(axis=-1).sum(axis=-1) + size[1] * (outside + 0.02 * np.abs(middles - point).sum(axis=-1))
        best = boxes[np.argmin(cost + 0.1 * size[1] * inward)]
        start, end = _fixed(np.array([point, np.clip(point, best[:2], best[2:])])).tolist()
        cv2.line(image, start, end, WHITE, 1, cv2.LINE_AA, _SHIFT)
        draw_text(image, [name], (int(best[0]), int(best[1])), scale)
        taken = np.concatenate([taken, best[None]])


def draw_trail(
    image: np.ndarray, keypoint: np.ndarray, score: np.ndarray, layout: Layout, style: Style = Style()
) -> np.ndarray:
    """Draw the way of each joint over the last frames, oldest first, thin: ``(M, T, V, 2)`` and ``(M, T, V)``."""
    seen = visible_joints(keypoint, score, style.score_thr)
    both = seen[:, :-1] & seen[:, 1:]
    segments = np.stack([_fixed(keypoint[:, :-1]), _fixed(keypoint[:, 1:])], axis=-2)
    thickness = max(1, style.thickness // 2)
    for joint, color in enumerate(side_colors(layout)):
        lines = segments[:, :, joint][both[:, :, joint]]
        if len(lines):
            cv2.polylines(image, list(lines), False, color, thickness, cv2.LINE_AA, _SHIFT)
    return image


def draw_box(image: np.ndarray, box: np.ndarray, color: Color, thickness: int = 2, text: str = "") -> np.ndarray:
    """Draw a box ``(x1, y1, x2, y2)`` in pixels, with ``text`` above its left corner."""
    x1, y1, x2, y2 = (int(n) for n in np.round(box))
    cv2.rectangle(image, (x1, y1), (x2, y2), color, thickness)
    if text:
        draw_text(image, [text], (x1, y1 - thickness), 0.25 + 0.1 * thickness, color, anchor="bottom")
    return image


def draw_text(
    image: np.ndarray,
    lines: Sequence[str],
    corner: tuple[int, int],
    font_scale: float = 0.5,
    color: Color = WHITE,
    anchor: str = "top",
) -> np.ndarray:
    """Write lines of text on a dark ground onto an RGB image; OpenCV's font shows other than ASCII characters as ``?``.

    ``corner`` is the left end of the first line's top (``anchor="top"``) or of the last line's foot (``"bottom"``).
    Text that would leave the image is moved into it; lines longer than it get smaller, then go on in the next line.
    """
    lines, font_scale = _fitted(lines, image.shape[1], font_scale)
    thickness, pad = _text_style(font_scale)
    sizes = [cv2.getTextSize(line, _FONT, font_scale, thickness)[0] for line in lines]
    step = max((height for _, height in sizes), default=0) + 2 * pad
    longest = max((width for width, _ in sizes), default=0) + 2 * pad
    x, y = corner[0], corner[1] - (step * len(lines) if anchor == "bottom" else 0)
    x = max(min(x, image.shape[1] - longest), 0)
    y = max(min(y, image.shape[0] - step * len(lines)), 0)
    for line, (width, height) in zip(lines, sizes, strict=True):
        ground = image[max(y, 0) : max(y + step, 0), max(x, 0) : max(x + width + 2 * pad, 0)]
        ground[...] = ground // 3
        foot = (x + pad, y + pad + height)
        cv2.putText(image, line, foot, _FONT, font_scale, color, thickness, cv2.LINE_AA)
        y += step
    return image


def _text_style(font_scale: float) -> tuple[int, int]:
    """Return thickness of the strokes and space around a text, in pixels."""
    return max(1, round(1.6 * font_scale)), max(2, round(6 * font_scale))


def _text_size(text: str, font_scale: float) -> tuple[int, int]:
    """Return width and height of a text with the space around it."""
    thickness, pad = _text_style(font_scale)
    width, height = cv2.getTextSize(text, _FONT, font_scale, thickness)[0]
    return width + 2 * pad, height + 2 * pad


def _fitted(lines: Sequence[str], width: int, font_scale: float) -> tuple[list[str], float]:
    """Return lines that fit into ``width`` pixels, and the font's scale: smaller down to ``SMALLEST``, then broken."""
    longest = max((_text_size(line, font_scale)[0] for line in lines), default=0)
    if longest > width:
        font_scale = max(font_scale * width / longest, min(font_scale, SMALLEST))
    fitted: list[str] = []
    for line in lines:
        rest = ""
        for word in line.split(" "):
            longer = f"{rest} {word}" if rest else word
            if rest and _text_size(longer, font_scale)[0] > width:
                fitted.append(rest)
                longer = word
            rest = longer
        fitted.append(rest)
    return fitted, font_scale


def draw_frame(image: np.ndarray, color: Color, thickness: int) -> np.ndarray:
    """Draw a border inside the edge of the image."""
    height, width = image.shape[:2]
    for side in (image[:thickness], image[height - thickness :], image[:, :thickness], image[:, width - thickness :]):
        side[...] = color
    return image


def draw_scores(
    image: np.ndarray, names: Sequence[str], scores: Sequence[float], truth: int | None = None, count: int = 5
) -> np.ndarray:
    """List the ``count`` best classes with a bar each, 0 to 1, at the foot of the image; the true one is green."""
    height, width = image.shape[:2]
    scale = Style.for_size(height, width).font_scale
    best = np.argsort(-np.asarray(scores), kind="stable")[:count]
    best = best[[0, *(row for row in range(1, len(best)) if scores[best[row]] >= 0.005)]]  # no rows of 0.00
    step = round(22 * scale) + max(4, round(12 * scale))
    for row, index in enumerate(best):
        top = height - step * (len(best) - row)
        color = CENTER if index == truth else WHITE
        bar = image[max(top, 0) : top + step - 1, : max(1, round(width * float(np.clip(scores[index], 0.0, 1.0))))]
        bar[...] = bar // 2 + np.array(color, np.uint8) // 3
        draw_text(image, [f"{scores[index]:.2f} {names[index]}"], (0, top), scale, color)
    return image


def draw_label(image: np.ndarray, name: str, score: float, color: Color = WHITE, foot: int = 0) -> np.ndarray:
    """Write a class with its score, 0 to 1, and a bar as long as it, at the image's foot or ``foot`` pixels above."""
    height, width = image.shape[:2]
    scale = Style.for_size(height, width).font_scale
    bottom = height - foot
    bar = image[max(bottom - max(2, round(6 * scale)), 0) : bottom, : round(width * float(np.clip(score, 0.0, 1.0)))]
    bar[...] = color
    top = bottom - len(bar)
    return draw_text(image, [f"{name}  {score:.2f}"], (0, top), scale, color, anchor="bottom")


def timeline_height(height: int) -> int:
    """Return the pixels that a timeline takes at the foot of an image."""
    return max(6, height // 30)


def draw_timeline(image: np.ndarray, spans: Sequence[tuple[float, float, Color]], moment: float) -> np.ndarray:
    """Draw what happens when at the foot of the image: ``spans`` are start, end and color, 0 to 1; a mark is now."""
    height, width = image.shape[:2]
    strip = image[height - timeline_height(height) :]
    strip[...] = 40
    for start, end, color in spans:
        strip[2:, round(start * width) : max(round(end * width), round(start * width) + 1)] = color
    x = round(float(np.clip(moment, 0, 1)) * (width - 1))
    half = max(1, width // 300)
    strip[:, max(x - half, 0) : x + half + 1] = WHITE
    return image


def side_by_side(*images: np.ndarray) -> np.ndarray:
    """Put images beside each other, black below the lower ones."""
    height = max(image.shape[0] for image in images)
    padded = [np.pad(image, ((0, height - image.shape[0]), (0, 0), (0, 0))) for image in images]
    return np.concatenate(padded, axis=1)


def fit_height(image: np.ndarray, height: int) -> np.ndarray:
    """Resize to ``height`` pixels, keeping the proportions."""
    width = max(1, round(image.shape[1] * height / image.shape[0]))
    interpolation = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_LINEAR
    return cv2.resize(image, (width, height), interpolation=interpolation)


def contact_sheet(images: Sequence[np.ndarray], columns: int, gap: int = 4) -> np.ndarray:
    """Lay out images of one size in rows on white, ``columns`` in a row."""
    if not images:
        raise ValueError("a contact sheet needs at least one image, got none")
    height, width = images[0].shape[:2]
    rows = -(-len(images) // columns)
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), 255, np.uint8)
    for index, image in enumerate(images):
        y, x = gap + (index // columns) * (height + gap), gap + (index % columns) * (width + gap)
        sheet[y : y + height, x : x + width] = image
    return sheet


def color_flow(flow: np.ndarray) -> np.ndarray:
    """Show optical flow as hue (direction) and brightness (speed): RGB uint8, ``(H, W, 3)``.

    The first two channels of ``flow`` ``(H, W, 2 or more)`` are x and y: uint8 around 128, or real numbers around 0 or,
    where they exceed 32, around 128. The fastest hundredth of the pixels is brightest.
    """
    motion = flow[..., :2].astype(np.float32)
    motion -= 128 if flow.dtype == np.uint8 or motion.max() > 32 else 0
    speed, angle = cv2.cartToPolar(np.ascontiguousarray(motion[..., 0]), np.ascontiguousarray(motion[..., 1]))
    hsv = np.full((*speed.shape, 3), 255, np.uint8)
    hsv[..., 0] = angle * (90 / np.pi)
    hsv[..., 2] = np.clip(speed * (255 / max(float(np.percentile(speed, 99)), 1e-3)), 0, 255)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def color_heatmaps(heatmaps: np.ndarray, colors: Sequence[Color]) -> np.ndarray:
    """Show heatmaps in [0, 1], ``(C, T, H, W)``, each channel in its color, as RGB pictures ``(T, H, W, 3)``, uint8.

    Each pixel has the brightest of its channels' colors.
    """
    if heatmaps.ndim != 4 or len(heatmaps) != len(colors):
        raise ValueError(f"expected heatmaps (C, T, H, W) with {len(colors)} channels, got shape {heatmaps.shape}")
    pictures = np.zeros((*heatmaps.shape[1:], 3), np.float32)
    for channel, color in zip(heatmaps, colors, strict=True):
        np.maximum(pictures, channel[..., None] * np.asarray(color, np.float32), out=pictures)
    return np.clip(pictures, 0, 255).astype(np.uint8)
