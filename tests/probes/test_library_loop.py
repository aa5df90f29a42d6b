"""The library's own loop trains the same clips."""

import functools

import pytest
import torch
from tiny import shrink_config

from mmaction.probes.library_loop import library_rate
from mmaction.probes.made_up import FAMILIES, made_up_batch
from mmaction.registry import MODELS
from mmaction.utils.config import load_config


def build(family):
    cfg, _ = load_config(FAMILIES[family])
    shrink_config(cfg)
    return cfg, MODELS.build(cfg.model), made_up_batch(cfg, 2)


def test_transformers_has_a_loop(trainer, monkeypatch):
    cfg, model, data = build("videomae")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    seen = []
    plain = trainer.VideoMAEForVideoClassification.forward

    @functools.wraps(plain)  # the Trainer hands over what the signature names
    def forward(self, **inputs):
        seen.append((inputs["pixel_values"].shape, inputs["labels"].tolist()))
        return plain(self, **inputs)

    monkeypatch.setattr(trainer.VideoMAEForVideoClassification, "forward", forward)
    assert library_rate(model, data, cfg.model.cls_head.num_classes, steps=2) > 0
    frames, size = model.backbone.model_config.num_frames, model.backbone.model_config.image_size
    labels = sorted(int(sample.gt_label) for sample in data["data_samples"])
    assert len(seen) == 3 and all(shape == (2, frames, 3, size, size) for shape, _ in seen)
    assert all(sorted(found) == labels for _, found in seen)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("family", ["stgcnpp", "clip-adapter"])
def test_others_have_none(family):
    cfg, model, data = build(family)
    assert library_rate(model, data, cfg.model.cls_head.num_classes, steps=1) is None
