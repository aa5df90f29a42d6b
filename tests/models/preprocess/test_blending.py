"""Mixup, CutMix and the choice between them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmaction.models.preprocess import ActionDataPreprocessor, CutmixBlending, MixupBlending, RandomBatchAugment
from mmaction.structures import ActionDataSample

LABELS = [0, 1, 2, 3]


def batch(shape: tuple[int, ...] = (2, 4, 4)) -> tuple[torch.Tensor, list[ActionDataSample]]:
    """Images filled with their label, so that a share of an image is a share of its label."""
    imgs = torch.stack([torch.full((1, *shape), float(label)) for label in LABELS])
    return imgs, [ActionDataSample(metainfo={"id": label}).set_gt_label(label) for label in LABELS]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**31), alpha=st.floats(0.1, 5), kind=st.sampled_from([MixupBlending, CutmixBlending]))
def test_labels_are_mixed_like_the_pixels(seed, alpha, kind):
    torch.manual_seed(seed)
    imgs, samples = batch((2, 8, 8))
    before = imgs.clone()
    mixed, blended = kind(num_classes=4, alpha=alpha)(imgs, samples)
    for image, sample, label in zip(mixed, blended, LABELS, strict=True):
        score = sample.gt_score
        assert score.sum().item() == pytest.approx(1, abs=1e-5)
        # the mean gray level is the expected label, since an image of class c is filled with c
        assert image.mean().item() == pytest.approx((score * torch.arange(4)).sum().item(), abs=1e-4)
        assert sample.gt_label.tolist() == [label] and sample.id == label
    assert torch.equal(imgs, before) and "gt_score" not in samples[0]


def test_cutmix_cuts_one_rectangle_through_all_frames():
    torch.manual_seed(3)
    mixed, _ = CutmixBlending(num_classes=4, alpha=1.0)(*batch((3, 16, 12)))
    for image, label in zip(mixed, LABELS, strict=True):
        foreign = image[0] != label
        assert torch.equal(foreign, foreign[:1].expand_as(foreign))
        rows, columns = foreign[0].any(1).nonzero(), foreign[0].any(0).nonzero()
        if len(rows):
            assert foreign[0][rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()


def test_numpy_is_not_touched_and_torch_decides():
    imgs, samples = batch()
    state = np.random.get_state()[1].copy()  # noqa: NPY002 - the generator that must stay untouched
    results = []
    for _ in range(2):
        torch.manual_seed(5)
        results.append(MixupBlending(num_classes=4)(imgs, samples)[0])
    assert torch.equal(*results)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002 - as above


def test_several_labels_stay_several():
    torch.manual_seed(0)
    imgs = torch.zeros(2, 1, 2, 2)
    samples = [ActionDataSample().set_gt_label([0, 1]), ActionDataSample().set_gt_label([0, 2])]
    _, blended = MixupBlending(num_classes=3)(imgs, samples)
    assert blended[0].gt_score[0].item() == pytest.approx(1)


def test_the_choice_follows_the_probabilities():
    torch.manual_seed(0)
    mixup, cutmix = {"type": "MixupBlending", "num_classes": 4}, {"type": "CutmixBlending", "num_classes": 4}
    augment = RandomBatchAugment([mixup, cutmix], probs=[0.5, 0.2])
    seen = {"MixupBlending": 0, "CutmixBlending": 0}
    for blending in augment.augments:
        name = type(blending).__name__
        blending.do_blending = lambda imgs, label, name=name: (seen.__setitem__(name, seen[name] + 1), (imgs, label))[1]
    for _ in range(500):
        augment(*batch())
    assert seen["MixupBlending"] == pytest.approx(250, abs=45)
    assert seen["CutmixBlending"] == pytest.approx(100, abs=35)


def test_probability_zero_leaves_the_batch_alone():
    imgs, samples = batch()
    out, same = RandomBatchAugment({"type": "MixupBlending", "num_classes": 4}, probs=0.0)(imgs, samples)
    assert out is imgs and same == samples


def test_the_preprocessor_blends_in_training_alone():
    torch.manual_seed(0)
    imgs, samples = batch()
    prepare = ActionDataPreprocessor(
        mean=[1.0], std=[2.0], format_shape="NCHW", blending={"type": "MixupBlending", "num_classes": 4, "alpha": 1.0}
    )
    clips = list(imgs.transpose(1, 2))
    tested = prepare({"inputs": clips, "data_samples": samples})
    assert tested["data_samples"] is samples
    trained = prepare({"inputs": clips, "data_samples": samples}, training=True)
    for image, sample in zip(trained["inputs"], trained["data_samples"], strict=True):
        expected = ((sample.gt_score * torch.arange(4)).sum() - 1) / 2
        assert image.mean().item() == pytest.approx(expected.item(), abs=1e-4)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: MixupBlending(4, alpha=0), "MixupBlending: alpha must be above 0"),
        (lambda: RandomBatchAugment([]), "at least one blending"),
        (
            lambda: RandomBatchAugment({"type": "MixupBlending", "num_classes": 4}, [0.5, 0.5]),
            "each of the 1 blendings",
        ),
        (lambda: RandomBatchAugment([{"type": "MixupBlending", "num_classes": 4}] * 2, [0.9, 0.5]), "at most 1"),
        (lambda: MixupBlending(num_classes=2)(*batch()), "label 2 is outside the 2 classes"),
    ],
)
def test_bad_options_are_explained(build, message):
    with pytest.raises(ValueError, match=message):
        build()
