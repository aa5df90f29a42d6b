"""Turn skeletons into heatmaps."""

from collections.abc import Sequence

import numpy as np

from mmaction.datasets.functional.heatmap import draw_segments
from mmaction.datasets.functional.heatmap_spec import HeatmapSpec
from mmaction.datasets.transforms.base import Transform
from mmaction.registry import TRANSFORMS
from mmaction.skeletons import Layout


@TRANSFORMS.register_module()
class GeneratePoseTarget(Transform):
    """Draw a heatmap for each joint, each limb, or both.

    Sets ``imgs`` (``heatmap_imgs`` if the sample has images already), float32 ``(T, C, H, W)``: V joints, then the
    limbs, as far as asked for. With ``double`` the mirror images of all frames follow, ``(2 * T, C, H, W)``.

    When both joints and limbs are drawn, each has a channel of its own. (MMAction2 1.x draws limb i over joint i there
    and leaves the last channels empty; no published recipe draws both.)

    ``sigma``, ``use_score``, ``with_kp``, ``with_limb``, ``skeletons``, ``left_kp``, ``right_kp``, ``left_limb``,
    ``right_limb`` and ``layout``: see :class:`mmaction.datasets.functional.heatmap_spec.HeatmapSpec`.

    Args:
        double: Add the mirror images.
        scaling: Factor between the image and the heatmap, 0.5 for heatmaps of half the height and width.

    Example:
        >>> GeneratePoseTarget(with_kp=False, with_limb=True, layout="kinect20")  # doctest: +SKIP
    """

    reads = ("keypoint", "img_shape")
    writes = ("imgs",)

    def __init__(
        self,
        sigma: float = 0.6,
        use_score: bool = True,
        with_kp: bool = True,
        with_limb: bool = False,
        skeletons: Sequence[Sequence[int]] | None = None,
        double: bool = False,
        left_kp: Sequence[int] | None = None,
        right_kp: Sequence[int] | None = None,
        left_limb: Sequence[int] | None = None,
        right_limb: Sequence[int] | None = None,
        scaling: float = 1.0,
        layout: str | dict | Layout | None = None,
    ) -> None:
        self.spec = HeatmapSpec(
            sigma, use_score, with_kp, with_limb, skeletons, left_kp, right_kp, left_limb, right_limb, layout
        )
        # Plug-ins of MMAction2 read these.
        self.skeletons, (self.left_kp, self.right_kp) = self.spec.limbs, self.spec.joint_sides
        self.double = double
        self.scaling = scaling

    def check_joints(self, num_joints: int, mirrored: bool = False) -> None:
        """Raise ValueError if skeletons of ``num_joints`` joints do not fit."""
        self.spec.check_joints(num_joints, self.double or mirrored)

    def transform(self, results: dict) -> dict:
        """Draw the heatmaps."""
        keypoint = results["keypoint"][..., :2].astype(np.float32) * np.float32(self.scaling)
        persons, frames, joints = keypoint.shape[:3]
        self.check_joints(joints)
        if self.spec.use_score and "keypoint_score" in results:
            score = results["keypoint_score"]
        else:
            score = np.ones((persons, frames, joints), dtype=np.float32)
        height, width = (int(side * self.scaling + 0.5) for side in results["img_shape"])
        start, end = self.spec.segments(joints)
        heatmaps = np.zeros((1 + self.double, frames, len(start), height, width), dtype=np.float32)
        self._draw(heatmaps[0], keypoint, score, start, end)
        if self.double:
            order = self.spec.mirror_order(joints)
            self._draw(heatmaps[1], keypoint, score, start[order], end[order], mirror=True)
        results["heatmap_imgs" if "imgs" in results else "imgs"] = heatmaps.reshape(-1, *heatmaps.shape[2:])
        return results

    def _draw(
        self,
        out: np.ndarray,
        keypoint: np.ndarray,
        score: np.ndarray,
        start: np.ndarray,
        end: np.ndarray,
        mirror: bool = False,
    ) -> None:
        points, scores = ((values[:, :, start], values[:, :, end]) for values in (keypoint, score))
        draw_segments(out, *points, *scores, self.spec.sigma, mirror)
