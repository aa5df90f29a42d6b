"""The parts of a model that ask for the training samples of each class are told."""

import pytest
from mmengine.config import Config
from torch import nn

from mmaction.registry import MODELS


class Counting(nn.Module):
    counts = None

    def set_class_counts(self, counts):
        self.counts = counts


@pytest.mark.parametrize("wrapped", [False, True])
def test_parts_are_told_before_training(tmp_path, toy, wrapped):
    from mmaction.engine import build_runner

    cfg = Config.fromfile(toy.write_config(tmp_path, train_count=7))
    if wrapped:
        cfg.train_dataloader.dataset = {"type": "RepeatDataset", "times": 3, "dataset": cfg.train_dataloader.dataset}
    cfg.work_dir = str(tmp_path / "run")
    cfg.train_cfg.max_epochs = 1
    runner = build_runner(cfg)
    runner.model.cls_head.part = part = Counting()
    runner.train()
    assert part.counts == [3, 2, 2]


def test_an_attribute_head_learns_which_classes_have_samples():
    space = "diving48"
    head = MODELS.build({"type": "AttributeHead", "num_classes": 48, "in_channels": 4, "label_space": space})
    head.class_attributes.set_class_counts([1] * 30 + [0] + [2] * 17)
    assert (~head.class_attributes.seen).nonzero().tolist() == [[30]]
