"""Class-balanced sampling."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmaction.datasets import ClassBalancedSampler, RepeatDataset
from mmaction.datasets.base import BaseActionDataset
from mmaction.datasets.transforms.base import RandomTransform
from mmaction.engine.loops import MOST_PASSES, _Passes


class Draw(RandomTransform):
    def transform(self, results):
        results["number"] = self.rng(results).random()
        return results


class Toy(BaseActionDataset):
    def load_data_list(self):
        return [{"label": int(label)} for label in self.ann_file]


def toy(labels):
    dataset = Toy(labels, [Draw()], seed=1)
    dataset.set_epoch(0)
    return dataset


def drawn(sampler, labels):
    return Counter(labels[entry[0] if isinstance(entry, tuple) else entry] for entry in sampler)


@given(st.text("0123", min_size=1, max_size=40), st.integers(0, 4))
def test_classes_are_alike_frequent_and_samples_come_in_turn(labels, epoch):
    sampler = ClassBalancedSampler(toy(labels), seed=3)
    sampler.set_epoch(epoch)
    entries = list(sampler)
    assert len(entries) == len(sampler) == len(labels)
    assert entries == list(sampler)
    counts = drawn(sampler, labels)
    assert max(counts.values()) - min([counts[label] for label in set(labels)]) <= 1
    uses = Counter(entry[0] if isinstance(entry, tuple) else entry for entry in entries)
    for label in set(labels):
        own = [uses[index] for index, other in enumerate(labels) if other == label]
        assert max(own) - min(own) <= 1
    assert len(set(entries)) == len(entries)  # each repetition has a number of its own


def test_q_goes_from_alike_to_as_they_are():
    labels = "0" * 90 + "1" * 10
    assert drawn(ClassBalancedSampler(toy(labels), q=1.0, seed=0), labels) == {"0": 90, "1": 10}
    assert drawn(ClassBalancedSampler(toy(labels), q=0.5, seed=0), labels) == {"0": 75, "1": 25}
    assert drawn(ClassBalancedSampler(toy(labels), seed=0), labels) == {"0": 50, "1": 50}


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: RepeatDataset(x, times=2)])
def test_repetitions_are_augmented_differently(wrap):
    dataset = wrap(toy("00000001"))
    entries = list(ClassBalancedSampler(dataset, seed=0))
    numbers = [dataset[entry]["number"] for entry in entries]
    assert len(set(numbers)) == len(numbers)


def test_a_run_by_iterations_numbers_repetitions_and_passes():
    entries = list(ClassBalancedSampler(toy("0001"), seed=0))
    repeated = [entry for entry in entries if isinstance(entry, tuple)]
    assert repeated == [(3, 1)]
    numbered = list(_Passes(entries, 0))
    assert sorted(numbered)[-2:] == [(3, 0), (3, MOST_PASSES)]


def test_wrong_arguments():
    with pytest.raises(ValueError, match="q must"):
        ClassBalancedSampler(toy("01"), q=2)
    with pytest.raises(TypeError, match="get_cat_ids"):
        ClassBalancedSampler([1, 2])
