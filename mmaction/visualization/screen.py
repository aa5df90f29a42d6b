"""A window on the screen."""

import os
import sys
from collections.abc import Sequence

import cv2
import numpy as np

from mmaction.visualization.draw import Style, draw_scores, draw_text

END_KEYS = (ord("q"), 27)  # q and Escape


def screen_problem() -> str:
    """Return why there can be no window here, or an empty text."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no display (DISPLAY is not set)"
    gui = next((line for line in cv2.getBuildInformation().splitlines() if line.strip().startswith("GUI:")), "")
    return "the installed OpenCV shows no windows (opencv-python-headless)" if gui.endswith("NONE") else ""


class Screen:
    """A window that shows frames with what happens in them; ``q``, Escape or its close button end it."""

    def __init__(self, title: str) -> None:
        self._title, self._is_open = title, False

    def show(self, image: np.ndarray, caption: tuple[str, float] | None, lines: Sequence[str]) -> bool:
        """Show an RGB image ``(H, W, 3)`` with the name and score of what happens, and lines at its top.

        Returns:
            Whether to go on.
        """
        image = np.ascontiguousarray(image[..., ::-1])
        draw_text(image, list(lines), (0, 0), Style.for_size(*image.shape[:2]).font_scale)
        if caption is not None:
            draw_scores(image, [caption[0]], [caption[1]], count=1)
        cv2.imshow(self._title, image)
        key = cv2.waitKey(1) & 0xFF
        was_open, self._is_open = self._is_open, cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
        return key not in END_KEYS and (self._is_open or not was_open)

    def close(self) -> None:
        """Close the window."""
        cv2.destroyAllWindows()
