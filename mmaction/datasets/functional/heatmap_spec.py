"""Which heatmaps a skeleton becomes: their channels, and which of them change places in a mirror image."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mmaction.skeletons import LAYOUTS, Layout, check_sides, get_layout, mirror_limbs

COCO = LAYOUTS["coco17"]


@dataclass
class HeatmapSpec:
    """The channels of a skeleton's heatmaps: joints, then limbs.

    ``skeletons`` and the four ``left``/``right`` lists default to COCO's. With ``layout``, those that were left at
    their default come from the layout instead. The limbs' sides follow from the joints' unless they are given.

    Args:
        sigma: Standard deviation of the Gaussians, in pixels.
        use_score: Whether a joint's score is the peak of its Gaussian; otherwise peaks are 1.
        with_kp: Draw one heatmap per joint.
        with_limb: Draw one heatmap per limb.
        skeletons: Limbs, as pairs of joint indices.
        left_kp: Joints that change places with those of ``right_kp`` in a mirror image.
        right_kp: See ``left_kp``.
        left_limb: Limbs that change places with those of ``right_limb`` in a mirror image.
        right_limb: See ``left_limb``.
        layout: Skeleton layout: a name of :mod:`mmaction.skeletons` or a description.

    Raises:
        ValueError: If nothing would be drawn, sigma is not positive, or left and right differ in number.
    """

    sigma: float = 0.6
    use_score: bool = True
    with_kp: bool = True
    with_limb: bool = False
    skeletons: Sequence[Sequence[int]] = COCO.limbs
    left_kp: Sequence[int] = COCO.left_joints
    right_kp: Sequence[int] = COCO.right_joints
    left_limb: Sequence[int] = COCO.left_limbs
    right_limb: Sequence[int] = COCO.right_limbs
    layout: str | dict | Layout | None = None
    _num_joints: int | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if not (self.with_kp or self.with_limb):
            raise ValueError("nothing to draw: set with_kp or with_limb to True")
        if self.sigma <= 0:
            raise ValueError(f"sigma is a positive number of pixels; got {self.sigma}")
        self.skeletons = tuple(tuple(limb) for limb in self.skeletons)
        for name in ("left_kp", "right_kp", "left_limb", "right_limb"):
            setattr(self, name, tuple(getattr(self, name)))
        default_limbs = self.skeletons == COCO.limbs
        default_sides = (self.left_kp, self.right_kp) == (COCO.left_joints, COCO.right_joints)
        table = COCO if self.layout is None else get_layout(self.layout)
        if default_limbs:
            self.skeletons = table.limbs
        if default_sides:
            self.left_kp, self.right_kp = table.left_joints, table.right_joints
        if (self.left_limb, self.right_limb) == (COCO.left_limbs, COCO.right_limbs):
            self.left_limb = self.right_limb = ()
        for name in ("kp", "limb"):
            left, right = getattr(self, f"left_{name}"), getattr(self, f"right_{name}")
            if len(left) != len(right):
                raise ValueError(f"left_{name} and right_{name} pair up; got {len(left)} and {len(right)} entries")
        if self.layout is not None or (self.with_limb and default_limbs):
            self._num_joints = len(table.joints)

    def check_joints(self, num_joints: int, mirrored: bool) -> None:
        """Check that skeletons of ``num_joints`` joints fit.

        Raises:
            ValueError: If they have another number than the layout, or the limbs name a joint that is not there.
        """
        if self._num_joints is not None and num_joints != self._num_joints:
            raise ValueError(
                f"the skeletons have {num_joints} joints, the heatmaps are set up for {self._num_joints}; set layout= "
                "to the layout of the data (or skeletons=, left_kp= and right_kp=)"
            )
        if mirrored and self.layout is None:
            check_sides(self.left_kp, self.right_kp, num_joints)
        last = max((joint for limb in self.skeletons for joint in limb), default=0) if self.with_limb else 0
        if last >= num_joints:
            raise ValueError(f"skeletons= names joint {last}, but the skeletons have {num_joints} joints, from 0 on")

    def segments(self, num_joints: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the joints at which the segment of each heatmap starts and ends, two arrays of C indices."""
        joints = [(joint, joint) for joint in range(num_joints)] if self.with_kp else []
        pairs = np.array(joints + list(self.skeletons if self.with_limb else ()), dtype=np.int64)
        return pairs[:, 0], pairs[:, 1]

    def mirror_order(self, num_joints: int) -> np.ndarray:
        """Return for each heatmap of a mirror image the heatmap that it mirrors, C indices."""
        joints = _swap(num_joints, self.left_kp, self.right_kp)
        limbs = _swap(len(self.skeletons), self.left_limb, self.right_limb)
        if not self.left_limb and self.with_limb:
            limbs = np.array(mirror_limbs(self.skeletons, joints), dtype=np.int64)
        parts = ([joints] if self.with_kp else []) + ([limbs + num_joints * self.with_kp] if self.with_limb else [])
        return np.concatenate(parts)


def _swap(count: int, left: Sequence[int], right: Sequence[int]) -> np.ndarray:
    order = np.arange(count)
    for a, b in zip(left, right, strict=True):
        if max(a, b) >= count:
            raise ValueError(f"left and right name index {max(a, b)}, but there are {count} joints or limbs")
        order[a], order[b] = b, a
    return order
