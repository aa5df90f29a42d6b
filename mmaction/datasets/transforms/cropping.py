"""Crops: one box (random, random size, one of a few places, center), or three or ten boxes for testing."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from mmaction.datasets.functional import geometry
from mmaction.datasets.transforms.base import RandomTransform, Transform
from mmaction.datasets.transforms.processing import Result, check_pair, prepare_geometry
from mmaction.registry import TRANSFORMS


class _Crop(RandomTransform):
    """Cut one box from frames and keypoints; subclasses say which."""

    writes = ("img_shape", "crop_bbox", "crop_quadruple")
    lazy = False

    def sample_params(self, results: Result) -> geometry.Box:
        """Return the box, in pixels of the current image."""
        raise NotImplementedError

    def transform(self, results: Result) -> Result:
        """Write ``imgs``, ``keypoint``, ``img_shape``, ``crop_bbox`` and ``crop_quadruple`` (x, y, w, h as shares)."""
        img_shape = prepare_geometry(results, self.lazy)
        box = self.sample_params(results)
        outer = results.get("crop_quadruple", (0.0, 0.0, 1.0, 1.0))
        results["crop_quadruple"] = np.array(geometry.compose_quadruple(outer, box, img_shape), dtype=np.float32)
        results["crop_bbox"] = np.array(box)
        results["img_shape"] = (box[3] - box[1], box[2] - box[0])
        if self.lazy:  # narrow the noted crop, which is in pixels of the original image
            x1, y1, x2, y2 = results["lazy"]["crop_bbox"]
            scale = np.array([x2 - x1, y2 - y1] * 2) / np.array([img_shape[1], img_shape[0]] * 2)
            results["lazy"]["crop_bbox"] = (np.array([x1, y1, x1, y1]) + box * scale).astype(np.float32)
            return results
        if "imgs" in results:
            results["imgs"] = geometry.crop_frames(results["imgs"], box)
        if "keypoint" in results:
            results["keypoint"] = geometry.shift_keypoints(results["keypoint"], box)
        return results


def _check_fits(size: tuple[int, int], img_shape: tuple[int, int]) -> None:
    if size[0] > img_shape[0] or size[1] > img_shape[1]:
        raise ValueError(
            f"a crop of {size[0]}x{size[1]} (height x width) does not fit into an image of {img_shape[0]}x"
            f"{img_shape[1]}: resize to a larger image first, or make the crop smaller"
        )


def _check_size(name: str, value: int | Sequence[int]) -> tuple[int, int]:
    width, height = check_pair(name, value)
    if not (isinstance(width, int) and isinstance(height, int) and min(width, height) > 0):
        raise ValueError(f"{name} is a number of pixels or (width, height), integers above 0; got {value!r}")
    return height, width


@TRANSFORMS.register_module()
class RandomCrop(_Crop):
    """Cut a square at a random place.

    Args:
        size: Edge in pixels; ValueError in use if the image is smaller.
        lazy: Note the step for `Fuse` instead of carrying it out.
    """

    def __init__(self, size: int, lazy: bool = False) -> None:
        if not isinstance(size, int):
            raise TypeError(f"size is the edge of a square in pixels, an integer; got {size!r}")
        self.size = _check_size("size", size)[0]
        self.lazy = lazy

    def sample_params(self, results: Result) -> geometry.Box:
        """Draw the box; the last row and column are left out where there is a choice, as in the published pipelines."""
        h, w = results["img_shape"]
        _check_fits((self.size, self.size), (h, w))
        rng = self.rng(results)
        y = int(rng.integers(h - self.size)) if h > self.size else 0
        x = int(rng.integers(w - self.size)) if w > self.size else 0
        return x, y, x + self.size, y + self.size


@TRANSFORMS.register_module()
class RandomResizedCrop(_Crop):
    """Cut a box of random area and aspect ratio at a random place.

    Args:
        area_range: Smallest and largest share of the image's area, within 0 to 1.
        aspect_ratio_range: Smallest and largest width to height.
        lazy: Note the step for `Fuse` instead of carrying it out.
    """

    def __init__(
        self,
        area_range: tuple[float, float] = (0.08, 1.0),
        aspect_ratio_range: tuple[float, float] = (3 / 4, 4 / 3),
        lazy: bool = False,
    ) -> None:
        self.area_range = check_pair("area_range", area_range)
        self.aspect_ratio_range = check_pair("aspect_ratio_range", aspect_ratio_range)
        if not 0 < self.area_range[0] <= self.area_range[1] <= 1:
            raise ValueError(f"area_range is (smallest, largest) share of the area, within 0 to 1; got {area_range}")
        if not 0 < self.aspect_ratio_range[0] <= self.aspect_ratio_range[1]:
            raise ValueError(f"aspect_ratio_range is (smallest, largest) width / height; got {aspect_ratio_range}")
        self.lazy = lazy

    def sample_params(self, results: Result) -> geometry.Box:
        """Draw the box."""
        ranges = self.area_range, self.aspect_ratio_range
        return geometry.random_resized_box(self.rng(results), results["img_shape"], *ranges)


@TRANSFORMS.register_module()
class MultiScaleCrop(_Crop):
    """Cut a box whose edges are drawn from a few shares of the short edge, at one of a few places.

    Multi-scale cropping with fixed corners of Wang et al., "Temporal Segment Networks", ECCV 2016.

    Args:
        input_size: Width and height of the model's input in pixels; an edge within 2 pixels of it is set to it.
        scales: Shares of the short edge.
        max_wh_scale_gap: How far the places of width and height in ``scales`` may differ.
        random_crop: Put the box anywhere instead of at a fixed place.
        num_fixed_crops: 5 (corners and center) or 13 (with edges and quarters).
        lazy: Note the step for `Fuse` instead of carrying it out.
    """

    def __init__(
        self,
        input_size: int | tuple[int, int],
        scales: Sequence[float] = (1,),
        max_wh_scale_gap: int = 1,
        random_crop: bool = False,
        num_fixed_crops: int = 5,
        lazy: bool = False,
    ) -> None:
        self.input_size = _check_size("input_size", input_size)[::-1]
        if isinstance(scales, (str, int, float)) or not scales or not all(0 < scale <= 1 for scale in scales):
            raise ValueError(f"scales are shares of the short edge, within 0 to 1; got {scales!r}")
        if num_fixed_crops not in (5, 13):
            raise ValueError(f"num_fixed_crops is 5 or 13; got {num_fixed_crops}")
        self.scales = tuple(scales)
        self.max_wh_scale_gap, self.random_crop = max_wh_scale_gap, random_crop
        self.num_fixed_crops, self.lazy = num_fixed_crops, lazy

    def sample_params(self, results: Result) -> geometry.Box:
        """Draw the size, then the place."""
        img_h, img_w = results["img_shape"]
        rng = self.rng(results)
        edges = [*enumerate(int(min(img_h, img_w) * scale) for scale in self.scales)]
        sizes = [(w, h) for i, h in edges for j, w in edges if abs(i - j) <= self.max_wh_scale_gap]
        pairs = zip(sizes[rng.integers(len(sizes))], self.input_size, strict=True)
        w, h = (target if abs(edge - target) < 3 else edge for edge, target in pairs)
        _check_fits((h, w), (img_h, img_w))
        if self.random_crop:
            x, y = int(rng.integers(img_w - w + 1)), int(rng.integers(img_h - h + 1))
            return x, y, x + w, y + h
        cells = geometry.CORNERS_AND_CENTER + (geometry.EDGES_AND_QUARTERS if self.num_fixed_crops == 13 else ())
        return geometry.grid_boxes((img_h, img_w), (h, w), [cells[rng.integers(len(cells))]])[0]

    def transform(self, results: Result) -> Result:
        """Write what the other crops write, and ``scales``."""
        results = super().transform(results)
        results["scales"] = self.scales
        return results


@TRANSFORMS.register_module()
class CenterCrop(_Crop):
    """Cut a box from the middle.

    Args:
        crop_size: Edge, or width and height, in pixels; ValueError in use if the image is smaller.
        lazy: Note the step for `Fuse` instead of carrying it out.
    """

    def __init__(self, crop_size: int | tuple[int, int], lazy: bool = False) -> None:
        self.crop_size = _check_size("crop_size", crop_size)
        self.lazy = lazy

    def sample_params(self, results: Result) -> geometry.Box:
        """Return the box."""
        _check_fits(self.crop_size, results["img_shape"])
        return geometry.center_box(results["img_shape"], self.crop_size)


class _MultiCrop(Transform):
    """Cut several boxes from every frame; ``boxes`` gets the shapes of image and box."""

    reads = ("imgs",)
    writes = ("imgs", "img_shape", "crop_bbox")
    boxes: Callable[[tuple[int, int], tuple[int, int]], list[geometry.Box]]
    mirrored = False

    def __init__(self, crop_size: int | tuple[int, int]) -> None:
        self.crop_size = _check_size("crop_size", crop_size)

    def transform(self, results: Result) -> Result:
        """Write ``imgs`` (all frames of the first box, then of the second, ...), their ``crop_bbox``, ``img_shape``."""
        img_shape = prepare_geometry(results, lazy=False)
        _check_fits(self.crop_size, img_shape)
        boxes = self.boxes(img_shape, self.crop_size)
        results["imgs"] = geometry.multi_crop_frames(results["imgs"], boxes, self.mirrored)
        results["crop_bbox"] = np.repeat(np.array(boxes), len(results["imgs"]) // len(boxes), axis=0)
        results["img_shape"] = self.crop_size
        return results


@TRANSFORMS.register_module()
class ThreeCrop(_MultiCrop):
    """Cut three boxes along the long edge: first, last, middle.

    Args:
        crop_size: Edge, or width and height, in pixels; ValueError in use if neither edge equals an edge of the image.
    """

    boxes = staticmethod(geometry.three_boxes)


@TRANSFORMS.register_module()
class TenCrop(_MultiCrop):
    """Cut the four corners and the center, each followed by its mirror image.

    Args:
        crop_size: Edge, or width and height, in pixels; ValueError in use if the image is smaller.
    """

    boxes = staticmethod(partial(geometry.grid_boxes, cells=geometry.CORNERS_AND_CENTER))
    mirrored = True
