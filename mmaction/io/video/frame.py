"""One decoded frame, as every reader gives it out."""

import cv2
import numpy as np


class Frame:
    """One decoded frame that is RGB already, upright.

    Args:
        image: uint8, shape ``(H, W, 3)``.

    Attributes:
        shape: Height and width.
    """

    shape: tuple[int, int]

    def __init__(self, image: np.ndarray) -> None:
        self._image = image
        self.shape = (image.shape[0], image.shape[1])

    def rgb(self) -> np.ndarray:
        """Return the image, uint8, shape ``(H, W, 3)``."""
        return self._image

    def scaled(self, shape: tuple[int, int], box: tuple[int, int, int, int] | None = None) -> np.ndarray:
        """Return the image at ``shape`` (height, width), interpolated bilinearly, or the part of that inside ``box``.

        Args:
            shape: Height and width of the whole.
            box: Left, top, right and bottom of the part, the last two beyond it, in pixels of the scaled image.
        """
        image = self.rgb()
        image = image if image.shape[:2] == shape else cv2.resize(image, shape[::-1])
        return image if box is None else image[box[1] : box[3], box[0] : box[2]]
