import pytest
import torch
from torch import nn

from mmaction.models.layers import ConvNormAct, freeze, init_conv_and_norm, same_padding, set_norms_eval


@pytest.mark.parametrize(
    ("kernel", "dilation", "padding"),
    [(3, 1, 1), (7, 1, 3), (3, 2, 2), ((1, 3, 3), 1, (0, 1, 1)), ((5, 1, 1), 1, (2, 0, 0)), (3, (1, 2, 2), (1, 2, 2))],
)
def test_same_padding_keeps_the_size(kernel, dilation, padding):
    assert same_padding(kernel, dilation) == padding
    conv = ConvNormAct(1, 1, kernel, dilation=dilation) if not isinstance(padding, int) else None
    if conv is not None:
        assert conv(torch.rand(2, 1, 8, 8, 8)).shape == (2, 1, 8, 8, 8)


def test_an_even_kernel_is_padded_as_published():
    assert same_padding(4) == 1
    assert same_padding((4, 7, 6), (1, 1, 2)) == (1, 3, 4)


def test_parameters_have_published_names():
    names = set(ConvNormAct(2, 3, (1, 1, 1)).state_dict())
    assert names == {"conv.weight"} | {
        f"bn.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    }
    without_norm = ConvNormAct(2, 3, (1, 1, 1), bias=None, norm_cfg=None, act_cfg=None)
    assert set(without_norm.state_dict()) == {"conv.weight", "conv.bias"}
    assert without_norm.norm is None
    group_norm = ConvNormAct(2, 4, (1, 1, 1), norm_cfg={"type": "GN", "num_groups": 2})
    assert "gn.weight" in group_norm.state_dict()


def test_residual_is_added_before_the_activation():
    layer = ConvNormAct(2, 2, (1, 1, 1), norm_cfg=None)
    nn.init.zeros_(layer.conv.weight)
    residual = torch.tensor([-1.0, 2.0]).view(1, 2, 1, 1, 1)
    out = layer(torch.rand(1, 2, 1, 1, 1), residual)
    assert out.flatten().tolist() == [0.0, 2.0]
    assert residual.flatten().tolist() == [-1.0, 2.0]


def test_residual_gradients_match_separate_operations(randomise_norms):
    layer = randomise_norms(ConvNormAct(3, 4, (1, 3, 3)))
    x = torch.randn(2, 3, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    residual = torch.randn(2, 4, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    layer.double()
    fused = torch.autograd.grad(layer(x, residual).square().sum(), [x, residual, *layer.parameters()])
    plain = torch.autograd.grad(
        torch.relu(layer.norm(layer.conv(x)) + residual).square().sum(), [x, residual, *layer.parameters()]
    )
    for ours, expected in zip(fused, plain, strict=True):
        torch.testing.assert_close(ours, expected)


def test_freeze_and_norms_eval():
    net = nn.Sequential(ConvNormAct(2, 2, (1, 1, 1)), ConvNormAct(2, 2, (1, 1, 1)))
    freeze([net[0]])
    assert not any(p.requires_grad for p in net[0].parameters())
    assert not net[0].bn.training
    assert all(p.requires_grad for p in net[1].parameters())
    assert net[1].bn.training
    set_norms_eval(net)
    assert not net[1].bn.training
    assert net[1].bn.weight.requires_grad


def test_initial_weights_have_the_kaiming_spread():
    layer = ConvNormAct(32, 64, (3, 3, 3))
    nn.init.zeros_(layer.bn.weight)
    torch.manual_seed(0)
    init_conv_and_norm(layer)
    assert layer.conv.weight.std().item() == pytest.approx((2 / (64 * 27)) ** 0.5, rel=0.02)
    assert layer.bn.weight.unique().tolist() == [1.0]
