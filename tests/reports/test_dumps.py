import os
import pickle

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmaction.reports.dumps import load_any
from mmaction.structures import Result

SCORES = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], dtype=np.float32)


def dump(path, content):
    path.write_bytes(pickle.dumps(content))
    return path


def test_dump_of_mmaction2(tmp_path):
    samples = [
        {"pred_score": torch.tensor(s), "gt_label": torch.tensor([i % 2]), "num_classes": 2}
        for i, s in enumerate(SCORES)
    ]
    found = load_any(dump(tmp_path / "a.pkl", samples))
    np.testing.assert_array_equal(found.scores, SCORES)
    assert found.labels.tolist() == [0, 1, 0]
    assert found.ids == ("sample 0", "sample 1", "sample 2")
    named = [{**sample, "frame_dir": f"clip {i}"} for i, sample in enumerate(samples)]
    assert load_any(dump(tmp_path / "a.pkl", named)).ids == ("clip 0", "clip 1", "clip 2")
    samples[1]["broken"] = ("b.mp4", "it is empty", 1)  # as our tests note it
    assert load_any(dump(tmp_path / "a.pkl", samples)).missing.tolist() == [False, True, False]


def test_dump_of_mmaction2_1_0_with_views_of_one_storage(tmp_path):
    whole = torch.tensor(SCORES).half()
    samples = [{"pred_scores": {"item": row}, "gt_labels": {"item": torch.tensor([1])}} for row in whole]
    found = load_any(dump(tmp_path / "a.pkl", samples))
    np.testing.assert_allclose(found.scores, SCORES, atol=1e-3)
    assert found.labels.tolist() == [1, 1, 1]


def test_dump_of_pyskl_takes_ids_and_labels_from_a_reference(tmp_path):
    file = dump(tmp_path / "a.pkl", list(SCORES))
    reference = Result(["x", "y", "z"], [0, 1, 1], SCORES, ["back", "front"])
    found = load_any(file, reference)
    assert (found.ids, found.classes) == (reference.ids, reference.classes)
    assert found.labels.tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match=r"a.pkl: it holds no labels; name a result with labels"):
        load_any(file)
    with pytest.raises(ValueError, match="it has 3 samples without names or labels, the others 2"):
        load_any(file, reference.select([0, 1]))


def test_foreign_objects_are_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "sprung"),))

    class StorageTrap:
        def __reduce__(self):
            return (torch.storage._load_from_bytes, (pickle.dumps(Trap()),))

    for trap in (Trap(), StorageTrap()):
        with pytest.raises(ValueError, match=r"trap\.pkl"):
            load_any(dump(tmp_path / "trap.pkl", [trap]))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": 1}, "holds a dict; expected a list with the scores of each sample"),
        ([], "holds a list; expected"),
        ([{"label": 1}], "a sample has no pred_score, it has label"),
        ([[0.1, 0.9], [0.2]], "a.pkl: "),
    ],
)
def test_other_content_is_named(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        load_any(dump(tmp_path / "a.pkl", content), Result(["x"], [0], SCORES[:1]))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6))
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_dump_is_named_whatever_the_damage(tmp_path, changes):
    content = bytearray(pickle.dumps([{"pred_score": torch.tensor(s), "gt_label": torch.tensor([0])} for s in SCORES]))
    for place, value in changes:
        content[place % len(content)] = value
    (tmp_path / "a.pkl").write_bytes(content)
    try:
        load_any(tmp_path / "a.pkl")
    except (ValueError, TypeError) as error:
        assert "a.pkl" in str(error)
