"""Color changes, and any transform of torchvision."""

from collections.abc import Callable, Sequence
from typing import Any

from mmaction.datasets.functional.color import COLOR_CHANGES, from_clip, to_clip
from mmaction.datasets.transforms.base import RandomTransform
from mmaction.registry import TRANSFORMS
from mmaction.utils.cli import suggest


@TRANSFORMS.register_module()
class ColorJitter(RandomTransform):
    """Change brightness, contrast, saturation and hue at random, in random order, alike in all frames.

    Args:
        brightness: Largest deviation of the factor from 1, or its smallest and largest value.
        contrast: As ``brightness``.
        saturation: As ``brightness``.
        hue: Largest deviation from 0, up to 0.5 (half the color circle), or the smallest and largest value.
    """

    reads = ("imgs",)
    writes = ("imgs",)

    def __init__(
        self,
        brightness: float | Sequence[float] = 0.5,
        contrast: float | Sequence[float] = 0.5,
        saturation: float | Sequence[float] = 0.5,
        hue: float | Sequence[float] = 0.1,
    ) -> None:
        self.brightness = _checked_range("brightness", brightness)
        self.contrast = _checked_range("contrast", contrast)
        self.saturation = _checked_range("saturation", saturation)
        self.hue = _checked_range("hue", hue, 0.0, -0.5, 0.5)

    def sample_params(self, results: dict) -> list[tuple[str, float]]:
        """Draw the changes and their order; one that cannot change anything is left out."""
        rng = self.rng(results)
        names = [str(name) for name in rng.permutation(list(COLOR_CHANGES))]
        changes = [(name, float(rng.uniform(*getattr(self, name)))) for name in names]
        return [(name, amount) for name, amount in changes if amount != (0.0 if name == "hue" else 1.0)]

    def transform(self, results: dict) -> dict:
        """Write ``imgs``."""
        for name, amount in self.sample_params(results):
            results["imgs"] = [COLOR_CHANGES[name](img, amount) for img in results["imgs"]]
        return results


def _checked_range(
    name: str, value: float | Sequence[float], center: float = 1.0, low: float = 0.0, high: float = float("inf")
) -> tuple[float, float]:
    """Return the smallest and largest value that may be drawn."""
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"{name} is the largest deviation from {center:g}, 0 or more; got {value}")
        smallest, largest = max(center - value, low), center + value
    else:
        smallest, largest = value
    if not low <= smallest <= largest <= high:
        raise ValueError(f"{name} lies between {low:g} and {high:g}; got {value}")
    return smallest, largest


@TRANSFORMS.register_module()
class TorchVisionWrapper(RandomTransform):
    """Apply a transform of torchvision to all frames of a sample at once, so that they are changed alike.

    Args:
        op: Name of a class in ``torchvision.transforms``, or the class.
        **kwargs: Its arguments.

    Example:
        >>> TorchVisionWrapper("RandAugment", magnitude=7)  # doctest: +SKIP
    """

    reads = ("imgs",)
    writes = ("imgs", "img_shape")

    def __init__(self, op: str | Callable[..., Any], **kwargs: Any) -> None:
        from torchvision import transforms

        if isinstance(op, str):
            known = [name for name in dir(transforms) if isinstance(getattr(transforms, name), type)]
            if op not in known:
                raise KeyError(f"torchvision.transforms has no {op!r}{suggest(op, known)}")
        build: Callable[..., Any] = getattr(transforms, op) if isinstance(op, str) else op
        self.op = build(**kwargs)

    def transform(self, results: dict) -> dict:
        """Write ``imgs`` and ``img_shape``; torchvision draws from the sample's random numbers, too."""
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(self.rng(results).integers(2**63)))
            imgs = from_clip(self.op(to_clip(results["imgs"])))
        results["imgs"] = imgs
        results["img_shape"] = imgs[0].shape[:2]
        return results
