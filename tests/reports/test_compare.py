import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from mmaction.reports.compare import align_all, compare, mcnemar
from mmaction.structures import Result


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 5))
def test_mcnemar_is_the_two_sided_binomial(b, c, both):
    first = np.array([True] * b + [False] * c + [True] * both)
    second = np.array([False] * b + [True] * c + [True] * both)
    found = mcnemar(first, second)
    assert (found["only_first"], found["only_second"], found["both"]) == (b, c, both)
    n = b + c
    expected = min(1.0, 2 * binom.cdf(min(b, c), n, 0.5)) if n else 1.0
    assert found["p_value"] == pytest.approx(expected)


def test_compare_counts_what_is_won_and_lost():
    labels = [0, 0, 1, 1, 2]
    first = Result("abcde", labels, np.eye(4)[[0, 1, 1, 1, 3]])
    second = Result("abcde", labels, np.eye(4)[[0, 0, 1, 0, 3]])
    found = compare(first, second)
    assert found["top1"] == [0.6, 0.6]
    assert [(row["class"], row["gained"], row["gain"]) for row in found["classes"]] == [
        (0, 1, 0.5),
        (2, 0, 0.0),
        (1, -1, -0.5),
    ]
    assert found["mcnemar"]["p_value"] == 1.0


@pytest.mark.parametrize(
    "names",
    [
        ["b", "a", "a #2"],
        ["x/b.mp4", "x/a.mp4", "x/a.mp4 #2"],
        ["b.AVI", "a.AVI", "a.AVI #2"],
        ["y/b", "y/a", "y/a #2"],
    ],
)
def test_videos_and_skeletons_of_one_clip_go_together(names):
    first = Result(["x/a.mp4", "x/a.mp4 #2", "x/b.mp4"], [0, 1, 2], np.eye(3))
    other = Result(names, [2, 0, 1], np.eye(3)[[2, 0, 1]])
    for tests in ([first, other], [other, first]):
        aligned = align_all(tests, ["A", "B"])
        np.testing.assert_array_equal(aligned[0].scores, aligned[1].scores)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["x/a", "y/a"], "1 of 2 samples, the first is 'x/b.mp4'"),
        (["x/a", "c"], "1 of 2 samples, the first is 'x/b.mp4'"),
        (["a.mp4.bak", "a"], "1 of 2 samples, the first is 'x/b.mp4'"),
        (["a.mp4.bak", "c"], "2 of 2 samples, the first is 'x/a.mp4'"),
        (["y/a", "z/a"], "2 of 2 samples, the first is 'x/a.mp4'"),
    ],
)
def test_clips_that_are_not_told_apart_are_refused(names, said):
    first = Result(["x/a.mp4", "x/b.mp4"], [0, 1], np.eye(2))
    with pytest.raises(ValueError, match=f"B lacks {said}"):
        align_all([first, Result(names, [0, 1], np.eye(2))], ["A", "B"])


def test_order_of_the_samples_does_not_matter():
    first = Result("abc", [0, 1, 2], np.eye(3))
    other = Result("cab", [2, 0, 1], np.eye(3)[[2, 0, 1]])
    aligned = align_all([first, other], ["A", "B"])[1]
    assert aligned.ids == first.ids
    np.testing.assert_array_equal(aligned.scores, first.scores)


@pytest.mark.parametrize(
    ("ids", "labels", "classes", "message"),
    [
        ("ab", [0, 1], 3, "B has 2 samples, A has 3"),
        ("abd", [0, 1, 2], 3, "B lacks 1 of 3 samples, the first is 'c'"),
        ("abc", [0, 1, 2], 4, "B has 4 classes, A has 3"),
        ("abc", [0, 2, 2], 3, "disagree on the label of 1 samples, the first is 'b'"),
    ],
)
def test_other_samples_are_refused(ids, labels, classes, message):
    first = Result("abc", [0, 1, 2], np.eye(3))
    with pytest.raises(ValueError, match=message):
        align_all([first, Result(ids, labels, np.eye(len(ids), classes))], ["A", "B"])


def test_classes_of_other_names_are_named(capsys):
    first, same, other = (Result("ab", [0, 1], np.eye(2), names) for names in (("x", "y"), ("x", "y"), ("y", "x")))
    align_all([first, same, Result("ab", [0, 1], np.eye(2))], ["A", "B", "C"])
    assert "name their classes" not in "".join(capsys.readouterr())
    assert align_all([first, other], ["A", "B"])[1].labels.tolist() == [0, 1]
    assert "A and B name their classes differently" in (said := "".join(capsys.readouterr()))
    assert "those of A: class 0 is 'x' in one and 'y' in the other" in said
