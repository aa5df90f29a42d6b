import csv
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmaction.evaluation import Predictions, load_scores, save_scores
from mmaction.evaluation.predictions import write_predictions_csv


@pytest.fixture
def predictions():
    scores = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.2, 0.5, 0.3]])
    meta = {"frames": np.array([10, 20, 30]), "source": np.array(["a.mp4", "b.mp4", ""])}
    return Predictions(["väst/a", "b, c", "d"], [0, 0, 1], scores, ["back", 'a "quoted" one', "front"], meta)


def test_scores_file_round_trip(predictions, tmp_path):
    save_scores(tmp_path / "scores.npz", predictions)
    for path in (tmp_path, tmp_path / "scores.npz"):
        back = load_scores(path)
        assert (back.ids, back.classes) == (predictions.ids, predictions.classes)
        np.testing.assert_array_equal(back.scores, predictions.scores)
        np.testing.assert_array_equal(back.labels, predictions.labels)
        assert {k: v.tolist() for k, v in back.meta.items()} == {k: v.tolist() for k, v in predictions.meta.items()}
    assert [p.name for p in tmp_path.iterdir()] == ["scores.npz"]


def test_csv_rows(predictions, tmp_path):
    write_predictions_csv(tmp_path / "p.csv", predictions)
    rows = list(csv.DictReader((tmp_path / "p.csv").open(encoding="utf-8")))
    assert [row["id"] for row in rows] == list(predictions.ids)
    assert [row["correct"] for row in rows] == ["1", "0", "1"]
    assert [row["rank"] for row in rows] == ["1", "2", "1"]
    assert rows[1]["top1_class"] == "front"
    assert float(rows[1]["top1_score"]) == pytest.approx(0.4)
    assert rows[0]["top2_class"] == 'a "quoted" one'
    assert "top4" not in rows[0]
    assert rows[2]["frames"] == "30"


def test_csv_of_facts_that_some_samples_lack(tmp_path):
    meta = {"height": np.array([48, np.nan]), "quality": np.array([0.25, np.nan]), "broken": np.array([np.nan, 1])}
    write_predictions_csv(tmp_path / "p.csv", Predictions(["a", "b"], [0, 1], np.eye(2), meta=meta))
    rows = [line.split(",")[-3:] for line in (tmp_path / "p.csv").read_text().splitlines()[1:]]
    assert rows == [["48", "0.25", ""], ["", "", "1"]]


def test_csv_shows_the_scores_of_classes_that_do_not_exclude_each_other(tmp_path):
    labels, logits = np.array([[1, 0, 1]]), np.array([[3.0, -2.0, 1.5]])
    write_predictions_csv(tmp_path / "p.csv", Predictions(["a"], labels, logits))
    row = next(csv.DictReader((tmp_path / "p.csv").open()))
    assert [float(row[f"top{k}_score"]) for k in (1, 2, 3)] == [3.0, 1.5, -2.0]


def test_csv_of_several_labels(tmp_path):
    write_predictions_csv(tmp_path / "p.csv", Predictions(["a"], np.array([[1, 0, 1]]), np.array([[0.1, 0.2, 0.9]])))
    row = next(csv.DictReader((tmp_path / "p.csv").open()))
    assert (row["label"], row["correct"], row["rank"]) == ("0 2", "1", "")


def test_select(predictions):
    part = predictions.select([2, 0])
    assert part.ids == ("d", "väst/a")
    assert part.meta["frames"].tolist() == [30, 10]
    assert predictions.select(predictions.labels == 0).ids == ("väst/a", "b, c")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": ["a", "b"]}, "got 2 ids for 3 samples"),
        ({"ids": ["a", "b", "a"]}, "'a' occurs twice"),
        ({"classes": ["x"]}, "got 1 class names for scores of 3 classes"),
        ({"meta": {"frames": [1]}}, r"meta\['frames'\] has 1 entries for 3 samples"),
        ({"labels": [0, 1, 3]}, r"must lie in \[0, 3\); got 3"),
    ],
)
def test_inconsistent_predictions_are_refused(predictions, change, message):
    fields = {"ids": predictions.ids, "labels": predictions.labels, "scores": predictions.scores} | change
    with pytest.raises(ValueError, match=message):
        Predictions(**fields)


def test_unreadable_files_are_named(predictions, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"tools/test\.py writes"):
        load_scores(tmp_path)
    (tmp_path / "text.npz").write_text("scores")
    with pytest.raises(ValueError, match=r"text\.npz is no readable .*: it starts with b'scores', as no npz"):
        load_scores(tmp_path / "text.npz")
    np.savez(tmp_path / "part.npz", ids=np.array(["a"]))
    with pytest.raises(ValueError, match=r"part.npz lacks the arrays \['labels', 'scores'\]"):
        load_scores(tmp_path / "part.npz")
    save_scores(tmp_path / "cut.npz", predictions)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:200])
    with pytest.raises(ValueError, match=r"cut\.npz is no readable"):
        load_scores(tmp_path / "cut.npz")


def test_objects_in_a_scores_file_are_not_built(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    np.savez(tmp_path / "trap.npz", ids=np.array([Trap()], dtype=object), labels=[0], scores=[[1.0]])
    with pytest.raises(ValueError, match=r"trap\.npz is no readable"):
        load_scores(tmp_path / "trap.npz")
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match=r"pickle\.npz is no readable"):
        load_scores(tmp_path / "pickle.npz")
    assert not (tmp_path / "sprung").exists()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6), st.booleans())
def test_a_damaged_file_is_named_whatever_the_damage(predictions, tmp_path, changes, cut):
    save_scores(tmp_path / "scores.npz", predictions)
    content = bytearray((tmp_path / "scores.npz").read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    (tmp_path / "scores.npz").write_bytes(content[: changes[0][0] % len(content)] if cut else content)
    try:
        load_scores(tmp_path)
    except (ValueError, TypeError) as error:
        assert "scores.npz" in str(error)
