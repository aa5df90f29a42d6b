import copy
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

import pytest
import torch
from mmengine.registry import DefaultScope
from torch import nn
from torchvision.models.video import r3d_18

from mmaction.models import cpu
from mmaction.models.backbones import ResNet, ResNet3dSlowOnly
from mmaction.models.layers import ConvNormAct
from mmaction.models.recognizers import Recognizer3D


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("act_cfg", [None, {"type": "ReLU", "inplace": True}])
@pytest.mark.parametrize("with_residual", [False, True])
def test_folded_layer_equals_the_plain_one(bias, act_cfg, with_residual, randomise_norms):
    layer = randomise_norms(ConvNormAct(3, 5, (3, 1, 1), stride=(1, 2, 2), bias=bias, act_cfg=act_cfg)).eval()
    x = torch.randn(2, 3, 4, 6, 6)
    residual = torch.randn(2, 5, 4, 3, 3) if with_residual else None
    plain = layer(x, None if residual is None else residual.clone()).detach()  # gradients are on: not folded
    with torch.no_grad():
        assert cpu.can_fold(layer.conv, layer.norm, x)
        torch.testing.assert_close(layer(x, residual), plain, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("build", [lambda: ResNet(18), lambda: ResNet3dSlowOnly(depth=18, base_channels=8)])
def test_folded_network_equals_the_plain_one(build, randomise_norms):
    net = randomise_norms(build()).eval()
    x = torch.randn(2, 3, 32, 32) if isinstance(net, ResNet) else torch.randn(2, 3, 2, 32, 32)
    plain = net(x).detach()
    with torch.no_grad():
        torch.testing.assert_close(net(x), plain, atol=1e-4, rtol=1e-4)


def test_every_change_of_weights_is_seen(randomise_norms):
    layer = randomise_norms(ConvNormAct(2, 2, (1, 1, 1), act_cfg=None)).eval()
    x = torch.randn(1, 2, 1, 3, 3)
    with torch.no_grad():
        before = layer(x)
        layer.conv.weight.data.mul_(2)  # an EMA hook writes like this, behind the version counter
        after = layer(x)
        assert not torch.equal(before, after)
        torch.testing.assert_close(after, layer.bn(layer.conv(x)))


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: layer.train(),
        lambda layer: layer.conv.register_forward_hook(lambda *_: None),
        lambda layer: layer.bn.register_forward_hook(lambda *_: None),
        lambda layer: layer.add_module("bn", nn.BatchNorm3d(2, track_running_stats=False).eval()),
        lambda layer: layer.add_module("bn", nn.BatchNorm3d(2, affine=False).eval()),
        lambda layer: layer.add_module("bn", nn.GroupNorm(1, 2)),
        lambda layer: layer.add_module("conv", nn.Identity()),
    ],
)
def test_not_folded_where_that_would_change_something(change):
    layer = ConvNormAct(2, 2, (1, 1, 1)).eval()
    x = torch.randn(2, 2, 1, 3, 3)
    with torch.no_grad():
        assert cpu.can_fold(layer.conv, layer.norm, x)
        change(layer)
        assert not cpu.can_fold(layer.conv, layer.norm, x)
        layer(x)


def test_hooks_fire_in_inference():
    layer = ConvNormAct(2, 2, (1, 1, 1)).eval()
    seen = []
    layer.conv.register_forward_hook(lambda module, args, out: seen.append(out.shape))
    with torch.no_grad():
        layer(torch.randn(1, 2, 1, 3, 3))
    assert seen == [(1, 2, 1, 3, 3)]


def test_bfloat16_stays_close_to_float32(randomise_norms):
    net = randomise_norms(ResNet3dSlowOnly(depth=18, base_channels=8)).eval()
    x = torch.randn(2, 3, 2, 32, 32)
    with torch.no_grad():
        full = net(x)
        with torch.autocast("cpu", torch.bfloat16):
            half = net(x)
    assert half.dtype == torch.bfloat16
    assert (half.float() - full).norm() / full.norm() < 0.05


def test_channels_lie_beside_each_other():
    clips = cpu.prepare(torch.rand(2, 3, 4, 8, 8))
    assert clips.is_contiguous(memory_format=torch.channels_last_3d)
    frames = cpu.prepare(torch.rand(2, 3, 8, 8))
    assert frames.is_contiguous(memory_format=torch.channels_last)
    features = torch.rand(2, 3)
    assert cpu.prepare(features) is features
    net = ResNet3dSlowOnly(depth=18, base_channels=8)
    assert net(torch.rand(2, 3, 2, 32, 32)).is_contiguous(memory_format=torch.channels_last_3d)


def test_weights_keep_their_layout():
    net = ResNet3dSlowOnly(depth=18, base_channels=8)
    before = copy.deepcopy(net.state_dict())
    net(torch.rand(2, 3, 2, 32, 32)).sum().backward()
    for name, value in net.state_dict().items():
        assert value.stride() == before[name].stride(), name


SMALL = [
    ((2, 7, 7), (3, 1, 1), (1, 1, 1)),
    ((2, 7, 7), (5, 1, 1), (1, 1, 1)),
    ((3, 7, 7), (5, 1, 1), (2, 1, 1)),
    ((4, 7, 7), (7, 3, 3), (1, 1, 1)),
    ((1, 7, 7), (3, 3, 3), (1, 2, 2)),
    ((2, 3, 3), (3, 3, 3), (1, 1, 1)),
    ((5, 1, 1), (3, 3, 3), (2, 1, 1)),
    ((4, 2, 3), (1, 3, 5), (1, 1, 1)),
    ((1, 1), (1, 3), (1, 2)),
    ((4, 25), (9, 1), (1, 1)),
    ((1,), (5,), (2,)),
]


@pytest.mark.parametrize(("size", "kernel", "stride"), SMALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradients_of_inputs_smaller_than_the_kernel(size, kernel, stride, dtype):
    convolution = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[len(size) - 1]
    conv = convolution(32, 64, kernel, stride, [width // 2 for width in kernel]).to(dtype)
    cpu.pad_small_inputs(conv)
    x = torch.randn(2, 32, *size, dtype=dtype, requires_grad=True)
    y = conv(x)
    grad = torch.randn_like(y)
    inputs = [value.detach().double().requires_grad_() for value in (x, conv.weight, conv.bias)]
    exact = convolution._conv_forward(conv, *inputs)  # oneDNN has no float64
    assert y.shape == exact.shape
    found = torch.autograd.grad(y, (x, conv.weight, conv.bias), grad)
    for value, right in zip(found, torch.autograd.grad(exact, inputs, grad.double()), strict=True):
        assert (value.double() - right).norm() <= 0.01 * right.norm()


@pytest.mark.parametrize("scope", [None, "mmaction"])
def test_all_convolutions_of_a_network_pad_small_inputs(scope):
    with DefaultScope.overwrite_default_scope(scope):
        assert "_conv_forward" in vars(ConvNormAct(2, 2, 3).conv)
    model = Recognizer3D({"type": r3d_18})
    convolutions = [module for module in copy.deepcopy(model).modules() if isinstance(module, nn.Conv3d)]
    assert len(convolutions) == 20
    assert all(conv._conv_forward.__self__ is conv for conv in convolutions)


def pages_touched_first(keep):
    """Return how many pages of a block the kernel clears, in a process that has freed one of that size before."""
    import resource

    assert not keep or cpu.keep_freed_memory()
    counts = []
    for _ in range(4):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(16, 1024, 1024)  # 64 MiB, 16384 pages: more than glibc keeps by itself
        counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return min(counts[1:])


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_freed_memory_is_kept():
    touched = []
    for keep in (True, False):  # in a new process: what others have left in the heap of this one decides as well
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            touched.append(pool.submit(pages_touched_first, keep).result())
    assert touched[0] < 20
    assert touched[1] > touched[0]  # 16384, or 32 where pages are huge


@pytest.mark.integration
def test_compiles_without_graph_breaks(randomise_norms):
    tiny = {"num_stages": 1, "stage_blocks": (1,), "out_indices": (0,), "spatial_strides": (2,)}
    net = ResNet3dSlowOnly(
        depth=18, base_channels=4, temporal_strides=(1,), dilations=(1,), inflate=(1,), with_pool1=False, **tiny
    )
    randomise_norms(net).eval()
    x = torch.randn(1, 3, 2, 8, 8)
    with torch.no_grad():
        compiled = torch.compile(net, backend="eager", fullgraph=True)
        torch.testing.assert_close(compiled(x), net(x), atol=1e-5, rtol=1e-5)
