"""Choosing annotations and layouts."""

from pathlib import Path

import numpy as np
import pytest

from mmaction.skeletons import choose_layout
from mmaction.visualization.poses import clip_poses, find_annotation, load_annotation_list

NAMES = ["run", "walk", "jump"]
CLIPS = [dict(frame_dir=name, keypoint=np.zeros((1, 2, 17, 2)), label=n) for n, name in enumerate(NAMES)]


@pytest.mark.parametrize(
    ("wanted", "video", "label"),
    [("", "x/walk.mp4", 1), ("jump", "x/walk.mp4", 2), ("0", "x/walk.mp4", 0)],
)
def test_annotation_by_video_name_or_name_or_index(wanted, video, label):
    assert find_annotation(CLIPS, wanted, Path(video), "p.pkl")["label"] == label


def test_annotation_in_a_folder_of_the_videos_name():
    clips = [CLIPS[0], CLIPS[1] | dict(frame_dir="train/walk")]
    assert find_annotation(clips, "", Path("walk.mp4"), "p.pkl")["label"] == 1


@pytest.mark.parametrize(("wanted", "video"), [("wakl", "a.mp4"), ("", "walk_1.mp4"), ("3", "a.mp4")])
def test_no_such_annotation(wanted, video):
    with pytest.raises(KeyError, match=r"p.pkl: no annotation is called .*close names: .*walk.* by index 0 to 2"):
        find_annotation(CLIPS, wanted, Path(video), "p.pkl")


@pytest.mark.parametrize(
    ("joints", "name"),
    [
        (13, "penn13"),
        (15, "jhmdb15"),
        (17, "coco17"),
        (18, "openpose18"),
        (20, "kinect20"),
        (21, "hand21"),
        (25, "ntu25"),
        (26, "halpe26"),
        (33, "mediapipe33"),
        (133, "wholebody133"),
    ],
)
def test_a_guess_by_the_number_of_joints_is_said(joints, name):
    poses = clip_poses(dict(frame_dir="a", keypoint=np.ones((1, 2, joints, 2))))
    assert poses.layout.name == name
    assert f"{name}, guessed from {joints} joints" in poses.layout_note


def test_a_layout_that_is_given_is_no_guess():
    entry = dict(frame_dir="a", keypoint=np.ones((1, 2, 25, 2)))
    for layout, config in (("body25", None), ("auto", {"model": {"data_preprocessor": {"layout": "openpose25"}}})):
        poses = clip_poses(entry, layout, config=config)
        assert (poses.layout.name, poses.layout_note) == ("body25", "")


def test_wrong_layouts():
    with pytest.raises(ValueError, match=r"ntu25 has 25 joints, .* 17; .*: coco17, ap10k17, h36m17"):
        choose_layout("ntu25", 17)
    with pytest.raises(ValueError, match="no layout with 16 joints is known"):
        choose_layout("auto", 16)
    with pytest.raises(KeyError, match="did you mean 'coco17'"):
        choose_layout("coco18", 17)


def test_scores_from_the_third_coordinate_or_from_zeros():
    keypoint = np.ones((1, 2, 17, 3), np.float16)
    keypoint[..., 2] = 0.5
    assert (clip_poses(dict(frame_dir="a", keypoint=keypoint)).score == 0.5).all()
    keypoint = np.ones((1, 2, 17, 2), np.float16)
    keypoint[0, 1, 3] = 0
    score = clip_poses(dict(frame_dir="a", keypoint=keypoint)).score
    assert score[0, 1, 3] == 0 and score.sum() == 33


def test_rescaling():
    poses = clip_poses(dict(frame_dir="a", keypoint=np.full((1, 2, 17, 2), 10.0), img_shape=(100, 200)))
    np.testing.assert_allclose(poses.rescaled(50, 600).keypoint[0, 0, 0], [30.0, 5.0])
    assert poses.rescaled(100, 200) is poses


@pytest.mark.parametrize("shape", [(2, 17), (1, 2, 17, 4), (1, 0, 17, 2), (0, 0, 17, 2)])
def test_wrong_shapes(shape):
    with pytest.raises(ValueError, match=r"keypoint: expected the shape \(M, T, V, 2 or 3\)"):
        clip_poses(dict(frame_dir="a", keypoint=np.zeros(shape)))


def test_nobody():
    poses = clip_poses(dict(frame_dir="a", keypoint=np.zeros((0, 2, 17, 2))))
    assert (poses.num_frames, poses.score.shape, poses.layout.name) == (2, (0, 2, 17), "coco17")


def test_wrong_score_shape():
    with pytest.raises(ValueError, match=r"keypoint_score: expected shape \(1, 2, 17\), got \(1, 2, 16\)"):
        clip_poses(dict(frame_dir="a", keypoint=np.zeros((1, 2, 17, 2)), keypoint_score=np.zeros((1, 2, 16))))


def test_real_skeletons(shared):
    annotations = load_annotation_list(shared / "data/skeleton/utd_mhad_2d.pkl")
    poses = clip_poses(annotations[0])
    assert poses.layout.name == "kinect20"
    assert poses.num_frames == annotations[0]["total_frames"]
