"""Which heatmaps a skeleton becomes: their channels, and which of them change places in a mirror image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmaction.skeletons import Layout, Pairs, check_sides, get_layout, mirror_limbs


@dataclass
class HeatmapSpec:
    """The channels of a skeleton's heatmaps: joints, then limbs.

    Args:
        sigma: Standard deviation of the Gaussians, in pixels.
        use_score: Whether a joint's score is the peak of its Gaussian; otherwise peaks are 1. A limb takes the lower
            score of its ends, or the score of its first joint where it is shorter than a pixel.
        with_kp: Draw one heatmap per joint.
        with_limb: Draw one heatmap per limb.
        skeletons: Limbs, as pairs of joint indices. None: the layout's.
        left_kp: Joints that change places with ``right_kp`` in a mirror image. None: the layout's.
        right_kp: See ``left_kp``.
        left_limb: Limbs that change places with ``right_limb`` in a mirror image. None: they follow from the
            joints.
        right_limb: See ``left_limb``.
        layout: Skeleton layout: a name of :mod:`mmaction.skeletons` or a description. None: COCO's, as in MMAction2;
            then joints that are drawn without mirror images may be of any layout.

    Raises:
        ValueError: If nothing would be drawn, sigma is not positive, or left and right differ in number.
    """

    sigma: float = 0.6
    use_score: bool = True
    with_kp: bool = True
    with_limb: bool = False
    skeletons: Sequence[Sequence[int]] | None = None
    left_kp: Sequence[int] | None = None
    right_kp: Sequence[int] | None = None
    left_limb: Sequence[int] | None = None
    right_limb: Sequence[int] | None = None
    layout: str | dict | Layout | None = None

    def __post_init__(self) -> None:
        if not (self.with_kp or self.with_limb):
            raise ValueError("nothing to draw: set with_kp or with_limb to True")
        if self.sigma <= 0:
            raise ValueError(f"sigma is a positive number of pixels; got {self.sigma}")
        layout = get_layout("coco17" if self.layout is None else self.layout)
        limbs = layout.limbs if self.skeletons is None else self.skeletons
        self.joint_layout = layout if self.layout is not None else None
        self.limbs: Pairs = tuple((first, second) for first, second in limbs)
        self.joint_sides = _pair_up(
            "kp",
            layout.left_joints if self.left_kp is None else self.left_kp,
            layout.right_joints if self.right_kp is None else self.right_kp,
        )
        self._limb_sides = _pair_up("limb", self.left_limb or (), self.right_limb or ())
        # Sides that the layout states fit it; others, COCO's too, may be of another layout than the skeletons.
        own_sides = set(map(frozenset, zip(*self.joint_sides, strict=True))) == layout.side_pairs
        self._checks_sides = self.layout is None or not own_sides
        needs_layout = self.layout is not None or (self.with_limb and self.skeletons is None)
        self._segments: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # by the number of joints: every sample asks
        self._num_joints = len(layout.joints) if needs_layout else None

    def check_joints(self, num_joints: int, mirrored: bool) -> None:
        """Raise ValueError if skeletons of ``num_joints`` joints do not fit."""
        if self._num_joints is not None and num_joints != self._num_joints:
            raise ValueError(
                f"the skeletons have {num_joints} joints, the heatmaps are set up for {self._num_joints}; set layout= "
                "to the layout of the data (or skeletons=, left_kp= and right_kp=)"
            )
        if mirrored and self._checks_sides:
            check_sides(*self.joint_sides, num_joints)
        last = max((joint for limb in self.limbs for joint in limb), default=0) if self.with_limb else 0
        if last >= num_joints:
            raise ValueError(f"skeletons= names joint {last}, but the skeletons have {num_joints} joints, from 0 on")

    def segments(self, num_joints: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the joints at which the segment of each heatmap starts and ends, two arrays of C indices."""
        if num_joints not in self._segments:
            joints = [(joint, joint) for joint in range(num_joints)] if self.with_kp else []
            pairs = np.array(joints + list(self.limbs if self.with_limb else ()), dtype=np.int64)
            self._segments[num_joints] = pairs[:, 0].copy(), pairs[:, 1].copy()
        return self._segments[num_joints]

    def mirror_order(self, num_joints: int) -> np.ndarray:
        """Return for each heatmap of a mirror image the heatmap that it mirrors, C indices."""
        joints = _swap(num_joints, *self.joint_sides)
        limbs = _swap(len(self.limbs), *self._limb_sides)
        if not self.left_limb and self.with_limb:
            limbs = np.array(mirror_limbs(self.limbs, joints.tolist()), dtype=np.int64)
        parts = ([joints] if self.with_kp else []) + ([limbs + num_joints * self.with_kp] if self.with_limb else [])
        return np.concatenate(parts)


def _pair_up(name: str, left: Sequence[int], right: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
    if len(left) != len(right):
        raise ValueError(f"left_{name} and right_{name} pair up; got {len(left)} and {len(right)} entries")
    return left, right


def _swap(count: int, left: Sequence[int], right: Sequence[int]) -> np.ndarray:
    order = np.arange(count)
    for a, b in zip(left, right, strict=True):
        if max(a, b) >= count:
            raise ValueError(f"left and right name index {max(a, b)}, but there are {count} joints or limbs")
        order[a], order[b] = b, a
    return order
