import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from mmaction.datasets.base import BaseActionDataset
from mmaction.datasets.transforms.base import RandomTransform, Transform


class Draw(RandomTransform):
    writes = ("number",)

    def transform(self, results):
        results["number"] = self.rng(results).random()
        return results


class Toy(BaseActionDataset):
    labels = (0, 1, 1, 2)

    def load_data_list(self):
        return [{"label": label, "frame_dir": f"clip{index}"} for index, label in enumerate(self.labels)]


def toy(pipeline=(), **kwargs):
    return Toy("toy.txt", list(pipeline), **kwargs)


def numbers(dataset, epoch=None, workers=0, stream=0):
    if epoch is not None:
        dataset.set_epoch(epoch)
    loader = DataLoader(dataset, batch_size=2, num_workers=workers, collate_fn=list)
    return [sample["number"] for batch in loader for sample in batch]


def test_a_sample_knows_its_data_set():
    sample = toy(test_mode=True, start_index=1, modality="Flow")[2]
    expected = {
        "label": 1,
        "frame_dir": "clip2",
        "start_index": 1,
        "modality": "Flow",
        "test_mode": True,
        "sample_idx": 2,
    }
    assert {key: sample[key] for key in expected} == expected


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_augmentation_depends_on_seed_epoch_and_index_alone(workers):
    dataset = toy([Draw()], seed=5)
    first = numbers(dataset, epoch=0)
    assert len(set(first)) == 4
    assert numbers(dataset, epoch=0, workers=workers) == first
    assert numbers(dataset, epoch=1, workers=workers) == numbers(toy([Draw()], seed=5), epoch=1) != first
    assert numbers(toy([Draw()], seed=6), epoch=0) != first


def test_repetitions_differ():
    dataset = toy([Draw()], seed=5)
    dataset.set_epoch(0)
    assert dataset.get(1)["number"] == dataset[1]["number"] != dataset.get(1, stream=1)["number"]


def test_the_seed_of_the_run_is_the_default():
    torch.manual_seed(7)
    first = toy()
    torch.manual_seed(7)
    assert toy().seed == first.seed == 7


def test_running_workers_see_the_epoch():
    dataset = toy([Draw()], seed=5)
    loader = DataLoader(dataset, batch_size=4, num_workers=1, persistent_workers=True, collate_fn=list)
    dataset.set_epoch(0)
    (first,) = [[sample["number"] for sample in batch] for batch in loader]
    dataset.set_epoch(1)
    (second,) = [[sample["number"] for sample in batch] for batch in loader]
    assert first == numbers(dataset, epoch=0)
    assert second == numbers(dataset, epoch=1)


def test_without_an_epoch_every_call_draws_anew():
    dataset = toy([Draw()], seed=5)
    assert dataset.epoch == -1
    assert dataset[0]["number"] != dataset[0]["number"]


@pytest.mark.parametrize("label", [3, -1, [0, 3]])
def test_a_label_outside_the_classes_is_named(label, monkeypatch):
    monkeypatch.setattr(Toy, "labels", (0, label))
    with pytest.raises(ValueError, match=r"toy\.txt, sample 1 \(clip1\): label -?\d is outside the 3 classes"):
        toy(num_classes=3)
    if label != -1:
        assert toy(num_classes=4)[1]["label"] == label


def test_an_empty_data_set(monkeypatch):
    monkeypatch.setattr(Toy, "labels", ())
    with pytest.raises(ValueError, match=r"toy\.txt holds no sample"):
        toy()


def test_several_labels_become_a_vector(monkeypatch):
    monkeypatch.setattr(Toy, "labels", ([0, 2], [1], 2))
    dataset = toy(multi_class=True, num_classes=3)
    assert [dataset[index]["label"].tolist() for index in range(3)] == [[1, 0, 1], [0, 1, 0], [0, 0, 1]]
    assert dict(dataset.class_counts()) == {0: 1, 1: 1, 2: 2}
    with pytest.raises(ValueError, match="multi_class=True needs num_classes"):
        toy(multi_class=True)


def test_class_counts():
    dataset = toy(num_classes=3)
    assert dict(dataset.class_counts()) == {0: 1, 1: 2, 2: 1}
    assert dataset.get_cat_ids(3) == [2]


@pytest.mark.parametrize("serialize_data", [True, False])
def test_subsets(serialize_data):
    dataset = toy(serialize_data=serialize_data)
    assert [sample["frame_dir"] for sample in dataset.get_subset([3, 1])] == ["clip3", "clip1"]
    assert len(toy(indices=2, serialize_data=serialize_data)) == 2
    assert len(dataset) == 4


def test_a_pipeline_that_cannot_work_is_refused_when_it_is_built():
    class Use(Transform):
        reads = ("number",)

        def transform(self, results):
            return results

    class Telling(Toy):
        sample_keys = BaseActionDataset.sample_keys

    assert len(Telling("toy.txt", [Draw(), Use()])) == 4
    with pytest.raises(ValueError, match="step 0 of the pipeline, Use, needs 'number'"):
        Telling("toy.txt", [Use(), Draw()])
    assert len(toy([Use()])) == 4, "a plug-in that does not tell what it reads may read anything"


def test_a_step_that_misses_a_key_is_named():
    """MMCV's Normalize, which older configs have, reads ``img``."""
    with pytest.raises(KeyError, match=r"toy.txt: Normalize of the pipeline needs 'img', which no step before"):
        toy([{"type": "Normalize", "mean": [0], "std": [1]}])[0]


def test_annotations_stay_as_they_are():
    dataset = toy([lambda sample: {**sample, "label": np.asarray(sample.pop("label")) + 100}])
    assert dataset[0]["label"] == dataset[0]["label"] == 100


def test_class_names_come_from_the_label_map_beside_the_list(tmp_path, monkeypatch):
    (tmp_path / "label_map.txt").write_text("a\nb\nc\n")
    named = toy(data_root=str(tmp_path), num_classes=3)
    assert named.metainfo["classes"] == ("a", "b", "c")
    assert toy(data_root=str(tmp_path), metainfo=dict(classes=("x",))).metainfo["classes"] == ("x",)
    said = []
    monkeypatch.setattr("mmaction.datasets.base.print_log", lambda message, **_: said.append(message))
    assert "classes" not in toy(data_root=str(tmp_path), num_classes=5).metainfo
    assert "names 3 classes, not 5" in said[0]


def test_filter_cfg_keeps_a_part_of_every_class():
    dataset = toy(filter_cfg={"per_class": 1})
    whole = toy()
    assert dataset.class_counts() == dict.fromkeys(whole.class_counts(), 1)
    assert len(dataset) == len(whole.class_counts())
    with pytest.raises(ValueError, match=r"filter_cfg=.* takes per_class, .* override filter_data"):
        toy(filter_cfg={"most": 1})
