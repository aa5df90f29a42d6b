"""Random changes of a skeleton that keep its class, for small data sets.

They come after ``PoseDecode``, usually after ``PoseCompact``, when a joint that is missing has the coordinates (0, 0).
"""

from collections.abc import Sequence

import numpy as np

from mmaction.datasets.functional.keypoints import affine_keypoints, is_present
from mmaction.datasets.transforms.base import RandomTransform
from mmaction.registry import TRANSFORMS


def check_probability(name: str, value: float) -> float:
    """Return ``value``; raise a ValueError that names it if it is not in [0, 1]."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is a probability, in [0, 1]; got {value}")
    return value


@TRANSFORMS.register_module()
class RandomPoseAffine(RandomTransform):
    """Scale, turn, shear and shift all joints of a clip by one random amount, about the image's center.

    Changes ``keypoint``; ``img_shape`` stays, so joints may leave the image.

    Args:
        scale_range: Least and greatest factor of the size.
        aspect_range: Least and greatest ratio of the factors of height and width (log-uniform).
        rotation: Greatest angle in degrees, to either side.
        shift: Greatest shift, to either side, as a share of the image's width and height.
        shear: Greatest shear along x, to either side: pixels per pixel of y.
        prob: Probability that a clip is changed.

    Example:
        >>> RandomPoseAffine(scale_range=(0.8, 1.2), rotation=15, shift=0.1)  # doctest: +SKIP
    """

    reads = ("keypoint", "img_shape")

    def __init__(
        self,
        scale_range: tuple[float, float] = (0.8, 1.2),
        aspect_range: tuple[float, float] = (1.0, 1.0),
        rotation: float = 15.0,
        shift: float = 0.1,
        shear: float = 0.0,
        prob: float = 1.0,
    ) -> None:
        for name, (low, high) in (("scale_range", scale_range), ("aspect_range", aspect_range)):
            if not 0 < low <= high:
                raise ValueError(f"{name} is two positive factors, the lesser first; got {(low, high)}")
        if min(rotation, shift, shear) < 0:
            raise ValueError(
                f"rotation, shift and shear are the greatest amounts, at least 0; got {rotation}, {shift} and {shear}"
            )
        self.scale_range = scale_range
        self.aspect_range = aspect_range
        self.rotation = rotation
        self.shift = shift
        self.shear = shear
        self.prob = check_probability("prob", prob)

    def sample_params(self, results: dict) -> dict:
        """Draw the amounts."""
        rng = self.rng(results)
        height, width = results["img_shape"]
        size = rng.uniform(*self.scale_range)
        stretch = np.exp(rng.uniform(*np.log(self.aspect_range)) / 2)
        shift = rng.uniform(-self.shift, self.shift, 2)
        return {
            "center": (width / 2, height / 2),
            "scale": (size / stretch, size * stretch),
            "angle_deg": rng.uniform(-self.rotation, self.rotation),
            "shift": (shift[0] * width, shift[1] * height),
            "shear": rng.uniform(-self.shear, self.shear),
        }

    def transform(self, results: dict) -> dict:
        """Move the joints."""
        if self.rng(results).random() < self.prob:
            keypoint = results["keypoint"]
            moved = affine_keypoints(keypoint[..., :2], **self.sample_params(results))
            results["keypoint"] = np.concatenate([moved, keypoint[..., 2:]], axis=-1)
        return results


@TRANSFORMS.register_module()
class PoseJitter(RandomTransform):
    """Add Gaussian noise to the joints, as a pose estimator does.

    Changes ``keypoint``; missing joints stay.

    Args:
        std: Standard deviation of the noise of each joint and frame, as a share of the image's shorter edge.
        offset_std: The same for an error that a joint keeps during the whole clip.
        prob: Probability that a clip is changed.
    """

    reads = ("keypoint", "img_shape")

    def __init__(self, std: float = 0.01, offset_std: float = 0.0, prob: float = 1.0) -> None:
        if std < 0 or offset_std < 0:
            raise ValueError(f"std and offset_std are at least 0; got {std} and {offset_std}")
        self.std = std
        self.offset_std = offset_std
        self.prob = check_probability("prob", prob)

    def transform(self, results: dict) -> dict:
        """Add the noise."""
        rng = self.rng(results)
        if rng.random() < self.prob:
            keypoint, edge = results["keypoint"], min(results["img_shape"])
            persons, _, joints, _ = keypoint.shape
            noise = rng.standard_normal((*keypoint.shape[:3], 2), dtype=np.float32) * (self.std * edge)
            noise += rng.standard_normal((persons, 1, joints, 2), dtype=np.float32) * (self.offset_std * edge)
            changed = keypoint.copy()
            changed[..., :2] += np.where(is_present(keypoint[..., :2])[..., None], noise, 0)
            results["keypoint"] = changed
        return results


@TRANSFORMS.register_module()
class RandomJointDropout(RandomTransform):
    """Lose joints at random: their coordinates and scores become 0.

    Changes ``keypoint`` and ``keypoint_score`` (set to 1 for the rest if it was not there).

    Args:
        joint_prob: Probability that a joint is lost during the whole clip.
        frame_prob: Probability that a joint is lost in a single frame.
        prob: Probability that a clip is changed.
    """

    reads = ("keypoint",)

    def __init__(self, joint_prob: float = 0.05, frame_prob: float = 0.0, prob: float = 1.0) -> None:
        self.joint_prob = check_probability("joint_prob", joint_prob)
        self.frame_prob = check_probability("frame_prob", frame_prob)
        self.prob = check_probability("prob", prob)

    def transform(self, results: dict) -> dict:
        """Drop the joints."""
        rng = self.rng(results)
        if rng.random() < self.prob:
            keypoint = results["keypoint"]
            persons, _, joints = keypoint.shape[:3]
            kept = rng.random((persons, 1, joints)) >= self.joint_prob
            kept = kept & (rng.random(keypoint.shape[:3]) >= self.frame_prob)
            score = results.get("keypoint_score", np.ones(keypoint.shape[:3], dtype=np.float32))
            results["keypoint"] = np.where(kept[..., None], keypoint, 0).astype(keypoint.dtype)
            results["keypoint_score"] = np.where(kept, score, 0).astype(score.dtype)
        return results


@TRANSFORMS.register_module()
class RandomScale(RandomTransform):
    """Scale all joints of a sample about the origin, each axis by a random factor of its own (PYSKL).

    It belongs behind ``PreNormalize2D`` or ``PreNormalize3D``, which put the origin in the image's or body's center.

    Args:
        scale: Greatest change of the factor 1, to either side: one number, or one per axis.
    """

    reads = ("keypoint",)

    def __init__(self, scale: float | Sequence[float] = 0.1) -> None:
        self.scale = np.atleast_1d(np.asarray(scale, dtype=np.float32))
        if (self.scale < 0).any() or (self.scale >= 1).any():
            raise ValueError(f"scale is the greatest change of the factor 1, from 0 to below 1; got {scale}")

    def transform(self, results: dict) -> dict:
        """Change ``keypoint``."""
        keypoint = results["keypoint"]
        axes = keypoint.shape[-1]
        if len(self.scale) not in (1, axes):
            raise ValueError(f"scale has {len(self.scale)} entries, the joints {axes} coordinates")
        factor = 1 + self.rng(results).uniform(-1, 1, axes) * self.scale
        results["keypoint"] = keypoint * factor.astype(keypoint.dtype)
        return results


@TRANSFORMS.register_module()
class RandomRot(RandomTransform):
    """Turn all joints of a sample about the origin by random angles (PYSKL): about x, then y, then z; 2D ones once.

    It belongs behind ``PreNormalize2D`` or ``PreNormalize3D``, which put the origin in the image's or body's center.

    Args:
        theta: Greatest angle in radians, to either side: one number, or one each about x, y and z. Where cameras look
            from other sides, the angle about the vertical axis may be large.
    """

    reads = ("keypoint",)

    def __init__(self, theta: float | Sequence[float] = 0.3) -> None:
        self.theta = np.atleast_1d(np.asarray(theta, dtype=np.float64))
        if (self.theta < 0).any() or self.theta.shape not in ((1,), (3,)):
            raise ValueError(f"theta is the greatest angle in radians, at least 0, or three of them; got {theta}")

    def transform(self, results: dict) -> dict:
        """Change ``keypoint``."""
        keypoint = results["keypoint"]
        axes = keypoint.shape[-1]
        if axes not in (2, 3):
            raise ValueError(f"joints have 2 or 3 coordinates; got shape {keypoint.shape}")
        if axes == 2 and len(self.theta) == 3:
            raise ValueError(f"theta={self.theta.tolist()} belongs to joints in space; these have 2 coordinates")
        rotation = np.eye(axes)
        angles = self.rng(results).uniform(-1, 1, 1 if axes == 2 else 3) * self.theta
        planes = [(0, 1)] if axes == 2 else [(1, 2), (2, 0), (0, 1)]
        for angle, (first, second) in zip(angles, planes, strict=True):
            turn = np.eye(axes)
            turn[[first, second], [first, second]] = np.cos(angle)
            turn[second, first] = np.sin(angle)
            turn[first, second] = -np.sin(angle)
            rotation = turn @ rotation
        results["keypoint"] = keypoint @ rotation.T.astype(keypoint.dtype)
        return results
