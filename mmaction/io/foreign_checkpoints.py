"""Checkpoints of other projects under our names: PySlowFast, its Caffe2 models, PyTorchVideo, torchvision.

Each converter takes a state dict and returns a new one. Names of Caffe2 and PyTorchVideo are first turned
into names of PySlowFast, so that the layout of its networks is written down once.
"""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch

Weights = Mapping[str, "torch.Tensor"]
Rule = tuple[str, str | Callable[[re.Match[str]], str]]

_NOT_WEIGHTS = re.compile(r"(_momentum|^lr|^model_iter|^weight_order|num_batches_tracked)$")
_INPUT = "its inputs are RGB with mean=[114.75] * 3 and std=[57.375] * 3"
_NO_TIME_STRIDE = "the I3D of that project does not stride time in the stem: conv1_stride_t=1, pool1_stride_t=1"
_LATERAL = (
    "its lateral connections have a norm: slow_pathway.lateral_norm=True, with its fusion_kernel ({kernel}); it takes "
    "slow frames from the first to the last of a clip at even distances, ResNet3dSlowFast every resample_rate-th"
)


class Converted(NamedTuple):
    """A checkpoint of another project: what it is, its weights under our names, and what a config must set for it."""

    source: str
    weights: "dict[str, torch.Tensor]"
    notes: tuple[str, ...]


def convert(weights: Weights) -> Converted | None:
    """Return ``weights`` under our names, None if they come from no such project; ValueError for other networks."""
    if any(re.match(r"s\d\.pathway\d_", name) for name in weights):
        return _from_slowfast("PySlowFast", weights)
    if "conv1_w" in weights and "pred_w" in weights:
        return _from_slowfast("Caffe2", caffe2_to_slowfast(weights))
    if any(re.match(r"blocks\.\d+\.(multipathway_blocks\.\d\.)?res_blocks\.", name) for name in weights):
        return _from_slowfast("PyTorchVideo", pytorchvideo_to_slowfast(weights))
    if "pooler.query_tokens" in weights:
        return _from_vjepa2(weights)
    if "stem.0.weight" in weights and "layer1.0.conv1.1.weight" in weights:
        return _from_torchvision_video(weights)
    return None


def name_of_others(weights: Weights) -> str | None:
    """Return what a state dict is by its names where no network here takes it; None if nobody knows."""
    for pattern, source in _OTHERS:
        if any(re.search(pattern, name) for name in weights):
            return source
    return None


_OTHERS = (
    (r"^features\.0\.0\.0\.weight$", "torchvision's S3D"),
    (r"^pos_encoding\.class_token$", "torchvision's MViT"),
    (r"^features\.0\.0\.attn\.relative_position_bias_table$", "torchvision's Video Swin"),
    (r"^cls_positional_encoding\.", "PyTorchVideo's MViT"),
    (r"^blocks\.0\.attn\.rel_pos_h$", "PySlowFast's MViT"),
    (r"^Mixed_5c\.|^Conv3d_1a_7x7\.", "the I3D of Carreira and Zisserman, an Inception network"),
    (r"^bn1\.|^layer1\.0\.bn1\.", "an image network of torchvision (give it as backbone.pretrained)"),
)


def _renamed(weights: Weights, rules: tuple[Rule, ...], source: str) -> "dict[str, torch.Tensor]":
    """Return ``weights`` with each name rewritten by the first rule that matches its start, as one must."""
    renamed = {}
    for name, value in weights.items():
        if _NOT_WEIGHTS.search(name):
            continue
        for pattern, replacement in rules:
            new_name, count = re.subn(f"^{pattern}", replacement, name)
            if count:
                renamed[new_name] = value
                break
        else:
            raise ValueError(f"it looks like a checkpoint of {source}, but {name} has no counterpart here")
    return renamed


# -- Caffe2 and PyTorchVideo to PySlowFast -----------------------------------------------------------------------------
_CAFFE2_ENDS = {"w": "weight", "b": "bias", "s": "weight", "rm": "running_mean", "riv": "running_var"}
_CAFFE2_RULES: tuple[Rule, ...] = (
    (r"t_pool1_subsample_bn\.", "s1_fuse.bn."),
    (r"t_pool1_subsample\.", "s1_fuse.conv_f2s."),
    (r"t_res(\d)_\d+_branch2c_bn_subsample_bn\.", r"s\1_fuse.bn."),
    (r"t_res(\d)_\d+_branch2c_bn_subsample\.", r"s\1_fuse.conv_f2s."),
    (r"t_res_conv1_bn\.", "s1.pathway1_stem.bn."),
    (r"res_conv1_bn\.", "s1.pathway0_stem.bn."),
    (r"conv1_xy\.", "s1.pathway0_stem.conv_xy."),
    (r"t_conv1\.", "s1.pathway1_stem.conv."),
    (r"conv1\.", "s1.pathway0_stem.conv."),
    (r"(t_)?res(\d)_(\d+)_branch1", lambda m: f"s{m[2]}.pathway{int(bool(m[1]))}_res{m[3]}.branch1"),
    (r"(t_)?res(\d)_(\d+)_branch2([abc])", lambda m: f"s{m[2]}.pathway{int(bool(m[1]))}_res{m[3]}.branch2.{m[4]}"),
    (r"nonlocal_conv(\d)_(\d+)_", r"s\1.pathway0_nonlocal\2."),
    (r"pred\.", "head.projection."),
)


def caffe2_to_slowfast(blobs: Weights) -> "dict[str, torch.Tensor]":
    """Return the blobs of a Caffe2 model (``res2_0_branch2a_bn_s``) under the names of PySlowFast."""
    kept = {name: value for name, value in blobs.items() if not _NOT_WEIGHTS.search(name)}
    dotted = {re.sub(r"_(w|b|s|rm|riv)$", lambda m: f".{_CAFFE2_ENDS[m[1]]}", name): v for name, v in kept.items()}
    return _renamed(dotted, _CAFFE2_RULES, "Caffe2")


def pytorchvideo_to_slowfast(weights: Weights) -> "dict[str, torch.Tensor]":
    """Return weights of PyTorchVideo (``blocks.1.res_blocks.0.branch2.conv_a``) under the names of PySlowFast."""
    numbers = {int(m[1]) for m in (re.match(r"blocks\.(\d+)\..*res_blocks", name) for name in weights) if m}
    stage = {str(number): f"s{index}" for index, number in enumerate(sorted(numbers), 2)}  # a pool is a block there
    block = r"blocks\.(\d+)\.(?:multipathway_blocks\.(\d)\.)?res_blocks\.(\d+)\."

    def place(m: re.Match[str]) -> str:
        return f"{stage[m[1]]}.pathway{m[2] or 0}_res{m[3]}."

    rules: tuple[Rule, ...] = (
        (r"blocks\.0\.conv\.conv_t\.", "s1.pathway0_stem.conv_xy."),  # X3D: the names are the wrong way round there
        (r"blocks\.0\.conv\.conv_xy\.", "s1.pathway0_stem.conv."),
        (r"blocks\.0\.(?:multipathway_blocks\.(\d)\.)?conv\.", lambda m: f"s1.pathway{m[1] or 0}_stem.conv."),
        (r"blocks\.0\.(?:multipathway_blocks\.(\d)\.)?norm\.", lambda m: f"s1.pathway{m[1] or 0}_stem.bn."),
        (r"blocks\.(\d)\.multipathway_fusion\.norm\.", lambda m: f"s{int(m[1]) + 1}_fuse.bn."),
        (r"blocks\.(\d)\.multipathway_fusion\.conv_fast_to_slow\.", lambda m: f"s{int(m[1]) + 1}_fuse.conv_f2s."),
        (block + r"branch1_conv\.", lambda m: f"{place(m)}branch1."),
        (block + r"branch1_norm\.", lambda m: f"{place(m)}branch1_bn."),
        (block + r"branch2\.norm_b\.1\.block\.([02])\.", lambda m: f"{place(m)}branch2.se.fc{int(m[4]) // 2 + 1}."),
        (block + r"branch2\.norm_([abc])\.(?:0\.)?", lambda m: f"{place(m)}branch2.{m[4]}_bn."),
        (block + r"branch2\.conv_([abc])\.(?=weight|bias)", lambda m: f"{place(m)}branch2.{m[4]}."),
        (block + r"branch2\.conv_b\.(conv_t|conv_xy|norm)\.", lambda m: f"{place(m)}branch2.b.{m[4]}."),
        (r"blocks\.\d\.pool\.pre_conv\.", "head.conv_5."),
        (r"blocks\.\d\.pool\.pre_norm\.", "head.conv_5_bn."),
        (r"blocks\.\d\.pool\.post_conv\.", "head.lin_5."),
        (r"blocks\.\d\.proj\.", "head.projection."),
    )
    return _renamed(weights, rules, "PyTorchVideo")


# -- PySlowFast to ours ------------------------------------------------------------------------------------------------
_SLOWFAST_PARTS = {
    "branch1": "downsample.conv",
    "branch1_bn": "downsample.bn",
    "branch2.se": "se_module",
    **{f"branch2.{part}": f"conv{i}.conv" for i, part in enumerate("abc", 1)},
    **{f"branch2.{part}_bn": f"conv{i}.bn" for i, part in enumerate("abc", 1)},
}
_SLOWFAST_RULES: tuple[Rule, ...] = (
    (r"s1\.pathway(\d)_stem\.conv_xy\.", r"backbone.path\1.conv1_s.conv."),
    (r"s1\.pathway(\d)_stem\.", r"backbone.path\1.conv1."),
    (r"s1_fuse\.conv_f2s\.", "backbone.path0.conv1_lateral.conv."),
    (r"s1_fuse\.bn\.", "backbone.path0.conv1_lateral.bn."),
    (r"s(\d)_fuse\.conv_f2s\.", lambda m: f"backbone.path0.layer{int(m[1]) - 1}_lateral.conv."),
    (r"s(\d)_fuse\.bn\.", lambda m: f"backbone.path0.layer{int(m[1]) - 1}_lateral.bn."),
    (
        r"s(\d)\.pathway(\d)_res(\d+)\.(branch1_bn|branch1|branch2\.(?:[abc]_bn|[abc]|se))\.",
        lambda m: f"backbone.path{m[2]}.layer{int(m[1]) - 1}.{m[3]}.{_SLOWFAST_PARTS[m[4]]}.",
    ),
    (r"head\.conv_5\.", "backbone.path0.conv5.conv."),
    (r"head\.conv_5_bn\.", "backbone.path0.conv5.bn."),
    (r"head\.lin_5\.", "cls_head.fc1."),
    (r"head\.projection\.", "cls_head.fc_cls."),
)


def _network(weights: Weights) -> str:
    """Return which network of PySlowFast has these weights; ValueError if it is none that can be built here."""
    unknown = None
    if any("nonlocal" in name for name in weights):
        unknown = "a network with non-local blocks, which pool before they convolve and not after it"
    elif any(".branch2.b.conv_t." in name for name in weights):
        unknown = "an R(2+1)D of bottlenecks"
    elif any(name.startswith("s1.pathway1_") for name in weights):
        return "SlowFast"
    elif "s1.pathway0_stem.conv_xy.weight" in weights:
        return "X3D"
    elif weights["s2.pathway0_res0.branch2.b.weight"].shape[1] == 1:
        unknown = "a CSN"
    if unknown:
        raise ValueError(f"it is {unknown}, for which there is no network here")
    if weights["s1.pathway0_stem.conv.weight"].shape[2] > 1:
        return "I3D"
    return "SlowOnly" if weights["s5.pathway0_res0.branch2.a.weight"].shape[2] > 1 else "C2D"


def _from_slowfast(project: str, weights: Weights) -> Converted:
    """Convert the weights of a network with the names of PySlowFast."""
    try:
        network = _network(weights)
    except KeyError as error:
        raise ValueError(f"it looks like a checkpoint of {project}, but it lacks {error}") from error
    except ValueError as error:
        raise ValueError(f"it comes from {project}; {error}") from error
    notes = [_INPUT]
    paths = {"path0.": "", "path1.": ""}
    renamed = _renamed(weights, _SLOWFAST_RULES, project)
    if network == "SlowFast":
        paths = {"path0.": "slow_path.", "path1.": "fast_path."}
        notes.append(_LATERAL.format(kernel=weights["s1_fuse.conv_f2s.weight"].shape[2]))
        fast = weights["s5.pathway1_res0.branch2.c.weight"].shape[0]
        if "cls_head.fc_cls.weight" in renamed:  # SlowFastHead has the fast pathway first
            matrix = renamed["cls_head.fc_cls.weight"].flatten(1)
            renamed["cls_head.fc_cls.weight"] = matrix.roll(fast, dims=1)
    elif network == "I3D":
        notes.append(_NO_TIME_STRIDE)
    elif network == "X3D":
        renamed = {_x3d_name(name): value for name, value in renamed.items()}
    if project == "Caffe2":
        notes.append("projects that train with Caffe2 often read BGR: compare a few clips with to_rgb=False too")
    ours = {re.sub(r"path\d\.", lambda m: paths[m[0]], name): value for name, value in renamed.items()}
    for name in [name for name in ours if name.startswith("cls_head.") and ours[name].ndim > 2]:
        ours[name] = ours[name].flatten(1)  # 1x1x1 convolutions there
    return Converted(f"{network} of {project}", _with_shortcut_norms(ours), tuple(notes))


def _x3d_name(name: str) -> str:
    """Return the name of a weight in X3D, whose stem has two convolutions and whose head two layers."""
    name = re.sub(r"\.conv1\.(conv|bn)\.(?=\w+$)", r".conv1_t.\1.", name) if ".layer" not in name else name
    return name.replace("cls_head.fc_cls.", "cls_head.fc2.")


def _with_shortcut_norms(weights: "dict[str, torch.Tensor]") -> "dict[str, torch.Tensor]":
    """Add norms that change nothing to the shortcuts without one, as the first of X3D in PyTorchVideo."""
    added: dict[str, torch.Tensor] = {}
    for name, value in weights.items():
        if name.endswith("downsample.conv.weight"):
            norm = name.removesuffix("conv.weight") + "bn."
            if norm + "weight" not in weights:
                one = value.new_ones(value.shape[0])
                added |= {norm + "weight": one, norm + "bias": one * 0, norm + "running_mean": one * 0}
                added[norm + "running_var"] = one - 1e-5  # PyTorch's eps makes it 1
    return {**weights, **added}


# -- transformers ------------------------------------------------------------------------------------------------------
_VJEPA2_RULES: tuple[Rule, ...] = (
    (r"vjepa2\.encoder\.", "backbone.network.encoder."),
    (r"pooler\.", "cls_head.pooler."),
    (r"classifier\.", "cls_head.fc_cls."),
)


def _from_vjepa2(weights: Weights) -> Converted:
    """Convert a V-JEPA 2 with its probe; the predictor, which only its training uses, is left out."""
    kept = {name: value for name, value in weights.items() if not name.startswith("vjepa2.predictor.")}
    renamed = _renamed(kept, _VJEPA2_RULES, "transformers")
    blocks = {name.split(".")[3] for name in renamed if name.startswith("cls_head.pooler.self_attention_layers.")}
    return Converted("V-JEPA 2 with a probe, of transformers", renamed, (f"AttentiveHead(depth={len(blocks) + 1})",))


# -- torchvision -------------------------------------------------------------------------------------------------------
_TV_COMMON: tuple[Rule, ...] = (
    (r"fc\.", "cls_head.fc_cls."),
    (r"(layer\d\.\d+\.downsample)\.([01])\.", lambda m: f"backbone.{m[1]}.{('conv', 'bn')[int(m[2])]}."),
)
_TV_PLAIN: tuple[Rule, ...] = (
    (r"stem\.([01])\.", lambda m: f"backbone.conv1.{('conv', 'bn')[int(m[1])]}."),
    (r"(layer\d\.\d+\.conv\d)\.([01])\.", lambda m: f"backbone.{m[1]}.{('conv', 'bn')[int(m[2])]}."),
)
_TV_PARTS = {"0": "conv_s", "1": "bn_s", "3": "conv_t"}
_TV_FACTORIZED: tuple[Rule, ...] = (
    (r"stem\.4\.", "backbone.conv1.bn."),
    (r"stem\.([013])\.", lambda m: f"backbone.conv1.conv.{_TV_PARTS[m[1]]}."),
    (r"(layer\d\.\d+\.conv\d)\.0\.([013])\.", lambda m: f"backbone.{m[1]}.conv.{_TV_PARTS[m[2]]}."),
    (r"(layer\d\.\d+\.conv\d)\.1\.", r"backbone.\1.bn."),
)
_TV_INPUT = (
    "its inputs are RGB of 112x112 with mean=[110.20, 100.64, 95.99] and std=[58.15, 56.47, 55.33]; "
    "the network has with_pool1=False"
)


def _from_torchvision_video(weights: Weights) -> Converted:
    """Convert R3D-18, MC3-18 and R(2+1)D-18."""
    if "stem.3.weight" in weights:
        renamed = _pad_middle(_renamed(weights, _TV_FACTORIZED + _TV_COMMON, "torchvision"))
        notes = "ResNet2Plus1d(depth=18, plain_shortcut=True, temporal_strides=(1, 2, 2, 2), conv1_kernel=(3, 7, 7))"
        return Converted("R(2+1)D-18 of torchvision", renamed, (_TV_INPUT, notes))
    is_r3d = weights["layer4.0.conv1.0.weight"].shape[2] > 1
    name = "R3D-18" if is_r3d else "MC3-18"
    fits = "temporal_strides=(1, 2, 2, 2)" if is_r3d else "inflate=(1, 0, 0, 0)"
    notes = f"ResNet3d(depth=18, {fits}, with_pool2=False)"
    renamed = _renamed(weights, _TV_PLAIN + _TV_COMMON, "torchvision")
    return Converted(f"{name} of torchvision", renamed, (_TV_INPUT, notes))


def _pad_middle(weights: "dict[str, torch.Tensor]") -> "dict[str, torch.Tensor]":
    """Fill factorized convolutions with zeros to the width of ``Conv2plus1d`` (Tran et al., CVPR 2018, section 3.5)."""
    import torch

    padded = dict(weights)
    for name in [name for name in weights if name.endswith("conv_s.weight")]:
        start = name.removesuffix("conv_s.weight")
        space, time = weights[name], weights[f"{start}conv_t.weight"]
        into, out, area = space.shape[1], time.shape[0], space.shape[3] * space.shape[4]
        missing = 3 * into * out * area // (into * area + 3 * out) - space.shape[0]
        if missing > 0:
            padded[name] = torch.cat([space, space.new_zeros(missing, *space.shape[1:])])
            padded[f"{start}conv_t.weight"] = torch.cat([time, time.new_zeros(out, missing, *time.shape[2:])], dim=1)
            for key, fill in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
                value = weights[f"{start}bn_s.{key}"]
                padded[f"{start}bn_s.{key}"] = torch.cat([value, value.new_full((missing,), fill)])
    return padded
