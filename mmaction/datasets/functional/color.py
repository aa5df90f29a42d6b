"""Color changes of RGB images, with the meaning that torchvision gives them; inputs stay as they are."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import torch


def adjust_brightness(img: np.ndarray, factor: float) -> np.ndarray:
    """Multiply all values of ``img`` (uint8, ``(H, W, 3)``) by ``factor``."""
    return cv2.addWeighted(img, factor, img, 0, 0)


def adjust_contrast(img: np.ndarray, factor: float) -> np.ndarray:
    """Multiply the distance of all values from the image's mean gray by ``factor``."""
    mean = cv2.mean(cv2.cvtColor(img, cv2.COLOR_RGB2GRAY))[0]
    return cv2.addWeighted(img, factor, img, 0, (1 - factor) * mean)


def adjust_saturation(img: np.ndarray, factor: float) -> np.ndarray:
    """Multiply the distance of each pixel from its own gray by ``factor``; 0 makes a gray image."""
    gray = cv2.cvtColor(cv2.cvtColor(img, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(img, factor, gray, 1 - factor, 0)


def adjust_hue(img: np.ndarray, share: float) -> np.ndarray:
    """Turn all hues by ``share`` of the color circle, -0.5 to 0.5, in steps of 1/256."""
    hsv = cv2.cvtColor(img, cv2.COLOR_RGB2HSV_FULL)
    hsv[..., 0] += np.uint8(round(share * 256) % 256)  # wraps around, as hues do
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL)


COLOR_CHANGES = {
    "brightness": adjust_brightness,
    "contrast": adjust_contrast,
    "saturation": adjust_saturation,
    "hue": adjust_hue,
}


def to_clip(imgs: Sequence[np.ndarray]) -> "torch.Tensor":
    """Return images ``(H, W, C)`` of one size as one tensor, ``(T, C, H, W)``."""
    import torch

    return torch.from_numpy(np.stack(list(imgs))).permute(0, 3, 1, 2)


def from_clip(clip: "torch.Tensor") -> list[np.ndarray]:
    """Return a tensor ``(T, C, H, W)`` as a list of contiguous images ``(H, W, C)``."""
    return list(clip.permute(0, 2, 3, 1).contiguous().numpy())
