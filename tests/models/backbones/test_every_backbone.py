"""What holds for every backbone: it is built from its config, trains, freezes and stays in the mode it is told."""

import ast
import inspect
import json

import pytest
import torch
from mmengine.registry import DefaultScope
from torch.nn.modules.batchnorm import _BatchNorm

from mmaction.models import backbones
from mmaction.models.backbones.base import Backbone
from mmaction.models.backbones.foundation.base import FoundationBackbone
from mmaction.models.backbones.foundation.published import PublishedNetwork
from mmaction.registry import MODELS

RGB = (2, 3, 4, 32, 32)
HEATMAPS = (2, 17, 4, 16, 16)
SKELETONS = (2, 2, 8, 17, 3)
GRAPH = {"graph_cfg": {"layout": "coco"}, "base_channels": 8, "num_stages": 5}
POSE_NET = {
    "num_stages": 3,
    "out_indices": (2,),
    "conv1_stride_s": 1,
    "pool1_stride_s": 1,
    "inflate": (0, 1, 1),
    "spatial_strides": (2, 2, 2),
    "temporal_strides": (1, 1, 2),
    "dilations": (1, 1, 1),
}
FAST = {"depth": 18, "base_channels": 4, "conv1_kernel": (5, 7, 7)}
SLOW = {**FAST, "base_channels": 8, "conv1_kernel": (1, 7, 7), "inflate": (0, 0, 1, 1), "lateral": True}
RGB_PATH = {"depth": 18, "base_channels": 8, "lateral": True, "lateral_infl": 1, "lateral_activate": (0, 0, 1, 1)}
POSE_PATH = {**POSE_NET, "depth": 18, "base_channels": 4, "in_channels": 17, "temporal_strides": (1, 1, 1)}
POSE_PATH |= {"lateral": True, "lateral_inv": True, "lateral_infl": 8, "lateral_activate": (0, 1, 1)}

CASES = {
    "ResNet": ({"depth": 18}, [(2, 3, 16, 16)], [(2, 512, 1, 1)]),
    "C2D": ({"depth": 18}, [(2, 3, 4, 16, 16)], [(2, 512, 2, 1, 1)]),
    "ResNetTSM": ({"depth": 18, "num_segments": 4}, [(8, 3, 16, 16)], [(8, 512, 1, 1)]),
    "ResNet3d": ({"depth": 18, "base_channels": 8}, [RGB], [(2, 64, 2, 1, 1)]),
    "ResNet3dSlowOnly": (
        {"depth": 50, "in_channels": 17, "base_channels": 4, "stage_blocks": (1, 2, 1), **POSE_NET},
        [HEATMAPS],
        [(2, 64, 2, 2, 2)],
    ),
    "ResNet3dLayer": ({"depth": 18, "base_channels": 4}, [(2, 16, 2, 4, 4)], [(2, 32, 2, 2, 2)]),
    "ResNet2Plus1d": (
        {"depth": 18, "base_channels": 8, "conv_cfg": {"type": "Conv2plus1d"}, "temporal_strides": (1, 2, 2, 1)},
        [RGB],
        [(2, 64, 1, 1, 1)],
    ),
    "ResNet3dSlowFast": (
        {"resample_rate": 4, "speed_ratio": 2, "channel_ratio": 2, "slow_pathway": SLOW, "fast_pathway": FAST},
        [(2, 3, 8, 32, 32)],
        [(2, 64, 2, 1, 1), (2, 32, 4, 1, 1)],
    ),
    "RGBPoseConv3D": (
        {"speed_ratio": 2, "channel_ratio": 4, "rgb_pathway": RGB_PATH, "pose_pathway": POSE_PATH},
        [(2, 3, 2, 64, 64), (2, 17, 4, 16, 16)],
        [(2, 64, 2, 2, 2), (2, 16, 4, 2, 2)],
    ),
    "C3D": (
        {"in_channels": 17, "base_channels": 4, "num_stages": 3, "temporal_downsample": False},
        [HEATMAPS],
        [(2, 32, 4, 2, 2)],
    ),
    "X3D": (
        {"gamma_b": 2.25, "in_channels": 17, "num_stages": 3, "se_ratio": None, "use_swish": False}
        | {"stage_blocks": (1, 2, 1), "spatial_strides": (2, 2, 2), "base_channels": 8},
        [HEATMAPS],
        [(2, 72, 4, 1, 1)],
    ),
    "STGCN": (
        {**GRAPH, "gcn_adaptive": "init", "gcn_with_res": True, "tcn_type": "mstcn", "base_channels": 12},
        [SKELETONS],
        [(2, 2, 24, 4, 17)],
    ),
    "AAGCN": (GRAPH, [SKELETONS], [(2, 2, 16, 4, 17)]),
    "CTRGCN": (GRAPH, [SKELETONS], [(2, 2, 16, 4, 17)]),
}
"""Registered name to a tiny config, the shapes of its inputs and the shapes of its outputs."""


def build(name: str, **changes) -> torch.nn.Module:
    net = MODELS.build({"type": name, **CASES[name][0], **changes})
    torch.manual_seed(0)
    net.init_weights()
    return net


def run(net: torch.nn.Module, name: str) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    out = net(*(torch.rand(shape, generator=generator) for shape in CASES[name][1]))
    return list(out) if isinstance(out, tuple) else [out]


def test_no_backbone_is_left_out():
    exported = {getattr(backbones, name) for name in backbones.__all__} - {
        backbones.Conv2plus1d,
        backbones.ExpertAttention,
    }
    ours = (FoundationBackbone, PublishedNetwork, backbones.UniFormerV2)  # tested in tests/models/backbones/foundation
    exported = {cls for cls in exported if not issubclass(cls, ours)}
    assert {cls.__name__ for cls in exported} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_trains_and_infers(name):
    net = build(name)
    assert net.train() is net
    outs = run(net, name)
    assert [tuple(out.shape) for out in outs] == CASES[name][2]
    sum(out.square().mean() for out in outs).backward()
    for key, parameter in net.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    with torch.no_grad():
        first, second = run(net, name), run(net, name)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_weights_survive_saving(name, tmp_path):
    net, other = build(name).eval(), MODELS.build({"type": name, **CASES[name][0]}).eval()
    torch.save(net.state_dict(), tmp_path / "net.pth")
    other.load_state_dict(torch.load(tmp_path / "net.pth", weights_only=True))
    with torch.no_grad():
        pairs = zip(run(net, name), run(other, name), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)


@pytest.mark.parametrize("name", CASES)
def test_init_cfg_is_followed(name):
    net = build(name, init_cfg={"type": "Constant", "layer": ["Conv2d", "Conv3d"], "val": 0.5})
    convs = [module for module in net.modules() if isinstance(module, torch.nn.Conv2d | torch.nn.Conv3d)]
    assert convs
    assert all((conv.weight == 0.5).all() for conv in convs)


@pytest.mark.parametrize("name", CASES)
def test_pretrained_of_init_cfg_runs_no_code_outside_our_scope(name, hostile_checkpoint):
    init_cfg = {"type": "Pretrained", "checkpoint": hostile_checkpoint}
    net = MODELS.build({"type": name, **CASES[name][0], "init_cfg": init_cfg})
    with (
        DefaultScope.overwrite_default_scope("mmengine"),
        pytest.raises(ValueError, match=r"net\.pth is refused: it holds"),
    ):
        net.init_weights()


FREEZABLE = ["ResNet", "ResNetTSM", "ResNet3d", "ResNet3dSlowOnly", "X3D"]


@pytest.mark.parametrize("name", FREEZABLE)
@pytest.mark.parametrize("frozen_stages", [-1, 0, 2])
def test_frozen_stages_do_not_learn(name, frozen_stages):
    net = build(name, frozen_stages=frozen_stages).train()
    frozen = {f"layer{i}" for i in range(1, frozen_stages + 1)}
    if frozen_stages >= 0:
        frozen |= {"conv1", "conv1_s", "conv1_t"}
    statistics = {key: value.clone() for key, value in net.state_dict().items() if "running" in key}
    sum(out.square().mean() for out in run(net, name)).backward()
    for key, parameter in net.named_parameters():
        assert (parameter.grad is None) == (key.split(".")[0] in frozen), key
    for key, before in statistics.items():
        assert torch.equal(net.state_dict()[key], before) == (key.split(".")[0] in frozen), key


@pytest.mark.parametrize("name", ["ResNet", "ResNetTSM", "ResNet3d", "ResNet3dLayer", "X3D"])
def test_norm_eval_keeps_statistics_but_trains_weights(name):
    net = build(name, norm_eval=True).train()
    norms = [module for module in net.modules() if isinstance(module, _BatchNorm)]
    assert norms
    assert not any(norm.training for norm in norms)
    assert all(norm.weight.requires_grad for norm in norms)
    assert net.training


@pytest.mark.parametrize("name", FREEZABLE)
@pytest.mark.parametrize("frozen_stages", [-1, 1])
def test_recomputed_activations_change_nothing(name, frozen_stages):
    grads, statistics = [], []
    for with_cp in (False, True):
        net = build(name, with_cp=with_cp, frozen_stages=frozen_stages).train()
        loss = sum(out.square().mean() for out in run(net, name))
        loss.backward(retain_graph=True)
        loss.backward()  # recomputes once more
        grads.append({key: parameter.grad for key, parameter in net.named_parameters()})
        statistics.append(dict(net.named_buffers()))
    for plain, recomputed in (grads, statistics):
        torch.testing.assert_close(recomputed, plain)


@pytest.mark.parametrize(
    "name", [name for name in CASES if name.startswith(("ResNet3d", "ResNet2Plus1d", "X3D", "RGB"))]
)
def test_residual_branches_start_at_zero(name):
    zeros = [key for key, value in build(name).named_parameters() if "bn.weight" in key and not value.any()]
    assert zeros
    assert all(key.split(".")[-3] in ("conv2", "conv3") for key in zeros)


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("ResNet3dSlowFast", "RGBPoseConv3D")])
def test_wrong_pretrained_is_refused(name, tmp_path):
    with pytest.raises(TypeError, match="pretrained must be a path"):
        MODELS.build({"type": name, **CASES[name][0], "pretrained": 3})
    net = MODELS.build({"type": name, **CASES[name][0], "pretrained": str(tmp_path / "absent.pth")})
    with pytest.raises(FileNotFoundError, match=r"absent\.pth"):
        net.init_weights()


def arguments(cls: type) -> dict[str, object]:
    """Return the arguments of ``cls`` and, where it passes on keywords, of its bases, with their defaults."""
    found = {}
    for base in cls.__mro__:
        parameters = inspect.signature(base.__init__).parameters if "__init__" in vars(base) else {}
        kinds = {parameter.kind for parameter in parameters.values()}
        for name, parameter in parameters.items():
            if name != "self" and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                found.setdefault(name, parameter.default)
        if parameters and inspect.Parameter.VAR_KEYWORD not in kinds:
            break
    return found


def plain(value):
    """Return ``value`` with tuples as lists, in which the published defaults may differ."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("name", CASES)
def test_published_arguments_keep_their_order_and_defaults(shared, name):
    files = ("mmaction2_1.2_signatures_to_come.json", "mmaction2_1.2_signatures.json")
    models = {}
    for file in files:
        models |= json.loads((shared / "interface" / file).read_text())["models"]
    published = models[name]["arguments"]
    ours = arguments(getattr(backbones, name))
    assert [argument for argument in ours if argument in published] == list(published)
    for argument, default in published.items():
        expected = inspect.Parameter.empty if default == "required" else ast.literal_eval(default)
        assert plain(ours[argument]) == plain(expected), argument


def test_backbone_is_abstract():
    with pytest.raises(NotImplementedError):
        Backbone().train()
