import copy

import numpy as np
import pytest
import torch

from mmaction.datasets.transforms import CenterCrop, Flip, Fuse, RandomRescale, RandomResizedCrop, Resize

LEFT, RIGHT = [1, 3], [2, 4]


def sample(shape=(48, 64), keypoint=False, seed=0, **more):
    rng = np.random.default_rng(seed)
    results = {"img_shape": shape, "modality": "RGB", "label": 1, "rng": np.random.default_rng(seed), **more}
    if keypoint:
        results["keypoint"] = rng.uniform(1, 40, (2, 3, 5, 2)).astype(np.float32)
        results["keypoint_score"] = rng.random((2, 3, 5)).astype(np.float32)
    else:
        results["imgs"] = [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for _ in range(3)]
    return results


def test_resize_scales_frames_keypoints_and_factors_alike():
    results = Resize((-1, 24))(sample() | {"keypoint": np.array([[[[8.0, 6.0]]]], np.float32)})
    assert results["img_shape"] == (24, 32) == results["imgs"][0].shape[:2]
    assert results["keypoint"].ravel().tolist() == [4, 3]
    results = Resize((96, 48), keep_ratio=False)(results)
    assert results["img_shape"] == (48, 96)
    assert results["scale_factor"].tolist() == [1.5, 1]
    assert results["keypoint"].ravel().tolist() == [12, 6]


def test_resize_by_a_factor():
    assert Resize(0.5)(sample())["img_shape"] == (24, 32)


def test_img_shape_comes_from_the_frames_when_it_is_missing():
    results = sample()
    del results["img_shape"]
    assert Resize((-1, 24))(results)["img_shape"] == (24, 32)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 0}, "scale is a factor above 0; got 0"),
        ({"scale": 2, "keep_ratio": False}, r"keep_ratio=False needs scale=\(width, height\)"),
        ({"scale": (-1, 256), "keep_ratio": False}, "above 0, or -1 and the short edge"),
        ({"scale": (-1, -1)}, "above 0, or -1 and the short edge"),
        ({"scale": (1, 2), "interpolation": "linear"}, "interpolation is one of nearest, bilinear"),
    ],
)
def test_resize_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        Resize(**arguments)


@pytest.mark.parametrize("scale", ["256", (1, 2, 3), None])
def test_scale_of_another_type_is_named(scale):
    with pytest.raises(TypeError, match="scale is one number or two"):
        Resize(scale)


def test_random_rescale_draws_every_edge_of_its_range():
    edges = {RandomRescale((20, 24))(sample(seed=seed))["short_edge"] for seed in range(60)}
    assert edges == {20, 21, 22, 23, 24}
    results = RandomRescale((20, 24))(sample())
    assert min(results["img_shape"]) == results["short_edge"]
    with pytest.raises(ValueError, match="scale_range is"):
        RandomRescale((24, 20))


def test_flip_swaps_sides_and_keeps_inputs():
    results = sample(keypoint=True)
    before, score = results["keypoint"], results["keypoint_score"]
    kept = before.copy()
    flipped = Flip(1.0, left_kp=LEFT, right_kp=RIGHT)(results)
    np.testing.assert_array_equal(before, kept)
    np.testing.assert_allclose(flipped["keypoint"][:, :, 1, 0], 64 - kept[:, :, 2, 0])
    np.testing.assert_allclose(flipped["keypoint"][:, :, 4, 1], kept[:, :, 3, 1])
    np.testing.assert_array_equal(flipped["keypoint_score"][:, :, 3], score[:, :, 4])
    assert flipped["flip"] is True and flipped["flip_direction"] == "horizontal"


@pytest.mark.parametrize("coordinates", [2, 3])
def test_centered_keypoints_are_mirrored_about_zero(coordinates):
    joints = np.random.default_rng(0).normal(size=(1, 4, 17, coordinates)).astype(np.float32)
    joints[0, 2, 5] = 0  # a missing joint
    flip = Flip(1.0, layout="coco17", centered=True)
    mirrored = flip({"keypoint": joints, "label": 3})["keypoint"]
    assert not mirrored[0, 2, 6].any()
    np.testing.assert_array_equal(mirrored[..., 9, 0], -joints[..., 10, 0])
    np.testing.assert_array_equal(mirrored[..., 9, 1:], joints[..., 10, 1:])
    np.testing.assert_array_equal(flip({"keypoint": mirrored, "label": 3})["keypoint"], joints)


def test_joints_in_space_are_not_mirrored_in_an_image():
    with pytest.raises(ValueError, match="centered=True"):
        Flip(1.0)({"keypoint": np.ones((1, 4, 17, 3), np.float32), "label": 3})


def test_a_layout_stands_for_the_lists():
    by_layout, by_lists = (
        Flip(1.0, layout="coco17"),
        Flip(1.0, left_kp=[1, 3, 5, 7, 9, 11, 13, 15], right_kp=[2, 4, 6, 8, 10, 12, 14, 16]),
    )
    pairs = [dict(zip(flip.left_kp, flip.right_kp, strict=True)) for flip in (by_layout, by_lists)]
    assert pairs[0] == pairs[1]


def test_flip_label_map_applies_to_flipped_samples_alone():
    flip = Flip(0.5, flip_label_map={1: 7})
    found = {(results["flip"], results["label"]) for results in (flip(sample(seed=seed)) for seed in range(30))}
    assert found == {(True, 7), (False, 1)}


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (np.array(1), 2),
        (np.int64(1), 2),
        ([0, 1], [0, 2]),
        (np.array([2, 0]), np.array([1, 0])),
        (np.array([0, 1]), np.array([0, 2])),
        (torch.tensor([0, 1, 0, 1]), torch.tensor([0, 0, 1, 1])),
        (torch.tensor([1, 1, 1, 0]), torch.tensor([1, 1, 1, 0])),
    ],
)
def test_flip_label_map_applies_to_each_of_several_labels(label, expected):
    before = copy.deepcopy(label)
    found = Flip(1.0, flip_label_map={1: 2, 2: 1})(sample(label=label))["label"]
    assert type(found) is type(expected)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(label, before)


def test_flip_label_map_beyond_the_classes_is_named():
    with pytest.raises(ValueError, match="flip_label_map maps class 1 to 4, the data set has 4"):
        Flip(1.0, flip_label_map={1: 4})(sample(label=torch.tensor([0, 1, 0, 0])))


def test_no_flip_is_no_change():
    results = sample()
    images = results["imgs"]
    assert Flip(0.0)(results)["imgs"] is images and results["flip"] is False


def test_flip_of_flow_inverts_x():
    images = [np.full((4, 6), value, np.uint8) for value in (100, 50, 101, 51)]
    results = Flip(1.0)({"imgs": images, "img_shape": (4, 6), "modality": "Flow"})
    assert [image[0, 0] for image in results["imgs"]] == [155, 50, 154, 51]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"flip_ratio": 1.5}, "flip_ratio is a probability"),
        ({"direction": "diagonal"}, "direction is one of horizontal, vertical; got 'diagonal'"),
        ({"left_kp": [1, 2], "right_kp": [3]}, "one joint each per pair"),
        ({"left_kp": [1]}, "one joint each per pair"),
        ({"layout": "coco17", "left_kp": [1], "right_kp": [2]}, "not both"),
    ],
)
def test_flip_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        Flip(**arguments)


def test_vertical_flip_of_keypoints_or_flow_is_refused():
    for results in (sample(keypoint=True), sample(modality="Flow")):
        with pytest.raises(ValueError, match="only be flipped with direction='horizontal'"):
            Flip(1.0, "vertical")(results)


def test_same_generator_same_result():
    steps = [RandomResizedCrop(), Resize((20, 20), keep_ratio=False), Flip()]
    outputs = []
    for _ in range(2):
        results = sample(seed=5)
        for step in steps:
            results = step(results)
        outputs.append(np.stack(results["imgs"]))
    np.testing.assert_array_equal(*outputs)


def test_lazy_steps_are_one_crop_one_resize_one_flip():
    results = sample((40, 60))
    images = results["imgs"]
    for step in (CenterCrop(20, lazy=True), Resize((30, 30), keep_ratio=False, lazy=True), Flip(1.0, lazy=True)):
        results = step(results)
        assert results["imgs"] is images
    assert results["lazy"]["crop_bbox"].tolist() == [20, 10, 40, 30]
    results = Fuse()(results)
    expected = Resize((30, 30), keep_ratio=False)({"imgs": [images[2][10:30, 20:40]]})["imgs"][0][:, ::-1]
    np.testing.assert_array_equal(results["imgs"][2], expected)
    assert "lazy" not in results


def test_lazy_crop_after_lazy_resize_is_counted_in_original_pixels():
    results = sample((40, 60))
    for step in (Resize((-1, 20), lazy=True), CenterCrop(10, lazy=True)):
        results = step(results)
    assert results["lazy"]["crop_bbox"].tolist() == [20, 10, 40, 30]


def test_mixing_lazy_and_eager_is_named():
    results = Resize((-1, 20), lazy=True)(sample())
    with pytest.raises(ValueError, match="put Fuse between them"):
        Resize((-1, 20))(results)
    with pytest.raises(ValueError, match="put Flip last"):
        Resize((-1, 20), lazy=True)(Flip(1.0, lazy=True)(results))
    with pytest.raises(ValueError, match="this sample has keypoints"):
        Flip(lazy=True)(sample(keypoint=True))
    with pytest.raises(ValueError, match="Fuse found no step"):
        Fuse()(sample())
