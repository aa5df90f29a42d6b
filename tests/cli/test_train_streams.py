"""tools/train_streams.py on a tiny graph network: what it trains, on what it finds weights, what it does again."""

import importlib.util
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from mmaction.cli.extract_features import main as extract
from mmaction.cli.train_streams import main
from mmaction.io.features import load_features
from mmaction.structures import Result

SPEC = importlib.util.spec_from_file_location("gcn_config", Path(__file__).parent / "gcn_config.py")
gcn_config = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(gcn_config)


@pytest.fixture
def skeletons(demo_data, tmp_path):
    """The demo skeletons with a split ``dev`` apart from ``val``."""
    content = pickle.loads((demo_data / "skeletons.pkl").read_bytes())
    content["split"]["dev"] = content["split"]["train"][:3]
    content["split"]["rest"] = content["split"]["train"][3:]
    (tmp_path / "skeletons.pkl").write_bytes(pickle.dumps(content))
    return content["split"]


@pytest.fixture
def config(skeletons, tmp_path):
    return str(gcn_config.write_gcn_config(tmp_path / "tiny.py", tmp_path / "skeletons.pkl"))


def run(config, folder, *options):
    return main([config, "--streams", "j", "bm", "--work-dir", str(folder), *options])


def test_weights_come_from_clips_held_out(config, skeletons, tmp_path, capsys):
    assert run(config, tmp_path / "out", "--folds", "2") == 0
    said = capsys.readouterr().out
    assert f"shares {len(skeletons['val'])} clips with the test split" in said and "--tune holdout" in said
    folders = [tmp_path / "out" / name for name in ("joint", "bone-motion")]
    tuned, tests = ([Result.load(folder / part) for folder in folders] for part in ("tune", "test"))
    assert set(tuned[0].ids) < set(skeletons["train"]) and tuned[0].ids == tuned[1].ids
    assert set(tests[0].ids) == set(skeletons["val"])
    assert not np.allclose(tests[0].scores, tests[1].scores)
    facts = json.loads((tmp_path / "out/fused/fusion.json").read_text())
    assert set(facts["weights"]) == {"joint", "bone-motion"} and "equal weights" in said
    rows = (tmp_path / "out/fused/gains.csv").read_text().splitlines()
    assert len(rows) == 1 + len(set(tests[0].labels)) == 1 + len(facts["classes"])
    fused = Result.load(tmp_path / "out/fused")
    wanted = sum(facts["weights"][name] * test.scores for name, test in zip(("joint", "bone-motion"), tests))
    np.testing.assert_allclose(fused.scores, wanted, atol=1e-5)
    assert "against" in (tmp_path / "out/fused/report.html").read_text()
    # again
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.pth")}
    with pytest.raises(FileExistsError, match="--resume"):
        run(config, tmp_path / "out", "--folds", "2")
    (tmp_path / "out/bone-motion/run.json").unlink()
    (tmp_path / "out/bone-motion/test/metrics.json").unlink()
    assert run(config, tmp_path / "out", "--folds", "2", "--resume") == 0
    said = capsys.readouterr().out
    assert "joint, without fold 1 of 2: trained already" in said and said.count("tested already") == 3
    assert {path: path.stat().st_mtime_ns for path in before if path.parent.name == "joint"}.items() <= before.items()
    np.testing.assert_array_equal(Result.load(tmp_path / "out/fused").scores, fused.scores)
    with pytest.raises(ValueError, match="another config"):
        run(config, tmp_path / "out", "--folds", "2", "--resume", "--seed", "1")


def test_out_of_fold_scores_cover_all_training_clips(config, skeletons, tmp_path, capsys):
    options = ("--tune", "folds", "--folds", "2", "--streams", "j", "b")
    assert main([config, "--work-dir", str(tmp_path / "out"), *options]) == 0
    assert "2 streams (joint, bone) x 3 trainings" in capsys.readouterr().out
    parts = [Result.load(tmp_path / f"out/joint/fold_{fold}/tune").ids for fold in range(2)]
    assert sorted([*parts[0], *parts[1]]) == sorted(skeletons["train"])
    assert not list((tmp_path / "out/joint/full").glob("best_*")), "nothing is left to validate on"
    checkpoint, joint = str(tmp_path / "out/joint/full/epoch_1.pth"), str(tmp_path / "out/joint")
    assert extract([config, checkpoint, "--folds", "2", "--work-dir", joint, "--out", str(tmp_path / "features")]) == 0
    assert capsys.readouterr().out.count("trained already") == 2
    tuned = Result.join([Result.load(tmp_path / f"out/joint/fold_{fold}/tune") for fold in range(2)])
    features = load_features(tmp_path / "features/train")
    order = [tuned.ids.index(name) for name in features.ids]
    np.testing.assert_allclose(features.scores, tuned.scores[order], atol=1e-5)


def test_a_validation_split_of_its_own_is_used(skeletons, tmp_path, capsys):
    config = gcn_config.write_gcn_config(tmp_path / "tiny.py", tmp_path / "skeletons.pkl", "dev")
    assert run(str(config), tmp_path / "out") == 0
    assert "weights from the validation split" in capsys.readouterr().out
    assert Result.load(tmp_path / "out/joint/tune").ids == tuple(skeletons["dev"])


def test_a_config_without_validation_has_weights_from_clips_held_out(config, tmp_path, capsys):
    none = ["--cfg-options", *(f"val_{part}=None" for part in ("dataloader", "cfg", "evaluator"))]
    assert run(config, tmp_path / "out", "--folds", "2", *none) == 0
    assert "the config has no validation split: weights are found on a part of the training" in capsys.readouterr().out
    assert not list((tmp_path / "out").rglob("best_*.pth"))


def test_weights_are_never_found_on_the_test_split(config, tmp_path):
    with pytest.raises(ValueError, match=r"--tune val: the validation split shares"):
        run(config, tmp_path / "out", "--tune", "val")
    assert not (tmp_path / "out").exists()


def test_two_configs_of_one_name_are_refused(config, skeletons, tmp_path):
    """One of them would otherwise be left out."""
    (tmp_path / "other").mkdir()
    same = gcn_config.write_gcn_config(tmp_path / "other/tiny.py", tmp_path / "skeletons.pkl")
    more = gcn_config.write_gcn_config(tmp_path / "third.py", tmp_path / "skeletons.pkl")
    with pytest.raises(ValueError, match=r"other/tiny.py: another config gives tiny too"):
        main([config, str(more), str(same)])


def test_configs_with_other_test_lists_are_refused_before_training(config, skeletons, tmp_path):
    content = pickle.loads((tmp_path / "skeletons.pkl").read_bytes())
    tested = set(skeletons["val"])
    trained = skeletons["train"]
    lists = {
        "tests 3 clips": {"split": {"train": skeletons["rest"], "val": skeletons["dev"]}},
        "lacks": {"split": {"train": trained[len(tested) :], "val": trained[: len(tested)]}},
        "disagree on the label": {
            "annotations": [
                clip | {"label": (clip["label"] + (clip["frame_dir"] in tested)) % 5} for clip in content["annotations"]
            ]
        },
    }
    for said, change in lists.items():
        (tmp_path / "other.pkl").write_bytes(pickle.dumps(content | change))
        other = gcn_config.write_gcn_config(tmp_path / "other.py", tmp_path / "other.pkl")
        with pytest.raises(ValueError, match=said):
            main([config, str(other), "--tune", "none", "--work-dir", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
