import numpy as np
import pytest

from mmaction.datasets.functional.clip_changes import CLIP_CHANGES
from mmaction.datasets.functional.color import to_clip
from mmaction.datasets.transforms import PytorchVideoWrapper, RandomErasing


def sample(seed=0, frames=2):
    image = np.random.default_rng(0).integers(20, 230, (24, 32, 3), dtype=np.uint8)
    imgs = [image.copy() for _ in range(frames)]
    return {"imgs": imgs, "img_shape": (24, 32), "rng": np.random.default_rng(seed)}


@pytest.mark.parametrize("name", CLIP_CHANGES)
def test_each_change_keeps_size_and_type_and_begins_at_nothing(name):
    clip = to_clip(sample()["imgs"])
    strong = CLIP_CHANGES[name](clip, 1.0)
    assert strong.shape == clip.shape and strong.dtype == clip.dtype
    assert not strong.equal(clip) and strong[0].equal(strong[1])
    if name not in ("autocontrast", "equalize", "invert"):
        assert CLIP_CHANGES[name](clip, 0.0).equal(clip)


def test_a_shift_goes_where_its_sign_says():
    image = np.zeros((20, 40, 3), np.uint8)
    image[10, 20] = 255
    moved = CLIP_CHANGES["translate_x"](to_clip([image]), -0.5)
    assert (moved[0, 0] == 255).nonzero().tolist() == [[10, 11]]


def test_rand_augment_is_repeatable_and_as_strong_as_asked():
    step = PytorchVideoWrapper("RandAugment", magnitude=7, num_layers=4)
    drawn = [step.sample_params(sample(seed)) for seed in range(300)]
    assert np.mean([len(changes) for changes in drawn]) == pytest.approx(2, abs=0.2)
    strengths = [strength for changes in drawn for _, strength in changes]
    assert np.mean(np.abs(strengths)) == pytest.approx(0.7, abs=0.02) and abs(np.mean(np.sign(strengths))) < 0.15
    assert {name for changes in drawn for name, _ in changes} == set(CLIP_CHANGES)
    first, again = step(sample(3))["imgs"], step(sample(3))["imgs"]
    assert np.array_equal(first[0], first[1]) and np.array_equal(first[0], again[0])
    none = sample()
    images = none["imgs"]
    assert PytorchVideoWrapper("RandAugment", prob=0)(none)["imgs"] is images


@pytest.mark.parametrize("mode", ["const", "rand"])
def test_the_same_rectangle_is_painted_over_in_all_frames(mode):
    step = RandomErasing(erase_prob=1, mode=mode, fill_color=(0, 128, 255))
    areas = []
    for seed in range(100):
        before, after = sample(), step(sample(seed))["imgs"]
        changed = [(a != b).any(axis=-1) for a, b in zip(after, before["imgs"], strict=True)]
        top, left, height, width = step.sample_params(sample(seed))
        inside = np.zeros((24, 32), bool)
        inside[top : top + height, left : left + width] = True
        assert not any((mask & ~inside).any() for mask in changed)
        areas.append(height * width / inside.size)
        assert 0.3 * 0.8 < height / width < 1.25 / 0.3, "a few pixels do not give every aspect"
        if mode == "const":
            assert all((img[inside] == [0, 128, 255]).all() for img in after)
        else:
            assert not np.array_equal(after[0][inside], after[1][inside]), "each frame has noise of its own"
    assert 0.01 < min(areas) < 0.1 and 0.25 < max(areas) < 0.36


def test_how_often_it_paints_and_with_what():
    step = RandomErasing(erase_prob=0.25)
    assert sum(step.sample_params(sample(seed)) is not None for seed in range(400)) == pytest.approx(100, abs=35)
    images = sample()["imgs"]
    untouched = {**sample(), "imgs": images}
    assert RandomErasing(erase_prob=0)(untouched)["imgs"] is images
    gray = RandomErasing(erase_prob=1, min_area_ratio=0.3, mode="rand", fill_color=100, fill_std=5)(sample(1))
    mask = gray["imgs"][0] != sample()["imgs"][0]
    assert gray["imgs"][0][mask].mean() == pytest.approx(100, abs=3)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: PytorchVideoWrapper("AugMix"), "TorchVisionWrapper"),
        (lambda: PytorchVideoWrapper("RandAugment", magnitude=11), "magnitude"),
        (lambda: RandomErasing(min_area_ratio=0.5), "max_area_ratio"),
        (lambda: RandomErasing(mode="noise"), "'const' or 'rand'"),
    ],
)
def test_wrong_settings_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
