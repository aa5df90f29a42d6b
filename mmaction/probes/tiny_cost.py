"""What a training step of each family of foundation backbones costs on a CPU, all at one tiny size."""

import multiprocessing
import resource
import statistics
import sys
import time
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.logging import MMLogger

from mmaction.probes.speed import training_step
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmaction.utils.setup import register_all_modules

FRAMES, SIDE, CLIPS, CLASSES = 8, 64, 4, 10
WIDTH, DEPTH, HEADS = 192, 4, 3


def _video(kind: str, head: str = "TokenHead", out: str = "tokens", **changes: Any) -> dict[str, Any]:
    sizes = dict(hidden_size=WIDTH, num_hidden_layers=DEPTH, num_attention_heads=HEADS, intermediate_size=4 * WIDTH)
    if kind == "vjepa2":
        sizes |= dict(pred_hidden_size=48, pred_num_attention_heads=HEADS, pred_num_hidden_layers=1)
    backbone = dict(type="TransformersVideo", config=dict(model_type=kind, **sizes), num_frames=FRAMES, img_size=SIDE)
    return dict(backbone=backbone | dict(out=out) | changes, cls_head=dict(type=head, in_channels=WIDTH))


def _frames(**adapter: Any) -> dict[str, Any]:
    backbone = dict(
        type="TimmImage", model="vit_base_patch16_clip_224.openai", num_segments=FRAMES, img_size=SIDE, out="pooled",
        model_kwargs=dict(embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS), adapter=adapter or None,
    )  # fmt: skip
    return dict(backbone=backbone, cls_head=dict(type="TokenHead", in_channels=WIDTH, num_segments=FRAMES))


def _tsm() -> dict[str, Any]:
    backbone = dict(type="TimmImage", model="tf_efficientnet_lite0", num_segments=FRAMES, out="pooled")
    backbone["adapter"] = dict(type="TemporalShift")
    return dict(backbone=backbone, cls_head=dict(type="TokenHead", in_channels=1280, num_segments=FRAMES))


def _published(kind: str, channels: int, head: str, **sizes: Any) -> dict[str, Any]:
    return dict(backbone=dict(type=kind, **sizes), cls_head=dict(type=head, in_channels=channels))


_MVIT = dict(embed_dims=WIDTH // 2, num_layers=DEPTH, num_heads=1, downscale_indices=[1])
_SWIN = dict(embed_dims=WIDTH // 4, depths=[1, 1, 1, 1], num_heads=[1, 2, 4, 8])
FAMILIES: dict[str, dict[str, Any]] = {
    "VideoMAE, all weights": _video("videomae"),
    "V-JEPA 2, all weights": _video("vjepa2"),
    "V-JEPA 2, frozen, attentive probe": _video("vjepa2", "AttentiveHead", frozen=True),
    "TimeSformer, all weights": _video("timesformer"),
    "ViViT, all weights": _video("vivit"),
    "CLIP ViT, all weights": _frames(),
    "CLIP ViT, ST-Adapter": _frames(type="STAdapter", width=WIDTH // 2),
    "CLIP ViT, differences": _frames(type="DifferenceAdapter", width=WIDTH // 4),
    "CLIP ViT, AIM": _frames(type="AIM"),
    "CLIP ViT, LoRA": _frames(type="LoRA"),
    "EfficientNet-Lite0, TSM": _tsm(),
    "MViT v2": _published("MViT", WIDTH, "MViTHead", arch=_MVIT, spatial_size=SIDE, temporal_size=FRAMES),
    "Video Swin": _published("SwinTransformer3D", 2 * WIDTH, "I3DHead", arch=_SWIN, window_size=(4, 4, 4)),
    "UniFormerV2": _published(
        "UniFormerV2", WIDTH, "UniFormerHead", input_resolution=SIDE, width=WIDTH, layers=DEPTH, heads=HEADS,
        n_layers=DEPTH, n_dim=WIDTH, n_head=HEADS, return_list=list(range(DEPTH)), init_cfg=None,
    ),
}  # fmt: skip
"""Backbone and head of each family, all of about four blocks of 192 channels, for 8 frames of 64x64."""


@dataclass(frozen=True)
class Cost:
    """Figures of a family: weights in millions, seconds of processor time a step, and mebibytes at most."""

    family: str
    weights: float
    trained: float
    seconds: float
    peak_mib: float

    def row(self) -> tuple[str, ...]:
        """Return the figures as the cells of a table."""
        figures = f"{self.weights:.2f}", f"{self.trained:.2f}", f"{1000 * self.seconds:.0f}", f"{self.peak_mib:.0f}"
        return (self.family, *figures)


HEADER = ("family", "weights, M", "trained, M", "step of 4 clips, ms", "peak memory, MiB")


def build(parts: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return a model of backbone and head with random weights, and a batch of noise for it."""
    frames = parts["backbone"]["type"] == "TimmImage"
    torch.manual_seed(0)
    layout = "NCHW" if frames else "NCTHW"
    knows_levels = parts["backbone"]["type"] in ("TimmImage", "TransformersVideo")  # of its own input
    levels = {} if knows_levels else dict(mean=[127.5] * 3, std=[57.4] * 3)
    prepare = dict(type="ActionDataPreprocessor", format_shape=layout, **levels)
    head = dict(parts["cls_head"], num_classes=CLASSES)
    kind = "Recognizer2D" if frames else "Recognizer3D"
    model = MODELS.build(dict(type=kind, backbone=dict(parts["backbone"]), cls_head=head, data_preprocessor=prepare))
    shape = (FRAMES, 3, SIDE, SIDE) if frames else (1, 3, FRAMES, SIDE, SIDE)
    clips = [torch.randint(256, shape, dtype=torch.uint8) for _ in range(CLIPS)]
    samples = [ActionDataSample().set_gt_label(number % CLASSES) for number in range(CLIPS)]
    return model, {"inputs": clips, "data_samples": samples}


def measure_here(family: str, parts: dict[str, Any], steps: int) -> Cost:
    """Measure a family in this process, whose peak memory must not be higher than what it takes now."""
    before = _peak_mib()
    model, batch = build(parts)
    step = training_step(model, batch, momentum=0.9)
    seconds = []
    for _ in range(steps + 1):  # the first pays for what is built on demand
        start = time.process_time()
        step()
        seconds.append(time.process_time() - start)
    weights = list(model.parameters())
    total, trained = (sum(p.numel() for p in ps) / 1e6 for ps in (weights, [p for p in weights if p.requires_grad]))
    return Cost(family, total, trained, statistics.median(seconds[1:]), _peak_mib() - before)


def measure(family: str, steps: int = 5) -> Cost:
    """Measure a family on one thread, in a process of its own, so that its peak memory is its own."""
    context = multiprocessing.get_context("forkserver")  # PyTorch trains in no process forked from one that has
    context.set_forkserver_preload([__name__])
    ours, theirs = context.Pipe()
    child = context.Process(target=_report, args=(theirs, family, FAMILIES[family], steps))
    child.start()
    theirs.close()
    try:
        found = ours.recv()
    except EOFError:
        raise RuntimeError(f"{family}: the process ended early, with code {child.exitcode}") from None
    finally:
        child.join()
    if isinstance(found, Exception):
        raise found
    return found


def _report(pipe: Any, family: str, parts: dict[str, Any], steps: int) -> None:
    torch.set_num_threads(1)
    register_all_modules()
    MMLogger.get_current_instance().setLevel("WARNING")  # where each network's input levels come from is known
    try:
        pipe.send(measure_here(family, parts, steps))
    except Exception as error:  # told in the process that asks
        pipe.send(error)


def _peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
