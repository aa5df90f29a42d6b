import cv2
import numpy as np
import pytest
from torchvision.transforms.v2 import functional

from mmaction.datasets.functional.color import COLOR_CHANGES, from_clip, to_clip


@pytest.fixture(scope="module")
def image():
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


@pytest.mark.parametrize("name", COLOR_CHANGES)
@pytest.mark.parametrize("amount", [-0.4, 0.2, 0.5])
def test_changes_mean_what_they_mean_in_torchvision(image, name, amount):
    amount = amount if name == "hue" else 1 + amount
    before = image.copy()
    found = COLOR_CHANGES[name](image, amount).astype(int)
    expected = from_clip(getattr(functional, f"adjust_{name}")(to_clip([image]), amount))[0]
    assert np.abs(found - expected).max() <= (8 if name == "hue" else 2)
    assert np.abs(found - expected).mean() < 1
    assert np.abs(found - image).max() > 5
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("name", COLOR_CHANGES)
def test_the_neutral_amount_changes_nothing(image, name):
    unchanged = COLOR_CHANGES[name](image, 0.0 if name == "hue" else 1.0).astype(int)
    assert np.abs(unchanged - image).max() <= (4 if name == "hue" else 0)


def test_clips_come_back_as_they_were(image):
    images = [image, image[::-1].copy()]
    for before, after in zip(images, from_clip(to_clip(images)), strict=True):
        np.testing.assert_array_equal(before, after)
