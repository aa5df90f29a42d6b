import cv2
import numpy as np
import pytest

from mmaction.datasets.transforms import (
    MMCompact,
    MMDecode,
    MMUniformSampleFrames,
    PoseCompact,
    UniformSampleFrames,
    VideoInit,
    VideoPoseDecode,
)


@pytest.fixture
def video(tmp_path):
    """Ten frames of 64 x 48, each of another gray."""
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10, (64, 48))
    for gray in range(10):
        writer.write(np.full((48, 64, 3), 20 * gray + 20, dtype=np.uint8))
    writer.release()
    return path


def sample(path, **more):
    keypoint = np.random.default_rng(0).uniform(10, 90, (1, 10, 17, 2)).astype(np.float16)
    return {
        "frame_dir": str(path.with_suffix("")),
        "total_frames": 10,
        "modality": "Pose",
        "img_shape": (96, 128),
        "keypoint": keypoint,
        **more,
    }


def test_frames_and_joints_come_to_one_size(video):
    given = sample(video)
    step = MMUniformSampleFrames(clip_len={"RGB": 3, "Pose": 5}, test_mode=True)
    result = MMDecode()(step(given.copy()))
    grays = [int(img.mean()) for img in result["imgs"]]
    assert len(grays) == 3
    np.testing.assert_allclose(grays, 20 * result["RGB_inds"] + 20, atol=4)
    expected = given["keypoint"][:, result["Pose_inds"]].astype(float) / 2
    np.testing.assert_allclose(result["keypoint"], expected, atol=0.1)
    assert (result["keypoint_score"] == 1).all()
    assert result["img_shape"] == (48, 64)
    assert given["img_shape"] == (96, 128)


def test_scores_in_the_third_channel(video):
    given = sample(video)
    score = np.random.default_rng(1).random((1, 10, 17)).astype(np.float16)
    step = MMUniformSampleFrames(clip_len={"RGB": 3, "Pose": 5}, test_mode=True)
    expected = MMDecode()(step(given | {"keypoint_score": score}))
    result = MMDecode()(step(given | {"keypoint": np.concatenate([given["keypoint"], score[..., None]], axis=-1)}))
    for key in ("keypoint", "keypoint_score"):
        np.testing.assert_array_equal(result[key], expected[key])


@pytest.mark.parametrize("lazy", [True, False])
def test_a_video_and_its_skeleton_give_the_same_frames(video, lazy):
    given = sample(video, filename=str(video))
    result = UniformSampleFrames(clip_len=4, num_clips=2, test_mode=True)(VideoInit()(given.copy()))
    inds = result["frame_inds"]
    result = VideoPoseDecode(lazy)(result)
    np.testing.assert_allclose([int(img.mean()) for img in result["imgs"]], 20 * inds + 20, atol=4)
    np.testing.assert_allclose(result["keypoint"], given["keypoint"][:, inds].astype(float) / 2, atol=0.1)
    assert result["img_shape"] == result["original_shape"] == (48, 64)


def test_a_skeleton_shorter_than_its_video(video):
    given = sample(video, filename=str(video))
    given["keypoint"] = given["keypoint"][:, :6]
    result = UniformSampleFrames(clip_len=4, test_mode=True)(VideoInit()(given))
    with pytest.raises(ValueError, match="were sampled, but the skeleton has 6"):
        VideoPoseDecode()(result)


def test_an_unknown_modality(video):
    with pytest.raises(ValueError, match="MMDecode reads RGB and Pose; got the modality 'Flow'"):
        MMDecode()(sample(video, modality=["Flow"], Flow_inds=np.arange(2)))


def test_a_clip_without_joints():
    with pytest.raises(ValueError, match="a has no keypoint, which the modality Pose needs"):
        MMDecode()({"frame_dir": "a", "modality": ["Pose"], "Pose_inds": np.arange(2)})


@pytest.mark.parametrize("corner", [(0, 0), (20, 5)])
def test_frames_are_cropped_with_the_joints(corner):
    """A dot drawn at each joint stays at the joint, although the box reaches beyond the image."""
    rng = np.random.default_rng(0)
    points = rng.integers(3, 40, (1, 1, 6, 2)) + np.array(corner)
    img = np.zeros((48, 64, 3), dtype=np.uint8)
    for x, y in points[0, 0]:
        img[min(y, 47), min(x, 63)] = 255
    points = np.minimum(points, [63, 47])
    given = {"imgs": [img], "keypoint": points.astype(np.float32), "img_shape": (48, 64)}
    result = MMCompact(hw_ratio=1.0)(dict(given))
    cropped = result["imgs"][0]
    assert cropped.shape[:2] == result["img_shape"]
    assert cropped.shape[0] > 48 or cropped.shape[0] == cropped.shape[1]
    for x, y in result["keypoint"][0, 0].astype(int):
        assert cropped[y, x].tolist() == [255] * 3
    assert cropped.sum() == img.sum()
    alone = PoseCompact(hw_ratio=1.0)({key: given[key] for key in ("keypoint", "img_shape")})
    np.testing.assert_array_equal(alone["keypoint"], result["keypoint"])


def test_a_tiny_skeleton_leaves_the_frames():
    img = np.zeros((48, 64, 3), dtype=np.uint8)
    result = MMCompact()({"imgs": [img], "keypoint": np.full((1, 1, 3, 2), 5.0), "img_shape": (48, 64)})
    assert result["imgs"][0] is img
