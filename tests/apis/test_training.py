"""train and test from Python."""

import ast
import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.config import Config

from mmaction import apis
from mmaction.apis.testing import TestOptions, apply_options
from mmaction.engine.hooks.checkpoint_hook import BEST_FIGURES
from mmaction.utils.config import load_config

SPEC = importlib.util.spec_from_file_location("pose_config", Path(__file__).parents[1] / "cli/pose_config.py")
pose_config = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(pose_config)


@pytest.fixture
def config(tmp_path, demo_data):
    return pose_config.write_pose_config(tmp_path / "tiny.py", demo_data / "skeletons.pkl")


@pytest.mark.integration
def test_a_training_and_its_test_return_what_they_found(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg, _ = load_config(config)
    before = cfg.to_dict()
    run = apis.train(cfg, {"train_dataloader.num_workers": 0}, work_dir=tmp_path / "out", epochs=1, seed=0)
    assert cfg.to_dict() == before
    assert isinstance(run, apis.Run) and run.checkpoint.is_file() and run.log_dir.is_dir()
    assert f"python tools/test.py tiny.py out/{run.checkpoint.name}" in str(run)
    assert "<table>" in run._repr_html_() and run.checkpoint.name in run._repr_html_()
    result = apis.test(config, run.checkpoint)
    assert len(result) == len(result.labels) and np.isfinite(result.scores).all()
    assert (tmp_path / "out" / f"test_{run.checkpoint.stem}" / "scores.npz").is_file()


def test_a_best_checkpoint_of_the_folder_that_a_run_began_in_is_named_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("first/best_acc_top1_epoch_1.pth", "second/epoch_2.pth"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    (tmp_path / "second/last_checkpoint").write_text("epoch_2.pth")
    figures = {"best_acc_top1_epoch_1.pth": {"acc/top1": 0.5}}
    known = {"best_ckpt": str(tmp_path / "first/best_acc_top1_epoch_1.pth"), BEST_FIGURES: figures}
    hub, cfg = SimpleNamespace(runtime_info=known), SimpleNamespace(filename="mine.py")
    runner = SimpleNamespace(message_hub=hub, work_dir=str(tmp_path / "second"), timestamp="now", cfg=cfg)
    run = apis.Run.of(runner)
    assert run.checkpoint.samefile(tmp_path / "first/best_acc_top1_epoch_1.pth")
    assert "test.py mine.py first/best_acc_top1_epoch_1.pth" in str(run) and "acc/top1 0.5" in str(run)
    (tmp_path / "second/best_acc_top1_epoch_1.pth").touch()
    assert apis.Run.of(runner).checkpoint == tmp_path / "second/best_acc_top1_epoch_1.pth"


def test_an_unknown_option_is_refused_before_anything_starts(config):
    with pytest.raises(TypeError, match="epoch"):
        apis.train(config, epoch=3)
    with pytest.raises(TypeError, match="evaluate"):
        apis.test(config, "x.pth", evaluate=["top_k_accuracy"])


def test_paths_in_options_leave_the_config_printable(config, tmp_path):
    cfg, _ = load_config(config)
    (tmp_path / "best.pth").touch()
    paths = dict(checkpoint=tmp_path / "best.pth", show_dir=tmp_path / "shown", dump=tmp_path / "dump.pkl")
    apply_options(cfg, TestOptions(**paths, work_dir=tmp_path))
    ast.parse(Config(cfg.to_dict()).pretty_text)
