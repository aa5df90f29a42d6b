"""Draw the skeletons of a clip on its frames, one frame at a time."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from mmaction.visualization.draw import (
    Style,
    draw_box,
    draw_frame,
    draw_skeletons,
    draw_text,
    draw_trail,
    person_color,
    side_by_side,
    visible_joints,
)
from mmaction.visualization.poses import ClipPoses

PROBLEM_COLOR = (230, 30, 30)
Panel = Callable[[int, int], np.ndarray]


@dataclass(frozen=True)
class Look:
    """What is drawn beside the skeletons, named as the settings of the pose viewer."""

    scale: float = 1.0  # factor of the picture's size
    score_thr: float = 0.0  # lowest score of a joint that is drawn
    color_by: str = "auto"  # ``auto``, ``side`` or ``person``
    joints: str = "none"  # ``none``, ``names`` or ``indices``
    boxes: bool = False  # box and number of each person
    trail: int = 0  # frames of the way of the joints
    captions: bool = True  # frame number, label and score
    side_by_side: bool = False  # the plain skeleton on black beside the video


class Overlay:
    """The drawing of one clip, whose skeletons are in pixels of the video.

    ``captions`` are lines below the frame number, such as the label; ``problems`` names the checks for a frame with a
    problem; ``panel`` gives a picture to show beside frame ``t``, of the height in pixels that it is asked for.
    """

    def __init__(
        self,
        poses: ClipPoses,
        look: Look = Look(),
        captions: tuple[str, ...] = (),
        problems: dict[int, list[str]] | None = None,
        panel: Panel | None = None,
    ) -> None:
        self.look, self.captions, self.problems, self.panel = look, captions, problems or {}, panel
        self.poses = poses
        # A pixel's center stays a pixel's center when the picture is scaled.
        self._keypoint = (poses.keypoint + 0.5) * look.scale - 0.5

    def render(self, image: np.ndarray, t: int) -> np.ndarray:
        """Draw frame ``t`` on an RGB image ``(H, W, 3)``, uint8, which may be written on; past the end only captions.

        The picture is larger by the scale and by what is shown beside it.
        """
        if self.look.scale != 1.0:
            shrinking = self.look.scale < 1.0
            interpolation = cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC
            image = cv2.resize(image, None, fx=self.look.scale, fy=self.look.scale, interpolation=interpolation)
        style = Style.for_size(
            *image.shape[:2], score_thr=self.look.score_thr, color_by=self.look.color_by, joint_text=self.look.joints
        )
        pictures = [self._draw(image, t, style)]
        if self.look.side_by_side:
            pictures.append(self._draw(np.zeros_like(image), t, style))
        edge = max(2, 2 * style.thickness) if t in self.problems else 0
        if edge:
            draw_frame(pictures[0], PROBLEM_COLOR, edge)
        if self.look.captions:
            self._caption(pictures[0], t, style, edge)
        if self.panel is not None:
            pictures.append(self.panel(t, image.shape[0]))
        return pictures[0] if len(pictures) == 1 else side_by_side(*pictures)

    def _draw(self, image: np.ndarray, t: int, style: Style) -> np.ndarray:
        if not 0 <= t < self.poses.num_frames:
            return image
        keypoint, score, layout = self._keypoint, self.poses.score, self.poses.layout
        if self.look.trail:
            past = slice(max(0, t - self.look.trail), t + 1)
            draw_trail(image, keypoint[:, past], score[:, past], layout, style)
        draw_skeletons(image, keypoint[:, t], score[:, t], layout, style)
        if self.look.boxes:
            self._boxes(image, t, style)
        return image

    def _boxes(self, image: np.ndarray, t: int, style: Style) -> None:
        seen = visible_joints(self._keypoint[:, t], self.poses.score[:, t], style.score_thr)
        for person in np.flatnonzero(seen.any(axis=-1)):
            joints = self._keypoint[person, t, seen[person]]
            margin = 2 * style.radius
            box = np.concatenate([joints.min(axis=0) - margin, joints.max(axis=0) + margin])
            draw_box(image, box, person_color(int(person)), style.thickness, f"{person}")

    def _caption(self, image: np.ndarray, t: int, style: Style, edge: int) -> None:
        inner = image[edge : len(image) - edge, edge : image.shape[1] - edge]
        total = self.poses.num_frames
        number = f"frame {t} of {total}" if t < total else f"frame {t}: not annotated"
        lines = [number if total else f"frame {t}", *self.captions]
        draw_text(inner, lines, (0, 0), style.font_scale)
        if t in self.problems:
            names = ", ".join(self.problems[t])
            draw_text(inner, [names], (0, inner.shape[0]), style.font_scale, (255, 120, 120), anchor="bottom")
