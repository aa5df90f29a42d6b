"""Parameters and operations of a model, part by part."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from mmaction.apis.clips import pipeline_config
from mmaction.models.backbones.foundation.base import FoundationBackbone
from mmaction.models.backbones.foundation.published import PublishedNetwork
from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.models.recognizers.recognizers import MMRecognizer3D
from mmaction.registry import MODELS
from mmaction.skeletons import layout_of_config
from mmaction.utils.config import dataset_config, type_name

PARTS = ("backbone", "neck", "cls_head")
Shape = Sequence[int] | Mapping[str, Sequence[int]]


def model_without_values(cfg: Config) -> BaseRecognizer:
    """Return the network of a config with shapes alone (device ``meta``), with which counting takes a second."""
    backbone = {key: None if key == "pretrained" else value for key, value in cfg.model["backbone"].items()}
    model = {**cfg.model, "backbone": backbone, "data_preprocessor": None}
    kind = MODELS.get(type_name(backbone))
    library = isinstance(kind, type) and issubclass(kind, (FoundationBackbone, PublishedNetwork))
    if library or type_name(model) == "RecognizerGCN":
        return MODELS.build(model).to("meta")  # libraries and graphs compute with values while they build
    with torch.device("meta"):
        return MODELS.build(model)


def training_bytes(model: BaseRecognizer, shape: Shape, batch_size: int, states: int = 1) -> int:
    """Return the least memory of a training step in float32, worked out layer by layer without running it.

    What backward needs of each sample, the weights, their gradients, and ``states`` numbers of the optimizer for each
    weight (SGD with momentum: 1, AdamW: 2). The work space of the libraries comes on top.
    """
    model = copy.deepcopy(model).to("meta").train()
    # on the device meta, data_ptr() of every storage is 0: nothing public tells them apart
    weights = {tensor.untyped_storage()._cdata for tensor in (*model.parameters(), *model.buffers())}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(_inputs(model, shape, 2), mode="tensor", stage="head")  # a batch norm wants more than one value
    sizes = _num_parameters(model) + (1 + states) * _num_parameters(model, trained=True)
    return batch_size * sum(storage.nbytes() for storage in kept.values()) // 2 + 4 * sizes


def training_need(cfg: Config, model: BaseRecognizer) -> tuple[int, int]:
    """Return the batch of one device and :func:`training_bytes` of it; ValueError where no pipeline tells the shape."""
    batch = (cfg.get("train_dataloader") or {}).get("batch_size")
    if not batch:
        raise ValueError("the config has no train_dataloader with a batch_size")
    states = 2 if str((cfg.get("optim_wrapper") or {}).get("optimizer", {}).get("type", "")).startswith("Adam") else 1
    return batch, training_bytes(model, input_shape(cfg, "train"), batch, states)


def input_shape(cfg: Config, split: str = "test") -> tuple[int, ...] | dict[str, tuple[int, ...]]:
    """Return the shape of one view as the backbone of a config sees it, worked out from the pipeline of a split.

    It is ``(C, T, H, W)`` for a network of clips, ``(T, C, H, W)`` for one of single frames (all of a clip), and for
    one of frames and skeletons a dict of both, ``imgs`` and ``heatmap_imgs``, ``(M, T, V, C)`` for a skeleton graph.
    ValueError if the pipeline does not tell it.
    """
    clip_len, num_clips, scaling, persons = None, 1, 1.0, 2
    size: tuple[int, int] | None = None
    pipeline = dataset_config(cfg, (split,)).get("pipeline") if split == "train" else pipeline_config(cfg)
    for step in pipeline or ():
        kind = type_name(step)
        if "clip_len" in step and "Sample" in kind:
            clip_len, num_clips = step["clip_len"], step.get("num_clips", 1)
        if kind.endswith("Crop") and "crop_size" in step:
            size = _pair(step["crop_size"])
        elif kind == "Resize" and not step.get("keep_ratio", True):
            width, height = _pair(step["scale"])
            size = (height, width)
        elif kind == "GeneratePoseTarget":
            scaling = step.get("scaling", 1.0)
        elif kind == "FormatGCNInput":
            persons = step.get("num_person", persons)
    recognizer = type_name(cfg.model)
    if recognizer == "RecognizerGCN" and isinstance(clip_len, int) and (layout := layout_of_config(cfg)):
        return (persons, clip_len, len(layout.joints), cfg.model["backbone"].get("in_channels", 3))
    if recognizer == "MMRecognizer3D" and isinstance(clip_len, Mapping) and set(clip_len) == {"RGB", "Pose"} and size:
        rgb, pose = (cfg.model["backbone"].get(f"{name}_pathway", {}) for name in ("rgb", "pose"))
        small = [int(side * scaling + 0.5) for side in size]
        imgs = (rgb.get("in_channels", 3), clip_len["RGB"], *size)
        return {"imgs": imgs, "heatmap_imgs": (pose.get("in_channels", 17), clip_len["Pose"], *small)}
    if not isinstance(clip_len, int) or size is None or recognizer not in ("Recognizer2D", "Recognizer3D"):
        raise ValueError(
            f"{cfg.filename}: the input's shape cannot be worked out from the {split} pipeline; "
            "tools/analysis/get_flops.py takes it with --shape"
        )
    channels = cfg.model["backbone"].get("in_channels", 3)
    if recognizer == "Recognizer2D":
        return (num_clips if clip_len == 1 else clip_len, channels, *size)
    return (channels, clip_len, *size)


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _inputs(model: BaseRecognizer, shape: Shape, samples: int = 1) -> torch.Tensor | dict[str, torch.Tensor]:
    """Return zeros as samples of one view of a shape."""
    several, device = isinstance(model, MMRecognizer3D), next(model.parameters()).device
    if several != isinstance(shape, Mapping):
        takes = "several inputs, whose shapes follow from its test pipeline; leave --shape out" if several else "one"
        raise ValueError(f"the model takes {takes}; got the shape {shape}")
    if isinstance(shape, Mapping):
        return {name: torch.zeros((samples, 1, *part), device=device) for name, part in shape.items()}
    return torch.zeros((samples, *shape) if model.sample_layout[0] == "frames" else (samples, 1, *shape), device=device)


def _num_parameters(module: nn.Module, trained: bool = False) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trained)


def count(model: BaseRecognizer, shape: Shape) -> dict[str, Any]:
    """Count parameters, and the operations of one view, of a shape from :func:`input_shape`, through all parts.

    Returns ``shape``, ``params``, ``trainable``, ``macs`` (multiply-adds of convolutions and matrix products, which is
    what published tables call FLOPs), ``flops`` (twice that), and ``parts``: ``params`` and ``macs`` by name.
    ValueError if the network cannot take the shape.
    """
    from torch.utils.flop_counter import FlopCounterMode

    inputs = _inputs(model.eval(), shape)
    counter = FlopCounterMode(display=False)
    try:
        with torch.no_grad(), counter:
            model(inputs, mode="tensor", stage="head")
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        raise ValueError(f"the model cannot take an input of shape {_shown(shape)}: {error}") from error
    total, counted, parts = counter.get_total_flops(), counter.get_flop_counts(), {}
    for name in PARTS:
        if (part := getattr(model, name, None)) is not None:
            macs = sum(counted.get(f"{type(model).__name__}.{name}", {}).values()) // 2
            parts[name] = {"params": _num_parameters(part), "macs": macs}
    return {
        "shape": {n: list(part) for n, part in shape.items()} if isinstance(shape, Mapping) else list(shape),
        "params": _num_parameters(model),
        "trainable": _num_parameters(model, trained=True),
        "macs": total // 2,
        "flops": total,
        "parts": parts,
    }


def _shown(shape: Shape) -> str:
    if isinstance(shape, Mapping):
        return ", ".join(f"{name} {tuple(part)}" for name, part in shape.items())
    return str(tuple(shape))


def human(number: float) -> str:
    """Return a number with a unit prefix: ``2.01 M``, ``59.8 G``."""
    for factor, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor:
            return f"{number / factor:.3g} {unit}"
    return f"{number:g}"


def describe(counts: Mapping[str, Any]) -> str:
    """Return the counts as lines of text."""
    lines = [f"input of one view: {_shown(counts['shape'])}"]
    for name, part in counts["parts"].items():
        lines.append(f"  {name:10s} {human(part['params']):>8s} parameters {human(part['macs']):>8s} multiply-adds")
    lines.append(f"parameters: {human(counts['params'])} ({human(counts['trainable'])} trained)")
    macs, operations = human(counts["macs"]), human(counts["flops"])
    lines.append(f"FLOPs: {macs} multiply-adds (as in published tables), {operations} operations")
    if training := counts.get("training"):
        lines.append(
            f"a training step of {training['batch_size']} samples: at least {human(training['bytes'])}B, float32"
        )
    return "\n".join(lines)
