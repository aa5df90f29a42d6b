import copy

import pytest
import torch

from mmaction.models.backbones import ResNet3dSlowFast, RGBPoseConv3D
from mmaction.models.backbones.multipath import FAST_PATHWAY, RGB_PATHWAY, SLOW_PATHWAY, every
from mmaction.models.layers import trained_parts

SLOW = {**SLOW_PATHWAY, "depth": 18, "base_channels": 16}
FAST = {**FAST_PATHWAY, "depth": 18, "base_channels": 2}
POSE = {
    "depth": 18,
    "num_stages": 3,
    "out_indices": (2,),
    "in_channels": 5,
    "base_channels": 4,
    "conv1_stride_s": 1,
    "pool1_stride_s": 1,
    "inflate": (0, 1, 1),
    "spatial_strides": (2, 2, 2),
    "temporal_strides": (1, 1, 1),
    "dilations": (1, 1, 1),
    "lateral": True,
    "lateral_inv": True,
    "lateral_infl": 8,
    "lateral_activate": (0, 1, 1),
}
RGB = {**RGB_PATHWAY, "depth": 18, "base_channels": 8}


def slowfast(**changes):
    return ResNet3dSlowFast(**{"slow_pathway": SLOW, "fast_pathway": FAST, **changes})


@pytest.mark.parametrize(("frames", "rate"), [(32, 8), (33, 8), (39, 8), (8, 8), (5, 1)])
def test_every_equals_nearest_interpolation(frames, rate):
    x = torch.rand(1, 2, frames, 3, 3)
    expected = torch.nn.functional.interpolate(x, mode="nearest", scale_factor=(1 / rate, 1.0, 1.0))
    assert torch.equal(every(x, rate), expected)


def test_clip_whose_pathways_do_not_meet_is_refused():
    net = slowfast(resample_rate=4, speed_ratio=4)
    assert net(torch.rand(2, 3, 8, 32, 32))[0].shape[2] == 2
    with pytest.raises(ValueError, match=r"slow_path has 1 frames of 8x8 where 2 of 8x8 join it: .*clip_len"):
        net(torch.rand(2, 3, 7, 32, 32))


def test_too_short_clip_is_refused():
    with pytest.raises(ValueError, match="a clip of 4 frames is too short to take every 8th"):
        slowfast()(torch.rand(1, 3, 4, 32, 32))


def test_fusion_widths_come_from_the_other_pathway():
    net = slowfast(fast_pathway={**FAST, "base_channels": 4}, channel_ratio=4)
    assert net.slow_path.conv1_lateral.conv.weight.shape == (8, 4, 5, 1, 1)
    assert net.slow_path.layer3_lateral.conv.weight.shape == (32, 16, 5, 1, 1)
    assert [stage.in_channels for stage in net.slow_path.spec.stages] == [24, 24, 48, 96]
    assert not any("lateral" in name for name in net.fast_path.state_dict())
    assert [tuple(out.shape) for out in net(torch.rand(2, 3, 8, 32, 32))] == [(2, 128, 1, 1, 1), (2, 32, 8, 1, 1)]


def test_the_slow_pathway_hears_the_fast_one_but_not_the_reverse():
    net = slowfast().eval()
    x = torch.rand(1, 3, 16, 32, 32)
    changed = x.clone()
    changed[:, :, 5] += 1  # a frame that the slow pathway does not see itself
    (slow, fast), (slow2, fast2) = net(x), net(changed)
    assert not torch.equal(slow, slow2)
    assert not torch.equal(fast, fast2)
    without = slowfast(slow_pathway={**SLOW, "lateral": False}).eval()
    assert torch.equal(without(x)[0], without(changed)[0])


@pytest.mark.parametrize("kernel", [4, 5, 6, 7])
def test_fusion_kernels_odd_and_even(kernel):
    net = slowfast(slow_pathway={**SLOW, "fusion_kernel": kernel}).eval()
    assert net.slow_path.conv1_lateral.conv.padding == ((kernel - 1) // 2, 0, 0)
    assert [out.shape[2] for out in net(torch.rand(1, 3, 64, 16, 16))] == [8, 64]
    pathways = {"rgb_pathway": {**RGB, "fusion_kernel": kernel}, "pose_pathway": {**POSE, "fusion_kernel": kernel}}
    out = rgbpose(**pathways).eval()(torch.rand(1, 3, 2, 32, 32), torch.rand(1, 5, 8, 8, 8))
    assert [x.shape[2] for x in out] == [2, 8]


def test_lateral_norm_adds_norm_and_activation():
    keys = set(slowfast(slow_pathway={**SLOW, "lateral_norm": True}).state_dict())
    assert "slow_path.conv1_lateral.bn.weight" in keys
    assert "slow_path.conv1_lateral.bn.weight" not in slowfast().state_dict()


def test_callers_configs_stay_as_they_were():
    slow, fast = copy.deepcopy(SLOW), copy.deepcopy(FAST)
    slowfast(slow_pathway=slow, fast_pathway=fast)
    assert (slow, fast) == (SLOW, FAST)


def test_what_trains_between_frozen_pathways_can_be_told():
    frozen = {"frozen_stages": 4}
    net = slowfast(slow_pathway={**SLOW, **frozen}, fast_pathway={**FAST, **frozen})
    assert trained_parts(net) == ["slow_path.conv1_lateral"]
    assert trained_parts(slowfast()) == ["slow_path", "fast_path"]


def test_frozen_stages_include_their_laterals():
    net = slowfast(slow_pathway={**SLOW, "frozen_stages": 2})
    assert not net.slow_path.layer2_lateral.conv.weight.requires_grad
    assert net.slow_path.layer3_lateral.conv.weight.requires_grad
    assert net.fast_path.conv1.conv.weight.requires_grad


def test_whole_checkpoint_and_pathway_checkpoint(tmp_path):
    net = slowfast()
    net.init_weights()
    torch.save({"state_dict": {f"backbone.{k}": v for k, v in net.state_dict().items()}}, tmp_path / "whole.pth")
    whole = slowfast(pretrained=str(tmp_path / "whole.pth"))
    whole.init_weights()
    assert all(torch.equal(v, net.state_dict()[k]) for k, v in whole.state_dict().items())
    torch.save(net.fast_path.state_dict(), tmp_path / "fast.pth")
    fast = {**FAST, "pretrained": str(tmp_path / "fast.pth"), "pretrained2d": False}
    one = slowfast(fast_pathway=fast)
    one.init_weights()
    assert torch.equal(one.fast_path.layer4[0].conv1.conv.weight, net.fast_path.layer4[0].conv1.conv.weight)
    assert not torch.equal(one.slow_path.layer4[0].conv1.conv.weight, net.slow_path.layer4[0].conv1.conv.weight)


def test_init_cfg_is_followed(tmp_path):
    net = slowfast(init_cfg={"type": "Constant", "layer": "Conv3d", "val": 0.5})
    net.init_weights()
    assert (net.slow_path.conv1_lateral.conv.weight == 0.5).all()
    assert (net.fast_path.layer4[0].conv1.conv.weight == 0.5).all()
    torch.save({"state_dict": {f"backbone.{k}": v for k, v in net.state_dict().items()}}, tmp_path / "whole.pth")
    pretrained = {"type": "Pretrained", "checkpoint": str(tmp_path / "whole.pth"), "prefix": "backbone."}
    other = slowfast(init_cfg=pretrained)
    other.init_weights()
    assert all(torch.equal(v, net.state_dict()[k]) for k, v in other.state_dict().items())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resample_rate": 6, "speed_ratio": 4}, "resample_rate=6 must be a multiple of speed_ratio=4"),
        ({"channel_ratio": 4}, "channel_ratio=4, but the pathways have base_channels 16 and 2"),
        ({"fast_pathway": {**FAST, "type": "resnet2d"}}, "fast_path: type must be one of resnet3d; got 'resnet2d'"),
    ],
)
def test_wrong_arguments(changes, message):
    with pytest.raises(ValueError, match=message):
        slowfast(**changes)


def rgbpose(**changes):
    return RGBPoseConv3D(**{"rgb_pathway": RGB, "pose_pathway": POSE, **changes})


def test_rgbpose_joins_aligned_stages_both_ways():
    net = rgbpose()
    laterals = {k: tuple(v.shape) for k, v in net.state_dict().items() if "lateral" in k}
    assert laterals == {
        "rgb_path.layer2_lateral.conv.weight": (4, 4, 7, 1, 1),
        "rgb_path.layer3_lateral.conv.weight": (8, 8, 7, 1, 1),
        "pose_path.layer1_lateral.conv.weight": (16, 2, 5, 1, 1),
        "pose_path.layer2_lateral.conv.weight": (32, 4, 5, 1, 1),
    }


@pytest.mark.parametrize("detached", ["rgb", "pose"])
def test_rgbpose_detach_stops_the_gradient(detached):
    net = rgbpose(**{f"{detached}_detach": True}).eval()
    rgb, pose = net(torch.rand(2, 3, 2, 64, 64), torch.rand(2, 5, 8, 16, 16))
    out, other = (rgb, net.pose_path) if detached == "rgb" else (pose, net.rgb_path)
    out.sum().backward()
    assert other.conv1.conv.weight.grad is None


def test_rgbpose_drop_path_only_drops_in_training():
    net = rgbpose(rgb_drop_path=1.0)
    imgs, heatmaps = torch.rand(2, 3, 2, 64, 64), torch.rand(2, 5, 8, 16, 16)
    net.train()
    net(imgs, heatmaps)[0].sum().backward()
    assert not net.rgb_path.layer2_lateral.conv.weight.grad.any()
    net.eval()
    net(imgs, heatmaps)[0].sum().backward()
    assert net.rgb_path.layer2_lateral.conv.weight.grad.any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channel_ratio": 3}, "channel_ratio=3, but the pathways end in 64 and 16 channels"),
        ({"rgb_drop_path": 1.5}, r"the drop probability of rgb_path must be in \[0, 1\]; got 1.5"),
    ],
)
def test_wrong_rgbpose_arguments(changes, message):
    with pytest.raises(ValueError, match=message):
        rgbpose(**changes)
