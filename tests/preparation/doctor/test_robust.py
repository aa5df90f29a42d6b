"""Whatever a list or an annotation holds, the examination ends with findings and not with a traceback."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmaction.preparation.doctor.clip_checks import check_sample
from mmaction.preparation.doctor.examine import examine
from mmaction.preparation.doctor.findings import KINDS
from mmaction.preparation.doctor.findings_report import summary, write_csv, write_page
from mmaction.preparation.doctor.read_samples import Sample
from mmaction.preparation.doctor.splits import Split, splits_of_paths

fuzz = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fuzz
@given(st.text(max_size=200) | st.text(alphabet="ab./ 01\n#\t\"'\\", max_size=80))
def test_any_list(tmp_path, text):
    (tmp_path / "train.txt").write_bytes(text.encode("utf-8", "replace"))
    diagnosis = examine(splits_of_paths([tmp_path / "train.txt"], num_classes=3), workers=1, progress=False)
    assert diagnosis.findings  # nothing of this is there
    assert {finding.code for finding in diagnosis.findings} <= set(KINDS)
    assert summary(diagnosis)


def valid():
    keypoint = np.random.default_rng(0).uniform(0, 40, (1, 6, 17, 2)).astype(np.float32)
    info = dict(frame_dir="a", label=0, img_shape=(48, 64), original_shape=(48, 64), total_frames=6)
    return {**info, "keypoint": keypoint, "keypoint_score": np.ones((1, 6, 17), np.float32)}


odd = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.lists(st.integers() | st.text(max_size=2) | st.floats(), max_size=4),
    st.tuples(st.floats(), st.floats()),
    st.sampled_from(
        [
            np.zeros((0,)),
            np.zeros((1, 6, 17, 2)),
            np.full((1, 6, 17), "x"),
            np.full((1, 6, 17, 2), np.inf),
            np.ones((1, 6, 17), bool),
            np.ones((1, 6, 17), np.uint8),
            np.zeros((1, 6, 17, 3)),
            np.zeros((0, 6, 17, 2)),
        ]
    ),
)


@fuzz
@given(st.sampled_from(sorted(valid())), odd)
def test_any_annotation(tmp_path, key, value):
    info = {**valid(), key: value}
    split = Split("train", "pose", tmp_path / "x.pkl", num_classes=3)
    labels = (0,) if key != "label" else ()
    sample = Sample(split, 0, "a", labels, info=info)
    for finding in check_sample(sample):
        assert finding.code in KINDS and finding.message


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("keypoint_score", np.full((1, 6, 17), "x"), "keypoint_score has the shape (M, T, V)"),
        ("img_shape", (float("nan"), 2.0), "img_shape is height and width"),
        ("img_shape", (10**400, 2), "img_shape is height and width"),
        ("img_shape", "ab", "img_shape is height and width"),
    ],
)
def test_values_of_other_kinds(tmp_path, key, value, message):
    sample = Sample(Split("train", "pose", tmp_path / "x.pkl"), 0, "a", (0,), info={**valid(), key: value})
    (finding,) = check_sample(sample)
    assert finding.code == "bad-shape" and message in finding.message


@pytest.mark.parametrize("key", sorted(valid()))
def test_an_annotation_without_a_key_is_reported_or_needs_it_not(tmp_path, key):
    info = valid()
    del info[key]
    sample = Sample(Split("train", "pose", tmp_path / "x.pkl"), 0, "a", (0,), info=info)
    found = {finding.code for finding in check_sample(sample)}
    assert found == {"label": {"bad-label"}, "keypoint": {"bad-shape"}}.get(key, set())


def test_reports_of_nothing(tmp_path):
    diagnosis = examine(splits_of_paths([tmp_path / "absent.txt"]), progress=False)
    assert [finding.code for finding in diagnosis.findings] == ["unreadable-list"]
    assert diagnosis.exit_code(strict=False) == 2
    write_csv(diagnosis, tmp_path / "findings.csv")
    assert "absent.txt" in write_page(diagnosis, tmp_path / "report.html", "t").read_text()
