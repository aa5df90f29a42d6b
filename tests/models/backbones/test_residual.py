import dataclasses

import pytest
import torch
from torch import nn

from mmaction.models.backbones.residual import BASIC, BOTTLENECK, ResidualBlock, blocks_of, per_block, per_stage
from mmaction.models.backbones.resnet import ResNet
from mmaction.models.backbones.resnet3d import ResNet3d, ResNet3dLayer, ResNet3dSlowOnly, stage_kernels

NONE, FIRST, SPATIAL = (
    ((1, 1, 1), (1, 3, 3), (1, 1, 1)),
    ((3, 1, 1), (1, 3, 3), (1, 1, 1)),
    ((1, 1, 1), (3, 3, 3), (1, 1, 1)),
)


def torchvision_weights(weights: dict[str, torch.Tensor], video: bool) -> dict[str, torch.Tensor]:
    """Return torchvision's ``weights`` of a basic-block network under our names."""
    renamed = {}
    for name, value in weights.items():
        parts = name.split(".")
        if parts[0] == "fc":
            continue
        if parts[0] == "stem":
            parts[:2] = ["conv1", "conv" if parts[1] == "0" else "bn"]
        elif parts[0] in ("conv1", "bn1"):
            parts[:1] = ["conv1", "conv" if parts[0] == "conv1" else "bn"]
        elif parts[2] == "downsample":
            parts[3] = "conv" if parts[3] == "0" else "bn"
        elif video and parts[3] == "0" and len(parts) == 5:
            parts[3] = "conv"
        elif video and parts[3] == "0":
            parts[3:5] = ["conv"]
        elif video:
            parts[3] = "bn"
        else:
            parts[2:3] = [f"conv{parts[2][-1]}", parts[2][:-1]]
        renamed[".".join(parts)] = value
    return renamed


def test_2d_network_equals_torchvision(randomise_norms):
    from torchvision.models import resnet18

    reference = randomise_norms(resnet18(weights=None)).eval()
    reference.avgpool = reference.fc = nn.Identity()
    net = ResNet(depth=18).eval()
    net.load_state_dict(torchvision_weights(reference.state_dict(), video=False))
    x = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(net(x).flatten(1), reference(x), atol=1e-4, rtol=1e-4)


def test_3d_network_equals_torchvision(randomise_norms):
    from torchvision.models.video import r3d_18

    reference = randomise_norms(r3d_18(weights=None)).eval()
    reference.avgpool = reference.fc = nn.Identity()
    net = ResNet3d(depth=18, temporal_strides=(1, 2, 2, 2), with_pool1=False, with_pool2=False).eval()
    net.load_state_dict(torchvision_weights(reference.state_dict(), video=True))
    x = torch.randn(1, 3, 4, 24, 24)
    torch.testing.assert_close(net(x).flatten(1), reference(x), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("net", "rows"),
    [
        # stage: width, kernels of its blocks, stride of the first
        (
            lambda: ResNet3dSlowOnly(depth=50),
            [(64, [NONE] * 3, 1), (128, [NONE] * 4, 2), (256, [FIRST] * 6, 2), (512, [FIRST] * 3, 2)],
        ),
        (
            lambda: ResNet3d(inflate=((1, 1, 1), (1, 0, 1, 0), (1, 0, 1, 0, 1, 0), (0, 1, 0))),
            [
                (64, [FIRST] * 3, 1),
                (128, [FIRST, NONE] * 2, 2),
                (256, [FIRST, NONE] * 3, 2),
                (512, [NONE, FIRST, NONE], 2),
            ],
        ),
        (
            lambda: ResNet3d(
                num_stages=2,
                out_indices=(1,),
                inflate=1,
                inflate_style="3x3x3",
                spatial_strides=(1, 2),
                temporal_strides=(1, 1),
                dilations=(1, 1),
            ),
            [(64, [SPATIAL] * 3, 1), (128, [SPATIAL] * 4, 2)],
        ),
    ],
)
def test_rows(net, rows):
    stages = net().spec.stages
    assert [(s.width, list(s.kernels), s.stride[1]) for s in stages] == rows


def test_posec3d_is_a_row():
    net = ResNet3dSlowOnly(
        in_channels=17,
        base_channels=32,
        num_stages=3,
        out_indices=(2,),
        stage_blocks=(4, 6, 3),
        conv1_stride_s=1,
        pool1_stride_s=1,
        inflate=(0, 1, 1),
        spatial_strides=(2, 2, 2),
        temporal_strides=(1, 1, 2),
        dilations=(1, 1, 1),
    )
    spec = net.spec
    assert (spec.in_channels, spec.stem_channels, spec.stem_kernel, spec.stem_stride) == (17, 32, (1, 7, 7), (1, 1, 1))
    assert spec.pool1[1] == (1, 1, 1)
    assert spec.pool2 is None
    assert [(s.width, len(s.kernels), s.stride) for s in spec.stages] == [
        (32, 4, (1, 2, 2)),
        (64, 6, (1, 2, 2)),
        (128, 3, (2, 2, 2)),
    ]
    assert [s.kernels[0] for s in spec.stages] == [NONE, FIRST, FIRST]
    assert spec.stages[-1].out_channels == 512


def test_specs_cannot_be_changed():
    spec = ResNet3d(depth=18).spec
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.stages[0].width = 1


@pytest.mark.parametrize(("style", "strided"), [("pytorch", "conv2"), ("caffe", "conv1")])
def test_where_a_bottleneck_strides(style, strided):
    block = ResNet(depth=50, style=style).layer2[0]
    strides = {name: getattr(block, name).conv.stride for name in ("conv1", "conv2", "conv3")}
    assert strides == {**dict.fromkeys(strides, (1, 1)), strided: (2, 2)}
    assert block.downsample.conv.stride == (2, 2)


def test_a_basic_block_always_strides_first():
    for style in ("pytorch", "caffe"):
        assert ResNet(depth=18, style=style).layer2[0].conv1.conv.stride == (2, 2)


def test_dilation_is_spatial_and_keeps_the_size():
    net = ResNet3d(depth=50, base_channels=4, spatial_strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4), with_pool2=False)
    conv = net.layer4[1].conv2.conv
    assert (conv.dilation, conv.padding) == ((1, 4, 4), (0, 4, 4))
    assert net(torch.rand(2, 3, 2, 32, 32)).shape == (2, 128, 2, 4, 4)


def test_an_even_temporal_kernel_shortens_the_clip_as_published():
    net = ResNet3d(18, conv1_kernel=(4, 7, 7), conv1_stride_t=1, pool1_stride_t=1, with_pool2=False, base_channels=4)
    assert net(torch.rand(1, 3, 8, 32, 32)).shape[2] == 7


def test_temporal_stride_alone_strides_the_shortcut():
    net = ResNet3dSlowOnly(depth=18, base_channels=4, temporal_strides=(2, 1, 1, 1))
    assert net.layer1[0].downsample.conv.stride == (2, 1, 1)
    assert net(torch.rand(2, 3, 4, 32, 32)).shape[2] == 2


def test_several_outputs():
    net = ResNet3dSlowOnly(depth=18, base_channels=4, out_indices=(0, 3))
    first, last = net(torch.rand(2, 3, 2, 32, 32))
    assert first.shape == (2, 4, 2, 8, 8)
    assert last.shape == (2, 32, 2, 1, 1)


@pytest.mark.parametrize("mode", ["gaussian", "embedded_gaussian", "dot_product", "concatenation"])
@pytest.mark.parametrize("sub_sample", [True, False])
def test_non_local_blocks_start_as_identity_and_learn(mode, sub_sample):
    cfg = {"mode": mode, "sub_sample": sub_sample, "use_scale": False, "norm_cfg": {"type": "BN3d"}}
    small = {"depth": 18, "base_channels": 8, "num_stages": 2, "out_indices": (1,), "spatial_strides": (1, 2)}
    small |= {"temporal_strides": (1, 1), "dilations": (1, 1), "inflate": 1}
    net = ResNet3d(**small, non_local=(0, (0, 1)), non_local_cfg=cfg)
    net.init_weights()
    assert net.layer2[0].non_local_block is None
    plain = ResNet3d(**small)
    plain.load_state_dict({k: v for k, v in net.state_dict().items() if "non_local" not in k})
    x = torch.rand(2, 3, 4, 32, 32)
    torch.testing.assert_close(net(x), plain(x))
    net(x).square().mean().backward()
    assert net.layer2[1].non_local_block.conv_out.bn.weight.grad.abs().sum() > 0
    assert cfg == {"mode": mode, "sub_sample": sub_sample, "use_scale": False, "norm_cfg": {"type": "BN3d"}}


def test_single_stage_equals_the_same_stage_of_the_network():
    net = ResNet3d(depth=18, base_channels=4).eval()
    layer = ResNet3dLayer(depth=18, base_channels=4).eval()
    layer.load_state_dict({k: v for k, v in net.state_dict().items() if k.startswith("layer4")})
    x = torch.rand(1, 16, 2, 4, 4)
    torch.testing.assert_close(layer(x), net.layer4(x))
    frozen = ResNet3dLayer(depth=18, base_channels=4, all_frozen=True)
    assert not any(p.requires_grad for p in frozen.parameters())


def test_block_without_norm():
    net = ResNet3dSlowOnly(depth=18, base_channels=4, norm_cfg=None)
    net.init_weights()
    assert isinstance(net.layer1[0], ResidualBlock)
    assert not any("bn" in name for name in net.state_dict())


def test_tables():
    assert blocks_of(50, 3) == (BOTTLENECK, (3, 4, 6))
    assert blocks_of(18, 4, (1, 1, 1, 1)) == (BASIC, (1, 1, 1, 1))
    assert per_stage("x", 2, 3) == (2, 2, 2)
    assert per_stage("x", (1, 0, 0, 0), 3) == (1, 0, 0)
    assert per_block("x", (1, 0), 2) == (True, False)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: blocks_of(49, 4), "depth must be one of 18, 34, 50, 101, 152; got 49"),
        (lambda: blocks_of(50, 5), "num_stages must be 1 to 4; got 5"),
        (lambda: blocks_of(50, 3, (1, 2)), "stage_blocks needs one entry for each of the 3 stages"),
        (lambda: per_stage("dilations", (1, 1, 1, 1), 3), "dilations needs one entry for each of the 3 stages"),
        (lambda: per_block("inflate", (1, 0), 3), "inflate needs one entry for each of the stage's 3 blocks"),
        (lambda: stage_kernels(4, 3, 1, "1x1x3"), "inflate_style must be '3x1x1' or '3x3x3'; got '1x1x3'"),
        (lambda: ResNet(depth=18, style="tf"), "style must be 'pytorch' or 'caffe'; got 'tf'"),
        (lambda: ResNet3d(depth=18, out_indices=(4,)), r"out_indices must name stages 0 to 3; got \(4,\)"),
        (lambda: ResNet3d(depth=18, frozen_stages=5), "frozen_stages must be -1 to 4; got 5"),
        (lambda: ResNet3dSlowOnly(lateral=True), "use ResNet3dSlowFast"),
        (lambda: ResNet3dLayer(depth=18, stage=4), "stage must be 0 to 3; got 4"),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_clip_too_short_for_its_pool_is_refused():
    net = ResNet3d(18, base_channels=4).eval()
    with pytest.raises(ValueError, match=r"too short: 1 frames reach pool2, which merges 2; .*clip_len"):
        net(torch.rand(1, 3, 1, 16, 16))
