"""The files of the procedural data set."""

import csv

import numpy as np
import pytest

from mmaction.io.annotations import load_annotations
from mmaction.io.video import open_video
from mmaction.preparation.demo.build import DemoSpec, draw_take, write_demo_data

SPEC = DemoSpec(num_clips=12, num_classes=4, size=(96, 64), seed=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_demo_data(SPEC, tmp_path_factory.mktemp("demo") / "set", workers=1, progress=False)


def test_files_belong_together(folder):
    train = load_annotations(folder / "skeletons.pkl", "train")
    val = load_annotations(folder / "skeletons.pkl", "val")
    assert (len(train), len(val)) == (8, 4)
    assert sorted(info["label"] for info in val) == [0, 1, 2, 3]
    for name, annotations in (("train", train), ("val", val)):
        lines = (folder / f"{name}.txt").read_text().splitlines()
        assert lines == [f"{info['frame_dir']}.mp4 {info['label']}" for info in annotations]
    for info in train + val:
        reader = open_video(folder / "videos" / f"{info['frame_dir']}.mp4")
        assert (reader.info.height, reader.info.width) == info["img_shape"] == (64, 96)
        assert sum(1 for _ in reader.images()) == info["total_frames"] == info["keypoint"].shape[1]
        seen = info["keypoint_score"] > 0
        assert (info["keypoint"][~seen] == 0).all()
        assert (info["keypoint"][seen] >= 0).all() and (info["keypoint"][seen] <= [95, 63]).all()
        assert 0.5 < seen.mean() < 1.0  # some joints are missing, most are seen


def test_class_names_and_attributes(folder):
    names = (folder / "label_map.txt").read_text().splitlines()
    with open(folder / "classes.csv", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    assert names == [dive.name for dive in SPEC.dives] == [row["name"] for row in rows]
    assert [int(row["label"]) for row in rows] == [0, 1, 2, 3]
    assert {row["takeoff"] for row in rows} == {"forward", "back"}


def test_same_seed_same_set_whatever_the_workers(folder, tmp_path):
    again = write_demo_data(SPEC, tmp_path / "again", workers=2, progress=False)
    for name in ("skeletons.pkl", "train.txt", "val.txt", "classes.csv"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()
    videos = sorted(folder.glob("videos/*"))
    assert len(videos) == SPEC.num_clips
    for a, b in zip(sorted(again.glob("videos/*")), videos, strict=True):
        assert a.read_bytes() == b.read_bytes()


def test_other_seed_other_set():
    a, b = draw_take(SPEC, 0), draw_take(DemoSpec(12, 4, (96, 64), seed=6), 0)
    assert len(a.times) != len(b.times) or not np.allclose(a.pixels, b.pixels)


def test_nothing_is_overwritten_unless_asked(folder):
    before = (folder / "skeletons.pkl").read_bytes()
    with pytest.raises(FileExistsError, match=r"already holds videos, train.txt.*--overwrite"):
        write_demo_data(SPEC, folder, progress=False)
    assert (folder / "skeletons.pkl").read_bytes() == before
    write_demo_data(SPEC, folder, workers=1, overwrite=True, progress=False)
    assert (folder / "skeletons.pkl").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(num_clips=7), "num_clips: expected at least 8"),
        (dict(num_classes=1), "num_classes: expected 2 to"),
        (dict(size=(97, 64)), "size: expected an even width"),
        (dict(size=(16, 16)), "at least 32, got 16x16"),
        (dict(seed=-1), "seed: expected 0 or a positive number, got -1"),
        (dict(val_share=1.0), "val_share: expected a share between 0 and 1"),
    ],
)
def test_wrong_specifications(change, message):
    with pytest.raises(ValueError, match=message):
        DemoSpec(**(dict(num_clips=12, num_classes=4) | change))


def test_joints_lie_on_the_diver():
    """Where the trunk is in view and not hidden, the picture has the suit's color there."""
    hits = []
    for index in range(6):
        take = draw_take(SPEC, index)
        frames = take.frames()
        t = len(frames) // 2
        x, y = take.pixels[t, [5, 6, 11, 12], :2].mean(axis=0)
        if 2 < x < 93 and 2 < y < 61 and not take._behind_posts(np.array([[x]]))[0, 0]:
            suit = np.array(take.scene.suit, float)
            pixel = frames[t, round(y), round(x)].astype(float)
            hits.append(np.abs(pixel / max(pixel.sum(), 1) - suit / suit.sum()).max() < 0.12)
    assert len(hits) >= 3
    assert np.mean(hits) > 0.6


def test_a_single_frame_hardly_tells_the_class():
    """A forest on the joints of one frame stays near the share that the position explains, 2 in 10."""
    from sklearn.ensemble import RandomForestClassifier

    spec = DemoSpec(num_clips=80, num_classes=10, size=(32, 32))
    frames, labels, held_out = [], [], []
    for index in range(spec.num_clips):
        joints = draw_take(spec, index).pixels[5:-5:4, :17, :2]
        low, high = joints.min(axis=1), joints.max(axis=1)
        joints = (joints - low[:, None]) / (high - low).max(axis=1)[:, None, None]
        frames.append(joints.reshape(len(joints), -1))
        labels.append(np.full(len(joints), spec.labels()[index]))
        held_out.append(np.full(len(joints), spec.is_val()[index]))
    x, y, test = (np.concatenate(values) for values in (frames, labels, held_out))
    forest = RandomForestClassifier(50, min_samples_leaf=5, random_state=0).fit(x[~test], y[~test])
    assert forest.score(x[test], y[test]) < 0.35
