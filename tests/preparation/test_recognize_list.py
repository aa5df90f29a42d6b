import csv

import pytest

from mmaction.preparation.official_lists import read_diving48, read_gym_list
from mmaction.preparation.recognize_list import identify


def gym_list(shared, name):
    return {c.id: c.label for c in read_gym_list(shared / f"data/finegym/{name}.txt")}


def diving_list(shared, split):
    return {c.id: c.label for c in read_diving48(shared / f"data/diving48/Diving48_V2_{split}.json")}


def part(labels, start, step):
    return dict(list(labels.items())[start::step])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gym99_train_element_v1.0", "Gym99 v1.0 train"),
        ("gym99_train_element_v1.1", "Gym99 v1.1 train"),
        ("gym99_val_element", "Gym99 v1.0 or v1.1 val"),
        ("gym288_train_element_v1.1", "Gym288 v1.1 train"),
        ("gym288_val_element", "Gym288 v1.0 or v1.1 val"),
    ],
)
def test_whole_gym_lists(shared, name, expected):
    labels = gym_list(shared, name)
    assert str(identify(labels)) == expected
    short = {k.replace("_E_", "_").replace("_A_", "_"): v for k, v in reversed(labels.items())}
    assert str(identify(short)) == expected  # the spelling of MMAction2's skeleton file, any order


def test_parts_of_gym_lists(shared):
    old, new = gym_list(shared, "gym99_train_element_v1.0"), gym_list(shared, "gym99_train_element_v1.1")
    assert identify(part(old, 3, 7)).version == "v1.0 or v1.1"
    assert identify(part(new, 3, 7)).version == "v1.1"
    assert identify(part(gym_list(shared, "gym288_val_element"), 0, 5)).dataset == "gym288"


@pytest.mark.parametrize(("split", "ours", "total"), [("train", "train", 15027), ("test", "val", 1970)])
def test_diving48(shared, split, ours, total):
    labels = diving_list(shared, split)
    whole = identify(labels)
    assert (whole.version, whole.split, whole.listed, whole.note) == ("V2", ours, total, "")
    some = identify(part(labels, 1, 3))
    assert (some.version, some.split) == ("V2", ours) and f"of {total:,} entries" in some.note
    edited = {**labels, next(iter(labels)): 46}
    assert identify(edited).version == "V2" and "1 of them changed" in identify(edited).note


def test_diving48_v1_marks(shared):
    labels = diving_list(shared, "train")
    assert identify({**labels, next(iter(labels)): 30}).version == "V1"
    meta = shared / "data/diving48/diving48_video_meta.csv"
    with meta.open() as file:
        every = [row["vid_name"] for row in csv.DictReader(file)]
    only_v1 = sorted(set(every) - set(labels) - set(diving_list(shared, "test")))
    assert len(only_v1) == 1407
    assert identify(dict.fromkeys(only_v1, 0)).version == "V1"


def test_other_lists_are_not_claimed():
    assert identify({}) is None
    assert identify({"some_video": 3, "other": 4}) is None
    assert identify({"0LtLS9wROrk_E_002407_002435": 3}) is None
