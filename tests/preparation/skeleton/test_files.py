import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmaction.io.annotations import load_annotations
from mmaction.preparation.skeleton.files import (
    AnnotationFile,
    merge,
    split_at_random,
    split_by_lists,
    subset,
)


def annotation(name, label=0, frames=3, persons=1, value=1.0):
    keypoint = np.full((persons, frames, 17, 2), value, np.float32)
    return dict(
        frame_dir=name,
        label=label,
        img_shape=(48, 64),
        original_shape=(48, 64),
        total_frames=frames,
        keypoint=keypoint,
        keypoint_score=np.ones(keypoint.shape[:3], np.float32),
    )


def make(names="abcdef", splits=True):
    annotations = [annotation(name, label=i % 2) for i, name in enumerate(names)]
    return AnnotationFile(annotations, {"train": list(names[:-2]), "val": list(names[-2:])} if splits else None)


def test_written_files_are_plain_and_read_back(tmp_path):
    make().write(tmp_path / "a.pkl")
    with open(tmp_path / "a.pkl", "rb") as file:
        content = pickle.load(file)
    assert set(content) == {"split", "annotations"} and content["annotations"][1]["label"] == 1
    again = AnnotationFile.read(tmp_path / "a.pkl")
    assert (again.names, again.splits) == (list("abcdef"), {"train": list("abcd"), "val": ["e", "f"]})
    assert len(load_annotations(tmp_path / "a.pkl", "val")) == 2
    make(splits=False).write(tmp_path / "old.pkl")
    assert AnnotationFile.read(tmp_path / "old.pkl").splits is None
    with pytest.raises(FileExistsError):
        make().write(tmp_path / "a.pkl")


class Evil:
    def __reduce__(self):
        return print, ("ran",)


@pytest.mark.parametrize("content", [3, {"a": 1}, [1], {"annotations": [1]}, {"annotations": [], "split": 3}, Evil()])
def test_other_pickles_are_refused(tmp_path, content, capsys):
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(ValueError, match=r"x\.pkl"):
        AnnotationFile.read(tmp_path / "x.pkl")
    assert capsys.readouterr().out == ""


def test_merge_joins_splits_and_keeps_equal_clips_once():
    merged = merge([make("abcd"), make("cdxy"), make("zz"[:1], splits=False)])
    assert merged.names == list("abcdxyz")
    assert merged.splits == {"train": ["a", "b", "c", "d"], "val": ["c", "d", "x", "y"]}
    other = AnnotationFile([annotation("a", value=2.0)])
    with pytest.raises(ValueError, match=r"a is in one.pkl and in annotations of no file with different content"):
        merge([replace(make(), path="one.pkl"), other])


def test_merge_takes_equal_joints_that_are_nan_for_equal():
    files = [AnnotationFile([annotation("a", value=np.nan) | {"valid": {0.5: 3}, "note": "x"}]) for _ in range(2)]
    assert merge(files).names == ["a"]
    files[1].annotations[0]["note"] = "y"
    with pytest.raises(ValueError, match="different content"):
        merge(files)


def test_split_by_lists(tmp_path):
    (tmp_path / "train.txt").write_text("b.mp4 7\nsub/a.mp4 8\nq.mp4 1\n")
    (tmp_path / "val.txt").write_text("c 9\n")
    file, missing = split_by_lists(make(), {"train": tmp_path / "train.txt", "val": tmp_path / "val.txt"})
    assert file.splits == {"train": ["b", "a"], "val": ["c"]}
    assert file.labels == {"b": 7, "a": 8, "c": 9}
    assert missing == {"train": ["q"], "val": []}


def test_lists_mean_the_clip_that_shares_most_of_the_name(tmp_path):
    file = AnnotationFile([annotation(name) for name in ("judo/a", "a", "b.v1", "/data/c", "d.mp4")])
    lines = ["judo/a.mp4 1", "sumo/a.mp4 2", "b.v1.mp4 3", "/data/c.avi 4", "x/d.mp4 5", "e/f.mp4 6"]
    (tmp_path / "train.txt").write_text("# comment\n" + "\n".join(lines))
    done, missing = split_by_lists(file, {"train": tmp_path / "train.txt"})
    assert done.labels == {"judo/a": 1, "a": 2, "b.v1": 3, "/data/c": 4, "d.mp4": 5}
    assert missing == {"train": ["e/f"]}
    (tmp_path / "other.txt").write_text("/videos/judo/a.mp4 1\n")
    assert split_by_lists(file, {"train": tmp_path / "other.txt"})[0].labels == {"judo/a": 1}


@pytest.mark.parametrize(
    ("train", "val", "message"),
    [
        (
            "judo/a.mp4 0\nsumo/a.mp4 1\n",
            "b 0\n",
            r"train.txt:2: sumo/a and judo/a both stand for the clip a",
        ),
        ("judo/a.mp4 0\n", "sumo/a.mp4 0\n", r"val.txt:1: sumo/a and judo/a both stand for the clip a"),
        ("a.mp4 0\nb.mp4 0\na.avi 1\n", "b 0\n", r"train.txt:3: a stands there already, in line 1"),
        ("a.mp4 0\n", "a.mp4 1\n", r"val.txt:1: a has label 1 here, and 0 in another list"),
        ("x/q.mp4 0\n", "r 0\n", r"x.pkl has none of the listed clips; listed are such as x/q, its own are such as a"),
    ],
)
def test_lists_that_do_not_fit_are_refused(tmp_path, train, val, message):
    (tmp_path / "train.txt").write_text(train)
    (tmp_path / "val.txt").write_text(val)
    file = replace(make(), path="x.pkl")
    with pytest.raises(ValueError, match=message):
        split_by_lists(file, {"train": tmp_path / "train.txt", "val": tmp_path / "val.txt"})


@given(st.integers(0, 5), st.floats(0.1, 0.9))
def test_random_split_is_a_partition_by_class(seed, share):
    names = [f"v{i // 3}_c{i}" for i in range(60)]
    file = AnnotationFile([annotation(name, i % 3, frames=1) for i, name in enumerate(names)])
    done = split_at_random(file, share, seed=seed)
    assert sorted(done.splits["train"] + done.splits["val"]) == sorted(names)
    for label in range(3):
        assert sum(file.labels[name] == label for name in done.splits["val"]) == round(20 * share)
    again = split_at_random(AnnotationFile(file.annotations[::-1]), share, seed=seed)
    assert set(again.splits["val"]) == set(done.splits["val"])
    grouped = split_at_random(file, share, seed=seed, group=r"^(v\d+)_")
    sides = {split: {name.split("_")[0] for name in clips} for split, clips in grouped.splits.items()}
    assert not sides["train"] & sides["val"]


def test_random_split_says_what_is_wrong():
    with pytest.raises(ValueError, match="between 0 and 1"):
        split_at_random(make(), 1.0)
    with pytest.raises(ValueError, match="no regular expression"):
        split_at_random(make(), 0.5, group="(")
    with pytest.raises(ValueError, match="does not match 6 names"):
        split_at_random(make(), 0.5, group="x")
    with pytest.raises(ValueError, match="split val would be empty"):
        split_at_random(make("ab"), 0.1)


def test_subset():
    file = make()
    assert subset(file, split="val").splits == {"val": ["e", "f"]}
    assert subset(file, labels=[1], relabel=True).labels == {"b": 0, "d": 0, "f": 0}
    assert subset(file, per_class=1).names == ["a", "b", "e", "f"]
    assert subset(file, names=["c"]).splits == {"train": ["c"], "val": []}
    with pytest.raises(KeyError, match="no split 'x'"):
        subset(file, split="x")
    with pytest.raises(KeyError, match=r"x.pkl has no clip of 2 of the 3 names, such as 'y'; take"):
        subset(replace(file, path="x.pkl"), names=["c", "z", "y"])
    assert subset(file, names=["c", "e"], split="val").names == ["e"]
    with pytest.raises(KeyError, match=r"x.pkl has no clip of 1 of the 2 labels, such as 5; take"):
        subset(replace(file, path="x.pkl"), labels=[0, 5])
    with pytest.raises(ValueError, match=r"no clip .* fits"):
        subset(file, names=["a"], labels=[1])
    with pytest.raises(ValueError, match="relabel needs labels"):
        subset(file, relabel=True)


def test_all_annotations_of_one_name_stay(tmp_path):
    file = AnnotationFile(
        [annotation("a"), annotation("b"), annotation("a", value=2.0)], {"train": ["a"], "val": ["b"]}
    )
    part = subset(file, names=["a"])
    assert [info["keypoint"].max() for info in part.annotations] == [1, 2]
    assert part.splits == {"train": ["a"], "val": []}
    (tmp_path / "train.txt").write_text("b 3\na 4\n")
    listed, _ = split_by_lists(file, {"train": tmp_path / "train.txt"})
    assert [(info["frame_dir"], info["label"], info["keypoint"].max()) for info in listed.annotations] == [
        ("b", 3, 1),
        ("a", 4, 1),
        ("a", 4, 2),
    ]
    assert dict(listed.problems()) == {"a": "stands there 2 times"}


def test_clips_in_training_and_evaluation_are_a_problem_of_the_file():
    merged = merge([make("abcd"), make("cdxy")])
    assert list(merged.problems()) == [("split train", "names 2 clips of split val, such as c")]
    splits = {"xsub_train": ["a"], "xsub_val": ["b"], "xview_train": ["b"], "xview_test": ["a"]}
    assert not list(AnnotationFile([annotation("a"), annotation("b")], splits).problems())


def test_describe_and_problems():
    bad = annotation("c", frames=4)
    bad["keypoint_score"] = bad["keypoint_score"][:, :2]
    file = AnnotationFile([annotation("a"), annotation("b", 5, persons=2), bad, annotation("a")], {"val": ["a", "q"]})
    facts = file.describe()
    assert facts["clips"] == 4 and facts["persons"] == {"1": 3, "2": 1} and facts["labels"] == "0 to 5"
    problems = dict(file.problems())
    assert "keypoint_score" in problems["c"]
    assert problems["a"] == "stands there 2 times"
    assert "1 clips that have no annotation, such as q" in problems["split val"]


def test_real_file(shared):
    file = AnnotationFile.read(shared / "data/skeleton/utd_mhad_2d.pkl")
    assert not list(file.problems())
    assert file.describe()["splits"] == {"train": 431, "test": 430}
    grouped = split_at_random(file, 0.25, group=r"s(\d+)")
    assert len(grouped.splits["train"]) + len(grouped.splits["val"]) == 861


def test_single_annotations_are_files_and_can_be_merged(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.pkl").write_bytes(pickle.dumps(annotation(name)))
    merged = merge([AnnotationFile.read(tmp_path / f"{name}.pkl") for name in "ab"])
    assert merged.names == ["a", "b"] and merged.splits is None
