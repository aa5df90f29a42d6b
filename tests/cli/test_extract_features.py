"""tools/extract_features.py on a tiny graph network: what it writes, goes on with, and refuses."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures.features import CLASSES, expert_arrays, write_expert

from mmaction.apis import extraction, inference_recognizer, init_recognizer
from mmaction.apis import features as writing
from mmaction.cli.extract_features import main
from mmaction.cli.fuse import main as fuse
from mmaction.io.annotations import load_annotations
from mmaction.io.features import load_features
from mmaction.structures import ActionDataSample, Result
from mmaction.utils.config import load_config
from mmaction.utils.streams import stream_config

SPEC = importlib.util.spec_from_file_location("gcn_config", Path(__file__).parent / "gcn_config.py")
gcn_config = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(gcn_config)


@pytest.fixture
def model(demo_data, tmp_path):
    """A config and a checkpoint of it."""
    config = gcn_config.write_gcn_config(tmp_path / "tiny.py", demo_data / "skeletons.pkl")
    torch.save({"state_dict": init_recognizer(config).state_dict()}, tmp_path / "weights.pth")
    return str(config), str(tmp_path / "weights.pth")


def test_features_are_those_of_each_clip(model, demo_data, tmp_path):
    assert main([*model, "--split", "train", "--maps", "--batch-size", "3"]) == 0
    found = load_features(tmp_path / "features_weights/train")
    clips = load_annotations(demo_data / "skeletons.pkl", "train")
    assert found.ids == [clip["frame_dir"] for clip in clips] and found.labels.tolist() == [c["label"] for c in clips]
    recognizer = init_recognizer(*model)
    for index in (0, len(clips) - 1):
        sample = inference_recognizer(recognizer, clips[index], features=True)
        np.testing.assert_allclose(found.features[index], sample.feature, atol=1e-5)
        np.testing.assert_allclose(found.logits[index], sample.logits, atol=1e-5)
        np.testing.assert_allclose(found.scores[index], sample.pred_score, atol=1e-5)
    np.testing.assert_allclose(found.maps[0].mean(axis=(1, 3, 4)), found.features, atol=1e-5)
    assert {"checkpoint", "model", "data"} <= set(found.facts["identity"]) and found.facts["config"] == model[0]
    np.testing.assert_allclose(recognizer.cls_head.fc(torch.tensor(found.features)).detach(), found.logits, atol=1e-5)


def test_a_stopped_run_goes_on_with_the_same_bits(model, tmp_path, monkeypatch, capsys):
    options = ["--views", "all", "--batch-size", "2"]
    assert main([*model, *options, "--out", str(tmp_path / "whole")]) == 0
    calls, row = [], writing._row

    def failing(*args):
        calls.append(args)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return row(*args)

    monkeypatch.setattr(writing, "_row", failing)
    with pytest.raises(KeyboardInterrupt):
        main([*model, *options, "--out", str(tmp_path / "stopped")])
    monkeypatch.setattr(writing, "_row", row)
    with pytest.raises(FileExistsError, match="views"):
        main([*model, "--batch-size", "2", "--out", str(tmp_path / "stopped")])
    assert main([*model, *options, "--out", str(tmp_path / "stopped")]) == 0
    assert "going on after 2 of" in capsys.readouterr().out
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "stopped" / path.name).read_bytes(), path.name
    assert load_features(tmp_path / "whole").features.shape[1:] == (2, 32)
    torch.save({"state_dict": init_recognizer(model[0]).state_dict()}, model[1])
    with pytest.raises(FileExistsError, match="another checkpoint"):
        main([*model, *options, "--out", str(tmp_path / "whole")])


def test_a_network_of_bones_is_given_bones(model, tmp_path):
    bones = stream_config(load_config(model[0])[0], "b")
    recognizer = init_recognizer(bones, model[1])
    torch.save({"state_dict": recognizer.state_dict(), "meta": {"cfg": bones.pretty_text}}, model[1])
    with pytest.raises(ValueError, match=r"trained with feats=\['b'\]"):
        main([*model, "--out", str(tmp_path / "joint")])
    assert main([*model, "--out", str(tmp_path / "bone"), "--stream", "b"]) == 0
    found = load_features(tmp_path / "bone")
    clip = load_annotations(bones.test_dataloader.dataset.ann_file, "val")[0]
    expected = inference_recognizer(recognizer, clip, features=True).feature
    np.testing.assert_allclose(found.features[0], expected, atol=1e-5)


def test_out_of_fold_features_are_of_models_that_have_not_seen_the_clip(model, tmp_path, capsys):
    assert main([*model, "--folds", "2", "--out", str(tmp_path / "f")]) == 0
    said = capsys.readouterr().out
    assert said.index("2 trainings in") < said.index("fold 1 of 2: training in") < said.index("top-1")
    joined, parts = load_features(tmp_path / "f/train"), [load_features(tmp_path / f"f/train_fold_{k}") for k in (0, 1)]
    held = np.array([np.array_equal(joined.scores[i], parts[1].scores[i]) for i in range(len(joined))])
    assert 0 < held.sum() < len(held)
    for fold, part in enumerate(parts):
        rows = held == bool(fold)
        np.testing.assert_array_equal(joined.logits[rows], part.logits[rows])
        assert not np.allclose(joined.features[rows], part.features[rows]), "they went through a map"
    assert load_features(tmp_path / "f/test").ids
    classes = load_features(tmp_path / "f/test").facts["classes"]
    assert classes and joined.facts["classes"] == classes
    assert main([*model, "--folds", "2", "--out", str(tmp_path / "f")]) == 0
    assert "trained already" in capsys.readouterr().out


@pytest.mark.parametrize(("skill", "is_told"), [(0.3, True), (0.9, False)])
def test_folds_that_know_less_than_the_model_are_told(skill, is_told, tmp_path):
    ids, labels = [f"clip {i}" for i in range(200)], np.arange(200) % CLASSES
    for name, share in (("train", skill), ("test", 0.9)):
        knows = np.arange(200) < 200 * share
        write_expert(tmp_path / name, ids, labels, expert_arrays(labels, knows, seed=0))
    train, test = load_features(tmp_path / "train"), load_features(tmp_path / "test")
    said = extraction.describe_accuracy(train, test)
    right = 100 * np.mean(train.scores.argmax(axis=1) == labels)
    assert f"top-1: {right:.1f} %" in said and ("trusts this expert too little" in said) == is_told


def test_the_map_between_models_undoes_another_basis(tmp_path):
    """Features that differ by a rotation alone come back as they were, of clips that the map was not made with."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    original = rng.normal(size=(60, 6)).astype(np.float32)
    folders = {"full": original, "a": original @ turn, "b": original @ turn.T + 1}
    for name, values in folders.items():
        writer = writing.FeatureWriter(tmp_path / name, 60, {"name": name})
        labels = {"labels": np.int64(0), "missing": np.array(False)}
        writer.write([{"features": value.astype(np.float32), **labels} for value in values])
        writer.finish([str(i) for i in range(60)], {})
    full, *parts = (load_features(tmp_path / name) for name in folders)
    explained = writing.join_folds(full, parts, np.arange(60) % 2, tmp_path / "joined")
    np.testing.assert_allclose(load_features(tmp_path / "joined").features, original, atol=0.02)
    assert min(explained) > 0.99


def test_features_are_fused_as_results_are(model, tmp_path, capsys):
    main([*model, "--out", str(tmp_path / "a")])
    main([*model, "--out", str(tmp_path / "b")])
    assert fuse([str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(tmp_path / "out")]) == 0
    found = load_features(tmp_path / "a")
    np.testing.assert_allclose(Result.load(tmp_path / "out").scores, found.scores, atol=1e-5)


def test_rows_of_missing_clips_are_0_and_others_must_be_finite():
    broken = {"feature": torch.full((1, 3), torch.nan), "pred_score": torch.full((2,), torch.nan)}
    broken["gt_label"] = torch.tensor([1])
    row = writing._row(ActionDataSample(metainfo={"broken": True}, **broken), False)
    assert row["missing"] and not row["features"].any() and not row["scores"].any()
    with pytest.raises(ValueError, match=r"jump\.mp4: features are not finite: the model or its checkpoint is broken"):
        writing._row(ActionDataSample(metainfo={"filename": "jump.mp4"}, **broken), False)


@pytest.mark.parametrize("options", [["--folds", "1"], ["--folds", "2", "--split", "val"], ["--group-by", "x"]])
def test_options_that_do_not_go_together(model, options, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*model, *options])
    assert ended.value.code == 2 and "--folds" in capsys.readouterr().err
