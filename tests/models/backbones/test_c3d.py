import pytest
import torch
from torch import nn

from mmaction.models.backbones import C3D
from mmaction.models.backbones.c3d import AvgPool


def test_shape_of_the_paper():
    net = C3D(base_channels=4, out_dim=32)
    assert {k for k in net.state_dict() if k.startswith(("conv1a", "conv5b", "fc7"))} == {
        "conv1a.conv.weight",
        "conv1a.conv.bias",
        "conv5b.conv.weight",
        "conv5b.conv.bias",
        "fc7.weight",
        "fc7.bias",
    }
    assert net(torch.rand(1, 3, 16, 16, 16)).shape == (1, 4096)
    net.init_weights()
    assert net.fc6.weight.std().item() == pytest.approx(0.005, rel=0.05)


def test_published_size_fits_the_published_linear_layers():
    with torch.device("meta"):
        net = C3D()
        assert net(torch.empty(1, 3, 16, 112, 112)).shape == (1, 4096)


@pytest.mark.parametrize(
    ("num_stages", "temporal_downsample", "shape"),
    [(3, False, (1, 32, 8, 4, 4)), (3, True, (1, 32, 2, 4, 4)), (4, False, (1, 32, 8, 2, 2))],
)
def test_light_shape(num_stages, temporal_downsample, shape):
    net = C3D(in_channels=17, base_channels=4, num_stages=num_stages, temporal_downsample=temporal_downsample)
    assert "conv1a.bn.weight" in net.state_dict()
    assert not any("fc" in k or "bias" in k.replace("bn.bias", "") for k in net.state_dict())
    assert all(isinstance(net.get_submodule(f"pool{i}"), nn.AvgPool3d) for i in range(1, num_stages + 1))
    assert net(torch.rand(1, 17, 8, 32, 32)).shape == shape


def test_wrong_arguments():
    with pytest.raises(ValueError, match="num_stages must be None, 3 or 4; got 5"):
        C3D(num_stages=5)
    with pytest.raises(ValueError, match=r"clips of \(16, 32, 32\) give 128 features, not out_dim=64"):
        C3D(base_channels=4, out_dim=64)(torch.rand(1, 3, 16, 32, 32))


@pytest.mark.parametrize("size", [(1, 2, 2), (2, 2, 2)])
def test_pool_averages_and_leaves_channels_last(size):
    x = torch.randn(2, 3, 4, 6, 6, requires_grad=True)
    last = x.contiguous(memory_format=torch.channels_last_3d)
    pooled, expected = AvgPool(size, size)(last), nn.functional.avg_pool3d(x, size, size)
    assert pooled.is_contiguous(memory_format=torch.channels_last_3d)
    torch.testing.assert_close(pooled, expected)
    ours, theirs = (torch.autograd.grad(out.square().sum(), x)[0] for out in (pooled, expected))
    torch.testing.assert_close(ours, theirs)
