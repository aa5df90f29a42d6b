from pathlib import Path

import pytest

from mmaction.preparation.doctor.read_samples import Sample
from mmaction.preparation.doctor.split_checks import check_splits
from mmaction.preparation.doctor.splits import Split
from mmaction.preparation.official_lists import read_diving48, read_gym_list


def samples(split, clips, classes=None):
    split = Split(split, "video", Path(f"{split}.txt"), Path(), num_classes=classes)
    return split, [Sample(split, n, f"{clip.id}.mp4", (clip.label,)) for n, clip in enumerate(clips)]


def gym(shared, name):
    return read_gym_list(shared / f"data/finegym/{name}.txt")


@pytest.mark.parametrize(
    ("name", "classes", "counts"),
    [("gym99", 99, "40 videos and 265 events"), ("gym288", 288, "113 videos and 623 events")],
)
def test_official_gym_split_shares_videos_by_design(shared, name, classes, counts):
    train, val = gym(shared, f"{name}_train_element_v1.1"), gym(shared, f"{name}_val_element")
    found = {f.code: f for f in check_splits(dict([samples("train", train, classes), samples("val", val, classes)]))}
    assert set(found) == {"list-version", "same-source-by-design"}
    message = found["same-source-by-design"].message
    assert counts in message and "by design" in message


def test_official_diving48_split(shared):
    clips = {s: read_diving48(shared / f"data/diving48/Diving48_V2_{s}.json") for s in ("train", "test")}
    found = list(check_splits(dict([samples("train", clips["train"], 48), samples("val", clips["test"], 48)])))
    assert [f.code for f in found] == ["list-version", "list-version", "empty-class"]
    assert found[-1].message == "no training clip of class 30"


def test_diving48_versions_mixed_and_videos_shared(shared):
    clips = read_diving48(shared / "data/diving48/Diving48_V2_train.json")
    older = [clip._replace(label=(clip.label + 1) % 48) for clip in clips[1::2]]
    found = {f.code for f in check_splits(dict([samples("train", clips[::2]), samples("val", older)]))}
    assert found == {"mixed-versions", "same-source", "list-version", "untrained-class"}


def test_splits_of_several_protocols_are_paired_by_name():
    splits = [Split(name, "pose", Path("x.pkl")) for name in ("xsub_train", "xsub_val", "xview_val", "train1", "test1")]
    pairs = [(a.name, b.name) for a in splits for b in splits if a.is_evaluated_with(b)]
    assert pairs == [("xsub_train", "xsub_val"), ("train1", "test1")]


def test_side_names():
    from mmaction.preparation.doctor.split_checks import _swap_sides

    assert _swap_sides("Swipe LEFT (right hand)") == "swipe right (left hand)"
    assert _swap_sides("circle counter-clockwise") == "circle clockwise"
    assert _swap_sides("upright bright cleft") == "upright bright cleft"
    assert _swap_sides("bow") == "bow"
