"""Strong changes, the same in all frames of a clip: RandAugment changes them, a rectangle is painted over them."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # transforms are imported without torch
    import torch

Change = Callable[["torch.Tensor", float], "torch.Tensor"]


def _by_torchvision(name: str, *args: Any) -> "torch.Tensor":
    from torchvision.transforms.v2 import functional

    return getattr(functional, name)(*args)


def _warped(
    clip: "torch.Tensor", angle: float = 0, right: float = 0, down: float = 0, shear: tuple[float, float] = (0, 0)
) -> "torch.Tensor":
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.v2.functional import affine

    shift = [round(right * clip.shape[-1]), round(down * clip.shape[-2])]
    degrees = [math.degrees(math.atan(share)) for share in shear]
    gray = [128.0] * clip.shape[-3]
    return affine(clip, angle, shift, 1.0, degrees, interpolation=InterpolationMode.BILINEAR, fill=gray)


CLIP_CHANGES: dict[str, Change] = {
    "brightness": lambda clip, s: _by_torchvision("adjust_brightness", clip, 1 + 0.9 * s),
    "contrast": lambda clip, s: _by_torchvision("adjust_contrast", clip, 1 + 0.9 * s),
    "saturation": lambda clip, s: _by_torchvision("adjust_saturation", clip, 1 + 0.9 * s),
    "sharpness": lambda clip, s: _by_torchvision("adjust_sharpness", clip, 1 + 0.9 * s),
    "autocontrast": lambda clip, s: _by_torchvision("autocontrast", clip),
    "equalize": lambda clip, s: _by_torchvision("equalize", clip),
    "invert": lambda clip, s: 255 - clip,
    "posterize": lambda clip, s: _by_torchvision("posterize", clip, 8 - round(4 * abs(s))),
    "solarize": lambda clip, s: clip.where(clip < 256 * (1 - abs(s)), 255 - clip),
    "rotate": lambda clip, s: _warped(clip, angle=30 * s),
    "shear_x": lambda clip, s: _warped(clip, shear=(0.3 * s, 0)),
    "shear_y": lambda clip, s: _warped(clip, shear=(0, 0.3 * s)),
    "translate_x": lambda clip, s: _warped(clip, right=0.45 * s),
    "translate_y": lambda clip, s: _warped(clip, down=0.45 * s),
}
"""Changes of a clip (T, C, H, W), uint8, by a strength from -1 to 1, in the ranges of AutoAugment (Cubuk et al., CVPR
2019, table 6). Where a change has one direction, the sign does not matter; three of them know no strength."""


def paint_over(imgs: Sequence[np.ndarray], top: int, left: int, patches: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return copies of images (H, W, C) with a patch (h, w, C) each, whose upper left corner lies at (top, left)."""
    painted = [img.copy() for img in imgs]
    for img, patch in zip(painted, patches, strict=True):
        img[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
    return painted
