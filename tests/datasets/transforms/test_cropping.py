import numpy as np
import pytest

from mmaction.datasets.transforms import CenterCrop, MultiScaleCrop, RandomCrop, RandomResizedCrop, TenCrop, ThreeCrop


def sample(shape=(48, 64), seed=0, keypoint=False):
    rng = np.random.default_rng(seed)
    results = {"img_shape": shape, "modality": "RGB", "rng": np.random.default_rng(seed)}
    results["imgs"] = [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for _ in range(2)]
    if keypoint:
        results["keypoint"] = rng.uniform(0, 40, (1, 2, 5, 2)).astype(np.float32)
    return results


CROPS = {
    "random": RandomCrop(20),
    "resized": RandomResizedCrop((0.3, 0.6)),
    "multi": MultiScaleCrop(30, (1, 0.8), 1, num_fixed_crops=13),
    "multi_anywhere": MultiScaleCrop((30, 20), (0.7,), random_crop=True),
    "center": CenterCrop((30, 20)),
}


@pytest.mark.parametrize("name", CROPS)
def test_frames_keypoints_and_keys_agree(name):
    for seed in range(12):
        results = sample(seed=seed, keypoint=True)
        images, keypoint = results["imgs"], results["keypoint"]
        results = CROPS[name](results)
        x1, y1, x2, y2 = results["crop_bbox"]
        assert results["img_shape"] == (y2 - y1, x2 - x1)
        for before, after in zip(images, results["imgs"], strict=True):
            np.testing.assert_array_equal(after, before[y1:y2, x1:x2])
        np.testing.assert_allclose(results["keypoint"], keypoint - np.array([x1, y1]), atol=1e-5)
        np.testing.assert_allclose(
            results["crop_quadruple"], [x1 / 64, y1 / 48, (x2 - x1) / 64, (y2 - y1) / 48], atol=1e-6
        )


def test_center_crop_takes_width_then_height():
    assert CenterCrop((30, 20))(sample())["img_shape"] == (20, 30)


def test_random_crop_moves():
    places = {tuple(RandomCrop(20)(sample(seed=seed))["crop_bbox"][:2]) for seed in range(200)}
    xs, ys = zip(*places, strict=True)
    assert min(xs) < 4 and max(xs) > 38 and min(ys) < 3 and max(ys) > 23
    assert RandomCrop(48)(sample((48, 48)))["crop_bbox"].tolist() == [0, 0, 48, 48]


def test_multi_scale_crop_draws_near_sizes_and_snaps_to_the_input():
    sizes = {MultiScaleCrop(39, (1, 0.8, 0.6), 1)(sample(seed=seed))["img_shape"] for seed in range(200)}
    # shares of 48: 48, 38 (within 2 of 39) and 28; 48 never meets 28
    assert sizes == {(48, 48), (48, 39), (39, 48), (39, 39), (39, 28), (28, 39), (28, 28)}
    results = MultiScaleCrop(39, (1, 0.8))(sample())
    assert results["scales"] == (1, 0.8)


def test_three_crop_orders_first_last_middle():
    results = sample()
    images = results["imgs"]
    results = ThreeCrop(48)(results)
    assert len(results["imgs"]) == 6 and results["img_shape"] == (48, 48)
    assert results["crop_bbox"][::2, 0].tolist() == [0, 16, 8]
    np.testing.assert_array_equal(results["imgs"][3], images[1][:, 16:])


def test_ten_crop_follows_each_crop_with_its_mirror_image():
    results = sample()
    images = results["imgs"]
    results = TenCrop(16)(results)
    assert len(results["imgs"]) == 20 and results["crop_bbox"].shape == (20, 4)
    np.testing.assert_array_equal(results["imgs"][2], images[0][:16, :16][:, ::-1])
    np.testing.assert_array_equal(results["imgs"][17], images[1][16:32, 24:40])


@pytest.mark.parametrize(
    "crop", [RandomCrop(50), CenterCrop(50), MultiScaleCrop((50, 50), (1,)), ThreeCrop(50), TenCrop(50)]
)
def test_a_crop_larger_than_the_image_is_named(crop):
    with pytest.raises(ValueError, match=r"a crop of 50x50 \(height x width\) does not fit into an image of 48x64"):
        crop(sample())


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: RandomCrop((3, 4)), TypeError, "size is the edge of a square"),
        (lambda: RandomCrop(0), ValueError, "integers above 0"),
        (lambda: CenterCrop(2.5), ValueError, "integers above 0"),
        (lambda: CenterCrop("12"), TypeError, "one number or two"),
        (lambda: RandomResizedCrop((0.0, 1.0)), ValueError, "area_range is"),
        (lambda: RandomResizedCrop((0.5, 1.2)), ValueError, "area_range is"),
        (lambda: RandomResizedCrop((0.5, 1.0), (2.0, 1.0)), ValueError, "aspect_ratio_range is"),
        (lambda: MultiScaleCrop(10, 0.5), ValueError, "scales are shares"),
        (lambda: MultiScaleCrop(10, (1, 1.5)), ValueError, "scales are shares"),
        (lambda: MultiScaleCrop(10, num_fixed_crops=9), ValueError, "num_fixed_crops is 5 or 13; got 9"),
    ],
)
def test_arguments_out_of_range_are_named(build, error, message):
    with pytest.raises(error, match=message):
        build()
