"""The families of networks, and batches of noise that fit a config, to measure a device without any data."""

from typing import Any

import torch
from mmengine.config import Config

from mmaction.apis.clips import pipeline_config
from mmaction.probes.flops import input_shape
from mmaction.skeletons import get_layout, layout_of_config
from mmaction.structures import ActionDataSample
from mmaction.utils.config import dataset_config, type_name

FAMILIES = {
    "posec3d": "slowonly_r50_1xb16-u48-240e_gym99-keypoint",
    "slowfast": "slowfast_r50_1xb8-u32-30e_gym99-rgb",
    "i3d": "i3d_r50_1xb8-u32-30e_gym99-rgb",
    "r2plus1d": "r2plus1d_r34_1xb8-u64-30e_gym99-rgb",
    "stgcnpp": "stgcnpp_1xb16-joint-u100-80e_gym99-keypoint-2d",
    "videomae": "videomae-b_1xb8-u16-30e_gym99-rgb",
    "clip-adapter": "clip-b16-difference-adapter_1xb8-u32-30e_gym99-rgb",
}
"""Name of each family, and of the shipped config that stands for it."""


def made_up_batch(cfg: Config, size: int, seed: int = 0) -> dict[str, Any]:
    """Return ``size`` training samples of noise, as a data loader collates them: ``inputs`` and ``data_samples``.

    Frames are uint8, skeletons float32 with two persons; the training pipeline gives the shapes.
    """
    generator = torch.Generator().manual_seed(seed)
    samples = [_sample(cfg, generator) for _ in range(size)]
    inputs: Any = [pack for pack, _ in samples]
    if isinstance(inputs[0], dict):
        inputs = {name: [pack[name] for pack in inputs] for name in inputs[0]}
    return {"inputs": inputs, "data_samples": [sample for _, sample in samples]}


def _sample(cfg: Config, generator: torch.Generator) -> tuple[Any, ActionDataSample]:
    label = int(torch.randint(cfg.model["cls_head"]["num_classes"], (), generator=generator))
    sample = ActionDataSample().set_gt_label(label)
    pipeline = dataset_config(cfg, ("train",)).get("pipeline") or pipeline_config(cfg)
    last = type_name(pipeline[-1])
    if last == "PackPoseInputs" or any(type_name(step) == "FormatGCNInput" for step in pipeline):
        return _skeleton(cfg, pipeline, sample, generator)
    shape = input_shape(cfg, "train")
    parts = shape if isinstance(shape, dict) else {"": shape}
    frames = {name: _noise(name, part, cfg, generator) for name, part in parts.items()}
    return (frames if isinstance(shape, dict) else frames[""]), sample


def _noise(name: str, shape: tuple[int, ...], cfg: Config, generator: torch.Generator) -> torch.Tensor:
    """Return a clip: ``(T, C, H, W)`` for networks of single frames, else ``(1, C, T, H, W)``."""
    shape = shape if type_name(cfg.model) == "Recognizer2D" else (1, *shape)
    if "heatmap" in name:
        return torch.rand(shape, generator=generator)
    return torch.randint(256, shape, dtype=torch.uint8, generator=generator)


def _skeleton(cfg: Config, pipeline: Any, sample: ActionDataSample, generator: torch.Generator) -> tuple[Any, Any]:
    joints = len(get_layout(layout_of_config(cfg) or "coco17").joints)
    frames = next(step["clip_len"] for step in pipeline if "clip_len" in step)
    xy = torch.rand(1, 2, frames, joints, 2, generator=generator)
    score = torch.rand(1, 2, frames, joints, 1, generator=generator)
    if type_name(pipeline[-1]) != "PackPoseInputs":
        channels = cfg.model["backbone"].get("in_channels", 3)
        return torch.cat([xy, score], dim=-1)[..., :channels], sample
    side = next(step["scale"][0] for step in reversed(pipeline) if "scale" in step)
    sample.set_metainfo({"img_shape": (side, side)})
    return torch.cat([xy * side, score], dim=-1), sample
