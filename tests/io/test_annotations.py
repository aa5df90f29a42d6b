import pickle

import numpy as np
import pytest

from mmaction.datasets.transforms import FitJoints, RandomRot
from mmaction.io.annotations import load_annotations, save_annotations
from mmaction.structures.sample_name import sample_name


def annotation(name="dive", frames=5, **changes):
    info = {
        "frame_dir": name,
        "label": 1,
        "img_shape": (120, 160),
        "original_shape": (120, 160),
        "total_frames": frames,
        "keypoint": np.ones((1, frames, 17, 2), dtype=np.float16),
        "keypoint_score": np.ones((1, frames, 17), dtype=np.float16),
    }
    info.update(changes)
    return {key: value for key, value in info.items() if value is not None}


@pytest.fixture
def write(tmp_path):
    def write(content, protocol=4, name="ann.pkl"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol=protocol))
        return path

    return write


@pytest.mark.parametrize("form", ["split", "list"])
def test_forms(write, form):
    annotations = [annotation(name) for name in "abc"]
    content = annotations if form == "list" else {"split": {"train": ["a", "c"]}, "annotations": annotations}
    path = write(content)
    assert [info["frame_dir"] for info in load_annotations(path)] == ["a", "b", "c"]
    if form == "split":
        chosen = load_annotations(path, "train")
        assert [info["frame_dir"] for info in chosen] == ["a", "c"]
        assert type(chosen[0]["keypoint"]) is np.ndarray
        assert chosen[0]["keypoint"].dtype == np.float16


def test_a_single_annotation_is_a_file_of_one(write):
    assert [info["label"] for info in load_annotations(write(annotation()))] == [1]


def test_two_annotations_of_one_name_are_refused(write):
    path = write({"split": {"train": ["a"], "test": ["b"]}, "annotations": [annotation(name) for name in "aab"]})
    for split in ("train", None):
        with pytest.raises(ValueError, match=r"several annotations of 1 clips \('a'\)"):
            load_annotations(path, split)
    assert len(load_annotations(path, "test")) == 1
    nameless = annotation(frame_dir=None)
    assert len(load_annotations(write([nameless, nameless]))) == 2


@pytest.mark.parametrize("names", [("train", "test"), ("xsub_train", "xsub_val"), ("train1", "test1")])
def test_splits_that_share_clips_are_refused(write, names):
    training, evaluation = names
    splits = {training: ["a", "b"], evaluation: ["b", "c"], "other": ["a", "c"]}
    path = write({"split": splits, "annotations": [annotation(name) for name in "abc"]})
    for split in names:
        with pytest.raises(ValueError, match=r"share 1 clips \('b'\)"):
            load_annotations(path, split)
    assert len(load_annotations(path, "other")) == 2


def test_a_clip_that_a_split_lists_twice_is_loaded_once_and_said(write, capsys):
    path = write({"split": {"train": ["a", "b", "a"]}, "annotations": [annotation(name) for name in "ab"]})
    assert len(load_annotations(path, "train")) == 2
    assert "lists 1 clips ('a') more than once" in capsys.readouterr().out


def test_joints_that_are_nan_become_missing(write):
    info = annotation()
    info["keypoint"][0, 2, 3] = np.nan
    info["keypoint_score"][0, 1, 1] = np.nan
    read = load_annotations(write([info]))[0]
    missing = np.argwhere(read["keypoint_score"] == 0).tolist()
    assert missing == [[0, 1, 1], [0, 2, 3]] and not read["keypoint"][0, [1, 2], [1, 3]].any()
    assert read["keypoint"].dtype == np.float16 and np.isfinite(read["keypoint"]).all()


def test_whole_millimeters_can_be_turned_and_fitted(write):
    exact = np.random.default_rng(0).integers(-900, 900, (1, 5, 17, 3))
    steps = [RandomRot(0.3), FitJoints()]
    for whole in (exact.astype(np.int16), (exact + 900).astype(np.uint16)):
        changed = dict(keypoint=whole, keypoint_score=None, img_shape=None, original_shape=None)
        (read,) = load_annotations(write([annotation(**changed)]))
        for step in steps:
            read = step({**read, "rng": np.random.default_rng(0)})
        expected = {"keypoint": whole.astype(np.float64), "rng": np.random.default_rng(0)}
        for step in steps:
            expected = step({**expected, "rng": np.random.default_rng(0)})
        assert np.allclose(read["keypoint"], expected["keypoint"], atol=1e-5)


def test_filename_names_a_clip_before_frame_dir(write):
    annotations = [annotation("x", filename="a"), annotation("a", filename="b")]
    path = write({"split": {"train": ["a"]}, "annotations": annotations})
    assert [info["filename"] for info in load_annotations(path, "train")] == ["a"]


def test_total_frames_is_filled_in(write):
    assert load_annotations(write([annotation(total_frames=None)]))[0]["total_frames"] == 5


def test_compressed_skeletons(write):
    info = annotation(keypoint=np.zeros((4, 17, 3)), keypoint_score=None, frame_inds=np.arange(4), total_frames=9)
    assert load_annotations(write([info]))[0]["total_frames"] == 9
    with pytest.raises(ValueError, match="frame_inds has 4 entries, keypoint has 3"):
        load_annotations(write([dict(info, keypoint=np.zeros((3, 17, 3)))]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": None}, "it has no label"),
        ({"label": -1}, "a class index from 0 on, or a list of them; got -1"),
        ({"label": 1.5}, "a class index from 0 on, or a list of them; got 1.5"),
        ({"label": "dive"}, "a class index from 0 on, or a list of them; got 'dive'"),
        ({"keypoint": np.zeros((1, 5, 17))}, r"shape \(M, T, V, 2 or 3\).*; got \(1, 5, 17\)"),
        ({"keypoint": np.zeros((1, 5, 17, 4))}, r"got \(1, 5, 17, 4\)"),
        ({"keypoint": np.zeros((1, 5, 0, 2))}, r"got \(1, 5, 0, 2\)"),
        ({"keypoint": np.full((1, 5, 17, 2), "x")}, "keypoint is an array of numbers; got <U1"),
        ({"keypoint_score": np.zeros((1, 5, 16))}, r"shape \(M, T, V\) of keypoint, \(1, 5, 17\); got \(1, 5, 16\)"),
        ({"total_frames": 7}, r"total_frames is 7, but keypoint \(1, 5, 17, 2\) has 5 frames"),
        ({"img_shape": (120, 0)}, r"img_shape is height and width in pixels; got \(120, 0\)"),
        ({"original_shape": (120, 160, 3)}, "original_shape is height and width"),
        ({"keypoint": None, "total_frames": 0}, "total_frames is at least 1; got 0"),
    ],
)
def test_a_wrong_annotation_is_named(write, changes, message):
    path = write([annotation("good"), annotation("bad", **changes)])
    with pytest.raises(ValueError, match=rf"ann\.pkl, annotation 1 \(bad\): .*{message}"):
        load_annotations(path)


def test_a_clip_without_persons_has_one_of_whom_no_joint_is_seen(write):
    empty = {"keypoint": np.ones((0, 5, 17, 2), np.float16), "keypoint_score": np.ones((0, 5, 17), np.float16)}
    (info,) = load_annotations(write([annotation(**empty)]))
    assert info["keypoint"].shape == (1, 5, 17, 2) and info["keypoint_score"].shape == (1, 5, 17)
    assert not info["keypoint"].any() and not info["keypoint_score"].any()


def test_only_the_chosen_split_is_checked(write):
    annotations = [annotation("good"), annotation("bad", label=-1)]
    path = write({"split": {"train": ["good"], "test": ["bad"]}, "annotations": annotations})
    assert len(load_annotations(path, "train")) == 1
    with pytest.raises(ValueError, match=r"annotation 1 \(bad\)"):
        load_annotations(path, "test")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": 1, "b": 2}, "holds a dict with the keys a, b; expected dict"),
        ("text", "holds str; expected"),
        ([annotation(), 3], "holds list; expected"),
        ({"annotations": {"a": 1}}, "holds a dict with the keys annotations; expected"),
    ],
)
def test_another_structure(write, content, message):
    with pytest.raises(ValueError, match=message):
        load_annotations(write(content))


def test_splits_that_are_not_there(write):
    path = write({"split": {"train": ["a"], "val": [], "test": ["q", "r"]}, "annotations": [annotation("a")]})
    with pytest.raises(KeyError, match=r"has no split 'trian'; did you mean 'train'. it has 'train', 'val', 'test'"):
        load_annotations(path, "trian")
    with pytest.raises(ValueError, match=r"the split 'val' of .* is empty: it names no clip"):
        load_annotations(path, "val")
    with pytest.raises(ValueError, match="names 2 clips, and none has an annotation"):
        load_annotations(path, "test")
    with pytest.raises(ValueError, match="has no table of splits, so split='train' cannot be chosen"):
        load_annotations(write([annotation()]), "train")


# ---------------------------------------------------------------- writing
def test_written_files_can_be_read_by_any_numpy(tmp_path):
    path = tmp_path / "new" / "out.pkl"
    annotations = [annotation("a", label=np.int64(2)), annotation("b")]
    save_annotations(path, annotations, {"train": ["a"], "test": ["b"]})
    data = path.read_bytes()
    assert b"numpy._core" not in data
    np.testing.assert_equal(pickle.loads(data), {"split": {"train": ["a"], "test": ["b"]}, "annotations": annotations})
    assert [info["label"] for info in load_annotations(path, "train")] == [2]
    assert [entry.name for entry in path.parent.iterdir()] == ["out.pkl"]


def test_nothing_is_overwritten_unasked(tmp_path):
    path = tmp_path / "out.pkl"
    save_annotations(path, [annotation()])
    with pytest.raises(
        FileExistsError, match="choose another name, or replace it: --overwrite, in Python overwrite=True"
    ):
        save_annotations(path, [annotation()])
    save_annotations(path, [annotation("new")], overwrite=True)
    assert load_annotations(path)[0]["frame_dir"] == "new"


def test_a_wrong_annotation_is_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"annotation 0 \(dive\): total_frames is 9"):
        save_annotations(tmp_path / "out.pkl", [annotation(total_frames=9)])
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_an_array_is_taken_as_text(tmp_path):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps([annotation(filename=np.zeros(2))]))
    assert sample_name(load_annotations(tmp_path / "a.pkl")[0]) == "[0. 0.]"
