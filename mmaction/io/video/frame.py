"""One decoded frame, as every reader gives it out."""

import cv2
import numpy as np


class Frame:
    """One decoded frame that is RGB already: ``image``, upright, uint8, ``(H, W, 3)``; ``shape`` is ``(H, W)``."""

    shape: tuple[int, int]

    def __init__(self, image: np.ndarray) -> None:
        self._image = image
        self.shape = (image.shape[0], image.shape[1])

    def rgb(self) -> np.ndarray:
        """Return the image, uint8, shape ``(H, W, 3)``."""
        return self._image

    def scaled(self, shape: tuple[int, int], box: tuple[int, int, int, int] | None = None) -> np.ndarray:
        """Return the image at ``shape`` (height, width), interpolated bilinearly, or the part of that inside ``box``.

        ``box`` is left, top, right and bottom of the part in pixels of the scaled image; the last two lie beyond it.
        """
        image = self.rgb()
        image = image if image.shape[:2] == shape else cv2.resize(image, shape[::-1])
        return image if box is None else image[box[1] : box[3], box[0] : box[2]]
