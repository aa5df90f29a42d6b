import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmaction.evaluation import summarize
from mmaction.evaluation.functional import label_ranks, mean_class_accuracy
from mmaction.evaluation.summary import bootstrap_intervals, calibration
from mmaction.label_spaces import load_label_space
from mmaction.reports.figures import calibration_figure
from mmaction.structures import Result
from mmaction.structures.scores import as_probabilities


def test_first_lines_name_the_twist(diving_twist_misses):
    predictions, space, train_counts = diving_twist_misses
    summary = summarize(replace(predictions, label_space=space, train_counts=train_counts))
    first = "\n".join(summary["headline"][:2])
    errors = int(np.sum(predictions.predicted != predictions.labels))
    assert f"{errors} of {errors} (100.0 %) miss only twists" in first
    assert summary["attributes"]["accuracy"]["somersaults"] == 1.0
    assert summary["attributes"]["accuracy"]["twists"] == summary["accuracy"]["top1"]
    assert summary["absent_classes"] == [30]
    assert summary["evaluated"]["text"] == "1970 of 1970"
    assert sum(summary["long_tail"][group]["classes"] for group in ("head", "middle", "tail")) == 48
    assert all(len(pair["differs"]) == 1 and pair["differs"][0][0] == "twists" for pair in summary["confused_pairs"])


def test_first_lines_say_right_set_wrong_element(gym_element_misses):
    predictions, space = gym_element_misses
    summary = summarize(replace(predictions, label_space=space))
    errors = int(np.sum(predictions.predicted != predictions.labels))
    assert f"{errors} of {errors} (100.0 %) have the right set but the wrong element" in "\n".join(
        summary["headline"][:2]
    )
    assert summary["hierarchy"]["lost_at"] == {"event": 0, "set": 0, "element": errors}
    assert summary["hierarchy"]["accuracy"]["element"] == summary["accuracy"]["top1"]


def test_summary_is_plain_json(diving_twist_misses):
    predictions, space, _ = diving_twist_misses
    summary = summarize(replace(predictions, label_space=space))
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_bootstrap_equals_drawing_samples():
    rng = np.random.default_rng(0)
    scores, labels = rng.random((300, 8)), rng.integers(0, 8, 300)
    scores[np.arange(300), labels] += 0.4
    fast = bootstrap_intervals(label_ranks(scores, labels), labels, 8, (1, 5))
    draws = []
    for _ in range(1500):
        chosen = rng.integers(0, 300, 300)
        ranks = label_ranks(scores[chosen], labels[chosen])
        draws.append([np.mean(ranks < 1), np.mean(ranks < 5), mean_class_accuracy(scores[chosen], labels[chosen])])
    slow = np.percentile(draws, (2.5, 97.5), axis=0).T
    np.testing.assert_allclose([fast["top1"], fast["top5"], fast["mean1"]], slow, atol=0.012)


def test_bootstrap_of_a_perfect_and_of_one_class_run():
    assert bootstrap_intervals(np.zeros(5, int), np.arange(5), 5)["mean1"] == (1.0, 1.0)
    low, high = bootstrap_intervals(np.array([0, 0, 1, 7]), np.zeros(4, int), 1)["top1"]
    assert 0 <= low < 0.5 < high <= 1


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_ece_is_brute_force(n, c, seed):
    rng = np.random.default_rng(seed)
    chance = rng.dirichlet(np.ones(c), n)
    labels = rng.integers(0, c, n)
    found = calibration(chance, labels, bins=10)
    total = 0.0
    for low in np.arange(10) / 10:
        inside = [i for i in range(n) if low < chance[i].max() <= low + 0.1]
        if inside:
            total += abs(sum(chance[i].max() - (chance[i].argmax() == labels[i]) for i in inside))
    assert found["ece"] == pytest.approx(total / n, abs=1e-6)
    assert sum(row["count"] for row in found["bins"]) == n


@pytest.mark.parametrize("broken", [[0, 1, 0], [1, 1, 1]])
def test_confidence_is_of_samples_that_could_be_loaded(broken):
    scores, labels = np.array([[0.8, 0.2], [0.0, 1.0], [0.4, 0.6]]), np.array([0, 0, 0])
    loaded = np.array(broken) == 0
    found = summarize(Result(["a", "b", "c"], labels, scores, meta={"broken": np.array(broken)}))["calibration"]
    assert sum(row["count"] for row in found["bins"]) == loaded.sum()
    if loaded.any():
        assert found["mean_confidence"] == pytest.approx(0.7) and found["ece"] == pytest.approx((0.2 + 0.6) / 2)
    else:
        assert found["ece"] is None
    calibration_figure(found).to_json()


def test_logits_and_probabilities_are_told_apart():
    logits = np.array([[2.0, 1.0, -1.0]])
    chance = as_probabilities(logits)
    assert chance.sum() == pytest.approx(1)
    np.testing.assert_allclose(np.log(chance[0, 0] / chance[0, 1]), 1.0)
    np.testing.assert_allclose(as_probabilities(chance), chance)
    sigmoids = np.array([[0.9, 0.3], [0.0, 0.0]])  # of independent classes; of a sample without a prediction
    np.testing.assert_allclose(as_probabilities(sigmoids), [[0.75, 0.25], [0.5, 0.5]])
    chances = np.array([[0.9, 0.1], [0.3, 0.7], [0.0, 0.0]])
    for factor in (100, 10):  # in percent, added up over ten views
        np.testing.assert_allclose(as_probabilities(factor * chances), [[0.9, 0.1], [0.3, 0.7], [0.5, 0.5]])
    assert as_probabilities(np.array([[9.0, 1.0], [3.0, 5.0]]))[0, 1] == pytest.approx(1 / (1 + np.exp(8)))  # logits


def test_multi_label_summary():
    predictions = Result(["a", "b"], np.array([[1, 0, 1], [0, 1, 0]]), np.array([[0.9, 0.1, 0.8], [0.1, 0.7, 0]]))
    summary = summarize(predictions)
    assert summary["accuracy"]["mmit_mean_average_precision"] == 1.0
    assert (summary["accuracy"]["macro_f1"], summary["accuracy"]["micro_f1"]) == (1.0, 1.0)
    assert [row["f1"] for row in summary["per_class"]] == [1.0, 1.0, 1.0]


def test_listed_and_fewer_than_five_classes():
    summary = summarize(Result(["a", "b"], [0, 1], np.eye(2), listed=7))
    assert summary["evaluated"]["text"] == "2 of 7"
    assert "on 2 of 7 samples" in summary["headline"][0]
    assert summary["accuracy"] == {"top1": 1.0, "top5": 1.0, "mean1": 1.0}


def test_samples_that_could_not_be_loaded_are_wrong_at_every_level():
    space = load_label_space("gym99")
    scores, labels = np.full((10, 99), 1 / 98), np.full(10, 3)
    scores[:, 3] = 0  # what is written for a broken sample
    names = [f"clip{i}" for i in range(10)]
    summary = summarize(Result(names, labels, scores, meta={"broken": np.ones(10)}, label_space=space))
    assert set(summary["hierarchy"]["accuracy"].values()) == {0.0} and summary["hierarchy"]["errors"] == 0
    assert summary["confused_pairs"] == [] and sum(row["predicted"] for row in summary["per_class"]) == 0
    assert summary["evaluated"]["broken"] == 10
    assert summary["headline"][1].startswith("10 of them could not be loaded and count as wrong")


def test_sizes_must_agree():
    for wrong in ({"label_space": load_label_space("diving48"), "classes": "ab"}, {"train_counts": [1, 2, 3]}):
        with pytest.raises(ValueError, match=r"entries, but the scores have 2 classes"):
            Result(["a", "b"], [0, 1], np.eye(2), **wrong)
