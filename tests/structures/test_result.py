import csv
import json
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmaction.engine.results.writer import write_predictions_csv
from mmaction.evaluation import summarize
from mmaction.label_spaces import load_label_space
from mmaction.structures import Result


@pytest.fixture
def result():
    scores = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.2, 0.5, 0.3]])
    meta = {"frames": np.array([10, 20, 30]), "source": np.array(["a.mp4", "b.mp4", ""])}
    return Result(["väst/a", "b, c", "d"], [0, 0, 1], scores, ["back", 'a "quoted" one', "front"], meta)


def test_scores_file_round_trip(result, tmp_path):
    result.save(tmp_path / "scores.npz")
    for path in (tmp_path, tmp_path / "scores.npz"):
        back = Result.load(path)
        assert (back.ids, back.classes) == (result.ids, result.classes)
        np.testing.assert_array_equal(back.scores, result.scores)
        np.testing.assert_array_equal(back.labels, result.labels)
        assert {k: v.tolist() for k, v in back.meta.items()} == {k: v.tolist() for k, v in result.meta.items()}
    assert [p.name for p in tmp_path.iterdir()] == ["scores.npz"]


def test_facts_and_label_space_come_back(tmp_path):
    space = load_label_space("diving48")
    stored = Result("ab", [0, 1], np.eye(48)[:2], label_space=space, train_counts=[3] * 48, listed=9, run={"seed": 1})
    stored.save(tmp_path / "scores.npz")
    back = Result.load(tmp_path)
    assert (back.label_space, back.classes) == (space, space.names)
    assert (back.train_counts, back.listed, back.run) == ([3] * 48, 9, {"seed": 1})


def test_results_of_version_2_0_take_their_facts_from_metrics_json(result, tmp_path):
    arrays = {
        "ids": np.array(result.ids),
        "labels": result.labels,
        "scores": result.scores,
        "classes": np.array([""][:0]),
    }
    np.savez(tmp_path / "scores.npz", **arrays)
    rows = [{"name": name, "attributes": {"side": name}, "train_count": 4} for name in "abc"]
    about = {"title": "abc", "hierarchy": [], "numeric": []}
    metrics = {"evaluated": {"count": 3, "listed": 5}, "label_space": about, "per_class": rows, "run": {"seed": 2}}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    back = Result.load(tmp_path)
    assert (back.classes, back.label_space.table) == (tuple("abc"), {"side": tuple("abc")})
    assert (back.train_counts, back.listed, back.run) == ([4] * 3, 5, {"seed": 2})
    metrics["evaluated"]["count"] = 4
    for content, problem in ((json.dumps(metrics), "does not belong"), ("{}", "no metrics.json of a test")):
        (tmp_path / "metrics.json").write_text(content)
        with pytest.raises(ValueError, match=problem):
            Result.load(tmp_path)


def test_a_sample_without_a_prediction_is_in_no_class(tmp_path):
    missing = {"broken": np.array([1, np.nan, np.nan]), "nobody": np.array([np.nan, 1, np.nan])}
    result = Result("abc", [0, 1, 1], np.eye(2)[[0, 1, 1]], meta=missing)
    assert result.predicted.tolist() == [-1, -1, 1]
    summary = summarize(result)
    assert summary["accuracy"]["top1"] == pytest.approx(1 / 3)
    assert (summary["evaluated"]["broken"], summary["evaluated"]["nobody"]) == (1, 1)
    assert any("show nobody" in line for line in summary["headline"])
    write_predictions_csv(tmp_path / "p.csv", result)
    rows = list(csv.DictReader((tmp_path / "p.csv").open()))
    assert [(row["correct"], row["rank"], row["top1_class"]) for row in rows] == [("0", "", "")] * 2 + [("1", "1", "1")]
    assert [row["nobody"] for row in rows] == ["", "1", ""]


def test_csv_rows(result, tmp_path):
    write_predictions_csv(tmp_path / "p.csv", result)
    rows = list(csv.DictReader((tmp_path / "p.csv").open(encoding="utf-8")))
    assert [row["id"] for row in rows] == list(result.ids)
    assert [row["correct"] for row in rows] == ["1", "0", "1"]
    assert [row["rank"] for row in rows] == ["1", "2", "1"]
    assert rows[1]["top1_class"] == "front"
    assert float(rows[1]["top1_score"]) == pytest.approx(0.4)
    assert rows[0]["top2_class"] == 'a "quoted" one'
    assert "top4" not in rows[0]
    assert rows[2]["frames"] == "30"


def test_csv_of_facts_that_some_samples_lack(tmp_path):
    meta = {"height": np.array([48, np.nan]), "quality": np.array([0.25, np.nan]), "broken": np.array([np.nan, 1])}
    write_predictions_csv(tmp_path / "p.csv", Result(["a", "b"], [0, 1], np.eye(2), meta=meta))
    rows = [line.split(",")[-3:] for line in (tmp_path / "p.csv").read_text().splitlines()[1:]]
    assert rows == [["48", "0.25", ""], ["", "", "1"]]


def test_csv_shows_the_scores_of_classes_that_do_not_exclude_each_other(tmp_path):
    labels, logits = np.array([[1, 0, 1]]), np.array([[3.0, -2.0, 1.5]])
    write_predictions_csv(tmp_path / "p.csv", Result(["a"], labels, logits))
    row = next(csv.DictReader((tmp_path / "p.csv").open()))
    assert [float(row[f"top{k}_score"]) for k in (1, 2, 3)] == [0.952574, 0.817574, 0.119203]  # sigmoid


def test_csv_of_several_labels(tmp_path):
    write_predictions_csv(tmp_path / "p.csv", Result(["a"], np.array([[1, 0, 1]]), np.array([[0.1, 0.2, 0.9]])))
    row = next(csv.DictReader((tmp_path / "p.csv").open()))
    assert (row["label"], row["correct"], row["rank"]) == ("0 2", "1", "")


def test_select(result):
    part = result.select([2, 0])
    assert part.ids == ("d", "väst/a")
    assert part.meta["frames"].tolist() == [30, 10]
    assert result.select(result.labels == 0).ids == ("väst/a", "b, c")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": ["a", "b"]}, "ids: 2 entries, but the scores have 3 samples"),
        ({"ids": ["a", "b", "a"]}, "'a' occurs twice"),
        ({"classes": ["x"]}, "class names: 1 entries, but the scores have 3 classes"),
        ({"meta": {"frames": [1]}}, r"meta\['frames'\]: 1 entries, but the scores have 3 samples"),
        ({"labels": [0, 1, 3]}, r"must lie in \[0, 3\); got 3"),
    ],
)
def test_inconsistent_result_are_refused(result, change, message):
    fields = {"ids": result.ids, "labels": result.labels, "scores": result.scores} | change
    with pytest.raises(ValueError, match=message):
        Result(**fields)


def test_unreadable_files_are_named(result, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"tools/test\.py writes"):
        Result.load(tmp_path)
    (tmp_path / "text.npz").write_text("scores")
    with pytest.raises(ValueError, match=r"text\.npz is no readable .*: it starts with b'scores', as no npz"):
        Result.load(tmp_path / "text.npz")
    np.savez(tmp_path / "part.npz", ids=np.array(["a"]))
    with pytest.raises(ValueError, match=r"part.npz lacks the arrays \['labels', 'scores'\]"):
        Result.load(tmp_path / "part.npz")
    result.save(tmp_path / "cut.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:200])
    with pytest.raises(ValueError, match=r"cut\.npz is no readable"):
        Result.load(tmp_path / "cut.npz")


def test_objects_in_a_scores_file_are_not_built(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    np.savez(tmp_path / "trap.npz", ids=np.array([Trap()], dtype=object), labels=[0], scores=[[1.0]])
    with pytest.raises(ValueError, match=r"trap\.npz is no readable"):
        Result.load(tmp_path / "trap.npz")
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match=r"pickle\.npz is no readable"):
        Result.load(tmp_path / "pickle.npz")
    assert not (tmp_path / "sprung").exists()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6), st.booleans())
def test_a_damaged_file_is_named_whatever_the_damage(result, tmp_path, changes, cut):
    result.save(tmp_path / "scores.npz")
    content = bytearray((tmp_path / "scores.npz").read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    (tmp_path / "scores.npz").write_bytes(content[: changes[0][0] % len(content)] if cut else content)
    try:
        Result.load(tmp_path)
    except (ValueError, TypeError) as error:
        assert "scores.npz" in str(error)


def test_a_result_tells_its_figures():
    result = Result(
        ["a", "b", "c"], np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]), run={"config": "c<1>"}
    )
    assert "top 1: 0.667, mean class: 0.750" in repr(result)
    html = result._repr_html_()
    assert "<td>0.667</td>" in html and "c&lt;1&gt;" in html
    assert "top 1" not in repr(Result(["a"], np.array([[0, 1]]), np.array([[0.9, 0.1]])))
    assert "1 samples without" in repr(
        Result(["a"], np.array([0]), np.array([[0.9, 0.1]]), meta={"broken": np.array([1.0])})
    )
