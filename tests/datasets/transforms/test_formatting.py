import numpy as np
import pytest
import torch

from mmaction.datasets.transforms import FormatShape, PackActionInputs, PackPoseInputs


def frames(count=12, height=4, width=5):
    return list(np.random.default_rng(0).integers(0, 255, (count, height, width, 3), dtype=np.uint8))


def test_ncthw():
    imgs = frames()
    result = FormatShape("NCTHW")({"imgs": imgs, "num_clips": 2, "clip_len": 3})  # two crops of two clips
    assert result["input_shape"] == result["imgs"].shape == (4, 3, 3, 4, 5)
    np.testing.assert_array_equal(result["imgs"][3, :, 1], imgs[10].transpose(2, 0, 1))


def test_ncthw_of_two_modalities():
    heatmaps = np.random.default_rng(0).random((8, 17, 6, 6))
    sample = {"imgs": frames(4), "heatmap_imgs": heatmaps, "num_clips": 2, "clip_len": {"RGB": 2, "Pose": 4}}
    result = FormatShape("NCTHW")(sample)
    assert result["input_shape"] == (2, 3, 2, 4, 5)
    assert result["heatmap_input_shape"] == (2, 17, 4, 6, 6)
    np.testing.assert_array_equal(result["heatmap_imgs"][1, :, 2], heatmaps[6])


def test_nchw_joins_the_frames_of_a_flow_clip():
    imgs = np.random.default_rng(0).random((12, 4, 5, 2))
    assert FormatShape("NCHW")({"imgs": imgs, "clip_len": 3})["imgs"].shape == (12, 2, 4, 5)
    result = FormatShape("NCHW")({"imgs": imgs, "clip_len": 3, "modality": "Flow"})["imgs"]
    assert result.shape == (4, 6, 4, 5)
    np.testing.assert_array_equal(result[1, 2:4], imgs[4].transpose(2, 0, 1))


def test_nchw_flow_takes_components_in_turns():
    imgs = list(np.random.default_rng(0).integers(0, 255, (12, 4, 5), dtype=np.uint8))
    result = FormatShape("NCHW_Flow")({"imgs": imgs, "num_clips": 2, "clip_len": 3})["imgs"]
    assert result.shape == (2, 6, 4, 5)
    np.testing.assert_array_equal(result.reshape(12, 4, 5), imgs)
    with pytest.raises(ValueError, match="an even number of images; got 3"):
        FormatShape("NCHW_Flow")({"imgs": imgs[:3], "num_clips": 1, "clip_len": 1})


def test_nptchw():
    sample = {"imgs": frames(12), "num_clips": 2, "clip_len": 3, "num_proposals": 2}
    result = FormatShape("NPTCHW")(sample)["imgs"]
    assert result.shape == (2, 6, 3, 4, 5)
    np.testing.assert_array_equal(result[1, 2], sample["imgs"].reshape(2, 6, 3, 4, 5)[1, 2])


def test_collapse():
    sample = {"imgs": frames(3), "num_clips": 1, "clip_len": 3}
    assert FormatShape("NCTHW", collapse=True)(dict(sample))["imgs"].shape == (3, 3, 4, 5)
    with pytest.raises(ValueError, match="collapse=True needs one clip and one crop; got 3"):
        FormatShape("NCTHW", collapse=True)(dict(sample, clip_len=1))


def test_wrong_formats_and_counts():
    with pytest.raises(ValueError, match="The input format NHWC is invalid; known: NCTHW"):
        FormatShape("NHWC")
    with pytest.raises(ValueError, match="12 frames are not a multiple"):
        FormatShape("NCTHW")({"imgs": frames(), "num_clips": 1, "clip_len": 5})


def test_packing_shares_memory():
    imgs = np.zeros((2, 3, 4), dtype=np.float32)
    packed = PackActionInputs(algorithm_keys=("extra", "absent"))(
        {"imgs": imgs, "keypoint": 1, "label": 2, "img_shape": (3, 4), "extra": 5, "timestamp": 7}
    )
    imgs[0, 0, 0] = 9
    assert packed["inputs"][0, 0, 0] == 9
    sample = packed["data_samples"]
    assert sample.gt_label.tolist() == [2]
    assert (sample.img_shape, sample.timestamp, sample.extra) == ((3, 4), 7, 5)


@pytest.mark.parametrize("key", ["imgs", "heatmap_imgs", "keypoint", "audios", "text"])
def test_the_first_known_input_is_packed(key):
    packed = PackActionInputs()({key: np.arange(3), "other": 1})
    assert packed["inputs"].tolist() == [0, 1, 2]
    assert "gt_label" not in packed["data_samples"]


def test_collected_inputs():
    sample = {"imgs": np.zeros(2), "heatmap_imgs": torch.ones(3), "label": [1, 3]}
    packed = PackActionInputs(collect_keys=("imgs", "heatmap_imgs"))(sample)
    assert set(packed["inputs"]) == {"imgs", "heatmap_imgs"}
    assert packed["data_samples"].gt_label.tolist() == [1, 3]
    with pytest.raises(ValueError, match="collect_keys names keypoint, which the sample does not have"):
        PackActionInputs(collect_keys=("imgs", "keypoint"))(sample)


def test_mirrored_views_can_be_packed():
    assert PackActionInputs()({"imgs": np.arange(3)[::-1]})["inputs"].tolist() == [2, 1, 0]


def test_nothing_to_pack():
    with pytest.raises(ValueError, match="the sample has none of imgs, heatmap_imgs"):
        PackActionInputs()({"label": 1})
    with pytest.raises(TypeError, match="cannot pack a str as a tensor"):
        PackActionInputs()({"imgs": "frames"})


def test_pose_inputs():
    rng = np.random.default_rng(0)
    keypoint, score = rng.random((2, 6, 5, 2)), rng.random((2, 6, 5))
    sample = {"keypoint": keypoint, "keypoint_score": score, "num_clips": 3, "img_shape": (7, 8), "label": 0}
    packed = PackPoseInputs(double=True)(sample)
    inputs = packed["inputs"]
    assert inputs.shape == (3, 2, 2, 5, 3)
    assert inputs.dtype == torch.float32
    np.testing.assert_allclose(inputs[2, 1, 0, :, :2], keypoint[1, 4], rtol=1e-6)
    np.testing.assert_allclose(inputs[2, 1, 0, :, 2], score[1, 4], rtol=1e-6)
    assert packed["data_samples"].img_shape == (7, 8)
    assert packed["data_samples"].double is True
    del sample["keypoint_score"]
    assert (PackPoseInputs()(sample)["inputs"][..., 2] == 1).all()
    with pytest.raises(ValueError, match="6 frames are not a multiple of num_clips=4"):
        PackPoseInputs()(dict(sample, num_clips=4))


def test_transpose_reorders_axes():
    from mmaction.datasets.transforms import Transpose

    step = Transpose(["imgs", "flow"], (2, 0, 1))
    results = step({"imgs": np.zeros((4, 5, 3)), "flow": np.zeros((6, 7, 2)), "label": 1})
    assert results["imgs"].shape == (3, 4, 5) and results["flow"].shape == (2, 6, 7)
    assert step.reads == ("imgs", "flow")
    with pytest.raises(ValueError, match=r"imgs has 2 axes, order=\(2, 0, 1\) 3"):
        step({"imgs": np.zeros((4, 5)), "flow": np.zeros((6, 7, 2))})
