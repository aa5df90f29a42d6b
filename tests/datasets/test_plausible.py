import pickle

import numpy as np
import pytest

from mmaction.datasets.plausible import check_skeletons, odd_values
from mmaction.datasets.pose import PoseDataset

SHAPE = (1080, 1920)


def annotation(name="a", **changes):
    rng = np.random.default_rng(0)
    joints = (rng.random((1, 6, 17, 2)) * (1919, 1079)).astype("f4")
    info = dict(frame_dir=name, label=0, img_shape=SHAPE, original_shape=SHAPE, total_frames=6, keypoint=joints)
    info["keypoint_score"] = rng.random((1, 6, 17)).astype("f4")
    return {key: value for key, value in {**info, **changes}.items() if value is not None}


POINTS, SCORES = annotation()["keypoint"], annotation()["keypoint_score"]
ODD = {
    "relative-coordinates": dict(keypoint=POINTS / np.float32(2000)),
    "swapped-size": dict(img_shape=SHAPE[::-1]),
    "odd-scores": dict(keypoint_score=SCORES * 100),
    "depth": dict(keypoint=np.concatenate([POINTS, SCORES[..., None] + 2], -1), keypoint_score=None),
}


@pytest.mark.parametrize("code", ODD)
def test_odd_values_are_refused_with_file_and_clip(tmp_path, code):
    info = annotation("clip1", **ODD[code])
    assert odd_values(info)[0] == code
    path = tmp_path / "ann.pkl"
    path.write_bytes(pickle.dumps([annotation("clip0"), info]))
    with pytest.raises(ValueError, match=r"train set .*ann\.pkl, clip1: .*; \w+"):
        check_skeletons(PoseDataset(str(path), []), "train")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        dict(keypoint=np.concatenate([POINTS, SCORES[..., None]], -1), keypoint_score=None),
        dict(keypoint=np.zeros_like(POINTS), keypoint_score=SCORES * 0),
        dict(keypoint=np.concatenate([POINTS, SCORES[..., None] + 2], -1), keypoint_score=None, img_shape=None),
        dict(keypoint=POINTS + 300),  # a person that leaves the image
    ],
)
def test_values_that_are_meant_so_pass(changes):
    assert odd_values(annotation(**changes)) is None


def test_a_few_high_scores_are_said(tmp_path):
    scores = SCORES.copy()
    scores[0, 0, 0] = 1.8
    path = tmp_path / "ann.pkl"
    path.write_bytes(pickle.dumps([annotation(keypoint_score=scores)]))
    assert ["1.8" in warning for warning in check_skeletons(PoseDataset(str(path), []), "val")] == [True]


def test_skeletons_that_all_show_nobody_are_said(tmp_path):
    path = tmp_path / "ann.pkl"
    for scores, others, said in ((SCORES * 0, SCORES * 0, ["each of 2 clips looked at"]), (SCORES * 0, SCORES, [])):
        path.write_bytes(pickle.dumps([annotation("a", keypoint_score=scores), annotation("b", keypoint_score=others)]))
        found = check_skeletons(PoseDataset(str(path), []), "train")
        assert [part in warning for part, warning in zip(said, found, strict=True)] == [True] * len(said)
