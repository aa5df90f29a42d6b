import numpy as np
import pytest

from mmaction.datasets.transforms import ColorJitter, TorchVisionWrapper


def sample(seed=0):
    image = np.random.default_rng(0).integers(0, 256, (16, 20, 3), dtype=np.uint8)
    return {"imgs": [image, image.copy()], "img_shape": (16, 20), "rng": np.random.default_rng(seed)}


@pytest.mark.parametrize(
    "step", [ColorJitter(), TorchVisionWrapper("RandAugment"), TorchVisionWrapper("ColorJitter", hue=0.2)]
)
def test_all_frames_change_alike_and_repeatably(step):
    changed = 0
    for seed in range(8):
        before = sample()["imgs"][0]
        first, second = step(sample(seed))["imgs"]
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(first, step(sample(seed))["imgs"][0])
        assert first.shape == before.shape and first.dtype == np.uint8
        changed += not np.array_equal(first, before)
    assert changed >= 5


def test_zero_ranges_change_nothing():
    results = sample()
    images = results["imgs"]
    assert ColorJitter(0, 0, 0, 0)(results)["imgs"] is images


def test_the_order_is_random():
    orders = {tuple(name for name, _ in ColorJitter().sample_params(sample(seed))) for seed in range(300)}
    assert len(orders) == 24


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hue": 0.7}, "hue lies between -0.5 and 0.5; got 0.7"),
        ({"brightness": -1}, "brightness is the largest deviation from 1, 0 or more; got -1"),
        ({"contrast": (1.5, 0.5)}, "contrast lies between 0 and inf"),
    ],
)
def test_ranges_out_of_bounds_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ColorJitter(**arguments)


def test_torchvision_changes_the_shape_and_leaves_global_randomness():
    import torch

    torch.manual_seed(3)
    state = torch.get_rng_state()
    results = TorchVisionWrapper("RandomCrop", size=(8, 12))(sample())
    assert results["img_shape"] == (8, 12) == results["imgs"][0].shape[:2]
    assert torch.equal(torch.get_rng_state(), state)


def test_unknown_torchvision_transform_lists_close_matches():
    with pytest.raises(KeyError, match="has no 'RandAugmnt'; did you mean RandAugment"):
        TorchVisionWrapper("RandAugmnt")
