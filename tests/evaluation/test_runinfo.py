import json
from types import SimpleNamespace

from mmaction.evaluation.runinfo import data_facts


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
