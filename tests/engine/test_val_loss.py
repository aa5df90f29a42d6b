"""The loss of a validation: logged beside the metrics, and usable to keep and to stop."""

import json

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from mmaction.engine import build_runner
from mmaction.engine.checks.unreadable import Evaluator
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample


def network(**head):
    model = MODELS.build(
        {
            "type": "Recognizer3D",
            "backbone": {"type": "C3D", "base_channels": 4, "num_stages": 3, "in_channels": 3},
            "cls_head": {"type": "I3DHead", "in_channels": 32, "num_classes": 3, "average_clips": "prob", **head},
        }
    )
    return model.eval()


def batch(labels, views=1):
    inputs = torch.randn(len(labels), views, 3, 4, 16, 16, generator=torch.Generator().manual_seed(1))
    samples = [ActionDataSample().set_gt_label(label) for label in labels]
    return pseudo_collate([{"inputs": x, "data_samples": s} for x, s in zip(inputs, samples, strict=True)])


@pytest.mark.parametrize("head", [{}, {"type": "AttributeHead", "label_space": "TABLE", "hide_ratio": 1.0}])
def test_a_validation_step_notes_the_loss_of_training_without_dropout(head, tmp_path):
    (tmp_path / "classes.csv").write_text("label,side\n0,left\n1,right\n2,both\n")
    if head:
        head = {**head, "label_space": str(tmp_path / "classes.csv")}
    model = network(**head)
    with torch.no_grad():
        losses = model(**model.data_preprocessor(batch([0, 2])), mode="loss")
        expected = sum(value for name, value in losses.items() if "loss" in name).item()
        found = model.val_step(batch([0, 2]))
        assert [sample.loss for sample in found] == pytest.approx([expected] * 2)
        assert all("loss" not in sample for sample in model.test_step(batch([0, 2], views=2)))


def test_the_mean_counts_samples_and_leaves_broken_ones_out():
    evaluator = Evaluator({"type": "AccMetric", "metric_options": {"top_k_accuracy": {"topk": (1,)}}})

    def sample(loss, **meta):
        made = ActionDataSample(metainfo=meta).set_gt_label(0).set_pred_score([0.7, 0.3])
        made.set_field(loss, "loss", dtype=float)
        return made

    evaluator.process([sample(1.0), sample(1.0), sample(4.0)])
    evaluator.process([sample(9.0, nobody=True)])
    assert evaluator.evaluate(4)["val_loss"] == pytest.approx(2.0)
    plain = sample(1.0)
    plain.pop("loss")
    evaluator.process([plain])
    assert "val_loss" not in evaluator.evaluate(1)


def test_the_best_checkpoint_and_the_stop_may_follow_it(tmp_path, toy):
    cfg = Config.fromfile(toy.write_config(tmp_path, extra=toy.NETWORK))
    cfg.work_dir = str(tmp_path / "run")
    cfg.train_cfg.max_epochs = 4
    cfg.randomness = dict(seed=0)
    cfg.optim_wrapper.optimizer.lr = 0.05
    cfg.default_hooks.checkpoint.save_best = "val_loss"
    cfg.default_hooks.early_stopping = dict(type="EarlyStoppingHook", monitor="val_loss", patience=1, min_delta=100.0)
    runner = build_runner(cfg)
    runner.train()
    assert runner.epoch == 2  # nothing gets better by 100
    scalars = [json.loads(line) for line in next((tmp_path / "run").rglob("scalars.json")).read_text().splitlines()]
    losses = [entry["val_loss"] for entry in scalars if "val_loss" in entry]
    (best,) = (tmp_path / "run").glob("best_val_loss_epoch_*.pth")
    assert len(losses) == 2 and best.stem.endswith(str(1 + losses.index(min(losses))))
