import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.config import Config

from mmaction.engine.folds import Clips, describe_folds, held_out, make_folds, shared_clips, split_clips, without
from mmaction.registry import DATASETS
from mmaction.utils.streams import stream_config


@pytest.fixture
def lists(tmp_path):
    """Two lists of clips of three classes and four persons, joined and repeated, and a test list."""
    for part, count in (("a", 24), ("b", 12), ("test", 6)):
        lines = [f"{part}{i}_s{i % 4}_.mp4 {i // 4 % 3}\n" for i in range(count)]
        (tmp_path / f"{part}.txt").write_text("".join(lines))

    def dataset(name, **kwargs):
        return dict(type="VideoDataset", ann_file=f"{tmp_path}/{name}.txt", pipeline=[], num_classes=3, **kwargs)

    joined = dict(type="ConcatDataset", datasets=[dataset("a"), dataset("b")])
    loaders = {
        "train": dict(type="RepeatDataset", times=3, dataset=joined),
        "val": dataset("test", indices=[1, 2]),
        "test": dataset("test"),
    }
    return Config({f"{name}_dataloader": dict(batch_size=1, dataset=part) for name, part in loaders.items()})


@settings(max_examples=30)
@given(st.integers(2, 5), st.integers(0, 2**31 - 1), st.integers(1, 6))
def test_folds_are_disjoint_complete_and_stratified(count, seed, classes):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(classes), 7 * count))
    folds = make_folds(labels, count, seed)
    assert sorted(set(folds)) == list(range(count))
    for label in range(classes):
        assert np.bincount(folds[labels == label], minlength=count).tolist() == [7] * count
    assert (make_folds(labels, count, seed) == folds).all()


def test_groups_stay_whole_and_too_few_are_named(lists):
    clips = split_clips(lists, "train", "_s([0-9]+)_")
    folds = make_folds(clips.labels, 2, 0, clips.groups)
    assert len({(group, fold) for group, fold in zip(clips.groups, folds)}) == 4
    assert "4 groups kept whole" in describe_folds(clips, folds)
    with pytest.raises(ValueError, match="5 folds need 5 groups; there are 4"):
        make_folds(clips.labels, 5, 0, clips.groups)
    with pytest.raises(ValueError, match=r"does not match 36 names, such as a0_s0_.*which have"):
        split_clips(lists, "train", "view([0-9])")
    assert split_clips(lists, "train", "label").groups == [str(label) for label in clips.labels]


def test_a_class_that_one_fold_holds_is_named():
    labels = np.array([0] * 6 + [1])
    clips = Clips([str(i) for i in range(7)], labels, [7])
    assert "classes 1 are in one fold" in describe_folds(clips, make_folds(labels, 3))


def test_both_sides_of_a_fold_are_what_the_configs_load(lists):
    clips = split_clips(lists, "train")
    held = make_folds(clips.labels, 4, 0) == 1
    expected = {name for name, out in zip(clips.ids, held) if out}

    def names(cfg, split):
        dataset = DATASETS.build(cfg[f"{split}_dataloader"].dataset)
        return [dataset.annotation(i)["filename"] for i in range(len(dataset))]

    trained, kept = names(without(lists, clips, held), "train"), names(held_out(lists, "test", clips, held), "test")
    assert set(kept) == expected and len(kept) == held.sum() == 9
    assert set(trained) == set(clips.ids) - expected and len(trained) == 3 * 27
    assert len(split_clips(lists, "train").ids) == 36, "the config itself stays"
    again = without(without(lists, clips, held), split_clips(without(lists, clips, held), "train"), np.arange(27) == 0)
    assert len(set(names(again, "train"))) == 26


def test_shared_clips_are_found(lists):
    assert shared_clips(lists, "val") == ["test1_s1_.mp4", "test2_s2_.mp4"]
    assert shared_clips(lists, "train") == []


def test_a_stream_is_another_feature_in_all_pipelines():
    steps = [dict(type="GenSkeFeat", dataset="coco", feats=["j"]), dict(type="PoseDecode")]
    cfg = Config(dict(train_dataloader=dict(dataset=dict(dataset=dict(pipeline=steps))), test_pipeline=steps))
    other = stream_config(cfg, "bm")
    found = [other.train_dataloader.dataset.dataset.pipeline[0], other.test_pipeline[0]]
    assert [part.feats for part in found] == [["bm"], ["bm"]] and cfg.test_pipeline[0].feats == ["j"]
    assert other.test_pipeline[1] == cfg.test_pipeline[1]
    with pytest.raises(ValueError, match="'x' is none of j"):
        stream_config(cfg, "x")
    with pytest.raises(ValueError, match="no GenSkeFeat"):
        stream_config(Config(dict(test_pipeline=steps[1:])), "b")
