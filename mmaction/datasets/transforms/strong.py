"""The strong augmentation of recipes for transformers: RandAugment, and rectangles that are painted over."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mmaction.datasets.functional.clip_changes import CLIP_CHANGES, paint_over
from mmaction.datasets.functional.color import from_clip, to_clip
from mmaction.datasets.transforms.base import RandomTransform
from mmaction.registry import TRANSFORMS

MAX_MAGNITUDE, SPREAD = 10, 0.5  # of RandAugment; the standard deviation around the magnitude
MAX_TRIES = 10  # to find a rectangle that fits into the image


@TRANSFORMS.register_module()
class PytorchVideoWrapper(RandomTransform):
    """RandAugment (Cubuk et al., NeurIPS 2020) of a whole clip, under the name that published recipes give it.

    Each of ``num_layers`` changes is drawn from `CLIP_CHANGES`, made with probability ``prob``, and as strong as a
    normal distribution around ``magnitude`` says. torchvision makes the changes; PyTorchVideo is not needed, and its
    random numbers are not followed.

    Args:
        op: ``RandAugment``. Transforms of torchvision go through ``TorchVisionWrapper``.
        magnitude: Mean strength, 0 to 10.
        num_layers: How many changes follow each other.
        prob: Probability of each.
    """

    reads = ("imgs",)
    writes = ("imgs",)

    def __init__(self, op: str, magnitude: float = 9, num_layers: int = 2, prob: float = 0.5) -> None:
        if op != "RandAugment":
            raise ValueError(
                f"PytorchVideoWrapper: op can only be 'RandAugment' here, got {op!r}; TorchVisionWrapper takes any "
                "transform of torchvision"
            )
        if not (0 <= magnitude <= MAX_MAGNITUDE and num_layers >= 1 and 0 <= prob <= 1):
            raise ValueError(
                f"RandAugment: magnitude lies between 0 and {MAX_MAGNITUDE}, num_layers is 1 or more, prob between 0 "
                f"and 1; got {magnitude=}, {num_layers=}, {prob=}"
            )
        self.op, self.magnitude, self.num_layers, self.prob = op, magnitude, num_layers, prob

    def sample_params(self, results: dict) -> list[tuple[str, float]]:
        """Draw the changes and their strengths, -1 to 1."""
        rng = self.rng(results)
        names = [str(name) for name in rng.choice(list(CLIP_CHANGES), self.num_layers) if rng.random() < self.prob]
        levels = rng.normal(self.magnitude, SPREAD, len(names)).clip(0, MAX_MAGNITUDE) / MAX_MAGNITUDE
        signs = rng.choice((-1.0, 1.0), len(names))
        return [(name, float(level)) for name, level in zip(names, levels * signs, strict=True)]

    def transform(self, results: dict) -> dict:
        """Write ``imgs``."""
        changes = self.sample_params(results)
        if changes:
            clip = to_clip(results["imgs"])
            for name, strength in changes:
                clip = CLIP_CHANGES[name](clip, strength)
            results["imgs"] = from_clip(clip)
        return results


@TRANSFORMS.register_module()
class RandomErasing(RandomTransform):
    """Paint over a rectangle, the same in all frames (Zhong et al., "Random erasing", AAAI 2020).

    Args:
        erase_prob: Probability of it.
        min_area_ratio: Smallest share of the image.
        max_area_ratio: Largest share.
        aspect_range: Smallest and largest height by width; one number is the smaller one, its inverse the other.
        mode: ``const`` fills with one color, ``rand`` with noise of its own for each pixel and frame.
        fill_color: Color of ``const``, mean of the noise with ``fill_std``: a gray level or three of them.
        fill_std: Standard deviation of the noise, which is uniform over all gray levels without it.
    """

    reads = ("imgs", "img_shape")
    writes = ("imgs",)

    def __init__(
        self,
        erase_prob: float = 0.5,
        min_area_ratio: float = 0.02,
        max_area_ratio: float = 1 / 3,
        aspect_range: float | Sequence[float] = (3 / 10, 10 / 3),
        mode: str = "const",
        fill_color: float | Sequence[float] = (128, 128, 128),
        fill_std: float | Sequence[float] | None = None,
    ) -> None:
        low, high = (aspect_range, 1 / aspect_range) if isinstance(aspect_range, (int, float)) else aspect_range
        if not (0 <= erase_prob <= 1 and 0 < min_area_ratio <= max_area_ratio < 1 and 0 < low <= high):
            raise ValueError(
                "RandomErasing: erase_prob lies in [0, 1], 0 < min_area_ratio <= max_area_ratio < 1, aspect_range "
                f"goes up from above 0; got {erase_prob=}, {min_area_ratio=}, {max_area_ratio=}, {aspect_range=}"
            )
        if mode not in ("const", "rand"):
            raise ValueError(f"RandomErasing: mode is 'const' or 'rand'; got {mode!r}")
        self.erase_prob, self.min_area_ratio, self.max_area_ratio = erase_prob, min_area_ratio, max_area_ratio
        self.aspect_range, self.mode, self.fill_color, self.fill_std = (low, high), mode, fill_color, fill_std

    def sample_params(self, results: dict) -> tuple[int, int, int, int] | None:
        """Draw top, left, height and width in pixels; None where nothing is painted over."""
        rng, (rows, columns) = self.rng(results), results["img_shape"]
        if rng.random() >= self.erase_prob:
            return None
        for _ in range(MAX_TRIES):
            area = rng.uniform(self.min_area_ratio, self.max_area_ratio) * rows * columns
            aspect = math.exp(rng.uniform(*np.log(self.aspect_range)))
            height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < height <= rows and 0 < width <= columns:
                top, left = rng.integers(rows - height, endpoint=True), rng.integers(columns - width, endpoint=True)
                return int(top), int(left), height, width
        return None

    def _patch(self, rng: Any, shape: tuple[int, ...]) -> np.ndarray:
        if self.mode == "const":
            return np.broadcast_to(np.asarray(self.fill_color), shape).astype(np.uint8)
        if self.fill_std is None:
            return rng.integers(256, size=shape, dtype=np.uint8)
        return rng.normal(self.fill_color, self.fill_std, shape).clip(0, 255).astype(np.uint8)

    def transform(self, results: dict) -> dict:
        """Write ``imgs``."""
        box = self.sample_params(results)
        if box is not None:
            top, left, height, width = box
            imgs, rng = list(results["imgs"]), self.rng(results)
            patches = [self._patch(rng, (height, width, img.shape[-1])) for img in imgs]
            results["imgs"] = paint_over(imgs, top, left, patches)
        return results
