import pytest
import torch
from torch import nn

from mmaction.models.backbones import C2D, ResNet, ResNetTSM
from mmaction.models.backbones.resnet_tsm import shift


def test_partial_bn_freezes_all_norms_but_the_first():
    net = ResNet(depth=18, partial_bn=True).train()
    first, *others = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    assert first.training
    assert first.weight.requires_grad
    assert not any(norm.training or norm.weight.requires_grad or norm.bias.requires_grad for norm in others)
    assert all(p.requires_grad for name, p in net.named_parameters() if "conv.weight" in name)


def test_initial_weights_can_be_described():
    net = ResNet(depth=18, init_cfg={"type": "Constant", "layer": "Conv2d", "val": 0.5})
    net.init_weights()
    assert net.conv1.conv.weight.unique().tolist() == [0.5]


def test_c2d_sees_the_larger_of_two_frames():
    net = C2D(depth=18).eval()
    pooled = []
    net.layer2.register_forward_pre_hook(lambda module, args: pooled.append(args[0]))
    clip = torch.randn(1, 3, 4, 40, 40)
    net(clip)
    frames = net.stage(0, net.stem(clip[0].transpose(0, 1)))
    torch.testing.assert_close(pooled[0], torch.maximum(frames[0::2], frames[1::2]))


def shift_by_loop(x: torch.Tensor, num_segments: int, shift_div: int) -> torch.Tensor:
    out = torch.zeros_like(x)
    fold = x.shape[1] // shift_div
    for i in range(len(x)):
        segment = i % num_segments
        for channel in range(x.shape[1]):
            step = 1 if channel < fold else -1 if channel < 2 * fold else 0
            if 0 <= segment + step < num_segments:
                out[i, channel] = x[i + step, channel]
    return out


@pytest.mark.parametrize(("num_segments", "channels", "shift_div"), [(4, 8, 8), (3, 8, 4), (2, 5, 2), (1, 4, 4)])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_shift_equals_a_loop(num_segments, channels, shift_div, memory_format):
    x = torch.randn(2 * num_segments, channels, 3, 2).contiguous(memory_format=memory_format)
    before = x.clone()
    assert torch.equal(shift(x, num_segments, shift_div), shift_by_loop(x, num_segments, shift_div))
    assert torch.equal(x, before)


def test_shift_is_linear_in_its_gradient():
    x = torch.randn(4, 8, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda value: shift(value, 4, 4), x)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({}, "layer1.0.conv1.conv.net.weight"),
        ({"shift_place": "block"}, "layer1.0.net.conv1.conv.weight"),
        ({"temporal_pool": True}, "layer2.net.0.conv1.conv.net.weight"),
        ({"is_shift": False}, "layer1.0.conv1.conv.weight"),
        (
            {"non_local": ((0, 1), 0, 0, 0), "non_local_cfg": {"mode": "gaussian", "norm_cfg": {"type": "BN3d"}}},
            "layer1.1.non_local_block.conv_out.bn.weight",
        ),
        (
            {"shift_place": "block", "non_local": (0, 1, 0, 0), "non_local_cfg": {"mode": "dot_product"}},
            "layer2.0.block.net.conv1.conv.weight",
        ),
        (
            {
                "norm_cfg": {"type": "GN", "num_groups": 8},
                "non_local": (0, 1, 0, 0),
                "non_local_cfg": {"mode": "gaussian"},
            },
            "layer2.1.block.conv1.gn.weight",
        ),
        (
            {"norm_cfg": None, "non_local": (0, 1, 0, 0), "non_local_cfg": {"mode": "gaussian"}},
            "layer2.1.non_local_block.conv_out.conv.weight",
        ),
    ],
)
def test_tsm_variants(changes, key):
    net = ResNetTSM(depth=18, num_segments=4, **changes)
    assert key in net.state_dict()
    frames = 4 if changes.get("temporal_pool") else 8
    assert net(torch.rand(8, 3, 32, 32)).shape == (frames, 512, 1, 1)


def test_deep_networks_shift_every_second_block():
    net = ResNetTSM(depth=101)
    shifted = ["net" in dict(block.conv1.conv.named_children()) for block in net.layer3]
    assert shifted == [i % 2 == 0 for i in range(23)]


def test_only_the_shift_sees_other_frames():
    torch.manual_seed(0)
    x = torch.randn(4, 3, 32, 32)
    changed = x.clone()
    changed[3] += 1
    for is_shift in (True, False):
        net = ResNetTSM(depth=18, num_segments=4, is_shift=is_shift).eval()
        with torch.no_grad():
            same = torch.equal(net(x)[0], net(changed)[0])
        assert same != is_shift


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shift_place": "stage"}, "shift_place must be 'block' or 'blockres'; got 'stage'"),
        ({"num_segments": 0}, "num_segments=0 is too few"),
        ({"num_segments": 1, "temporal_pool": True}, "num_segments=1 is too few"),
    ],
)
def test_wrong_arguments(changes, message):
    with pytest.raises(ValueError, match=message):
        ResNetTSM(depth=18, **changes)
