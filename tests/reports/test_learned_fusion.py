"""The attention across experts learns what none of them, and no weights for all clips, can know."""

import json

import numpy as np
import pytest
import torch
from fixtures.features import CLASSES, WIDTH, expert_arrays, write_expert
from mmengine.config import Config

from mmaction.cli import test as testing
from mmaction.cli import train as training
from mmaction.cli.fuse import main as fuse
from mmaction.engine import build_runner

EPOCHS = 10


@pytest.fixture
def folders(tmp_path):
    """Two experts; each knows the half of the clips that the other guesses, and its features show which."""
    found = {}
    for split, count in (("train", 300), ("test", 200)):
        rng = np.random.default_rng(count)
        labels, half = rng.integers(0, CLASSES, count), rng.random(count) < 0.5
        ids = [f"{split} {i}" for i in range(count)]
        for number, (name, skill) in enumerate((("a", half), ("b", ~half))):
            arrays = expert_arrays(labels, skill, 1000 + 10 * count + number, base=number)
            found.setdefault(split, {})[name] = write_expert(tmp_path / name / split, ids, labels, arrays)
    return found


@pytest.fixture
def config(root, folders, tmp_path):
    """The shipped config, with these experts."""
    cfg = Config.fromfile(root / "configs/fusion/expert-attention_1xb32-40e_utd-mhad-features.py")
    widths = dict.fromkeys("ab", WIDTH)
    cfg.model.backbone.update(in_channels=dict(_delete_=True, **widths), num_classes=CLASSES)
    cfg.model.backbone.in_channels = widths
    cfg.model.cls_head.update(num_classes=CLASSES, in_channels=2 * WIDTH)
    for split in ("train", "val", "test"):
        dataset = cfg[f"{split}_dataloader"].dataset
        dataset.experts, dataset.num_classes = folders["train" if split == "train" else "test"], CLASSES
    cfg.train_cfg.update(max_epochs=EPOCHS, val_begin=EPOCHS)
    cfg.param_scheduler[0].T_max = EPOCHS
    cfg.optim_wrapper.optimizer.lr = 3e-3
    path = tmp_path / "fusion.py"
    cfg.dump(path)
    return path


def extract_again(folder):
    """Make the features look like another checkpoint's."""
    content = json.loads((folder / "features.json").read_text())
    content["identity"]["checkpoint"] = "another"
    (folder / "features.json").write_text(json.dumps(content))


def test_learned_fusion_beats_experts_mean_and_weights(config, folders, tmp_path, capsys):
    assert training.main([str(config), "--work-dir", str(tmp_path / "run"), "--seed", "0"]) == 0
    assert testing.main([str(config), str(tmp_path / f"run/epoch_{EPOCHS}.pth")]) == 0
    experts, tuning = ([folders[split][name] for name in "ab"] for split in ("test", "train"))
    learned = f"run/test_epoch_{EPOCHS}"
    options = ["--names", "a", "b", "--tune-on", *tuning, "--beside", str(tmp_path / learned)]
    assert fuse([*experts, *options, "--out", str(tmp_path / "table")]) == 0
    accuracy = {
        name: row["top1"] for name, row in json.loads((tmp_path / "table/fusion.json").read_text())["accuracy"].items()
    }
    best = max(accuracy[name] for name in ("a", "b", "fused"))
    assert accuracy[learned] > best + 0.05, accuracy
    assert learned in capsys.readouterr().out
    extract_again(tmp_path / "a/test")
    cfg = Config.fromfile(config)
    cfg.update(work_dir=str(tmp_path / "run"), launcher="none", load_from=str(tmp_path / f"run/epoch_{EPOCHS}.pth"))
    with pytest.raises(ValueError, match=r"expert a: .*epoch_10\.pth learned from features of a checkpoint"):
        build_runner(cfg).test()


def test_the_experts_of_data_and_model_must_be_the_same(config, folders, tmp_path):
    cfg = Config.fromfile(config)
    cfg.update(work_dir=str(tmp_path / "run"), launcher="none")
    cfg.train_dataloader.dataset.experts = dict(b=folders["train"]["b"], a=folders["train"]["a"])
    with pytest.raises(ValueError, match="both must name the same, in one order"):
        build_runner(cfg).train()


def test_features_of_two_checkpoints_do_not_go_together(config, folders, tmp_path):
    extract_again(tmp_path / "a/train")
    cfg = Config.fromfile(config)
    cfg.update(work_dir=str(tmp_path / "run"), launcher="none")
    torch.manual_seed(0)
    with pytest.raises(ValueError, match="expert a: the features of the val set come from another checkpoint"):
        build_runner(cfg).train()
