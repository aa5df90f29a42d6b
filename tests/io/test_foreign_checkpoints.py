"""Checkpoints of other projects: the same outputs where the network is at hand, the published names where it is not."""

import logging
import pickle

import pytest
import torch
from torch import nn

from mmaction.io.checkpoints import load_weights, model_weights, read_checkpoint
from mmaction.io.foreign_checkpoints import convert
from mmaction.models.backbones.multipath import FAST_PATHWAY, SLOW_PATHWAY
from mmaction.registry import MODELS

NORM = {"weight": 1, "bias": 1, "running_mean": 1, "running_var": 1}
FACTORIZED = {"type": "ResNet2Plus1d", "conv_cfg": {"type": "Conv2plus1d"}, "plain_shortcut": True}


def network(backbone, head="I3DHead", in_channels=512, num_classes=400):
    cls_head = {"type": head, "in_channels": in_channels, "num_classes": num_classes, "average_clips": None}
    return MODELS.build({"type": "Recognizer3D", "backbone": backbone, "cls_head": cls_head}).eval()


def lively(net):
    """Norms that change something, in evaluation mode."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            module.bias.data.normal_(0, 0.2)
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    return net.eval()


@pytest.mark.parametrize(
    ("name", "backbone"),
    [
        ("r2plus1d_18", {**FACTORIZED, "temporal_strides": (1, 2, 2, 2)}),
        ("mc3_18", {"type": "ResNet3d", "inflate": (1, 0, 0, 0), "with_pool2": False}),
    ],
)
def test_video_networks_of_torchvision_give_their_outputs(name, backbone):
    from torchvision.models import video

    theirs = lively(getattr(video, name)(weights=None))
    common = {"depth": 18, "conv1_kernel": (3, 7, 7), "with_pool1": False}
    ours = network({**common, **backbone})
    report = load_weights(ours, model_weights(theirs.state_dict()), name, strict=True)
    assert not report.unexpected
    clip = torch.randn(1, 3, 2, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(ours(clip[:, None], mode="tensor", stage="head"), theirs(clip), rtol=1e-4, atol=1e-4)


def conv(name, out_channels, in_channels, *kernel):
    return {f"{name}.weight": torch.randn(out_channels, in_channels, *kernel)}


def norm(name, channels):
    return {f"{name}.{key}": torch.rand(channels) for key in NORM}


def pathway(number, width, stem, kernels, added=(0, 0, 0, 0), depthwise=False):
    """A pathway of PySlowFast with one bottleneck a stage; ``kernels`` are the temporal ones of the stages."""
    weights = conv(f"s1.pathway{number}_stem.conv", width, 3, stem, 7, 7) | norm(f"s1.pathway{number}_stem.bn", width)
    entering = width
    for stage, (kernel, more) in enumerate(zip(kernels, added, strict=True), 2):
        block, inner = f"s{stage}.pathway{number}_res0", width * 2 ** (stage - 2)
        weights |= conv(f"{block}.branch1", 4 * inner, entering + more, 1, 1, 1) | norm(
            f"{block}.branch1_bn", 4 * inner
        )
        weights |= conv(f"{block}.branch2.a", inner, entering + more, kernel, 1, 1)
        weights |= conv(f"{block}.branch2.b", inner, 1 if depthwise else inner, 1, 3, 3)
        weights |= conv(f"{block}.branch2.c", 4 * inner, inner, 1, 1, 1)
        weights |= norm(f"{block}.branch2.a_bn", inner) | norm(f"{block}.branch2.b_bn", inner)
        weights |= norm(f"{block}.branch2.c_bn", 4 * inner)
        entering = 4 * inner
    return weights


def projection(in_channels):
    return {"head.projection.weight": torch.randn(5, in_channels), "head.projection.bias": torch.randn(5)}


ONE_BLOCK = {"depth": 50, "stage_blocks": (1, 1, 1, 1), "base_channels": 8}
SINGLE = {
    "I3D": (5, (3, 3, 3, 1), {"type": "ResNet3d", "conv1_kernel": (5, 7, 7), "inflate": (1, 1, 1, 0)}),
    "SlowOnly": (1, (1, 1, 3, 3), {"type": "ResNet3dSlowOnly"}),
    "C2D": (1, (1, 1, 1, 1), {"type": "ResNet3d", "conv1_kernel": (1, 7, 7), "inflate": 0}),
}


@pytest.mark.parametrize("name", SINGLE)
def test_single_pathways_of_pyslowfast_fit_exactly(name, tmp_path):
    stem, kernels, backbone = SINGLE[name]
    state = pathway(0, 8, stem, kernels) | projection(256)
    torch.save({"epoch": 3, "model_state": state, "cfg": "text"}, tmp_path / "slow.pyth")
    ours = network({**ONE_BLOCK, **backbone}, in_channels=256, num_classes=5)
    weights = model_weights(read_checkpoint(tmp_path / "slow.pyth"))
    assert convert(state).source == f"{name} of PySlowFast"
    assert not load_weights(ours, weights, "slow.pyth", strict=True).unexpected
    block = ours.backbone.layer2[0]
    assert torch.equal(block.conv2.conv.weight, state["s3.pathway0_res0.branch2.b.weight"])
    assert torch.equal(block.downsample.bn.running_var, state["s3.pathway0_res0.branch1_bn.running_var"])


def slowfast():
    widths = [2, 8, 16, 32]  # of the fast pathway, after the stem and the first three stages
    state = pathway(0, 16, 1, (1, 1, 3, 3), [2 * width for width in widths]) | pathway(1, 2, 5, (3, 3, 3, 3))
    for point, width in enumerate(widths, 1):
        state |= conv(f"s{point}_fuse.conv_f2s", 2 * width, width, 7, 1, 1) | norm(f"s{point}_fuse.bn", 2 * width)
    return state | projection(512 + 64)


CAFFE2 = [
    ("s1_fuse.bn", "t_pool1_subsample_bn"),
    ("s1_fuse.conv_f2s", "t_pool1_subsample"),
    ("s1.pathway0_stem.conv", "conv1"),
    ("s1.pathway1_stem.conv", "t_conv1"),
    ("s1.pathway0_stem.bn", "res_conv1_bn"),
    ("s1.pathway1_stem.bn", "t_res_conv1_bn"),
    ("head.projection", "pred"),
    ("_fuse.bn", "_0_branch2c_bn_subsample_bn"),
    ("_fuse.conv_f2s", "_0_branch2c_bn_subsample"),
    (".pathway0_res", "_"),
    (".pathway1_res", "_"),
    (".branch2.", "_branch2"),
    (".branch1", "_branch1"),
]


def blobs(state):
    """The weights under the names of Caffe2, with what else lies in such a file."""
    named = {}
    for name, value in state.items():
        layer, _, kind = name.rpartition(".")
        fast = "t_" if "pathway1" in layer or "_fuse" in layer else ""
        for theirs, blob in CAFFE2:
            layer = layer.replace(theirs, blob)
        layer = f"{fast}re{layer}" if layer[0] == "s" else layer  # s3 becomes res3
        is_norm = f"{name.rpartition('.')[0]}.running_var" in state
        kinds = {"weight": "s" if is_norm else "w", "bias": "b", "running_mean": "rm", "running_var": "riv"}
        named[f"{layer}_{kinds[kind]}"] = value.numpy()
    return named | {f"{name}_momentum": value for name, value in list(named.items())[:3]}


@pytest.mark.parametrize("project", ["PySlowFast", "Caffe2"])
def test_slowfast_fits_exactly_and_its_head_takes_the_fast_pathway_first(project, tmp_path):
    state = slowfast()
    content = {"model_state": state} if project == "PySlowFast" else {"blobs": blobs(state)}
    with (tmp_path / "net.pkl").open("wb") as file:
        torch.save(content, file) if project == "PySlowFast" else pickle.dump(content, file, protocol=2)
    slow = {**SLOW_PATHWAY, **ONE_BLOCK, "base_channels": 16, "lateral_norm": True, "fusion_kernel": 7}
    backbone = {"type": "ResNet3dSlowFast", "slow_pathway": slow}
    backbone["fast_pathway"] = {**FAST_PATHWAY, **ONE_BLOCK, "base_channels": 2}
    ours = network(backbone, "SlowFastHead", 512 + 64, num_classes=5)
    weights = model_weights(read_checkpoint(tmp_path / "net.pkl"), "net.pkl")
    assert not load_weights(ours, weights, "net.pkl", strict=True).unexpected
    lateral = ours.backbone.slow_path.layer1_lateral
    assert torch.equal(lateral.conv.weight, state["s2_fuse.conv_f2s.weight"])
    assert torch.equal(lateral.bn.running_mean, state["s2_fuse.bn.running_mean"])
    slow_feats, fast_feats = torch.randn(1, 512, 1, 1, 1), torch.randn(1, 64, 1, 1, 1)
    theirs = nn.functional.linear(torch.cat([slow_feats, fast_feats], 1).flatten(1), state["head.projection.weight"])
    with torch.no_grad():
        scores = ours.cls_head((slow_feats, fast_feats), num_segs=1) - state["head.projection.bias"]
    torch.testing.assert_close(scores, theirs, rtol=1e-4, atol=1e-4)


def x3d(with_first_norm):
    """X3D-S of PySlowFast: a shortcut that keeps the width has a norm, which PyTorchVideo leaves out."""
    ours = network({"type": "X3D", "gamma_b": 2.25}, "X3DHead", 432, num_classes=5)
    state = {}
    for name, value in ours.state_dict().items():
        if "num_batches" in name or (not with_first_norm and "layer1.0.downsample.bn" in name):
            continue
        value = torch.rand_like(value)
        for old, new in (
            ("backbone.conv1_s.conv", "s1.pathway0_stem.conv_xy"),
            ("backbone.conv1_t.", "s1.pathway0_stem."),
            ("backbone.conv5.conv", "head.conv_5"),
            ("backbone.conv5.bn", "head.conv_5_bn"),
            ("cls_head.fc1", "head.lin_5"),
            ("cls_head.fc2", "head.projection"),
            ("downsample.conv", "branch1"),
            ("downsample.bn", "branch1_bn"),
            ("se_module", "branch2.se"),
            *((f"{part}.conv{i}.{kind}", f"{part}.branch2.{letter}{'_bn' * (kind == 'bn')}")
              for part in "0123456789" for i, letter in enumerate("abc", 1) for kind in ("conv", "bn")),
            *((f"backbone.layer{i}.", f"s{i + 1}.pathway0_res") for i in range(1, 5)),
        ):  # fmt: skip
            name = name.replace(old, new)
        state[name] = value[..., None, None, None] if name == "head.lin_5.weight" else value
    return ours, state


@pytest.mark.parametrize("with_first_norm", [True, False])
def test_x3d_fits_exactly(with_first_norm):
    ours, state = x3d(with_first_norm)
    assert not load_weights(ours, model_weights(state), "x3d", strict=True).unexpected
    norm = ours.backbone.layer1[0].downsample.bn
    x = torch.randn(1, 24, 1, 2, 2)
    assert torch.equal(norm(x), x) != with_first_norm
    assert torch.equal(ours.backbone.conv1_t.conv.weight, state["s1.pathway0_stem.conv.weight"])


def pytorchvideo(state, stages):
    """Rename a single pathway of PySlowFast to PyTorchVideo; ``stages`` are the numbers of its blocks there."""
    renamed = {}
    for name, value in state.items():
        for old, new in (
            ("s1.pathway0_stem.conv", "blocks.0.conv"),
            ("s1.pathway0_stem.bn", "blocks.0.norm"),
            ("branch1.", "branch1_conv."),
            ("branch1_bn", "branch1_norm"),
            *((f"branch2.{part}.", f"branch2.conv_{part}.") for part in "abc"),
            *((f"branch2.{part}_bn", f"branch2.norm_{part}") for part in "abc"),
            *((f"s{i}.pathway0_res", f"blocks.{number}.res_blocks.") for i, number in enumerate(stages, 2)),
            ("head.projection", "blocks.6.proj"),
        ):
            name = name.replace(old, new)
        renamed[name] = value
    return renamed


def test_pytorchvideo_counts_pools_as_blocks():
    state = pathway(0, 8, 5, (3, 3, 3, 1)) | projection(256)
    ours, converted = convert(state), convert(pytorchvideo(state, (1, 3, 4, 5)))
    assert converted.source == "I3D of PyTorchVideo"
    assert converted.weights.keys() == ours.weights.keys()
    assert all(torch.equal(value, ours.weights[name]) for name, value in converted.weights.items())


def test_what_the_weights_do_not_say_is_logged(caplog, monkeypatch):
    said = []
    monkeypatch.setattr("mmaction.io.checkpoints.print_log", lambda text, logger, level: said.append((text, level)))
    model_weights(pathway(0, 8, 5, (3, 3, 3, 1)) | projection(256), "i3d.pyth")
    (text, level), *_ = said
    assert level == logging.WARNING
    for word in ("i3d.pyth is I3D of PySlowFast", "114.75", "57.375", "conv1_stride_t=1"):
        assert word in text


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda state: state | {"s3.pathway0_nonlocal1.conv_g.weight": torch.ones(1)}, "non-local"),
        (lambda state: {k: v[:, :1] if ".branch2.b.w" in k else v for k, v in state.items()}, "CSN"),
        (lambda state: {k: v for k, v in state.items() if not k.startswith("s5")}, "lacks 's5"),
        (lambda state: state | {"s2.pathway0_res0.gate": torch.ones(1)}, "gate has no counterpart"),
    ],
)
def test_networks_that_cannot_be_built_are_named(change, word):
    state = change(pathway(0, 8, 1, (1, 1, 3, 3)) | projection(256))
    with pytest.raises(ValueError, match=rf"net\.pyth.*PySlowFast.*{word}"):
        model_weights(state, "net.pyth")


def test_other_known_files_are_named_when_they_do_not_fit():
    weights = {"features.0.0.0.weight": torch.ones(2)}
    with pytest.raises(ValueError, match="another architecture, torchvision's S3D"):
        load_weights(nn.Linear(1, 1), weights, "s3d.pth", strict=False)


@pytest.mark.parametrize("prefix", ["", "backbone."])
def test_a_backbone_alone_is_loaded_and_said_to_be_one(prefix):
    ours = network({**ONE_BLOCK, "type": "ResNet3dSlowOnly"}, in_channels=256)
    weights = {f"{prefix}{name}": value + 1 for name, value in ours.backbone.state_dict().items()}
    with pytest.raises(ValueError, match=r"does not fit(?s:.*)backbone alone"):
        load_weights(ours, weights, "backbone.pth", strict=True)
    report = load_weights(ours, weights, "backbone.pth", strict=False)
    assert "backbone alone" in "\n".join(report.lines()) and len(report.missing) == 2
    assert torch.equal(ours.backbone.conv1.conv.weight, weights[f"{prefix}conv1.conv.weight"])
