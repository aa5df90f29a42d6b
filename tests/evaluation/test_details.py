import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmaction.evaluation import details
from mmaction.label_spaces import LabelSpace, load_label_space

DIVES = LabelSpace(
    "dives",
    ("a", "b", "c", "d"),
    {"take_off": ("back", "back", "back", "front"), "twists": ("0", "0.5", "1.5", "0")},
    numeric=("twists",),
)
TREE = LabelSpace(
    "tree",
    ("a", "b", "c", "d"),
    {"event": ("beam", "beam", "beam", "vault"), "set": ("turns", "turns", "leaps", "vault")},
    hierarchy=("event", "set"),
)


def test_attributes_by_hand():
    labels, predicted = np.array([0, 0, 0, 1, 3]), np.array([0, 1, 2, 3, 3])
    found = details.attribute_details(labels, predicted, DIVES)
    assert found["accuracy"] == {"take_off": 0.8, "twists": pytest.approx(0.4)}
    assert found["errors"] == 3
    assert found["wrong_attributes"] == {"0": 0, "1": 2, "2": 1}
    twists = found["all_but_one"]["twists"]
    assert (twists["count"], twists["step"], twists["offsets"]) == (2, 0.5, {"1": 1, "3": 1})
    assert {(c["true"], c["predicted"]) for c in twists["confusions"]} == {("0", "0.5"), ("0", "1.5")}
    assert found["headline"].startswith("2 of 3 (66.7 %) errors have all attributes right but one; 2 of 3 (66.7 %)")


def test_a_number_is_the_same_however_it_is_written():
    space = LabelSpace("turns", ("a", "b", "c"), {"turns": ("1", "1.0", "2")}, numeric=("turns",))
    found = details.attribute_details(np.array([0, 1, 2]), np.array([1, 2, 0]), space)
    assert found["accuracy"] == {"turns": pytest.approx(1 / 3)}
    assert found["all_but_one"]["turns"]["step"] == 1
    assert found["all_but_one"]["turns"]["offsets"] == {"-1": 1, "1": 1}
    assert (space.values("turns"), space.difference(0, 1)) == (("1", "2"), ())


def test_hierarchy_by_hand():
    labels, predicted = np.array([0, 0, 1, 2, 3, 3]), np.array([0, 1, 2, 2, 0, 3])
    found = details.hierarchy_details(labels, predicted, TREE)
    assert found["lost_at"] == {"event": 1, "set": 1, "element": 1}
    assert found["accuracy"] == {"event": pytest.approx(5 / 6), "set": pytest.approx(4 / 6), "element": 0.5}
    assert found["confusions"]["set"] == [{"true": "turns", "predicted": "leaps", "count": 1}]
    assert found["confusions"]["event"] == [{"true": "vault", "predicted": "beam", "count": 1}]


def test_no_errors():
    labels = np.arange(4)
    assert details.attribute_details(labels, labels, DIVES)["headline"] == "No errors."
    assert details.hierarchy_details(labels, labels, TREE)["headline"] == "No errors."
    assert details.confused_pairs(labels, labels, TREE) == []


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["diving48", "gym99"]), st.integers(0, 2**32 - 1))
def test_counts_add_up(name, seed):
    space, rng = load_label_space(name), np.random.default_rng(seed)
    labels, predicted = rng.integers(0, len(space), (2, 50))
    errors = int(np.sum(labels != predicted))
    if space.hierarchy:
        assert sum(details.hierarchy_details(labels, predicted, space)["lost_at"].values()) == errors
    else:
        found = details.attribute_details(labels, predicted, space)
        assert sum(found["wrong_attributes"].values()) == errors
        single = [len(space.difference(t, p)) == 1 for t, p in zip(labels, predicted)]
        assert sum(entry["count"] for entry in found["all_but_one"].values()) == sum(single)
    assert sum(pair["count"] for pair in details.confused_pairs(labels, predicted, space, 10**6)) == errors


def test_long_tail_groups_partition_the_classes():
    labels, predicted = np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 0, 2])
    found = details.long_tail_details(labels, predicted, [500, 50, 3, 7])
    assert [found[g]["classes"] for g in ("head", "middle", "tail")] == [1, 1, 2]
    assert [found[g]["samples"] for g in ("head", "middle", "tail")] == [2, 1, 2]
    assert [found[g]["top1"] for g in ("head", "middle", "tail")] == [0.5, 1.0, 0.5]
    assert found["tail"]["mean1"] == 0.5
    only_head = details.long_tail_details(labels, predicted, [500, 500, 500, 500])
    assert only_head["tail"]["top1"] is None
    assert only_head["correlation"] is None


def test_a_small_set_is_parted_into_thirds_of_its_classes():
    labels = np.arange(6)
    found = details.long_tail_details(labels, labels, [2, 4, 6, 8, 10, 12])
    assert [found[g]["classes"] for g in ("head", "middle", "tail")] == [2, 2, 2]
    assert found["tail"]["rule"] == "fewer than 6 training samples"
    same = details.long_tail_details(labels, labels, [5] * 6)
    assert [same[g]["classes"] for g in ("head", "middle", "tail")] == [0, 0, 6]


def test_confused_pairs_say_in_what_they_differ():
    pairs = details.confused_pairs(np.array([0, 0, 3]), np.array([2, 2, 1]), DIVES)
    assert pairs[0] == {"true": 0, "predicted": 2, "count": 2, "share": 1.0, "differs": [["twists", "0", "1.5"]]}
    assert [d[0] for d in pairs[1]["differs"]] == ["take_off", "twists"]


def test_samples_without_a_prediction_are_wrong_and_explain_nothing():
    labels, predicted = np.array([0, 0, 1, 3]), np.array([0, 1, -1, -1])
    tree = details.hierarchy_details(labels, predicted, TREE)
    assert tree["accuracy"] == {"event": 0.5, "set": 0.5, "element": 0.25}
    assert tree["errors"] == 1 and tree["lost_at"] == {"event": 0, "set": 0, "element": 1}
    dives = details.attribute_details(labels, predicted, DIVES)
    assert dives["accuracy"] == {"take_off": 0.5, "twists": 0.25}
    assert dives["errors"] == 1 and dives["wrong_attributes"] == {"0": 0, "1": 1, "2": 0}
    (pair,) = details.confused_pairs(labels, predicted, TREE)
    assert (pair["true"], pair["predicted"], pair["count"], pair["share"]) == (0, 1, 1, 0.5)
