"""Initial weights from checkpoints: which files, and what the plan of a run says of them."""

from pathlib import PurePosixPath

import pytest
import torch
from torch import nn

from mmaction.engine.pretrained import PretrainedInit, pretrained_parts
from mmaction.io.checkpoints import read_checkpoint, trusting


def test_initial_weights_of_torchvision(tmp_path, monkeypatch):
    from torchvision.models import ResNet18_Weights

    torch.save({"weight": torch.full((1, 1), 7.0), "bias": torch.zeros(1)}, tmp_path / "a.pth")
    monkeypatch.setattr(next(iter(ResNet18_Weights)).value, "url", str(tmp_path / "a.pth"))
    net = nn.Sequential(nn.Linear(1, 1))
    PretrainedInit("torchvision://resnet18")(net[0])
    assert net[0].weight.item() == 7
    assert pretrained_parts(net) == {"0": "torchvision://resnet18 (2 of 2 tensors)"}
    with pytest.raises(ValueError, match="no such model; did you mean resnet1"):
        PretrainedInit("torchvision://resnet19")(net)


def test_the_users_word_reaches_initial_weights_and_ends_with_the_run(tmp_path, toy, train):
    state = toy.ToyModel().state_dict()
    torch.save({"state_dict": state, "when": PurePosixPath("noon")}, tmp_path / "start.pth")
    extra = f"model['init_cfg'] = dict(type='Pretrained', checkpoint={str(tmp_path / 'start.pth')!r})\n"
    config, short = toy.write_config(tmp_path, extra=extra), ("--cfg-options", "train_cfg.max_epochs=1")
    with pytest.raises(ValueError, match=r"start.pth is refused.*--trust-checkpoint"):
        train(config, "--work-dir", tmp_path / "run", *short)
    train(config, "--work-dir", tmp_path / "run", "--trust-checkpoint", *short)
    (log, _) = sorted((tmp_path / "run").rglob("*.log"), key=lambda path: path.stat().st_size, reverse=True)
    assert f"weights    model from {tmp_path / 'start.pth'} (4 of 4 tensors)" in log.read_text()
    with pytest.raises(ValueError, match="is refused"):
        read_checkpoint(tmp_path / "start.pth")
    with trusting(True):
        assert read_checkpoint(tmp_path / "start.pth")["when"] == PurePosixPath("noon")
