"""The parameter groups of TSM."""

import pytest
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmaction.engine.optim_groups import TSMOptimWrapperConstructor


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 2)


def groups(model, fc_lr5):
    cfg = dict(
        constructor=TSMOptimWrapperConstructor,
        paramwise_cfg=dict(fc_lr5=fc_lr5),
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
