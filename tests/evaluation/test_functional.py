import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mmaction.evaluation import functional as F
from mmaction.structures.scores import label_to_array


@st.composite
def scored(draw, min_classes=1):
    """Scores on a coarse grid, so that ties are common, and labels of any distribution."""
    n, c = draw(st.integers(1, 12)), draw(st.integers(min_classes, 6))
    scores = draw(hnp.arrays(np.float32, (n, c), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])))
    return scores, draw(hnp.arrays(np.int64, n, elements=st.integers(0, c - 1)))


def slow_rank(row, label):
    order = sorted(range(len(row)), key=lambda c: (-row[c], c))
    return order.index(label)


@settings(max_examples=60, deadline=None)
@given(scored())
def test_top_k_is_brute_force_with_ties_by_lower_index(data):
    scores, labels = data
    ranks = [slow_rank(row, label) for row, label in zip(scores.tolist(), labels.tolist())]
    assert F.label_ranks(scores, labels).tolist() == ranks
    topk = (1, 2, 5)
    assert F.top_k_accuracy(scores, labels, topk) == [np.mean([r < k for r in ranks]) for k in topk]
    best = F.top_k_predictions(scores, 2)
    assert np.array_equal(best[:, 0], scores.argmax(1))
    assert np.mean((best == labels[:, None]).any(1)) == pytest.approx(F.top_k_accuracy(scores, labels, 2)[0])


def test_a_confusion_matrix_of_one_class_warns_of_nothing(recwarn):
    assert F.confusion_matrix([3, 3], [3, 3]).tolist() == [[2]]
    assert F.confusion_matrix([3, 3], [3, 3], normalize="all").tolist() == [[1.0]]
    assert not recwarn.list


@pytest.mark.filterwarnings("ignore:A single label was found")  # from the reference
@settings(max_examples=60, deadline=None)
@given(scored(min_classes=2), st.sampled_from([None, "true", "pred", "all"]))
def test_confusion_matrix_is_sklearns(data, normalize):
    scores, labels = data
    pred = scores.argmax(1)
    want = sklearn.metrics.confusion_matrix(labels, pred, normalize=normalize, labels=np.arange(scores.shape[1]))
    np.testing.assert_allclose(F.confusion_matrix(pred, labels, normalize, num_classes=scores.shape[1]), want)
    seen = np.union1d(pred, labels)
    want = sklearn.metrics.confusion_matrix(labels, pred, normalize=normalize, labels=seen)
    np.testing.assert_allclose(F.confusion_matrix(pred, labels, normalize), want)


@settings(max_examples=60, deadline=None)
@given(scored())
def test_mean_class_accuracy_is_recall_of_the_classes_present(data):
    scores, labels = data
    present = np.unique(labels)
    recalls = [np.mean(scores.argmax(1)[labels == c] == c) for c in present]
    assert F.mean_class_accuracy(scores, labels) == pytest.approx(np.mean(recalls))
    accuracy, counts = F.per_class_accuracy(scores, labels)
    assert counts.tolist() == np.bincount(labels, minlength=scores.shape[1]).tolist()
    np.testing.assert_allclose(accuracy[present], recalls)
    assert np.isnan(np.delete(accuracy, present)).all()


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_mean_average_precision_is_sklearns(data):
    n, c = data.draw(st.integers(1, 10)), data.draw(st.integers(1, 5))
    scores = data.draw(hnp.arrays(np.float64, (n, c), elements=st.sampled_from([0.0, 0.2, 0.7, 1.0])))
    labels = data.draw(hnp.arrays(np.int64, (n, c), elements=st.integers(0, 1)))
    for measure, s, y in (
        (F.mean_average_precision, scores, labels),
        (F.mmit_mean_average_precision, scores.T, labels.T),
    ):
        seen = y.any(axis=0)
        value = measure(scores, labels)
        if not seen.any():
            assert np.isnan(value)
        else:
            assert value == pytest.approx(
                sklearn.metrics.average_precision_score(y[:, seen], s[:, seen], average="macro")
            )


def test_absent_class_does_not_pull_the_mean_down():
    scores = np.eye(4)[[0, 1, 3]]
    assert F.mean_class_accuracy(scores, [0, 1, 1]) == pytest.approx(0.75)


def test_one_class_data():
    scores = np.ones((3, 1))
    assert F.top_k_accuracy(scores, [0, 0, 0], (1, 5)) == [1.0, 1.0]
    assert F.mean_class_accuracy(scores, [0, 0, 0]) == 1.0
    assert F.confusion_matrix([0, 0, 0], [0, 0, 0]).tolist() == [[3]]


def test_constant_scores_are_right_for_the_first_class_only():
    labels = np.arange(4)
    assert F.top_k_accuracy(np.full((4, 4), 0.25), labels, (1, 2)) == [0.25, 0.5]


def test_matrix_of_the_classes_that_occur():
    assert F.confusion_matrix([7, 2, 7], [7, 7, 2]).tolist() == [[0, 1], [1, 1]]


def test_top_k_classes_names_class_indices_and_skips_absent_ones():
    scores = np.eye(4)[[3, 2, 1, 0, 3, 3]]
    labels = [3, 2, 2, 1, 3, 3]
    assert F.top_k_classes(scores, labels, 3) == [(3, 1.0), (2, 0.5), (1, 0.0)]
    assert F.top_k_classes(scores, labels, 10, mode="inaccurate") == [(1, 0.0), (2, 0.5), (3, 1.0)]
    with pytest.raises(ValueError, match="mode must be 'accurate' or 'inaccurate'; got 'best'"):
        F.top_k_classes(scores, labels, mode="best")


def test_weighted_score_adds_models():
    first, second = [np.array([1.0, 2.0]), np.array([3.0, 4.0])], [np.array([10.0, 0.0]), np.array([0.0, 10.0])]
    fused = F.get_weighted_score([first, second], [1, 0.5])
    np.testing.assert_allclose(fused, [[6, 2], [3, 9]])
    with pytest.raises(ValueError, match="got 1 for 2 models"):
        F.get_weighted_score([first, second], [1])
    with pytest.raises(ValueError, match="same samples and classes"):
        F.get_weighted_score([first, second[:1]], [1, 1])


@pytest.mark.parametrize(
    ("scores", "labels", "error", "message"),
    [
        (np.zeros((0, 3)), [], ValueError, r"at least one of each; got \(0, 3\)"),
        (np.zeros(3), [0], ValueError, r"got \(3,\)"),
        ([[0.1, np.nan], [0, 1]], [0, 1], ValueError, "scores of sample 0 are not finite"),
        ([[0.1, 1], [0, np.inf]], [0, 1], ValueError, r"scores of sample 1 are not finite \(1 of 2"),
        ([[0.1, 1]], [2], ValueError, r"must lie in \[0, 2\); got 2"),
        ([[0.1, 1]], [-1], ValueError, r"must lie in \[0, 2\); got -1"),
        ([[0.1, 1]], [0, 1], ValueError, "got 2 labels for 1 samples"),
        ([[0.1, 1]], [0.0], TypeError, "must be integer class indices; got float64"),
        ([[0.1, 1]], [[0, 1]], ValueError, "measured with mean_average_precision"),
    ],
)
def test_wrong_input_is_named(scores, labels, error, message):
    for measure in (F.top_k_accuracy, F.mean_class_accuracy):
        with pytest.raises(error, match=message):
            measure(scores, labels)


def test_other_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="at least 1; got topk="):
        F.top_k_accuracy([[1.0]], [0], (0, 1))
    with pytest.raises(ValueError, match="normalize must be one of"):
        F.confusion_matrix([0], [0], normalize="row")
    with pytest.raises(ValueError, match=r"shape \(1, 2\).*; got \(2,\)"):
        F.mean_average_precision([[0.0, 1.0]], [0, 1])
    with pytest.raises(ValueError, match="must be 0 or 1"):
        F.mmit_mean_average_precision([[0.0, 1.0]], [[0, 2]])
    with pytest.raises(ValueError, match=r"\[0, 3\); got 3"):
        label_to_array(3, [0, 3])


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 12), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_f1_is_that_of_scikit_learn(n, c, seed):
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(seed)
    scores, labels, missing = rng.random((n, c)), rng.integers(0, 2, (n, c)), rng.random(n) < 0.2
    every, micro = F.f1_scores(scores, labels, 0.4, missing)
    predicted = (scores >= 0.4) & ~missing[:, None]
    expected = f1_score(labels, predicted, average=None, zero_division=np.nan)
    np.testing.assert_allclose(every, expected)
    np.testing.assert_allclose(micro, f1_score(labels, predicted, average="micro", zero_division=np.nan))
    logits = np.log(scores / (1 - scores)) * 3 + 2 * np.log(3)  # outside [0, 1]: taken for logits
    assert F.independent_probabilities(logits).max() <= 1
