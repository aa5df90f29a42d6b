"""Read one image of a file."""

from pathlib import Path

import cv2
import numpy as np


def read_image(path: str | Path, gray: bool = False) -> np.ndarray:
    """Return an image, RGB uint8 ``(H, W, 3)``, or ``(H, W)`` if ``gray``; ValueError if it cannot be decoded."""
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path} cannot be decoded as an image")
    return image if gray else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
