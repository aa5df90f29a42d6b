"""Configs that import their classes, and the same with the classes' places as ``print_config.py`` writes them."""

import json
import runpy

import numpy as np
import pytest
import torch

from mmaction.apis import inference_recognizer, init_recognizer
from mmaction.apis.clips import fit_pipeline
from mmaction.datasets import RepeatDataset
from mmaction.engine import ActionRunner, CheckpointHook, EpochBasedTrainLoop
from mmaction.registry import MODELS
from mmaction.utils.config import load_config

BASE = """
from mmengine.dataset import DefaultSampler
from mmengine.hooks import CheckpointHook
from mmengine.optim import OptimWrapper
from mmengine.runner import EpochBasedTrainLoop, TestLoop, ValLoop
from torch.optim import SGD

from mmaction.evaluation import AccMetric
from mmaction.visualization import ActionVisualizer, LocalVisBackend

default_scope = "mmaction"
default_hooks = dict(checkpoint=dict(type=CheckpointHook, interval=1))
visualizer = dict(type=ActionVisualizer, vis_backends=[dict(type=LocalVisBackend)])
train_cfg = dict(type=EpochBasedTrainLoop, max_epochs=1)
val_cfg = dict(type=ValLoop)
test_cfg = dict(type=TestLoop)
val_evaluator = dict(type=AccMetric)
test_evaluator = val_evaluator
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=SGD, lr=0.01))
"""
LEAF = """
from mmengine.config import read_base

with read_base():
    from .base import *

from mmengine.dataset import RepeatDataset

from mmaction.datasets import (
    CenterCrop, DecordDecode, DecordInit, FormatShape, PackActionInputs, Resize, SampleFrames, TenCrop, VideoDataset)
from mmaction.models import ActionDataPreprocessor, Recognizer2D, ResNet, TSNHead

model = dict(
    type=Recognizer2D,
    backbone=dict(type=ResNet, depth=18, pretrained=None),
    cls_head=dict(type=TSNHead, num_classes=5, in_channels=512, average_clips="prob"),
    data_preprocessor=dict(type=ActionDataPreprocessor, format_shape="NCHW"))
reading = [
    dict(type=DecordInit),
    dict(type=SampleFrames, clip_len=1, num_clips=2, test_mode=True),
    dict(type=DecordDecode),
    dict(type=Resize, scale=(-1, 40))]
packing = [dict(type=FormatShape, input_format="NCHW"), dict(type=PackActionInputs)]
data_prefix = dict(video="ROOT/videos")
train_dataloader = dict(
    batch_size=8, num_workers=0, sampler=dict(type=DefaultSampler, shuffle=True),
    dataset=dict(type=RepeatDataset, times=1, dataset=dict(
        type=VideoDataset, ann_file="ROOT/train.txt", data_prefix=data_prefix,
        pipeline=[*reading, dict(type=CenterCrop, crop_size=32), *packing])))
val_dataloader = dict(
    batch_size=4, num_workers=0, sampler=dict(type=DefaultSampler, shuffle=False),
    dataset=dict(
        type=VideoDataset, ann_file="ROOT/val.txt", data_prefix=data_prefix,
        pipeline=[*reading, dict(type=TenCrop, crop_size=32), *packing]))
test_dataloader = val_dataloader
"""


@pytest.fixture
def tool(root):
    """Returns the ``main`` of a tool, to be called in this process."""
    return lambda name: runpy.run_path(str(root / "tools" / name))["main"]


@pytest.fixture(params=["classes", "paths"])
def run(request, tool, demo_data, tmp_path):
    """Config and checkpoint of a tiny TSN on the small diving data."""
    (tmp_path / "base.py").write_text(BASE)
    config = tmp_path / "leaf.py"
    config.write_text(LEAF.replace("ROOT", str(demo_data)))
    if request.param == "paths":
        flat = tmp_path / "flat.py"
        cfg = load_config(config)[0]
        cfg.dump(flat)
        config = flat
        assert "mmaction.datasets.DecordInit" in flat.read_text()
    torch.manual_seed(0)
    torch.save({"state_dict": MODELS.build(load_config(config)[0].model).state_dict()}, tmp_path / "tiny.pth")
    return config, tmp_path / "tiny.pth"


def test_tools_know_the_classes(run, tool, demo_data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    config, checkpoint = map(str, run)
    video = str(next((demo_data / "videos").iterdir()))
    assert tool("infer.py")([config, checkpoint, video, "--device", "cpu"]) == 0
    capsys.readouterr()
    assert tool("analysis/get_flops.py")([config, "--device", "cpu", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shape"] == [2, 3, 32, 32]
    assert tool("data/check_dataset.py")([config]) == 0
    assert "0 errors" in capsys.readouterr().out
    assert tool("analysis/browse_dataset.py")([config, "--num", "1", "--out", "pictures"]) == 0
    assert tool("analysis/benchmark.py")([config, "--num", "2", "--steps", "1", "--batches", "1"]) == 0
    assert tool("test.py")([config, checkpoint, "--work-dir", "tested"]) == 0
    (summary,) = (tmp_path / "tested").rglob("metrics.json")
    assert '"crops": 10' in summary.read_text()


def test_an_array_is_read_in_place_of_a_video(run):
    model = init_recognizer(*run, device="cpu")
    clip = np.random.default_rng(0).integers(0, 256, (6, 40, 50, 3), dtype=np.uint8)
    assert inference_recognizer(model, clip).pred_score.shape == (5,)
    with pytest.raises(ValueError, match=r"reads no skeletons \(DecordInit, SampleFrames, "):
        fit_pipeline(model.cfg.test_dataloader.dataset.pipeline, "skeleton")


def test_training_takes_the_own_classes_in_place_of_those_of_mmengine(run, tool, tmp_path):
    cfg = load_config(run[0])[0]
    cfg.work_dir = str(tmp_path / "work")
    runner = ActionRunner.from_cfg(cfg)
    assert type(runner.build_train_loop(runner._train_loop)) is EpochBasedTrainLoop
    assert type(runner.train_dataloader.dataset) is RepeatDataset
    assert CheckpointHook in map(type, runner.hooks)
    assert tool("train.py")([str(run[0]), "--amp", "--work-dir", str(tmp_path / "trained")]) == 0
    assert (tmp_path / "trained/epoch_1.pth").is_file()
