import numpy as np
import pytest

from mmaction.datasets.functional.heatmap_spec import HeatmapSpec
from mmaction.skeletons import get_layout

KINECT = get_layout("kinect20")


def test_channels_are_joints_then_limbs():
    start, end = HeatmapSpec(with_limb=True, layout="kinect20").segments(20)
    assert start.tolist() == [*range(20), *(limb[0] for limb in KINECT.limbs)]
    assert end.tolist() == [*range(20), *(limb[1] for limb in KINECT.limbs)]


def test_the_mirror_order_of_a_layout():
    order = HeatmapSpec(with_limb=True, layout="kinect20").mirror_order(20)
    assert order[:20].tolist() == list(KINECT.flip_order)
    assert (order[20:] - 20).tolist() == list(KINECT.limb_flip_order)


def test_limb_sides_follow_from_the_joints():
    spec = HeatmapSpec(with_kp=False, with_limb=True, skeletons=[[0, 1], [2, 0], [1, 2]], left_kp=[1], right_kp=[2])
    assert spec.mirror_order(3).tolist() == [1, 0, 2]


def test_given_limb_sides_win():
    spec = HeatmapSpec(
        with_kp=False, with_limb=True, skeletons=[[0, 1], [0, 2], [1, 2]], left_limb=[0, 2], right_limb=[2, 0]
    )
    assert spec.mirror_order(17).tolist() == [2, 1, 0]


def test_explicit_arguments_win_over_the_layout():
    spec = HeatmapSpec(layout="kinect20", left_kp=[4], right_kp=[8])
    assert np.flatnonzero(spec.mirror_order(20) != np.arange(20)).tolist() == [4, 8]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"with_kp": False}, "set with_kp or with_limb"),
        ({"sigma": 0}, "sigma is a positive number of pixels; got 0"),
        ({"left_kp": [1, 2], "right_kp": [3]}, "left_kp and right_kp pair up; got 2 and 1"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        HeatmapSpec(**arguments)


@pytest.mark.parametrize(
    ("arguments", "mirrored"),
    [({}, True), ({"with_limb": True}, False), ({"layout": "ntu25"}, False)],
)
def test_another_number_of_joints_is_named(arguments, mirrored):
    with pytest.raises(ValueError, match=r"(?i)the skeletons have 20.*set layout="):
        HeatmapSpec(**arguments).check_joints(20, mirrored)


def test_joints_of_any_number_need_no_layout_without_mirror_images():
    HeatmapSpec().check_joints(20, mirrored=False)
    HeatmapSpec(left_kp=[1], right_kp=[2]).check_joints(20, mirrored=True)


def test_sides_of_another_layout_are_refused_though_they_are_given():
    coco = get_layout("coco17")
    spec = HeatmapSpec(layout="kinect20", left_kp=coco.left_joints, right_kp=coco.right_joints)
    with pytest.raises(ValueError, match="belong to coco17"):
        spec.check_joints(20, mirrored=True)


def test_a_described_layout_may_have_the_sides_of_another():
    coco = get_layout("coco17")
    spec = HeatmapSpec(layout=dict(joints=[*coco.joints, "neck"], limbs=coco.limbs))
    spec.check_joints(18, mirrored=True)
    assert spec.mirror_order(18)[1:3].tolist() == [2, 1]


def test_nothing_given_is_the_published_default():
    coco = get_layout("coco17")
    sides = (coco.left_joints, coco.right_joints, coco.left_limbs, coco.right_limbs)
    given = HeatmapSpec(0.6, True, True, True, coco.limbs, *sides)
    plain = HeatmapSpec(with_limb=True)
    assert (plain.limbs, plain.joint_sides) == (coco.limbs, (coco.left_joints, coco.right_joints))
    assert plain.mirror_order(17).tolist() == given.mirror_order(17).tolist()
    assert [ends.tolist() for ends in plain.segments(17)] == [ends.tolist() for ends in given.segments(17)]


def test_a_limb_beyond_the_joints():
    with pytest.raises(ValueError, match="names joint 20, but the skeletons have 20 joints"):
        HeatmapSpec(with_limb=True, skeletons=[[0, 20]]).check_joints(20, mirrored=False)
    with pytest.raises(ValueError, match="name index 30, but there are 20"):
        HeatmapSpec(left_kp=[1], right_kp=[30]).mirror_order(20)
