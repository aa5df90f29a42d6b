"""The parameter groups of TSM, and learning rates by layer."""

import pytest
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmaction.engine.optim_groups import (
    LearningRateDecayOptimizerConstructor,
    SwinOptimWrapperConstructor,
    TSMOptimWrapperConstructor,
)
from mmaction.registry import MODELS


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 2)


def groups(model, fc_lr5=None, constructor=TSMOptimWrapperConstructor, **paramwise):
    cfg = dict(
        constructor=constructor,
        paramwise_cfg=paramwise or dict(fc_lr5=fc_lr5),
        optimizer=dict(type="SGD", lr=0.1, momentum=0.9, weight_decay=0.01),
    )
    optimizer = build_optim_wrapper(model, cfg).optimizer
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        names[id(parameter)]: (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }


@pytest.mark.parametrize(("fc_lr5", "weight", "bias"), [(True, 0.5, 1.0), (False, 0.1, 0.2)])
def test_rates_and_decays(fc_lr5, weight, bias):
    found = groups(Net(), fc_lr5)
    assert found["conv.weight"] == pytest.approx((0.1, 0.01))
    assert found["conv.bias"] == pytest.approx((0.2, 0.0))
    assert found["bn.weight"] == found["bn.bias"] == pytest.approx((0.1, 0.0))
    assert found["fc.weight"] == pytest.approx((weight, 0.01))
    assert found["fc.bias"] == pytest.approx((bias, 0.0))


def test_frozen_parameters_are_in_no_group():
    model = Net()
    model.conv.weight.requires_grad = False
    assert "conv.weight" not in groups(model, True)


def test_another_layer_with_parameters_is_refused():
    model = Net()
    model.act = nn.PReLU()
    with pytest.raises(ValueError, match="act is a PReLU"):
        groups(model, True)


class Tower(nn.Module):
    """A backbone with a first layer, numbered ones and a head."""

    def __init__(self, layers):
        super().__init__()
        self.backbone = nn.ModuleDict({"conv1": nn.Conv2d(3, 4, 3), **layers})
        self.cls_head = nn.Linear(4, 2)


TOWERS = {
    "stages": {"layer1": nn.Linear(4, 4), "layer2": nn.Linear(4, 4)},
    "blocks": {"blocks": nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])},
}


@pytest.mark.parametrize("kind", TOWERS)
def test_rates_fall_from_the_head_to_the_first_layer(kind):
    model = Tower(TOWERS[kind])
    found = groups(model, constructor=LearningRateDecayOptimizerConstructor, decay_rate=0.5, num_layers=2)
    first, second = [name for name in found if "conv1" not in name and "backbone" in name and "weight" in name]
    rates = {name: found[name][0] for name in (first, second, "backbone.conv1.weight", "cls_head.weight")}
    assert list(rates.values()) == pytest.approx([0.025, 0.05, 0.0125, 0.1])
    assert found["cls_head.weight"][1] == 0.01 and found["cls_head.bias"][1] == 0
    model.backbone.conv1.weight.requires_grad = False
    assert "backbone.conv1.weight" not in groups(model, constructor=LearningRateDecayOptimizerConstructor, decay_rate=1)


@pytest.mark.parametrize(
    ("config", "layers"),
    [
        ({"type": "C3D", "base_channels": 4, "num_stages": 3}, 4),
        ({"type": "ResNet3dSlowOnly", "depth": 18, "base_channels": 4, "pretrained": None}, 4),
        ({"type": "STGCN", "graph_cfg": {"layout": "coco", "mode": "spatial"}}, 10),
    ],
)
def test_the_layers_of_our_networks_are_found(config, layers):
    model = nn.ModuleDict({"backbone": MODELS.build(config)})
    found = groups(model, constructor=LearningRateDecayOptimizerConstructor, decay_rate=0.5, num_layers=layers)
    assert min(rate for rate, _ in found.values()) >= 0.1 * 0.5 ** (layers + 1) * 0.99


@pytest.mark.parametrize(
    ("paramwise", "match"),
    [({"decay_rate": 2}, "decay_rate"), ({"decay_rate": 0.5, "num_layers": 12}, "number 2 layers")],
)
def test_rates_by_layer_that_cannot_be_set(paramwise, match):
    with pytest.raises(ValueError, match=match):
        groups(Tower(TOWERS["stages"]), constructor=LearningRateDecayOptimizerConstructor, **paramwise)


def test_swin_multiplies_the_factors_of_all_parts_of_a_name():
    net = nn.ModuleDict({"backbone": nn.ModuleDict({"norm": nn.LayerNorm(2), "fc": nn.Linear(2, 2)}), "norm": Net()})
    rules = dict(norm=dict(decay_mult=0.0), backbone=dict(lr_mult=0.1))
    found = groups(net, constructor=SwinOptimWrapperConstructor, **rules)
    assert found["backbone.norm.weight"] == pytest.approx((0.01, 0.0))
    assert found["backbone.fc.weight"] == pytest.approx((0.01, 0.01))
    assert found["norm.fc.weight"] == pytest.approx((0.1, 0.0)) and len(found) == 10
    with pytest.raises(ValueError, match="decay_mult"):
        groups(net, constructor=SwinOptimWrapperConstructor, norm=0.0)
