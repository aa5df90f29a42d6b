import json
from types import SimpleNamespace

import pytest

from mmaction.engine.results.facts import _subject, data_facts


def test_results_say_how_much_of_the_official_list_was_there(tmp_path):
    (tmp_path / "val.txt").write_text("a.mp4 0\n")
    dataset = SimpleNamespace(ann_file=str(tmp_path / "val.txt"), metainfo={})
    assert data_facts(dataset)["coverage"] is None
    report = dict(split="val", available=1, listed=8521)
    manifest = dict(dataset="Gym99", version="v1.1", lists={"val.txt": report})
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert data_facts(dataset)["coverage"] == "1 of 8,521 clips (Gym99 v1.1 val)"
    assert data_facts(SimpleNamespace(dataset=dataset))["coverage"] == "1 of 8,521 clips (Gym99 v1.1 val)"
    (tmp_path / "manifest.json").write_text("[]")
    assert data_facts(dataset)["coverage"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"checkpoint_sha256": "other"},
        {"views": {"clips": 10}},
        {"data": {"parts": [{"ann_sha256": "1", "split": "val"}, {"ann_sha256": "3", "split": "val"}]}},
        {"data": {"ann_file": "val.txt"}},
        {"data": "damaged"},
    ],
)
def test_tests_differ_by_weights_views_and_annotations(change):
    parts = [{"ann_file": f"{name}.pkl", "ann_sha256": name, "split": "val"} for name in "12"]
    run = {"checkpoint": "a.pth", "checkpoint_sha256": "a", "views": {"clips": 1}, "data": {"parts": parts}}
    moved = [{**part, "ann_file": f"/data/{part['ann_file']}"} for part in parts]
    assert _subject(run) == _subject({**run, "checkpoint": "copy.pth", "time": "later", "data": {"parts": moved}})
    assert _subject(run) != _subject({**run, **change})
