import numpy as np
import pytest

from mmaction.datasets.transforms import FormatShape, GeneratePoseTarget
from mmaction.skeletons import get_layout


def sample(joints=17, persons=2, frames=4, size=24, dtype=np.float16):
    rng = np.random.default_rng(0)
    return {
        "keypoint": rng.uniform(2, size - 2, (persons, frames, joints, 2)).astype(dtype),
        "keypoint_score": rng.uniform(0.2, 1, (persons, frames, joints)).astype(dtype),
        "img_shape": (size, size + 4),
        "num_clips": 2,
        "clip_len": frames // 2,
    }


def test_shape_dtype_and_unchanged_inputs():
    given = sample()
    before = {key: np.copy(given[key]) for key in ("keypoint", "keypoint_score")}
    imgs = GeneratePoseTarget()(dict(given))["imgs"]
    assert imgs.shape == (4, 17, 24, 28)
    assert imgs.dtype == np.float32
    for key, array in before.items():
        np.testing.assert_array_equal(given[key], array)


def test_both_are_the_joints_followed_by_the_limbs():
    joints, limbs, both = (
        GeneratePoseTarget(with_kp=kp, with_limb=limb)(sample())["imgs"]
        for kp, limb in ((True, False), (False, True), (True, True))
    )
    np.testing.assert_array_equal(both, np.concatenate([joints, limbs], axis=1))


@pytest.mark.parametrize(("with_kp", "with_limb"), [(True, False), (False, True), (True, True)])
def test_double_adds_the_heatmaps_of_the_mirrored_skeleton(with_kp, with_limb):
    layout = get_layout("kinect20")
    given = sample(joints=20)
    given["keypoint"] = given["keypoint"].astype(np.float32)
    step = GeneratePoseTarget(sigma=1.5, with_kp=with_kp, with_limb=with_limb, layout="kinect20", double=True)
    imgs = step(dict(given))["imgs"]
    order = list(layout.flip_order)
    mirrored = dict(given, keypoint=given["keypoint"][:, :, order], keypoint_score=given["keypoint_score"][..., order])
    mirrored["keypoint"] = [27, 0] + mirrored["keypoint"] * [-1, 1]
    step.double = False
    expected = step(mirrored)["imgs"]
    assert imgs.shape == (8, *expected.shape[1:])
    np.testing.assert_allclose(imgs[4:], expected, atol=0.012)  # a box of 3 sigma is not rounded symmetrically


def test_scores_are_peaks_unless_they_are_not_wanted():
    given = sample(persons=1)
    given["keypoint"] = given["keypoint"].astype(int)
    peaks = GeneratePoseTarget()(dict(given))["imgs"].max((2, 3))
    np.testing.assert_allclose(peaks, given["keypoint_score"][0], rtol=1e-6)
    assert (GeneratePoseTarget(use_score=False)(dict(given))["imgs"].max((2, 3)) == 1).all()
    del given["keypoint_score"]
    assert (GeneratePoseTarget()(given)["imgs"].max((2, 3)) == 1).all()


def test_scaling_draws_smaller_heatmaps():
    given = sample()
    small = GeneratePoseTarget(scaling=0.5)(dict(given))["imgs"]
    halved = dict(given, keypoint=given["keypoint"].astype(np.float32) / 2, img_shape=(12, 14))
    np.testing.assert_allclose(small, GeneratePoseTarget()(halved)["imgs"], atol=1e-6)


def test_a_sample_with_images_keeps_them():
    result = GeneratePoseTarget()(dict(sample(), imgs="frames"))
    assert result["imgs"] == "frames"
    assert result["heatmap_imgs"].shape == (4, 17, 24, 28)


def test_formatting_does_not_copy():
    given = GeneratePoseTarget(double=True)(sample())
    drawn = given["imgs"]
    formatted = FormatShape("NCTHW_Heatmap")(given)["imgs"]
    assert formatted.shape == (4, 17, 2, 24, 28)
    assert np.shares_memory(drawn, formatted)
    np.testing.assert_array_equal(formatted[1, :, 1], drawn[3])


def test_joints_that_do_not_fit_the_layout():
    with pytest.raises(ValueError, match="the skeletons have 20 joints, the heatmaps are set up for 17"):
        GeneratePoseTarget(with_limb=True)(sample(joints=20))
