from collections import Counter

import pytest
from mmengine.dataset import BaseDataset

from mmaction.datasets import ClassBalancedDataset, ConcatDataset, RepeatDataset
from mmaction.datasets.base import BaseActionDataset
from mmaction.datasets.transforms.base import RandomTransform
from mmaction.registry import DATASETS
from mmaction.structures import ActionDataSample


class Draw(RandomTransform):
    def transform(self, results):
        results["number"] = self.rng(results).random()
        return results


class Toy(BaseActionDataset):
    def __init__(self, ann_file="0112", seed=1, num_classes=3):
        super().__init__(ann_file, [Draw()], seed=seed, num_classes=num_classes)

    def load_data_list(self):
        return [{"label": int(label)} for label in self.ann_file]


def toy(labels="0112", **kwargs):
    return Toy(labels, **kwargs)


def numbers(dataset):
    return [dataset[index]["number"] for index in range(len(dataset))]


@pytest.fixture(autouse=True)
def toy_by_name():
    DATASETS.register_module("Toy", module=Toy)
    yield
    DATASETS.module_dict.pop("Toy")


NESTED = {
    "type": "RepeatDataset",
    "times": 2,
    "dataset": {"type": "ConcatDataset", "datasets": [{"type": "Toy"}, {"type": "Toy"}]},
}
WRAPPED = {
    "repeat": lambda: RepeatDataset(toy(), times=3),
    "concat": lambda: ConcatDataset([toy(), toy()]),
    "balanced": lambda: ClassBalancedDataset(toy("0000000001"), oversample_thr=0.9),
    "nested": lambda: RepeatDataset(NESTED, times=2),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_every_repetition_is_augmented_differently_and_reproducibly(name):
    first, second = WRAPPED[name](), WRAPPED[name]()
    for dataset in (first, second):
        dataset.set_epoch(4)
    drawn = numbers(first)
    assert len(set(drawn)) == len(first) > 4
    assert numbers(second) == drawn
    first.set_epoch(5)
    assert not set(numbers(first)) & set(drawn)


@pytest.mark.parametrize("name", WRAPPED)
def test_class_counts_are_those_of_the_samples(name):
    dataset = WRAPPED[name]()
    labels = Counter(dataset[index]["label"] for index in range(len(dataset)))
    assert dataset.class_counts() == labels
    assert [dataset.get_cat_ids(index) for index in range(3)] == [[dataset[index]["label"]] for index in range(3)]
    assert dataset.num_classes == 3


def test_rare_classes_are_repeated():
    dataset = ClassBalancedDataset(toy("0000000001"), oversample_thr=0.9)
    assert dataset.class_counts() == {0: 9, 1: 3}  # ceil(sqrt(0.9 / 0.1)) = 3


def test_an_index_outside():
    dataset = RepeatDataset(toy(), times=2)
    assert dataset[-1]["sample_idx"] == 3
    with pytest.raises(IndexError, match="index 8 is outside a data set of 8 samples"):
        dataset[8]


class Pack:
    def __call__(self, results):
        if results["label"] == 2:
            raise ValueError("no such clip")
        return {"data_samples": ActionDataSample()}


def test_joined_data_sets_count_their_samples_on():
    repeated = dict(type="RepeatDataset", times=2, dataset=dict(type="Toy", ann_file="20"))
    dataset = RepeatDataset(dict(type="ConcatDataset", datasets=[toy("012"), repeated]), times=2)
    for inner in dataset.dataset.datasets:
        getattr(inner, "dataset", inner).pipeline = Pack()
    samples = [dataset[index]["data_samples"] for index in range(len(dataset))]
    broken = [sample.broken[2] if "broken" in sample else None for sample in samples]
    assert broken == [None, None, 2, 3, None, 3, None] * 2
    assert [samples[index].sample_idx for index in (0, 1, 4, 6)] == [0, 1, 4, 4]
    assert dataset[-1]["data_samples"].sample_idx == 4


def test_other_data_sets_can_be_wrapped():
    class Plain(BaseDataset):
        def load_data_list(self):
            return [{"value": 3}]

    dataset = RepeatDataset(Plain(), times=2)
    dataset.set_epoch(1)
    assert dataset[1]["value"] == 3


def test_configs_are_built(tmp_path):
    from mmaction.io.annotations import save_annotations

    save_annotations(tmp_path / "ann.pkl", [{"frame_dir": "a", "label": 0, "total_frames": 3}])
    inner = {"type": "PoseDataset", "ann_file": str(tmp_path / "ann.pkl"), "pipeline": []}
    assert len(RepeatDataset(inner, times=4)) == 4
    repeated = {"type": "RepeatDataset", "dataset": inner, "times": 2}
    assert len(ConcatDataset([inner, repeated])) == 3


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: RepeatDataset(toy(), times=0), "times is a positive integer; got 0"),
        (lambda: ClassBalancedDataset(toy(), oversample_thr=1.5), r"in \(0, 1\]; got 1.5"),
        (lambda: ConcatDataset([toy(), toy(num_classes=4)]), "have one class count; got"),
    ],
)
def test_wrong_arguments(build, message):
    with pytest.raises(ValueError, match=message):
        build()
