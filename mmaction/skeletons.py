"""Skeleton layouts: the one place that knows which joints a pose has, in which order, and how they are connected.

A row gives the joints' names and the limbs (pairs of joint indices). What else is needed is derived: the mirror image
of each joint from the names (``left_x`` against ``right_x``), the sides of the limbs from that, and each joint's parent
by walking the limbs from the root.

Sources: COCO keypoints (cocodataset.org), NTU RGB+D (Shahroudy et al., CVPR 2016), OpenPose output formats (COCO and
BODY_25), Kinect v1 SDK as in UTD-MHAD, JHMDB joint annotations (Jhuang et al., ICCV 2013), MediaPipe Pose and Hands.
"""

import difflib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

Pairs = tuple[tuple[int, int], ...]


def _mirror_name(name: str) -> str:
    for side, other in (("left", "right"), ("right", "left")):
        if name.startswith(f"{side}_"):
            return f"{other}_{name[len(side) + 1 :]}"
        if name.endswith(f"_{side}"):
            return f"{name[: -len(side) - 1]}_{other}"
    return name


def mirror_limbs(limbs: Pairs, flip_order: Sequence[int]) -> tuple[int, ...]:
    """Return for each limb the index of its mirror image, its own where the mirror image is not among ``limbs``."""
    index = {frozenset(limb): number for number, limb in enumerate(limbs)}
    return tuple(index.get(frozenset(flip_order[joint] for joint in limb), number) for number, limb in enumerate(limbs))


def check_sides(left: Sequence[int], right: Sequence[int], num_joints: int) -> None:
    """Check that lists of left and right joints fit skeletons of ``num_joints`` joints.

    Lists that are the sides of a known layout are taken for that layout's: those of COCO do not fit 25 joints, although
    there is a joint for each of their numbers.

    Raises:
        ValueError: If they do not fit.
    """
    pairs = set(map(frozenset, zip(left, right, strict=True)))
    known = [
        layout
        for layout in LAYOUTS.values()
        if pairs and pairs == set(map(frozenset, zip(layout.left_joints, layout.right_joints, strict=True)))
    ]
    if known and all(len(layout.joints) != num_joints for layout in known):
        raise ValueError(
            f"left_kp and right_kp are those of {known[0].name}, which has {len(known[0].joints)} joints; the "
            f"skeletons have {num_joints}. Set layout= to the name or the description of their layout"
        )
    last = max((joint for pair in pairs for joint in pair), default=0)
    if last >= num_joints:
        raise ValueError(f"left_kp and right_kp name joint {last}; the skeletons have {num_joints}, from 0 on")


@dataclass(frozen=True)
class Layout:
    """The joints of a pose and their connections.

    Args:
        name: Name of the layout.
        joints: Names of the V joints in the order of the arrays. ``left_x`` and ``right_x`` are each other's mirror
            image; any other name is its own.
        limbs: Pairs of joint indices, in the order of the limb heatmaps' channels.
        root: Index of the joint that has no parent.
        bones: Further pairs (joint, parent) that only ``parents`` uses, not the limb heatmaps.

    Raises:
        ValueError: If a name repeats, a left joint has no right one, or a limb names a joint that does not exist.
    """

    name: str
    joints: tuple[str, ...]
    limbs: Pairs
    root: int = 0
    bones: Pairs = ()

    def __post_init__(self) -> None:
        if len(set(self.joints)) != len(self.joints):
            repeated = sorted({joint for joint in self.joints if self.joints.count(joint) > 1})
            raise ValueError(f"layout {self.name!r} names these joints more than once: {', '.join(repeated)}")
        for joint in self.joints:
            if _mirror_name(joint) not in self.joints:
                raise ValueError(f"layout {self.name!r} has the joint {joint!r} but no {_mirror_name(joint)!r}")
        for pair in (*self.limbs, *self.bones, (self.root, self.root)):
            if len(pair) != 2 or not all(0 <= joint < len(self.joints) for joint in pair):
                raise ValueError(f"layout {self.name!r}: {pair} is not a pair of its {len(self.joints)} joints")

    @cached_property
    def flip_order(self) -> tuple[int, ...]:
        """For each joint the index of its mirror image, V numbers."""
        return tuple(self.joints.index(_mirror_name(joint)) for joint in self.joints)

    @cached_property
    def _sides(self) -> tuple[str, ...]:
        def side(name: str) -> str:
            return next((s for s in ("left", "right") if name.startswith(f"{s}_") or name.endswith(f"_{s}")), "")

        return tuple(side(joint) for joint in self.joints)

    @property
    def left_joints(self) -> tuple[int, ...]:
        """Indices of the left joints; ``right_joints`` holds their mirror images in the same order."""
        return tuple(index for index, side in enumerate(self._sides) if side == "left")

    @property
    def right_joints(self) -> tuple[int, ...]:
        """Indices of the right joints, in the order of ``left_joints``."""
        return tuple(self.flip_order[index] for index in self.left_joints)

    @cached_property
    def limb_flip_order(self) -> tuple[int, ...]:
        """For each limb the index of its mirror image."""
        return mirror_limbs(self.limbs, self.flip_order)

    @property
    def left_limbs(self) -> tuple[int, ...]:
        """Indices of the limbs on the left side; ``right_limbs`` holds their mirror images in the same order."""
        sides = [{self._sides[joint] for joint in limb} for limb in self.limbs]
        return tuple(
            number
            for number, mirror in enumerate(self.limb_flip_order)
            if mirror != number and "left" in sides[number] and (sides[number] != sides[mirror] or number < mirror)
        )

    @property
    def right_limbs(self) -> tuple[int, ...]:
        """Indices of the limbs on the right side, in the order of ``left_limbs``."""
        return tuple(self.limb_flip_order[number] for number in self.left_limbs)

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """For each joint the next joint on the way to the root; the root, and a joint out of its reach, is its own."""
        parents = list(range(len(self.joints)))
        neighbors: dict[int, list[int]] = {index: [] for index in parents}
        for a, b in (*self.limbs, *self.bones):
            neighbors[a].append(b)
            neighbors[b].append(a)
        seen, queue = {self.root}, deque([self.root])
        while queue:
            joint = queue.popleft()
            for neighbor in neighbors[joint]:
                if neighbor not in seen:
                    seen.add(neighbor)
                    parents[neighbor] = joint
                    queue.append(neighbor)
        return tuple(parents)


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_COCO_JOINTS = _names(
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist "
    "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
)
_COCO_LIMBS = (
    *((0, 1), (0, 2), (1, 3), (2, 4), (0, 5), (5, 7), (7, 9), (0, 6), (6, 8)),
    *((8, 10), (5, 11), (11, 13), (13, 15), (6, 12), (12, 14), (14, 16), (11, 12)),
)
# Limb order of the published PoseC3D limb recipes, which differs from the default of GeneratePoseTarget.
_COCO_LIMBS_POSEC3D = (
    *((0, 5), (0, 6), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (11, 13), (13, 15)),
    *((6, 12), (12, 14), (14, 16), (0, 1), (0, 2), (1, 3), (2, 4), (11, 12)),
)
_OPENPOSE_BODY = "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist "
_HAND_FINGERS = [f"{finger}_{part}" for finger in ("index", "middle", "ring", "pinky") for part in (1, 2, 3, 4)]

LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        Layout("coco17", _COCO_JOINTS, _COCO_LIMBS, bones=((11, 0), (12, 0))),
        Layout("coco17_posec3d", _COCO_JOINTS, _COCO_LIMBS_POSEC3D, bones=((11, 0), (12, 0))),
        Layout(
            "ntu25",
            _names(
                "hip_center spine neck head left_shoulder left_elbow left_wrist left_hand right_shoulder right_elbow "
                "right_wrist right_hand left_hip left_knee left_ankle left_foot right_hip right_knee right_ankle "
                "right_foot shoulder_center left_hand_tip left_thumb right_hand_tip right_thumb"
            ),
            (
                *((0, 1), (1, 20), (2, 20), (3, 2), (4, 20), (5, 4), (6, 5), (7, 6), (8, 20), (9, 8), (10, 9)),
                *((11, 10), (12, 0), (13, 12), (14, 13), (15, 14), (16, 0), (17, 16), (18, 17), (19, 18)),
                *((21, 22), (22, 7), (23, 24), (24, 11)),
            ),
            root=20,
        ),
        Layout(
            "openpose18",
            _names(
                _OPENPOSE_BODY
                + "right_hip right_knee right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear"
            ),
            (
                *((1, 0), (2, 1), (3, 2), (4, 3), (5, 1), (6, 5), (7, 6), (8, 2), (9, 8)),
                *((10, 9), (11, 5), (12, 11), (13, 12), (14, 0), (15, 0), (16, 14), (17, 15)),
            ),
        ),
        Layout(
            "body25",
            _names(
                _OPENPOSE_BODY + "hip_center right_hip right_knee right_ankle left_hip left_knee left_ankle right_eye "
                "left_eye right_ear left_ear left_big_toe left_small_toe left_heel right_big_toe right_small_toe "
                "right_heel"
            ),
            (
                *((1, 0), (2, 1), (3, 2), (4, 3), (5, 1), (6, 5), (7, 6), (8, 1), (9, 8), (10, 9), (11, 10)),
                *((12, 8), (13, 12), (14, 13), (15, 0), (16, 0), (17, 15), (18, 16), (19, 14), (20, 19)),
                *((21, 14), (22, 11), (23, 22), (24, 11)),
            ),
            root=1,
        ),
        Layout(
            "kinect20",
            _names(
                "head shoulder_center spine hip_center left_shoulder left_elbow left_wrist left_hand right_shoulder "
                "right_elbow right_wrist right_hand left_hip left_knee left_ankle left_foot right_hip right_knee "
                "right_ankle right_foot"
            ),
            (
                *((0, 1), (1, 2), (2, 3), (1, 4), (4, 5), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (10, 11)),
                *((3, 12), (12, 13), (13, 14), (14, 15), (3, 16), (16, 17), (17, 18), (18, 19)),
            ),
            root=3,
        ),
        Layout(
            "jhmdb15",
            _names(
                "neck belly face right_shoulder left_shoulder right_hip left_hip right_elbow left_elbow right_knee "
                "left_knee right_wrist left_wrist right_ankle left_ankle"
            ),
            (
                *((0, 2), (0, 1), (0, 3), (3, 7), (7, 11), (0, 4), (4, 8), (8, 12)),
                *((1, 5), (5, 9), (9, 13), (1, 6), (6, 10), (10, 14)),
            ),
            root=1,
        ),
        Layout(
            "mediapipe33",
            _names(
                "nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer left_ear "
                "right_ear left_mouth right_mouth left_shoulder right_shoulder left_elbow right_elbow left_wrist "
                "right_wrist left_pinky right_pinky left_index right_index left_thumb right_thumb left_hip right_hip "
                "left_knee right_knee left_ankle right_ankle left_heel right_heel left_foot_index right_foot_index"
            ),
            (
                *((0, 1), (1, 2), (2, 3), (3, 7), (0, 4), (4, 5), (5, 6), (6, 8), (9, 10), (11, 12), (11, 13)),
                *((13, 15), (15, 17), (15, 19), (15, 21), (17, 19), (12, 14), (14, 16), (16, 18), (16, 20)),
                *((16, 22), (18, 20), (11, 23), (12, 24), (23, 24), (23, 25), (24, 26), (25, 27), (26, 28)),
                *((27, 29), (28, 30), (29, 31), (30, 32), (27, 31), (28, 32)),
            ),
            bones=((9, 0), (10, 0), (11, 0), (12, 0)),
        ),
        Layout(
            "hand21",
            ("wrist", "thumb_1", "thumb_2", "thumb_3", "thumb_4", *_HAND_FINGERS),
            tuple((0 if joint % 4 == 1 else joint - 1, joint) for joint in range(1, 21)),
        ),
    )
}

# Names that published configs use, and short forms.
ALIASES = {
    "coco": "coco17",
    "nturgb+d": "ntu25",
    "ntu": "ntu25",
    "openpose": "openpose18",
    "openpose25": "body25",
    "body_25": "body25",
    "kinect": "kinect20",
    "utd_mhad": "kinect20",
    "jhmdb": "jhmdb15",
    "mediapipe": "mediapipe33",
    "hand": "hand21",
}


def get_layout(layout: str | Mapping | Layout) -> Layout:
    """Return a layout by name or alias, or make one from its description in a config.

    Args:
        layout: A name of ``LAYOUTS`` or ``ALIASES``, a ``Layout``, or a dict with ``joints`` (V names), ``limbs``
            (pairs of joint indices or names) and optionally ``name`` and ``root``.

    Raises:
        KeyError: If the name is unknown; lists close matches.
        ValueError: If a description lacks a key or contradicts itself.

    Example:
        >>> get_layout("coco").left_joints
        (1, 3, 5, 7, 9, 11, 13, 15)
    """
    if isinstance(layout, Layout):
        return layout
    if isinstance(layout, Mapping):
        return _layout_from_config(layout)
    name = ALIASES.get(layout, layout)
    if name not in LAYOUTS:
        close = difflib.get_close_matches(str(layout), [*LAYOUTS, *ALIASES])
        hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
        raise KeyError(f"unknown skeleton layout {layout!r}; {hint}known: {', '.join(LAYOUTS)}")
    return LAYOUTS[name]


def _layout_from_config(config: Mapping) -> Layout:
    unknown = set(config) - {"name", "joints", "limbs", "root"}
    missing = {"joints", "limbs"} - set(config)
    if unknown or missing:
        raise ValueError(
            "a skeleton layout is described by joints and limbs (and optionally name and root); "
            f"missing: {sorted(missing) or 'none'}, unknown: {sorted(unknown) or 'none'}"
        )
    joints: Sequence[str] = tuple(config["joints"])

    def index(joint: int | str) -> int:
        if isinstance(joint, str) and joint not in joints:
            raise ValueError(f"a limb names the joint {joint!r}, which is not among {', '.join(joints)}")
        return joints.index(joint) if isinstance(joint, str) else int(joint)

    limbs = tuple(tuple(index(joint) for joint in limb) for limb in config["limbs"])
    return Layout(config.get("name", "custom"), joints, limbs, index(config.get("root", 0)))
