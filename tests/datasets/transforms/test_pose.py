import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmaction.datasets.transforms import (
    DecompressPose,
    Flip,
    PoseCompact,
    PoseDecode,
    PoseJitter,
    RandomJointDropout,
    RandomPoseAffine,
)


def make_sample(persons=2, frames=6, joints=17, seed=0, dtype=np.float16):
    rng = np.random.default_rng(seed)
    keypoint = rng.uniform(50, 250, (persons, frames, joints, 2)).astype(dtype)
    keypoint[0, 0, 0] = 0
    return {
        "keypoint": keypoint,
        "keypoint_score": rng.random((persons, frames, joints)).astype(dtype),
        "total_frames": frames,
        "img_shape": (300, 400),
        "frame_dir": "dive_7",
        "rng": np.random.default_rng(seed),
    }


AUGMENTATIONS = [
    RandomPoseAffine(),
    RandomPoseAffine(scale_range=(0.5, 2), aspect_range=(0.5, 2), rotation=90, shift=0.3),
    PoseJitter(std=0.02, offset_std=0.02),
    RandomJointDropout(joint_prob=0.3, frame_prob=0.2),
]


@pytest.mark.parametrize("step", [PoseDecode(), PoseCompact(), *AUGMENTATIONS], ids=repr)
def test_inputs_stay_as_they_are(step):
    sample = make_sample()
    arrays_before = {key: copy.deepcopy(sample[key]) for key in ("keypoint", "keypoint_score")}
    kept = {key: sample[key] for key in arrays_before}
    step(sample)
    for key, before in arrays_before.items():
        np.testing.assert_array_equal(kept[key], before)


@pytest.mark.parametrize("step", AUGMENTATIONS, ids=repr)
def test_augmentation_depends_on_the_generator_alone(step):
    first, second, third = (step(make_sample(seed=0)) for _ in range(3))
    np.testing.assert_array_equal(first["keypoint"], second["keypoint"])
    assert (first["keypoint"] != make_sample()["keypoint"]).any()
    third = make_sample()
    third["rng"] = np.random.default_rng(5)
    assert (step(third)["keypoint"] != first["keypoint"]).any()


@pytest.mark.parametrize("kind", [RandomPoseAffine, PoseJitter, RandomJointDropout])
def test_probability_zero_changes_nothing(kind):
    sample = make_sample()
    result = kind(prob=0)(dict(sample))
    assert result["keypoint"] is sample["keypoint"]
    assert result["keypoint_score"] is sample["keypoint_score"]


@pytest.mark.parametrize("step", AUGMENTATIONS, ids=repr)
def test_missing_joints_stay_missing(step):
    result = step(PoseDecode()(make_sample()))
    assert not result["keypoint"][0, 0, 0].any()
    assert result["keypoint"].dtype == np.float32
    assert result["keypoint_score"].shape == result["keypoint"].shape[:3]


def test_affine_amounts_are_symmetric_and_within_bounds():
    step, rng = RandomPoseAffine(scale_range=(0.8, 1.25), aspect_range=(0.5, 2), rotation=20, shift=0.1), None
    rng = np.random.default_rng(0)
    drawn = [step.sample_params({"img_shape": (100, 200), "rng": rng}) for _ in range(500)]
    angles = np.array([params["angle_deg"] for params in drawn])
    shifts = np.array([params["shift"] for params in drawn])
    scales = np.array([params["scale"] for params in drawn])
    assert abs(angles.mean()) < 2 and 18 < np.abs(angles).max() <= 20
    assert (np.abs(shifts.mean(0)) < [2, 1]).all() and (np.abs(shifts).max(0) <= [20, 10]).all()
    sizes, aspects = np.sqrt(scales.prod(1)), scales[:, 1] / scales[:, 0]
    assert 0.8 <= sizes.min() < 0.82 and 1.23 < sizes.max() <= 1.25
    assert 0.5 <= aspects.min() < 0.53 and 1.9 < aspects.max() <= 2
    assert abs(np.log(aspects).mean()) < 0.05


def test_jitter_has_the_size_it_was_asked_for():
    sample = make_sample(persons=1, frames=200)
    result = PoseJitter(std=0.01, offset_std=0.02)(dict(sample))
    difference = (result["keypoint"].astype(float) - sample["keypoint"])[0, 1:]
    assert np.std(difference - difference.mean(0)) == pytest.approx(0.01 * 300, rel=0.1)
    assert np.std(difference.mean(0)) == pytest.approx(0.02 * 300, rel=0.4)


def test_dropout_loses_whole_joints_and_single_frames():
    sample = make_sample(persons=1, frames=400)
    lost = RandomJointDropout(joint_prob=0.3, frame_prob=0.1)(dict(sample))["keypoint_score"][0] == 0
    whole = lost.all(0)
    assert 0 < whole.sum() < 17
    assert lost[:, ~whole].mean() == pytest.approx(0.1, abs=0.02)
    result = RandomJointDropout(joint_prob=1)({"keypoint": sample["keypoint"], "rng": np.random.default_rng(0)})
    assert not result["keypoint_score"].any() and not result["keypoint"].any()


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (RandomPoseAffine, {"scale_range": (1.2, 0.8)}, "scale_range is two positive factors"),
        (RandomPoseAffine, {"aspect_range": (0, 1)}, "aspect_range is two positive factors"),
        (RandomPoseAffine, {"shift": -1}, "rotation, shift and shear are the greatest amounts"),
        (PoseJitter, {"std": -0.1}, "std and offset_std are at least 0"),
        (PoseJitter, {"prob": 2}, "prob is a probability"),
        (RandomJointDropout, {"joint_prob": 1.5}, r"joint_prob is a probability, in \[0, 1\]; got 1.5"),
        (PoseCompact, {"padding": -1}, "padding is the share by which the box grows"),
    ],
)
def test_wrong_arguments(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(**arguments)


def test_decode_takes_the_frames():
    sample = make_sample()
    result = PoseDecode()({**sample, "frame_inds": np.array([[1], [4]]), "offset": 1})
    np.testing.assert_array_equal(result["keypoint"], sample["keypoint"][:, [2, 5]].astype(np.float32))
    np.testing.assert_array_equal(result["keypoint_score"], sample["keypoint_score"][:, [2, 5]].astype(np.float32))
    everything = PoseDecode()({"keypoint": sample["keypoint"]})
    assert everything["keypoint"].shape == sample["keypoint"].shape
    assert everything["total_frames"] == 6


def test_decode_of_a_frame_that_is_not_there():
    with pytest.raises(ValueError, match=r"dive_7: frames 2 to 6 were sampled, but the skeleton has 6"):
        PoseDecode()({**make_sample(), "frame_inds": np.array([2, 6])})


def in_one_array(sample):
    """The sample with its scores as the third channel of its joints."""
    joints = np.concatenate([sample["keypoint"], sample["keypoint_score"][..., None]], axis=-1)
    return {key: value for key, value in sample.items() if key != "keypoint_score"} | {"keypoint": joints}


def test_decode_takes_scores_from_the_third_channel_of_joints_in_an_image():
    sample = make_sample()
    expected = PoseDecode()(dict(sample))
    given = in_one_array(sample)
    both = given | {"keypoint_score": sample["keypoint_score"]}
    for result in (PoseDecode()(dict(given)), PoseDecode()(both)):
        np.testing.assert_array_equal(result["keypoint"], expected["keypoint"])
        np.testing.assert_array_equal(result["keypoint_score"], expected["keypoint_score"])
    assert given["keypoint"].shape[-1] == 3
    del given["img_shape"]  # 3D
    result = PoseDecode()(dict(given))
    assert result["keypoint"].shape == given["keypoint"].shape and "keypoint_score" not in result


def test_compact_moves_joints_and_image_together():
    sample = PoseDecode()(make_sample())
    result = PoseCompact(hw_ratio=1.0)(dict(sample))
    x, y, w, h = result["crop_quadruple"]
    assert result["img_shape"][1] == pytest.approx(w * 400)
    assert result["img_shape"][0] == pytest.approx(h * 300)
    present = sample["keypoint"] != 0
    moved = sample["keypoint"] - np.float32([x * 400, y * 300])
    np.testing.assert_allclose(result["keypoint"], np.where(present, moved, 0), atol=1e-3)


def test_compact_takes_nan_for_missing():
    sample = PoseDecode()(make_sample())
    sample["keypoint"][1, 2, 3] = np.nan
    result = PoseCompact()(sample)
    assert result["keypoint"][1, 2, 3].tolist() == [0, 0]
    assert np.isfinite(result["keypoint"]).all()


def test_compact_leaves_a_tiny_skeleton():
    sample = make_sample()
    sample["keypoint"] = np.full((1, 6, 17, 2), 7.0, dtype=np.float32)
    result = PoseCompact()(sample)
    assert result["img_shape"] == (300, 400)
    assert "crop_quadruple" not in result


@settings(max_examples=20, deadline=None)
@given(arrays(np.float32, (1, 2, 20, 2), elements=st.floats(1, 199, width=16)))
def test_flipping_twice_by_a_layout_is_the_identity(keypoint):
    score = np.linspace(0.1, 1, 40, dtype=np.float32).reshape(1, 2, 20)
    sample = {"keypoint": keypoint, "keypoint_score": score, "img_shape": (200, 200), "modality": "Pose"}
    flip = Flip(flip_ratio=1.0, layout="kinect20")
    once = flip(dict(sample))
    np.testing.assert_allclose(once["keypoint"][0, 0, 4], [200, 0] + keypoint[0, 0, 8] * [-1, 1], atol=1e-3)
    assert once["keypoint_score"][0, 0, 4] == score[0, 0, 8]
    twice = flip({**once, "flip": None})
    np.testing.assert_allclose(twice["keypoint"], keypoint, atol=1e-3)
    np.testing.assert_array_equal(twice["keypoint_score"], score)


def found(**changes):
    rows = np.arange(5 * 2 * 3, dtype=np.float32).reshape(5, 2, 3)
    return {
        "frame_dir": "dive_7",
        "keypoint": rows,
        "frame_inds": np.array([1, 1, 4, 6, 6]),
        "total_frames": 9,
        **changes,
    }


def test_decompress_leaves_out_empty_frames():
    squeezed = DecompressPose()(found())
    assert squeezed["keypoint"].shape == (2, 3, 2, 2)
    assert squeezed["total_frames"] == 3
    assert "frame_inds" not in squeezed
    full = DecompressPose(squeeze=False)(found())
    assert full["keypoint"].shape == (2, 9, 2, 2)
    assert np.flatnonzero(full["keypoint_score"][0].any(-1)).tolist() == [1, 4, 6]
    np.testing.assert_array_equal(full["keypoint"][1, 6], found()["keypoint"][4, :, :2])


def test_decompress_keeps_the_best_persons():
    result = DecompressPose(max_person=1)(found())
    np.testing.assert_array_equal(result["keypoint"][0, 0], found()["keypoint"][1, :, :2])


def test_decompress_drops_rows_that_are_not_wanted():
    result = DecompressPose()(found(anno_inds=np.array([True, False, False, True, False])))
    assert result["keypoint"].shape == (1, 2, 2, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frame_inds": np.array([1, 4, 1, 6, 6])}, "dive_7: frame_inds goes back"),
        ({"anno_inds": np.zeros(5, dtype=bool)}, "dive_7: no person is left"),
    ],
)
def test_decompress_of_what_it_cannot_sort(changes, message):
    with pytest.raises(ValueError, match=message):
        DecompressPose()(found(**changes))
    with pytest.raises(ValueError, match="dive_7 has no frame_inds"):
        DecompressPose()({"frame_dir": "dive_7", "keypoint": 0, "total_frames": 1})
    with pytest.raises(ValueError, match="max_person is at least 1"):
        DecompressPose(max_person=0)


def test_infinite_coordinates_are_named():
    keypoint = np.full((1, 2, 17, 2), 5, dtype=np.float32)
    keypoint[0, 1, 3, 0] = np.inf
    with pytest.raises(ValueError, match="keypoint holds infinite coordinates"):
        PoseCompact()({"keypoint": keypoint, "img_shape": (48, 64)})


def test_a_missing_joint_has_both_marks_where_asked():
    keypoint = np.full((1, 2, 3, 2), 100, np.float32)
    score = np.array([[[0.5, 0, 1], [1, 1, 1]]], np.float32)
    keypoint[0, 0, 1] = -1  # as some estimators mark what they do not see
    marked = PoseDecode(with_marks=True)({"keypoint": keypoint, "keypoint_score": score})
    assert not marked["keypoint"][0, 0, 1].any() and (marked["keypoint"][score > 0] == 100).all()
    np.testing.assert_array_equal(marked["keypoint_score"], score)
    unscored = PoseDecode(with_marks=True)({"keypoint": marked["keypoint"]})
    np.testing.assert_array_equal(unscored["keypoint_score"], score > 0)
    assert (PoseDecode()({"keypoint": keypoint, "keypoint_score": score})["keypoint"] == keypoint).all()
