import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmaction.models.backbones.x3d import X3D, SqueezeExcite, round_width

SHALLOW = {
    "gamma_b": 2.25,
    "gamma_d": 1,
    "in_channels": 17,
    "num_stages": 3,
    "se_ratio": None,
    "use_swish": False,
    "stage_blocks": (2, 5, 3),
    "spatial_strides": (2, 2, 2),
}


@given(st.floats(1, 4096))
def test_rounded_width(width):
    rounded = round_width(width)
    assert rounded % 8 == 0
    assert rounded >= max(8, 0.9 * width)
    assert rounded - width < 8


def test_published_depths_and_widths():
    net = X3D(gamma_w=1, gamma_b=2.25, gamma_d=2.2)  # X3D-S and X3D-M
    assert [len(net.get_submodule(f"layer{i}")) for i in range(1, 5)] == [3, 5, 11, 7]
    assert [net.get_submodule(f"layer{i}")[0].conv2.conv.out_channels for i in range(1, 5)] == [54, 108, 216, 432]
    assert net.conv5.conv.out_channels == 432
    assert net.layer1[0].conv2.conv.groups == 54
    attention = [block.se_module is not None for block in net.layer2]
    assert attention == [True, False, True, False, True]


def test_shallow_shape():
    net = X3D(**SHALLOW)
    assert [len(net.get_submodule(f"layer{i}")) for i in range(1, 4)] == [2, 5, 3]
    assert net.conv5.conv.out_channels == 216
    assert not any("se_module" in key for key in net.state_dict())
    assert net(torch.rand(1, 17, 4, 64, 64)).shape == (1, 216, 4, 4, 4)


def test_no_norm():
    net = X3D(**SHALLOW, norm_cfg=None)
    net.init_weights()
    assert not any("bn" in name for name in net.state_dict())
    assert net(torch.rand(1, 17, 2, 16, 16)).isfinite().all()


def test_attention_scales_whole_channels():
    module = SqueezeExcite(8, 0.5)
    x = torch.rand(2, 8, 2, 3, 3) + 0.1
    gates = (module(x) / x).flatten(2)
    torch.testing.assert_close(gates, gates[:, :, :1].expand_as(gates))
    assert (gates > 0).all() and (gates < 1).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_stages": 5}, "num_stages must be 1 to 4"),
        ({"se_style": "none"}, "se_style must be 'half' or 'all'; got 'none'"),
        ({"se_ratio": 0}, "se_ratio must be positive or None; got 0"),
        ({"spatial_strides": (2, 2)}, "spatial_strides needs one entry for each of the 4 stages"),
    ],
)
def test_wrong_arguments(changes, message):
    with pytest.raises(ValueError, match=message):
        X3D(**changes)
