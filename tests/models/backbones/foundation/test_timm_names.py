"""Weights of an EfficientNet under the names of efficientnet_pytorch: made-up and published ones."""

import cv2
import pytest
import torch

pytest.importorskip("timm", reason="needs timm: pip install .[foundation]")

from models.backbones.foundation.lite0 import published_weights
from sklearn.datasets import load_sample_image

from mmaction.registry import MODELS

PALACE, DAISY = 698, 985  # numbers of ImageNet's classes


def foreign(network):
    """Return the state dict of a network of timm under the names of the other project."""
    state, renamed = network.state_dict(), {}
    blocks = [(f"blocks.{s}.{b}", block) for s, stage in enumerate(network.blocks) for b, block in enumerate(stage)]
    names = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1"}
    for number, (place, block) in enumerate(blocks):
        own = ["conv_dw", "bn1", "conv_pw", "bn2"]
        there = ["_depthwise_conv", "_bn1", "_project_conv", "_bn2"]
        if hasattr(block, "conv_pwl"):
            own, there = ["conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"], ["_expand_conv", "_bn0", *there]
        own += ["se.conv_reduce", "se.conv_expand"]
        there += ["_se_reduce", "_se_expand"]
        names |= {f"{place}.{a}": f"_blocks.{number}.{b}" for a, b in zip(own, there, strict=True)}
    for key, value in state.items():
        module, _, kind = key.rpartition(".")
        renamed[f"{names[module]}.{kind}"] = value
    return renamed


@pytest.mark.parametrize("model", ["tf_efficientnet_lite0", "efficientnet_b0"])
def test_a_file_with_other_names_is_loaded(model, tmp_path):
    net = MODELS.build(dict(type="TimmImage", model=model)).eval()
    for norm in (module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        norm.running_mean.normal_(std=0.1)
    weights = foreign(net.network)
    torch.save({**weights, "_fc.weight": torch.zeros(2, 2)}, tmp_path / "net.pth")
    other = MODELS.build(dict(type="TimmImage", model=model, pretrained=str(tmp_path / "net.pth"))).eval()
    other.init_weights()
    frames = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(other(frames), net(frames))
    torch.save({**weights, "_blocks.40._bn1.weight": torch.zeros(2)}, tmp_path / "net.pth")
    with pytest.raises(ValueError, match=r"_blocks\.40"):
        MODELS.build(dict(type="TimmImage", model=model, pretrained=str(tmp_path / "net.pth"))).init_weights()


@pytest.mark.slow
def test_published_weights_recognize_photographs(tmp_path):
    path = published_weights(tmp_path)
    head = torch.load(path, weights_only=True)

    def chances(photograph, pretrained):
        net = MODELS.build(dict(type="TimmImage", model="tf_efficientnet_lite0", pretrained=pretrained, out="pooled"))
        net.eval().init_weights()
        image = cv2.resize(load_sample_image(photograph)[:, 107:533], (224, 224), interpolation=cv2.INTER_AREA)
        frame = torch.from_numpy(image).permute(2, 0, 1)[None].float()
        mean, std, _ = net.input_statistics()
        with torch.no_grad():
            features = net((frame - mean[0]) / std[0])
        return (features @ head["_fc.weight"].T + head["_fc.bias"]).softmax(dim=1)[0]

    for photograph, expected in (("china.jpg", PALACE), ("flower.jpg", DAISY)):
        found = chances(photograph, path)
        assert found.argmax() == expected and found.max() > 0.2
    assert chances("china.jpg", None)[PALACE] < 0.1
