"""The table of skeleton layouts. A row gives the names of the joints and the limbs; `layout.py` derives the rest.

Sources: COCO keypoints (cocodataset.org), NTU RGB+D (Shahroudy et al., CVPR 2016), OpenPose output formats (COCO and
BODY_25), Kinect v1 SDK as in UTD-MHAD, JHMDB joint annotations (Jhuang et al., ICCV 2013), MediaPipe Pose and Hands,
Halpe (Fang et al., TPAMI 2022), COCO-WholeBody (Jin et al., ECCV 2020), AP-10K (Yu et al., NeurIPS 2021), Human3.6M
(Ionescu et al., TPAMI 2014; the 17 joints in common use), Penn Action (Zhang et al., ICCV 2013).
"""

from collections.abc import Iterator
from typing import Any

from mmaction.skeletons.layout import Layout, Pairs


def _names(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(names.split()) if isinstance(names, str) else names


def _pairs(pairs: str | Pairs) -> Pairs:
    split = (pair.split("-") for pair in pairs.split()) if isinstance(pairs, str) else pairs
    return tuple((int(a), int(b)) for a, b in split)


_COCO_JOINTS = _names(
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist "
    "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
)
_COCO_LIMBS = _pairs("0-1 0-2 1-3 2-4 0-5 5-7 7-9 0-6 6-8 8-10 5-11 11-13 13-15 6-12 12-14 14-16 11-12")
# Limb order of the published PoseC3D limb recipes, which differs from the default of GeneratePoseTarget.
_COCO_LIMBS_POSEC3D = _pairs("0-5 0-6 5-7 7-9 6-8 8-10 5-11 11-13 13-15 6-12 12-14 14-16 0-1 0-2 1-3 2-4 11-12")
# Graph networks join both joints of the fingers to the hand (2s-AGCN); a bone goes from one to the other.
_NTU_LIMBS = _pairs(
    "0-1 1-20 2-20 3-2 4-20 5-4 6-5 7-6 8-20 9-8 10-9 11-10 12-0 13-12 14-13 15-14 16-0 17-16 18-17 19-18"
)
_COCO_BONES = _pairs("11-0 12-0")
_FEET = "left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel"
_OPENPOSE_BODY = "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist "
_HAND_JOINTS = ("wrist", *(f"{finger}_{n}" for finger in _names("thumb index middle ring pinky") for n in (1, 2, 3, 4)))
_HAND_LIMBS = tuple((0 if joint % 4 == 1 else joint - 1, joint) for joint in range(1, 21))
# The 68 points of a face in the order of iBUG 300-W, which begins at the person's right ear.
_FACE_JOINTS = (
    *(*(f"right_jaw_{n}" for n in range(8)), "chin", *(f"left_jaw_{n}" for n in range(7, -1, -1))),
    *(*(f"right_brow_{n}" for n in range(5)), *(f"left_brow_{n}" for n in range(4, -1, -1))),
    *_names("nose_bridge_0 nose_bridge_1 nose_bridge_2 nose_tip right_nostril_0 right_nostril_1 nose_base"),
    *_names("left_nostril_1 left_nostril_0 right_eye_0 right_eye_1 right_eye_2 right_eye_3 right_eye_4 right_eye_5"),
    *_names("left_eye_3 left_eye_2 left_eye_1 left_eye_0 left_eye_5 left_eye_4"),
    *_names("right_lip_0 right_lip_1 right_lip_2 lip_top left_lip_2 left_lip_1 left_lip_0 left_lip_4 left_lip_3"),
    *_names("lip_bottom right_lip_3 right_lip_4 right_mouth_0 right_mouth_1 mouth_top left_mouth_1 left_mouth_0"),
    *_names("left_mouth_2 mouth_bottom right_mouth_2"),
)
# Each line of a face: its first and last point, and whether it is closed.
_FACE_LINES = (
    *((0, 16, False), (17, 21, False), (22, 26, False), (27, 30, False), (31, 35, False)),
    *((36, 41, True), (42, 47, True), (48, 59, True), (60, 67, True)),
)


def _face_limbs(first: int) -> Iterator[tuple[int, int]]:
    for start, end, closed in _FACE_LINES:
        yield from ((first + point, first + point + 1) for point in range(start, end))
        if closed:
            yield first + end, first + start


def _moved(limbs: Pairs, first: int) -> Pairs:
    return tuple((first + a, first + b) for a, b in limbs)


def _row(name: str, joints: str | tuple[str, ...], limbs: str | Pairs, **rest: Any) -> Layout:
    return Layout(name, _names(joints), _pairs(limbs), **rest)


LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        _row("coco17", _COCO_JOINTS, _COCO_LIMBS, bones=_COCO_BONES),
        _row("coco17_posec3d", _COCO_JOINTS, _COCO_LIMBS_POSEC3D, bones=_COCO_BONES),
        _row(
            "ntu25",
            "hip_center spine neck head left_shoulder left_elbow left_wrist left_hand right_shoulder right_elbow "
            "right_wrist right_hand left_hip left_knee left_ankle left_foot right_hip right_knee right_ankle "
            "right_foot shoulder_center left_hand_tip left_thumb right_hand_tip right_thumb",
            (*_NTU_LIMBS, *_pairs("21-22 22-7 23-24 24-11")),
            root=20,
            graph_limbs=(*_NTU_LIMBS, *_pairs("21-7 22-7 23-11 24-11")),
        ),
        _row(
            "openpose18",
            _OPENPOSE_BODY
            + "right_hip right_knee right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear",
            "1-0 2-1 3-2 4-3 5-1 6-5 7-6 8-2 9-8 10-9 11-5 12-11 13-12 14-0 15-0 16-14 17-15",
            graph_center=1,
        ),
        _row(
            "body25",
            _OPENPOSE_BODY + "hip_center right_hip right_knee right_ankle left_hip left_knee left_ankle right_eye "
            "left_eye right_ear left_ear " + _FEET,
            "1-0 2-1 3-2 4-3 5-1 6-5 7-6 8-1 9-8 10-9 11-10 12-8 13-12 14-13 15-0 16-0 17-15 18-16 19-14 "
            "20-19 21-14 22-11 23-22 24-11",
            root=1,
        ),
        _row(
            "kinect20",
            "head shoulder_center spine hip_center left_shoulder left_elbow left_wrist left_hand right_shoulder "
            "right_elbow right_wrist right_hand left_hip left_knee left_ankle left_foot right_hip right_knee "
            "right_ankle right_foot",
            "0-1 1-2 2-3 1-4 4-5 5-6 6-7 1-8 8-9 9-10 10-11 3-12 12-13 13-14 14-15 3-16 16-17 17-18 18-19",
            root=3,
        ),
        # the order of Microsoft's SDK, and of Northwestern-UCLA: the joints in the middle from below
        _row(
            "kinect20_sdk",
            "hip_center spine shoulder_center head left_shoulder left_elbow left_wrist left_hand right_shoulder "
            "right_elbow right_wrist right_hand left_hip left_knee left_ankle left_foot right_hip right_knee "
            "right_ankle right_foot",
            "3-2 2-1 1-0 2-4 4-5 5-6 6-7 2-8 8-9 9-10 10-11 0-12 12-13 13-14 14-15 0-16 16-17 17-18 18-19",
        ),
        _row(
            "jhmdb15",
            "neck belly face right_shoulder left_shoulder right_hip left_hip right_elbow left_elbow right_knee "
            "left_knee right_wrist left_wrist right_ankle left_ankle",
            "0-2 0-1 0-3 3-7 7-11 0-4 4-8 8-12 1-5 5-9 9-13 1-6 6-10 10-14",
            root=1,
        ),
        _row(
            "mediapipe33",
            "nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer left_ear "
            "right_ear left_mouth right_mouth left_shoulder right_shoulder left_elbow right_elbow left_wrist "
            "right_wrist left_pinky right_pinky left_index right_index left_thumb right_thumb left_hip right_hip "
            "left_knee right_knee left_ankle right_ankle left_heel right_heel left_foot_index right_foot_index",
            "0-1 1-2 2-3 3-7 0-4 4-5 5-6 6-8 9-10 11-12 11-13 13-15 15-17 15-19 15-21 17-19 12-14 14-16 16-18 "
            "16-20 16-22 18-20 11-23 12-24 23-24 23-25 24-26 25-27 26-28 27-29 28-30 29-31 30-32 27-31 28-32",
            bones=_pairs("9-0 10-0 11-0 12-0"),
        ),
        _row("hand21", _HAND_JOINTS, _HAND_LIMBS),
        _row(
            "halpe26",
            (
                *(*_COCO_JOINTS, "head", "neck", "hip_center"),
                *_names("left_big_toe right_big_toe left_small_toe right_small_toe left_heel right_heel"),
            ),
            "15-13 13-11 11-19 16-14 14-12 12-19 17-18 18-19 18-5 5-7 7-9 18-6 6-8 8-10 1-2 0-1 0-2 1-3 2-4 "
            "3-5 4-6 15-20 15-22 15-24 16-21 16-23 16-25",
            root=19,
        ),
        _row(
            "wholebody133",
            (
                *(*_COCO_JOINTS, *_names(_FEET), *_FACE_JOINTS),
                *(f"{side}_hand_{joint}" for side in ("left", "right") for joint in _HAND_JOINTS),
            ),
            (
                *_COCO_LIMBS,
                *_pairs("15-17 15-18 15-19 16-20 16-21 16-22"),
                *_face_limbs(23),
                *_moved(_HAND_LIMBS, 91),
                *_moved(_HAND_LIMBS, 112),
            ),
            # The parts that no limb connects: hands to wrists; brows, nose, eyes, mouth and jaw to the nose.
            bones=(*_COCO_BONES, *_pairs("91-9 112-10 50-0 31-0 40-0 44-0 45-0 54-0 59-0 65-0 74-0 83-0")),
        ),
        _row(
            "ap10k17",
            "left_eye right_eye nose neck root_of_tail left_shoulder left_elbow left_front_paw right_shoulder "
            "right_elbow right_front_paw left_hip left_knee left_back_paw right_hip right_knee right_back_paw",
            "0-1 0-2 1-2 2-3 3-4 3-5 5-6 6-7 3-8 8-9 9-10 4-11 11-12 12-13 4-14 14-15 15-16",
            root=4,
        ),
        _row(
            "h36m17",
            "hip_center right_hip right_knee right_ankle left_hip left_knee left_ankle spine thorax neck head "
            "left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist",
            "0-1 1-2 2-3 0-4 4-5 5-6 0-7 7-8 8-9 9-10 8-11 11-12 12-13 8-14 14-15 15-16",
        ),
        _row(
            "penn13",
            "head left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_hip right_hip "
            "left_knee right_knee left_ankle right_ankle",
            "0-1 0-2 1-2 1-3 3-5 2-4 4-6 1-7 2-8 7-8 7-9 9-11 8-10 10-12",
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
    "kinect_sdk": "kinect20_sdk",
    "nucla": "kinect20_sdk",
    "utd_mhad": "kinect20",
    "jhmdb": "jhmdb15",
    "mediapipe": "mediapipe33",
    "hand": "hand21",
    "blazepose": "mediapipe33",
    "halpe": "halpe26",
    "coco_wholebody": "wholebody133",
    "wholebody": "wholebody133",
    "ap10k": "ap10k17",
    "h36m": "h36m17",
    "human36m": "h36m17",
    "penn": "penn13",
    "penn_action": "penn13",
}
