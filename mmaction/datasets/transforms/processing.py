"""Resize, flip and fuse: the same step for frames and for keypoints."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmaction.datasets.functional import geometry
from mmaction.datasets.transforms.base import RandomTransform, Transform
from mmaction.registry import TRANSFORMS
from mmaction.skeletons import check_sides, get_layout

Result = dict
Scale = float | tuple[float, float]


def prepare_geometry(results: Result, lazy: bool) -> tuple[int, int]:
    """Return the image's height and width; with ``lazy`` also start the record that `Fuse` carries out."""
    if "img_shape" not in results:
        results["img_shape"] = results["imgs"][0].shape[:2]
    img_shape = results["img_shape"]
    record = results.get("lazy")
    if not lazy:
        if record is not None:
            raise ValueError("a step without lazy=True follows lazy steps: put Fuse between them")
    elif "keypoint" in results:
        raise ValueError("lazy=True is for frames alone, and this sample has keypoints: use lazy=False")
    elif record is None:
        h, w = img_shape
        results["lazy"] = {
            "original_shape": img_shape,
            "crop_bbox": np.array([0, 0, w, h], dtype=np.float32),
            "flip": False,
            "flip_direction": None,
            "interpolation": None,
        }
    elif record["flip"]:
        raise ValueError("a lazy step follows a lazy Flip: put Flip last")
    return img_shape


def check_pair(name: str, value: float | Sequence[float]) -> tuple:
    """Return ``value`` as a pair, a single number twice; TypeError if it is neither a number nor two numbers."""
    pair = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value, value)
    if len(pair) != 2 or not all(isinstance(part, (int, float)) and not isinstance(part, bool) for part in pair):
        raise TypeError(f"{name} is one number or two; got {value!r}")
    return pair


def _check_interpolation(name: str) -> str:
    if name not in geometry.INTERPOLATIONS:
        raise ValueError(f"interpolation is one of {', '.join(geometry.INTERPOLATIONS)}; got {name!r}")
    return name


@TRANSFORMS.register_module()
class Resize(Transform):
    """Resize frames and keypoints.

    Args:
        scale: A factor, or (width, height) in pixels. With ``keep_ratio`` the longer number bounds the long edge and
            the shorter one the short edge; ``(-1, 256)`` makes the short edge 256.
        keep_ratio: Keep the aspect ratio.
        interpolation: ``'nearest'``, ``'bilinear'``, ``'bicubic'``, ``'area'`` or ``'lanczos'``.
        lazy: Note the step for `Fuse` instead of carrying it out.
    """

    writes = ("img_shape", "scale_factor", "keep_ratio")

    def __init__(
        self, scale: Scale, keep_ratio: bool = True, interpolation: str = "bilinear", lazy: bool = False
    ) -> None:
        if isinstance(scale, (int, float)) and not isinstance(scale, bool):
            if scale <= 0:
                raise ValueError(f"scale is a factor above 0; got {scale}")
            if not keep_ratio:
                raise ValueError(f"keep_ratio=False needs scale=(width, height); got the factor {scale}")
        else:
            scale = check_pair("scale", scale)
            if min(scale) == -1 and max(scale) > 0 and keep_ratio:
                scale = (np.inf, max(scale))
            elif min(scale) <= 0:
                raise ValueError(f"scale is (width, height) above 0, or -1 and the short edge; got {scale}")
        self.scale = scale
        self.keep_ratio = keep_ratio
        self.interpolation = _check_interpolation(interpolation)
        self.lazy = lazy

    def sample_params(self, img_shape: tuple[int, int]) -> tuple[int, int]:
        """Return the height and width that an image of ``img_shape`` gets."""
        if self.keep_ratio or not isinstance(self.scale, tuple):
            return geometry.rescaled_shape(img_shape, self.scale)
        return int(self.scale[1]), int(self.scale[0])

    def transform(self, results: Result) -> Result:
        """Write ``imgs``, ``keypoint``, ``img_shape``, ``scale_factor`` (x, y) and ``keep_ratio``."""
        img_shape = prepare_geometry(results, self.lazy)
        new_shape = self.sample_params(img_shape)
        factor = np.array([new_shape[1] / img_shape[1], new_shape[0] / img_shape[0]], dtype=np.float32)
        results["img_shape"] = new_shape
        results["keep_ratio"] = self.keep_ratio
        results["scale_factor"] = results["scale_factor"] * factor if "scale_factor" in results else factor
        if self.lazy:
            results["lazy"]["interpolation"] = self.interpolation
            return results
        if "imgs" in results:
            results["imgs"] = geometry.resize_frames(results["imgs"], new_shape, self.interpolation)
        if "keypoint" in results:
            results["keypoint"] = geometry.scale_keypoints(results["keypoint"], factor)
        return results


@TRANSFORMS.register_module()
class RandomRescale(RandomTransform):
    """Resize so that the short edge is a random number of pixels, with the aspect ratio kept.

    Args:
        scale_range: Smallest and largest short edge in pixels, both included.
        interpolation: As in `Resize`.
    """

    writes = (*Resize.writes, "short_edge")

    def __init__(self, scale_range: tuple[int, int], interpolation: str = "bilinear") -> None:
        self.scale_range = check_pair("scale_range", scale_range)
        if not 0 < self.scale_range[0] <= self.scale_range[1]:
            raise ValueError(f"scale_range is (smallest, largest) short edge in pixels; got {scale_range}")
        self.interpolation = _check_interpolation(interpolation)

    def transform(self, results: Result) -> Result:
        """Write what `Resize` writes, and ``short_edge``."""
        short_edge = int(self.rng(results).integers(self.scale_range[0], self.scale_range[1] + 1))
        results = Resize((-1, short_edge), interpolation=self.interpolation).transform(results)
        results["short_edge"] = short_edge
        return results


def mirror_label(label: Any, classes: Mapping[int, int]) -> Any:
    """Return a class index, class indices (list or array), or a tensor of zeros and ones, with ``classes`` exchanged.

    ValueError if a class of the map lies outside the vector.
    """
    if hasattr(label, "new_zeros") and label.ndim:  # a tensor
        vector = label.new_zeros(label.shape)
        for index in label.nonzero().ravel().tolist():
            image = classes.get(index, index)
            if not 0 <= image < len(label):
                raise ValueError(f"flip_label_map maps class {index} to {image}, the data set has {len(label)}")
            vector[image] = label[index]
        return vector
    if np.ndim(label):
        mirrored = [classes.get(index, index) for index in map(int, label)]
        return np.array(mirrored, label.dtype) if isinstance(label, np.ndarray) else mirrored
    return classes.get(int(label), int(label))


@TRANSFORMS.register_module()
class Flip(RandomTransform):
    """Mirror frames and keypoints with a probability.

    Args:
        flip_ratio: Probability, 0 to 1.
        direction: ``'horizontal'`` or ``'vertical'``; keypoints and optical flow only horizontally.
        flip_label_map: Class index to the class index of its mirror image; several labels are mapped one by one,
            whether the label lists them or is the vector of zeros and ones of ``multi_class``.
        left_kp: Joints of the left side, each exchanged with the joint at the same place of ``right_kp``.
        right_kp: Joints of the right side.
        lazy: Note the step for `Fuse` instead of carrying it out.
        layout: Skeleton layout (name or description, see `mmaction.skeletons`) from which the exchanged joints come,
            in place of the two lists.
        centered: The keypoints, (M, T, V, 2) or (M, T, V, 3), are centered: x becomes -x. It belongs behind
            ``PreNormalize2D`` or ``PreNormalize3D``. By default keypoints are pixels of the image.
    """

    writes = ("flip", "flip_direction")

    def __init__(
        self,
        flip_ratio: float = 0.5,
        direction: str = "horizontal",
        flip_label_map: Mapping[int, int] | None = None,
        left_kp: Sequence[int] | None = None,
        right_kp: Sequence[int] | None = None,
        lazy: bool = False,
        layout: str | Mapping | None = None,
        centered: bool = False,
    ) -> None:
        if not 0 <= flip_ratio <= 1:
            raise ValueError(f"flip_ratio is a probability, 0 to 1; got {flip_ratio}")
        if direction not in geometry.FLIP_CODES:
            raise ValueError(f"direction is one of {', '.join(geometry.FLIP_CODES)}; got {direction!r}")
        self.joint_layout = get_layout(layout) if layout is not None else None
        if self.joint_layout is not None:
            if left_kp is not None or right_kp is not None:
                raise ValueError("give either layout or left_kp and right_kp, not both")
            left_kp, right_kp = self.joint_layout.left_joints, self.joint_layout.right_joints
        if centered and (lazy or direction != "horizontal"):
            raise ValueError("centered=True mirrors keypoints horizontally, and not lazily")
        pairs = [] if left_kp is None or right_kp is None else [len(left_kp), len(right_kp)]
        if (left_kp is None) != (right_kp is None) or len(set(pairs)) > 1:
            raise ValueError(f"left_kp and right_kp name one joint each per pair; got {left_kp} and {right_kp}")
        self.flip_ratio = flip_ratio
        self.direction = direction
        self.flip_label_map = dict(flip_label_map) if flip_label_map is not None else None
        self.left_kp = list(left_kp) if left_kp is not None else None
        self.right_kp = list(right_kp) if right_kp is not None else None
        self.lazy = lazy
        self.centered = centered
        self._orders: dict[int, np.ndarray] = {}  # where each joint comes from, by the number of joints

    def check_joints(self, num_joints: int, mirrored: bool = False) -> None:
        """Raise a ValueError if the layout, or the lists of joints, are not for skeletons of ``num_joints`` joints."""
        layout = self.joint_layout
        if layout is not None and len(layout.joints) != num_joints:
            raise ValueError(
                f"layout={layout.name!r} has {len(layout.joints)} joints, the skeletons have {num_joints}; "
                "set layout= to the layout of the data"
            )
        if layout is None and self.left_kp is not None and self.right_kp is not None:
            check_sides(self.left_kp, self.right_kp, num_joints)

    def sample_params(self, results: Result) -> bool:
        """Draw whether this sample is mirrored."""
        return bool(self.rng(results).random() < self.flip_ratio)

    def transform(self, results: Result) -> Result:
        """Write ``flip``, ``flip_direction`` and, when it happens, ``imgs``, ``keypoint`` and the label."""
        if not self.centered and "img_shape" not in results and "imgs" not in results:
            raise ValueError("Flip needs img_shape; set centered=True for joints in space, behind PreNormalize3D")
        width = 0 if self.centered else prepare_geometry(results, self.lazy)[1]
        if "keypoint" in results:
            self._joint_order(results["keypoint"].shape[-2])
        is_flow = results.get("modality") == "Flow"
        if self.direction != "horizontal" and (is_flow or "keypoint" in results):
            raise ValueError("keypoints and optical flow can only be flipped with direction='horizontal'")
        flip = self.sample_params(results)
        results["flip"], results["flip_direction"] = flip, self.direction
        if self.lazy:
            results["lazy"].update(flip=flip, flip_direction=self.direction)
        if not flip:
            return results
        if self.flip_label_map is not None:
            results["label"] = mirror_label(results["label"], self.flip_label_map)
        if "imgs" in results and not self.lazy:
            results["imgs"] = geometry.flip_frames(results["imgs"], self.direction, is_flow)
        if "keypoint" in results:
            self._flip_keypoints(results, width)
        return results

    def _joint_order(self, num_joints: int) -> np.ndarray:
        """Return where each joint of a mirror image comes from; checks and computes it once for each ``num_joints``."""
        if num_joints not in self._orders:
            self.check_joints(num_joints)
            order = np.arange(num_joints)
            if self.left_kp is not None and self.right_kp is not None:
                order[self.left_kp], order[self.right_kp] = self.right_kp, self.left_kp
            self._orders[num_joints] = order
        return self._orders[num_joints]

    def _flip_keypoints(self, results: Result, width: int) -> None:
        keypoint = geometry.flip_keypoints(results["keypoint"], width)
        score = results.get("keypoint_score")
        if self.left_kp is not None and self.right_kp is not None:
            order = self._joint_order(keypoint.shape[2])
            keypoint = keypoint[:, :, order]
            if score is not None:
                results["keypoint_score"] = score[:, :, order]
        results["keypoint"] = keypoint


@TRANSFORMS.register_module()
class Fuse(Transform):
    """Carry out the steps noted with ``lazy=True``: one crop, one resize, one flip.

    Cheaper than step by step, and equal to it but for the intermediate interpolation that is left out.
    """

    reads = ("imgs", "img_shape")
    writes = ("imgs",)

    def transform(self, results: Result) -> Result:
        """Write ``imgs`` and remove ``lazy``; ValueError if no step was noted."""
        record = results.pop("lazy", None)
        if record is None:
            raise ValueError("Fuse found no step to carry out: give the steps before it lazy=True")
        imgs = geometry.crop_frames(results["imgs"], tuple(record["crop_bbox"].round().astype(int).tolist()))
        imgs = geometry.resize_frames(imgs, results["img_shape"], record["interpolation"] or "bilinear")
        if record["flip"]:
            imgs = geometry.flip_frames(imgs, record["flip_direction"], results.get("modality") == "Flow")
        results["imgs"] = imgs
        return results
