"""A run with a frozen network and an adapter: what is saved, what stays, what a resumed run gives."""

import pytest
import torch

pytest.importorskip("timm", reason="needs timm: pip install .[foundation]")

from mmengine.config import Config

from mmaction.engine import build_runner
from mmaction.io.checkpoints import FROZEN_HASH
from mmaction.registry import MODELS

NETWORKS = {
    "vit_base_patch16_clip_224.openai": (
        dict(model_kwargs=dict(embed_dim=32, depth=2, num_heads=2), img_size=32),
        32,
    ),
    "test_efficientnet": (dict(), 256),  # its batch norms keep their statistics, too
}
"""timm's names, how they are made small, and the length of their vectors."""


def config(model, weights, demo_data, work_dir, epochs=2):
    pipeline = [
        dict(type="VideoInit"),
        dict(type="UniformSample", clip_len=4),
        dict(type="VideoDecode"),
        dict(type="Resize", scale=(32, 32), keep_ratio=False),
        dict(type="FormatShape", input_format="NCHW"),
        dict(type="PackActionInputs"),
    ]
    data = dict(type="VideoDataset", ann_file=str(demo_data / "train.txt"), pipeline=pipeline, indices=4)
    data["data_prefix"] = dict(video=str(demo_data / "videos"))
    sizes, width = NETWORKS[model]
    backbone = dict(type="TimmImage", model=model, num_segments=4, pretrained=weights, **sizes)
    backbone.update(adapter=dict(type="STAdapter", width=8), out="pooled")
    return Config(
        dict(
            default_scope="mmaction",
            model=dict(
                type="Recognizer2D",
                backbone=backbone,
                cls_head=dict(type="TokenHead", num_classes=5, in_channels=width, num_segments=4),
                data_preprocessor=dict(type="ActionDataPreprocessor", format_shape="NCHW"),
            ),
            train_dataloader=dict(
                batch_size=2, num_workers=0, sampler=dict(type="DefaultSampler", shuffle=True), dataset=data
            ),
            train_cfg=dict(by_epoch=True, max_epochs=epochs),
            optim_wrapper=dict(
                optimizer=dict(type="AdamW", lr=0.01, weight_decay=0.1), paramwise_cfg=dict(norm_decay_mult=0.5)
            ),
            default_hooks=dict(checkpoint=dict(type="CheckpointHook", interval=1)),
            randomness=dict(seed=0),
            work_dir=str(work_dir),
        )
    )


@pytest.mark.parametrize("model", NETWORKS)
def test_only_tuned_tensors_are_saved_and_a_resumed_run_equals_a_whole_one(model, demo_data, tmp_path, capfd):
    plain = MODELS.build(dict(type="TimmImage", model=model, **NETWORKS[model][0]))
    weights = tmp_path / "clip.pth"
    torch.save(plain.network.state_dict(), weights)
    whole = build_runner(config(model, str(weights), demo_data, tmp_path / "whole"))
    whole.train()
    said = capfd.readouterr()
    assert "M of them frozen" in said.out and "is skipped" not in said.out + said.err
    state = whole.model.backbone.network.state_dict()
    assert all(torch.equal(state[key], value) for key, value in plain.network.state_dict().items())

    saved = torch.load(tmp_path / "whole" / "epoch_2.pth", weights_only=False)
    tuned = {name for name, p in whole.model.named_parameters() if p.requires_grad}
    assert set(saved["state_dict"]) == tuned | {f"backbone.{FROZEN_HASH}"}
    assert saved["meta"]["frozen"]["backbone"].startswith(f"timm's {model} from {weights}")

    cfg = config(model, str(weights), demo_data, tmp_path / "whole")
    cfg.update(resume=True, load_from=str(tmp_path / "whole" / "epoch_1.pth"), work_dir=str(tmp_path / "parts"))
    resumed = build_runner(cfg)
    resumed.train()
    again = resumed.model.state_dict()
    assert all(torch.equal(again[key], value) for key, value in whole.model.state_dict().items())
