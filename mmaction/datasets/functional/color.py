"""Colour changes of a whole clip at once, by torchvision."""

from collections.abc import Sequence

import numpy as np
import torch

COLOR_CHANGES = ("brightness", "contrast", "saturation", "hue")


def to_clip(imgs: Sequence[np.ndarray]) -> torch.Tensor:
    """Return images ``(H, W, C)`` of one size as one tensor, ``(T, C, H, W)``."""
    return torch.from_numpy(np.stack(list(imgs))).permute(0, 3, 1, 2)


def from_clip(clip: torch.Tensor) -> list[np.ndarray]:
    """Return a tensor ``(T, C, H, W)`` as a list of contiguous images ``(H, W, C)``."""
    return list(clip.permute(0, 2, 3, 1).contiguous().numpy())


def change_color(imgs: Sequence[np.ndarray], changes: Sequence[tuple[str, float]]) -> list[np.ndarray]:
    """Change the colours of all images of a clip in the same way.

    Args:
        imgs: RGB, uint8, ``(H, W, 3)``.
        changes: What to change, one after the other: ``brightness``, ``contrast`` and ``saturation`` with a factor (1
            changes nothing), ``hue`` with a share of the colour circle (-0.5 to 0.5, 0 changes nothing).
    """
    from torchvision.transforms.v2 import functional

    clip = to_clip(imgs)
    for name, amount in changes:
        clip = getattr(functional, f"adjust_{name}")(clip, amount)
    return from_clip(clip)
