"""Parts of a data set."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmaction.datasets.functional.subsets import draw_subset

LABELS = st.lists(st.integers(0, 5), min_size=1, max_size=60)


@given(LABELS, st.integers(1, 8), st.integers(0, 3))
def test_at_most_so_many_of_each_class_and_a_smaller_number_is_a_part_of_a_larger(labels, per_class, seed):
    kept = draw_subset(labels, per_class=per_class, seed=seed)
    assert kept == sorted(set(kept)) == draw_subset(labels, per_class=per_class, seed=seed)
    counts = Counter(labels)
    assert Counter(labels[i] for i in kept) == {c: min(n, per_class) for c, n in counts.items()}
    assert set(kept) <= set(draw_subset(labels, per_class=per_class + 1, seed=seed))


@given(LABELS, st.sampled_from([0, 1]))
def test_classes_left_out(labels, seed):
    if len(set(labels)) == 1:
        with pytest.raises(ValueError, match="no sample is left"):
            draw_subset(labels, without=labels[:1])
        return
    kept = draw_subset(labels, without=labels[:1], seed=seed)
    assert [labels[i] for i in kept] == [c for c in labels if c != labels[0]]


def test_a_long_tail_falls_exponentially():
    labels = [c for c in range(4) for _ in range(80)]
    kept = Counter(labels[i] for i in draw_subset(labels, imbalance=8))
    assert sorted(kept.values()) == [10, 20, 40, 80]
    orders = {
        tuple(c for c, _ in Counter(labels[i] for i in draw_subset(labels, imbalance=8, seed=s)).most_common())
        for s in range(5)
    }
    assert len(orders) > 1
    assert set(Counter(labels[i] for i in draw_subset(labels, imbalance=1)).values()) == {80}
    assert max(Counter(labels[i] for i in draw_subset(labels, imbalance=8, per_class=40)).values()) == 40


@pytest.mark.parametrize(
    ("options", "match"), [({"per_class": 0}, "per_class"), ({"imbalance": 0.5}, "imbalance"), ({"without": [7]}, "7")]
)
def test_wrong_options_are_named(options, match):
    with pytest.raises(ValueError, match=match):
        draw_subset([0, 1], **options)
