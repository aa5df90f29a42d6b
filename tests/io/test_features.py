import json

import numpy as np
import pytest

from mmaction.io.features import FeatureWriter, load_features

ROWS = [
    {"features": np.full(3, i, np.float32), "labels": np.int64(i % 2), "missing": np.array(i == 4)} for i in range(5)
]
IDS = [f"clip {i}" for i in range(5)]


def written(folder, rows=ROWS):
    writer = FeatureWriter(folder, 5, {"model": "m"})
    for start in range(writer.done, 5, 2):
        writer.write(rows[start : start + 2])
    writer.finish(IDS, {"config": "c.py"})
    return folder


def test_what_is_written_is_read_by_memory_map(tmp_path):
    found = load_features(written(tmp_path / "f"))
    assert isinstance(found.features, np.memmap) and not found.features.flags.writeable
    np.testing.assert_array_equal(found.features, np.repeat(np.arange(5.0), 3).reshape(5, 3))
    assert (
        found.ids == IDS and found.labels.tolist() == [0, 1, 0, 1, 0] and found.missing.tolist() == [False] * 4 + [True]
    )
    assert found.logits is None and found.maps == [] and found.facts["config"] == "c.py"


def test_a_stopped_run_goes_on_and_gives_the_same_bytes(tmp_path):
    writer = FeatureWriter(tmp_path / "f", 5, {"model": "m"})
    writer.write(ROWS[:2])
    with pytest.raises(ValueError, match="not finished"):
        load_features(tmp_path / "f")
    assert FeatureWriter(tmp_path / "f", 5, {"model": "m"}).done == 2
    first, second = written(tmp_path / "f"), written(tmp_path / "whole")
    late = FeatureWriter(tmp_path / "late", 5, {"model": "m"})
    late.write(ROWS)  # and stopped before the end is noted
    written(tmp_path / "late")
    assert (tmp_path / "late/features.json").read_bytes() == (second / "features.json").read_bytes()
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()
    assert FeatureWriter(first, 5, {"model": "m"}).finished


@pytest.mark.parametrize("done", [2, 5])
def test_features_of_another_model_are_neither_continued_nor_replaced(tmp_path, done):
    writer = FeatureWriter(tmp_path / "f", 5, {"model": "m", "data": "d"})
    writer.write(ROWS[:done])
    if done == 5:
        writer.finish(IDS, {})
    with pytest.raises(FileExistsError, match="another data"):
        FeatureWriter(tmp_path / "f", 5, {"model": "m", "data": "e"})
    with pytest.raises(FileExistsError, match="number of clips"):
        FeatureWriter(tmp_path / "f", 6, {"model": "m", "data": "d"})


def test_clips_of_different_shapes_are_named(tmp_path):
    with pytest.raises(ValueError, match="features: the clips have different shapes"):
        written(tmp_path / "f", [*ROWS[:3], {**ROWS[3], "features": np.zeros(4, np.float32)}, ROWS[4]])


def change(folder, **entries):
    path = folder / "features.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


@pytest.mark.parametrize(
    ("break_it", "error", "word"),
    [
        (lambda f: (f / "features.json").unlink(), FileNotFoundError, "features.json"),
        (lambda f: (f / "labels.npy").unlink(), FileNotFoundError, "labels.npy"),
        (lambda f: (f / "features.npy").write_bytes(b"\x93NUMPY"), ValueError, "features.npy"),
        (lambda f: np.save(f / "features.npy", np.zeros((4, 3))), ValueError, "5 clips"),
        (lambda f: np.save(f / "features.npy", np.array([{}] * 5), allow_pickle=True), ValueError, "readable"),
        (lambda f: change(f, ids=["a"] * 5), ValueError, "unique"),
        (lambda f: change(f, arrays=["features"]), ValueError, "arrays"),
        (lambda f: change(f, arrays=["features", "labels", "missing", "../other"]), ValueError, "other"),
        (lambda f: (f / "features.json").write_text("[]"), ValueError, "features.json"),
    ],
)
def test_damage_is_named(tmp_path, break_it, error, word):
    folder = written(tmp_path / "f")
    np.save(tmp_path / "other.npy", np.zeros(5))
    break_it(folder)
    with pytest.raises(error, match=word):
        load_features(folder)
