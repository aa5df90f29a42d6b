"""Logit adjustment of saved scores."""

import numpy as np
import pytest

from mmaction.cli.adjust import main
from mmaction.engine.results.writer import write_result
from mmaction.reports.adjust import adjust_for_counts
from mmaction.structures import Result

COUNTS = [90, 9, 0]


def result(**facts):
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    scores = rng.normal(size=(60, 3)) + 2 * np.eye(3)[labels] + np.log(np.maximum(COUNTS, 1))
    return Result([str(i) for i in range(60)], labels, scores, run={"identity": {"checkpoint": "a"}}, **facts)


def test_probabilities_are_divided_by_the_frequencies():
    plain = result(train_counts=COUNTS)
    prior = np.array([90, 9, 1]) / 100
    logits = plain.scores - 0.5 * np.log(prior)  # Menon et al., equation 9
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(adjust_for_counts(plain, 0.5).scores, expected, rtol=1e-4)
    np.testing.assert_array_equal(adjust_for_counts(plain, 0.0).predicted, plain.predicted)
    recall = [np.mean(found.predicted[found.labels == 2] == 2) for found in (plain, adjust_for_counts(plain))]
    assert recall[1] > recall[0] + 0.3


def test_the_tool_writes_a_result_of_its_own(tmp_path, capsys):
    folder = tmp_path / "test_epoch_1"
    write_result(folder, result(train_counts=COUNTS))
    assert main([str(folder)]) == main([str(folder / "scores.npz")]) == 0  # the same again
    assert main([str(folder), "--tau", "0.5"]) == 0
    assert "few-shot" in capsys.readouterr().out
    assert Result.load(tmp_path / "test_epoch_1_adjusted").run["adjusted_tau"] == 1
    assert Result.load(tmp_path / "test_epoch_1_adjusted_2").run["adjusted_tau"] == 0.5
    np.testing.assert_array_equal(Result.load(folder).scores, result().scores)


@pytest.mark.parametrize(
    "wrong", [result(), Result(["a"], np.array([[1, 1]]), np.array([[0.5, 0.5]]), train_counts=[1, 2])]
)
def test_results_that_cannot_be_adjusted(wrong):
    with pytest.raises(ValueError, match=r"training samples|several labels"):
        adjust_for_counts(wrong)


def test_tau_is_a_number_from_0_on():
    for tau in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="tau must be"):
            adjust_for_counts(result(train_counts=COUNTS), tau)
