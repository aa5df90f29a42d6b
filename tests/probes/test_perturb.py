import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmaction.datasets.transforms import (
    FormatGCNInput,
    GeneratePoseTarget,
    GenSkeFeat,
    PackPoseInputs,
    PoseDecode,
    PreNormalize2D,
)
from mmaction.probes.perturb import KINDS, LEVELS, MEANING, Perturb, hidden_joint, perturbation
from mmaction.skeletons import get_layout

FLIP = get_layout("coco17").flip_order


def sample(seed=0, persons=2, frames=40):
    rng = np.random.default_rng(seed)
    keypoint = rng.uniform(10, 200, (persons, frames, 17, 2)).astype(np.float32)
    score = rng.uniform(0.2, 1, (persons, frames, 17)).astype(np.float32)
    score[0, 3, 4] = 0
    return {"keypoint": keypoint, "keypoint_score": score, "sample_idx": 5, "label": 1}


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(list(KINDS)), st.floats(0, 1), st.integers(0, 1000))
def test_same_seed_same_damage_input_unchanged(kind, level, seed):
    before = sample(seed)
    copies = {key: np.copy(before[key]) for key in ("keypoint", "keypoint_score")}
    first, second = (perturbation(kind, level, FLIP, seed)(before) for _ in range(2))
    for key, copy in copies.items():
        np.testing.assert_array_equal(before[key], copy)
        np.testing.assert_array_equal(first[key], second[key])
        assert first[key].shape == copy.shape
    assert first["label"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_level_zero_changes_nothing_and_higher_levels_do(kind):
    before = sample()
    clean = perturbation(kind, 0, FLIP)(before)
    for key in ("keypoint", "keypoint_score"):
        np.testing.assert_array_equal(clean[key], before[key])
    damaged = perturbation(kind, 0.3, FLIP)(before)
    assert not np.array_equal(damaged["keypoint"], before["keypoint"])
    other = perturbation(kind, 0.3, FLIP)({**before, "sample_idx": 6})
    assert not np.array_equal(damaged["keypoint"], other["keypoint"])
    assert LEVELS[kind][0] == 0
    assert kind in MEANING


def annotation(form):
    """An annotation of each allowed form, with missing joints."""
    rng = np.random.default_rng(0)
    keypoint = rng.uniform(10, 90, (2, 6, 17, 3)).astype(np.float32)
    keypoint[..., 2] = rng.uniform(0.1, 0.9, (2, 6, 17))
    keypoint[0, 2, 3] = keypoint[1, :, 5] = 0
    score, image = {"keypoint_score": keypoint[..., 2]}, {"img_shape": (100, 100)}
    common = {"total_frames": 6, "sample_idx": 0}
    return {
        "2D with scores": {**common, **image, **score, "keypoint": keypoint[..., :2]},
        "scores in half precision": {**common, **image, "keypoint": keypoint.astype(np.float16)},
        "scores in the third channel": {**common, **image, "keypoint": keypoint},
        "scores twice": {**common, **image, "keypoint_score": keypoint[..., 2] / 2, "keypoint": keypoint},
        "2D without scores": {**common, **image, "keypoint": keypoint[..., :2]},
        "2D of no image": {**common, "keypoint": keypoint[..., :2]},
        "3D": {**common, "keypoint": keypoint},
    }[form]


IN_IMAGE = ["2D with scores", "2D without scores", "scores in the third channel", "scores in half precision"]
PIPELINES = {
    "decode": ([*IN_IMAGE, "scores twice", "2D of no image", "3D"], [PoseDecode()]),
    "heatmaps": ([*IN_IMAGE, "scores twice"], [PoseDecode(), GeneratePoseTarget()]),
    "pack": ([*IN_IMAGE, "scores twice"], [PoseDecode(), PackPoseInputs()]),
    "graph": (
        [*IN_IMAGE, "2D of no image", "3D"],
        [PreNormalize2D(), GenSkeFeat("coco", ["b", "jm"]), PoseDecode(), FormatGCNInput()],
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "form"), [(name, form) for name, (forms, _) in PIPELINES.items() for form in forms])
def test_level_zero_is_the_plain_pipeline(kind, name, form):
    outcomes = []
    for first in ([], [perturbation(kind, 0, FLIP)]):
        results = annotation(form)
        for step in [*first, *PIPELINES[name][1]]:
            results = step(results)
        outcomes.append(results)
    plain, clean = outcomes
    assert plain.keys() == clean.keys()
    for key in plain.keys() - {"data_samples"}:
        np.testing.assert_array_equal(clean[key], plain[key])


def test_damage_to_joints_without_scores():
    """In 2D missing joints get the score 0 and the others 1; in 3D there are no scores."""
    before = annotation("2D without scores")
    damaged = perturbation("missing_joints", 0.3, FLIP)(before)
    hidden = (damaged["keypoint"] == 0).all(axis=-1) & (before["keypoint"] != 0).any(axis=-1)
    assert 0.2 < hidden.mean() < 0.4
    assert (damaged["keypoint_score"][hidden] == 0).all() and set(np.unique(damaged["keypoint_score"])) == {0, 1}
    before = annotation("3D")
    damaged = perturbation("missing_joints", 0.3, FLIP)(before)
    assert "keypoint_score" not in damaged and (damaged["keypoint"] == 0).all(axis=-1).mean() > 0.2
    for form in ("2D without scores", "3D"):  # what is missing stays so
        before = annotation(form)
        moved = perturbation("jitter", 0.1, FLIP)(before)["keypoint"]
        np.testing.assert_array_equal(moved == 0, before["keypoint"] == 0)


def test_shares_of_what_is_missing():
    before = sample(frames=4000, persons=1)
    frames = perturbation("missing_frames", 0.25, FLIP)(before)["keypoint_score"]
    assert np.mean((frames == 0).all(axis=2)) == pytest.approx(0.25, abs=0.03)
    joints = perturbation("missing_joints", 0.25, FLIP)(before)
    hidden = joints["keypoint_score"] == 0
    assert hidden.mean() == pytest.approx(0.25, abs=0.01)
    assert (joints["keypoint"][hidden] == 0).all()


def test_jitter_is_a_share_of_the_height():
    before = sample(frames=3000, persons=1)
    before["keypoint"][..., 0, 1], before["keypoint"][..., 1:, 1] = 100, np.linspace(120, 300, 16)
    offset = perturbation("jitter", 0.05, FLIP)(before)["keypoint"] - before["keypoint"]
    seen = before["keypoint_score"] > 0
    assert offset[seen].std() == pytest.approx(0.05 * 200, rel=0.02)
    assert (offset[~seen] == 0).all()


def test_swapping_all_frames_is_the_mirror_order():
    before = sample()
    swapped = perturbation("swapped_sides", 1, FLIP)(before)
    np.testing.assert_array_equal(swapped["keypoint"], before["keypoint"][:, :, list(FLIP)])
    np.testing.assert_array_equal(swapped["keypoint_score"], before["keypoint_score"][:, :, list(FLIP)])


def test_hidden_joint_and_absent_scores():
    before = sample()
    del before["keypoint_score"]
    after = Perturb(lambda keypoint, score: hidden_joint(keypoint, score, (3,)), seed=None)(before)
    assert (after["keypoint_score"][:, :, 3] == 0).all()
    assert (np.delete(after["keypoint_score"], 3, axis=2) == 1).all()


def test_other_samples_are_refused():
    with pytest.raises(ValueError, match="this sample has no keypoint"):
        perturbation("jitter", 0.1, FLIP)({"imgs": []})
    with pytest.raises(ValueError, match=r"has the shape \(3, 17, 2\)"):
        perturbation("jitter", 0.1, FLIP)({"keypoint": np.zeros((3, 17, 2))})
