"""Skeletons that a pipeline would see in part, or not as they lie, are refused or named before training."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mmaction.datasets.functional.heatmap_spec import HeatmapSpec
from mmaction.datasets.transforms import (
    FitJoints,
    Flip,
    FormatGCNInput,
    GenSkeFeat,
    PreNormalize2D,
    PreNormalize3D,
    RandomRot,
)
from mmaction.engine.checks.joints import Pipeline, mirror_warning
from mmaction.engine.checks.skeletons import check_space, joint_distances, odd_limb, skeleton_warnings, standing_axis
from mmaction.io.annotations import read_annotation_file
from mmaction.skeletons import get_layout

LAYOUT = dict(
    joints=["head", "hip", "left_hand", "right_hand", "left_foot", "right_foot"],
    limbs=[["head", "hip"], [0, 2], [0, 3], [1, 4], [1, 5]],
)
IN_IMAGE = {"img_shape": (240, 320)}
FLAT = [PreNormalize2D(by="clip"), GenSkeFeat(LAYOUT), FormatGCNInput(num_person=1)]


def bodies(count=1, channels=3, up=1, **keys):
    """A clip of persons whose heads are 1 above and whose feet are 1 below the hips, along the axis ``up``."""
    keypoint = np.random.default_rng(0).normal(0, 0.05, (count, 4, 6, channels)) + 5
    keypoint[:, :, 0, up] += 1
    keypoint[:, :, 4:, up] -= 1
    return {"keypoint": keypoint, "total_frames": 4, **keys}


def pipeline(steps, *clips):
    """A pipeline whose data set has these clips."""
    return Pipeline("train_dataloader", _Clips(clips), steps)


class _Clips:
    def __init__(self, clips):
        self.clips, self.ann_file = clips, "mine.pkl"

    def __len__(self):
        return len(self.clips)

    def get_data_info(self, index):
        return dict(self.clips[index])


def space(theta=(1.05, 1.05, 0), **changes):
    steps = [PreNormalize3D(layout=LAYOUT, align_spine=False, align_shoulder=False), RandomRot(theta), FitJoints()]
    return [*steps, GenSkeFeat(LAYOUT), FormatGCNInput(**{"num_person": 1, **changes})]


def test_joints_in_an_image_and_in_space_need_their_own_pipelines():
    check_space([pipeline(FLAT, bodies(channels=2)), pipeline(FLAT, bodies(**IN_IMAGE)), pipeline(space(), bodies())])
    check_space([pipeline([PreNormalize2D()], bodies())])  # as published: COCO's third number is a score in any case
    with pytest.raises(ValueError, match=r"mine.pkl.* lie in space \(3 numbers a joint, no img_shape\), and step 0"):
        check_space([pipeline(FLAT, bodies())])
    for clip in (bodies(channels=2), bodies(**IN_IMAGE)):
        with pytest.raises(ValueError, match=r"lie in an image .*PreNormalize3D, is for joints in space; .* for 2D"):
            check_space([pipeline(space(), clip)])


def test_scores_are_no_third_coordinate():
    clip = bodies()
    clip["keypoint"] = np.concatenate([clip["keypoint"][..., :2] * 40, np.full((1, 4, 6, 1), 0.9)], axis=-1)
    with pytest.raises(ValueError, match=r"lie in an image \(3 numbers a joint, the third a score, no img_shape\)"):
        check_space([pipeline(space(), clip)])
    clip["keypoint"][..., :2] /= 100  # meters, all of them in front of the camera
    check_space([pipeline(space(), clip)])


def test_persons_that_are_left_out_are_counted():
    padded = bodies(2)
    padded["keypoint"][1] = 0  # a second person who is never there
    assert skeleton_warnings([pipeline(space(), bodies(), padded), pipeline(space(num_person=2), bodies(2))]) == []
    (warning,) = skeleton_warnings([pipeline(space(), bodies(), bodies(2)), pipeline(space(), bodies(3))])
    assert "1 of 2 clips looked at show persons behind the first num_person=1, up to number 2" in warning
    assert "nobody is among" not in warning


def test_a_person_behind_one_who_is_never_there_is_named():
    clip = bodies(2, channels=2, **IN_IMAGE)
    clip["keypoint"][0] = 0
    (warning,) = skeleton_warnings([pipeline(FLAT, clip, bodies(channels=2))])
    assert "1 of 2 clips" in warning and "up to number 2, who are left out, also where nobody is among" in warning
    clip = bodies(2)
    clip["keypoint"][0] = 0
    assert skeleton_warnings([pipeline(space(), clip)]) == []  # PreNormalize3D puts the other one first


def test_an_image_whose_size_is_a_guess_is_named():
    steps = [PreNormalize2D(), GenSkeFeat(LAYOUT)]
    (warning,) = skeleton_warnings([pipeline(steps, bodies(channels=2))])
    assert "the clips do not say img_shape, and PreNormalize2D takes their images for 1920x1080" in warning
    assert skeleton_warnings([pipeline([PreNormalize2D((240, 320)), *steps[1:]], bodies(channels=2))]) == []
    assert skeleton_warnings([pipeline(steps, bodies(channels=2, **IN_IMAGE))]) == []


def test_turns_that_leave_out_the_vertical_are_named():
    assert skeleton_warnings([pipeline(space(), bodies(up=axis)) for axis in (0, 1)]) == []
    (warning,) = skeleton_warnings([pipeline(space(), bodies(up=2))])
    assert "the bodies stand along z" in warning and "x or y" in warning
    for theta in ((1, 0, 1), (0, 0, 0), 0.3):
        assert skeleton_warnings([pipeline(space(theta), bodies(up=2))]) == []


def test_joints_without_limbs_are_named():
    loose = dict(LAYOUT, limbs=LAYOUT["limbs"][:-1])
    (warning,) = skeleton_warnings([pipeline([PreNormalize2D(by="clip"), GenSkeFeat(loose)], bodies(channels=2))])
    assert "leads from right_foot to its root" in warning
    bare = [PreNormalize2D(by="clip"), GenSkeFeat(dict(LAYOUT, limbs=[]), ["bm"])]
    (warning,) = skeleton_warnings([pipeline(bare, bodies(channels=2))])
    assert "the layout has no limb, so that all bones, which the network sees, are 0" in warning


def test_the_standing_axis_is_told_by_heads_and_feet_that_are_seen():
    layout = get_layout(LAYOUT)
    for axis in range(3):
        clip = bodies(up=axis)["keypoint"]
        clip[0, 1:, 0] = 0  # the head is seen once
        assert standing_axis([clip], layout) == axis
    clip[0, 0, 0] = 0
    assert standing_axis([clip], layout) is None
    assert standing_axis([np.random.default_rng(0).normal(size=(1, 50, 6, 3))], layout) is None
    nameless = get_layout(dict(joints=list("abcdef"), limbs=[]))
    assert standing_axis([bodies()["keypoint"]], nameless) is None


def test_a_mirror_image_without_sides_is_named():
    sideless = dict(joints=list("abcdef"), limbs=[[0, 1]])
    assert mirror_warning([pipeline([Flip(layout=LAYOUT), SimpleNamespace()], bodies())]) is None
    assert mirror_warning([pipeline([Flip(0, layout=sideless)], bodies())]) is None
    for flip in (Flip(layout=sideless), Flip()):
        assert "exchanges no joints" in mirror_warning([pipeline([flip], bodies())])
    assert mirror_warning([pipeline([Flip()], {"total_frames": 4})]) is None  # frames alone


def test_another_order_of_joints_shows_in_limbs_and_their_mirror_images():
    rng, layout = np.random.default_rng(0), get_layout("coco17")
    left = [(1, -1), (2, 0), (4, 5), (6, 10), (7, 15), (3, 15), (3, 24), (3, 33)]  # eye, ear, shoulder to ankle
    body = np.array([(0, 0), *[(side * x, y) for x, y in left for side in (1, -1)]])
    clips = [(body * size + rng.normal(0, 0.1, (1, 5, 17, 2)) + 100) for size in (1, 2, 4)]
    clips[0][0, 1:, 9] = 0  # a hand that is seen once
    steps = [PreNormalize2D(by="clip"), GenSkeFeat("coco")]
    assert skeleton_warnings([pipeline(steps, *[{"keypoint": clip} for clip in clips])]) == []
    assert skeleton_warnings([pipeline([Flip(layout="kinect20")], *[{"keypoint": clip} for clip in clips])]) == []
    for other in ("h36m", "ap10k"):  # 17 joints as well, the ears and the tail elsewhere
        (warning,) = skeleton_warnings([pipeline([GenSkeFeat(other)], *[{"keypoint": clip} for clip in clips])])
        assert f"another order than in the layout '{get_layout(other).name}'" in warning and " to " in warning
    (warning,) = skeleton_warnings([pipeline([], {"keypoint": clips[0]})], torch.nn.Sequential(HeatmapOf("h36m")))
    assert "times as long as its mirror image" in warning
    assert odd_limb(joint_distances([clips[0] * 0]), layout) is None


def test_a_spine_the_wrong_way_round_shows_in_ways_over_other_joints():
    layout, upside_down = get_layout("kinect20"), get_layout("kinect20_sdk")
    arm, leg = [(3, 15), (6, 13), (8, 11), (9, 10)], [(1, 9), (1, 5), (1, 1), (1, 0)]
    body = np.array(
        [(0, 18), (0, 15), (0, 12), (0, 10)]
        + [(side * x, y) for part in (arm, leg) for side in (1, -1) for x, y in part]
    )
    clip = body[None, None] + np.random.default_rng(0).normal(0, 0.1, (1, 20, 20, 2)) + 50
    assert odd_limb(joint_distances([clip]), layout) is None
    assert "over other joints between its ends" in odd_limb(joint_distances([clip]), upside_down)


@pytest.mark.parametrize(
    ("name", "right", "wrong"), [("nucla_3d", "nucla", "kinect20"), ("utd_mhad_2d", "kinect20", "nucla")]
)
def test_the_orders_of_real_skeletons(shared, name, right, wrong):
    joints = [info["keypoint"] for info in read_annotation_file(shared / f"data/skeleton/{name}.pkl")[0][::10]]
    distances = joint_distances(joints)
    assert odd_limb(distances, get_layout(right)) is None
    assert odd_limb(distances, get_layout(wrong)) is not None


class HeatmapOf(torch.nn.Module):
    def __init__(self, layout):
        super().__init__()
        self.spec = HeatmapSpec(layout=layout)
