import json
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from mmaction.engine.results.facts import data_facts, identity, training_identity


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


@pytest.fixture
def tested(tmp_path):
    """The config of a test with an annotation file."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/val.pkl").write_bytes(b"skeletons")
    pipeline = [{"type": "GeneratePoseTarget", "with_limb": False}]
    dataset = {"type": "PoseDataset", "ann_file": "val.pkl", "data_root": str(tmp_path / "data"), "pipeline": pipeline}
    loader = {"batch_size": 8, "num_workers": 2, "dataset": dataset}
    return Config({"model": {"cls_head": {"num_classes": 5}}, "test_dataloader": loader, "test_cfg": {}})


@pytest.mark.parametrize(
    ("option", "value", "part"),
    [
        ("model.cls_head.average_clips", "score", "model"),
        ("test_dataloader.dataset.pipeline.0.with_limb", True, "data"),
        ("test_dataloader.dataset.split", "val", "data"),
        ("test_cfg.fp16", True, "run"),
        ("randomness.seed", 1, "run"),
    ],
)
def test_whatever_changes_scores_makes_another_test(tested, option, value, part):
    before = identity(tested, "abc")
    tested.merge_from_dict({option: value})
    after = identity(tested, "abc")
    assert [name for name in before if before[name] != after[name]] == [part]


def test_what_changes_no_score_does_not(tested, tmp_path):
    before = identity(tested, "abc")
    (tmp_path / "data").rename(tmp_path / "moved")
    tested.merge_from_dict({"test_dataloader.dataset.data_root": str(tmp_path / "moved")})
    tested.merge_from_dict({"test_dataloader.batch_size": 1, "test_dataloader.num_workers": 0, "work_dir": "elsewhere"})
    assert identity(tested, "abc") == before
    (tmp_path / "moved/val.pkl").write_bytes(b"others")
    assert identity(tested, "abc")["data"] != before["data"]
    assert identity(tested, "abd")["checkpoint"] != before["checkpoint"]


def test_features_count_by_what_they_are_made_of(tmp_path):
    (tmp_path / "joint").mkdir()
    cfg = {"test_dataloader": {"dataset": {"type": "FeatureDataset", "experts": {"joint": str(tmp_path / "joint")}}}}
    found = []
    for checkpoint in ("a", "b"):
        (tmp_path / "joint/features.json").write_text(f'{{"identity": "{checkpoint}"}}')
        found.append(identity(cfg, "abc")["data"])
    assert found[0] != found[1]
    (tmp_path / "joint").rename(tmp_path / "moved")
    cfg["test_dataloader"]["dataset"]["experts"]["joint"] = str(tmp_path / "moved")
    assert identity(cfg, "abc")["data"] == found[1]


def test_a_training_from_other_weights_of_the_same_name_is_another(tmp_path):
    cfg, found = {"load_from": str(tmp_path / "best.pth")}, []
    for weights in (b"a", b"b", b"a"):
        (tmp_path / "best.pth").write_bytes(weights)
        found.append(training_identity(cfg))
    assert found[0] == found[2] != found[1]
