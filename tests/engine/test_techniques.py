"""The lines of docs/train.md: each trains, and does what its name says."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.hooks import EMAHook

from mmaction.datasets import ClassBalancedSampler
from mmaction.engine import build_runner
from mmaction.engine.hooks import EarlyStoppingHook
from mmaction.models import losses
from mmaction.models.heads import AttributeHead, MirrorHead
from mmaction.models.preprocess.blending import CutmixBlending, MixupBlending
from mmaction.registry import TRANSFORMS
from mmaction.utils.config import load_config

PAGE = Path(__file__).resolve().parents[2] / "docs/train.md"
LINES = dict(re.findall(r"^\| ([^|]+) \| `(.+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
STEPS = {name: line for name, line in LINES.items() if line.startswith("dict(")}


def rates(runner):
    names = {id(parameter): name for name, parameter in runner.model.named_parameters()}
    groups = runner.optim_wrapper.optimizer.param_groups
    return {names[id(p)]: group["initial_lr"] for group in groups for p in group["params"]}


def head(runner):
    return runner.model.cls_head


def hooks(runner, kind):
    return [hook for hook in runner.hooks if isinstance(hook, kind)]


def rate_of(runner, part):
    return next(rate for name, rate in rates(runner).items() if part in name)


def averaged(runner):
    (hook,) = hooks(runner, EMAHook)
    pairs = zip(hook.ema_model.module.parameters(), hook.src_model.parameters(), strict=True)
    return any(not torch.equal(a, b) for a, b in pairs)


def frozen(runner):
    first, last = runner.model.backbone.layer1.parameters(), runner.model.backbone.layer2.parameters()
    return not any(p.requires_grad for p in first) and all(p.requires_grad for p in last)


HOLDS = {
    "mixup": lambda r: isinstance(r.model.data_preprocessor.blending, MixupBlending),
    "CutMix": lambda r: isinstance(r.model.data_preprocessor.blending, CutmixBlending),
    "label smoothing": lambda r: head(r).label_smooth_eps == 0.1,
    "moving average of the weights (EMA)": averaged,
    "frozen layers": frozen,
    "learning rates by layer": lambda r: rate_of(r, "layer2") == pytest.approx(0.75 * rate_of(r, "cls_head")),
    "another learning rate for a part": lambda r: rate_of(r, "layer2") == pytest.approx(0.1 * rate_of(r, "cls_head")),
    "best checkpoints by several measures": lambda r: (
        {re.match(r"best_(.+)_epoch", path.name)[1] for path in Path(r.work_dir).glob("best*")}
        == {"acc_mean1", "val_loss"}
    ),
    "early stopping": lambda r: hooks(r, EarlyStoppingHook)[0].best_score < float("inf"),
    "balanced softmax": lambda r: isinstance(head(r).loss_cls, losses.BalancedSoftmaxLoss),
    "logit adjustment": lambda r: isinstance(head(r).loss_cls, losses.LogitAdjustedLoss),
    "class-balanced loss": lambda r: isinstance(head(r).loss_cls, losses.ClassBalancedLoss),
    "class-balanced sampling": lambda r: isinstance(r.train_dataloader.sampler, ClassBalancedSampler),
    "mirror images, though some classes are sides": lambda r: isinstance(head(r), MirrorHead),
    "classes through their attributes": lambda r: isinstance(head(r), AttributeHead),
}


def test_every_line_is_tried():
    assert HOLDS.keys() == LINES.keys() - STEPS.keys()


@pytest.mark.parametrize("name", HOLDS)
def test_a_line_trains_and_holds(name, tmp_path, toy):
    toy.write_config(tmp_path, train_count=8, val_count=4, extra=toy.NETWORK)
    (tmp_path / "classes.csv").write_text("label,side\n0,left\n1,right\n2,both\n")
    line = LINES[name].replace("num_classes=99", "num_classes=3").replace("SlowFastHead", "I3DHead")
    line = line.replace('"gym99"', repr(str(tmp_path / "classes.csv")))
    (tmp_path / "leaf.py").write_text(f'_base_ = "toy.py"\n{line}\n')
    cfg, _ = load_config(str(tmp_path / "leaf.py"))
    cfg.train_cfg.max_epochs = 1
    cfg.work_dir = str(tmp_path / "run")
    runner = build_runner(cfg)
    before = {key: value.clone() for key, value in runner.model.state_dict().items()}
    runner.train()
    assert HOLDS[name](runner)
    assert any(not torch.equal(value, before[key]) for key, value in runner.model.state_dict().items())


@pytest.mark.parametrize("name", STEPS)
def test_a_step_changes_all_frames_alike(name):
    step = TRANSFORMS.build(eval(STEPS[name], {"dict": dict}))
    image = np.random.default_rng(0).integers(0, 256, (32, 40, 3), dtype=np.uint8)
    changed = []
    for seed in range(4):
        found = step({"imgs": [image, image.copy()], "img_shape": (32, 40), "rng": np.random.default_rng(seed)})
        np.testing.assert_array_equal(found["imgs"][0], found["imgs"][1])
        changed.append(not np.array_equal(found["imgs"][0], image))
    assert any(changed)
