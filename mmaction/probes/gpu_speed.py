"""Clips a second, memory and the largest batch of each family, beside a plain loop and the library's own."""

import gc
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from mmengine.config import Config

from mmaction.apis.inference import without_pretrained
from mmaction.engine.device import channels_last, compile_parts, products_in_tf32, try_out
from mmaction.engine.optim import AmpOptimWrapper
from mmaction.models.preprocess import PoseHeatmapPreprocessor
from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.probes.library_loop import library_rate
from mmaction.probes.made_up import FAMILIES, made_up_batch
from mmaction.probes.speed import inference_step, time_model
from mmaction.probes.speed import training_step as sgd_step
from mmaction.registry import MODELS
from mmaction.utils.config import load_config

MOST = 1024  # clips in the largest batch that is tried


@dataclass(frozen=True)
class Speed:
    """Figures of one family: clips a second, and gibibytes at most."""

    family: str
    batch: int
    train: float
    plain_train: float
    library_train: float | None
    train_gib: float
    infer: float
    plain_infer: float
    largest_batch: int | None
    heatmap_share: float | None

    def row(self) -> tuple[str, ...]:
        """Return the figures as the cells of a table."""
        return (
            self.family,
            str(self.batch),
            f"{self.train:.3g} ({self.train / self.plain_train:.2f})",
            f"{self.library_train:.3g}" if self.library_train else "-",
            f"{self.infer:.3g} ({self.infer / self.plain_infer:.2f})",
            f"{self.train_gib:.2f}" if self.train_gib else "-",
            str(self.largest_batch or "-"),
            "-" if self.heatmap_share is None else f"{self.heatmap_share:.1%}",
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by name."""
        return asdict(self)


HEADER = (
    "family",
    "batch",
    "training, clips/s (x plain)",
    "library's loop",
    "inference (x plain)",
    "GiB",
    "largest",
    "heatmaps",
)


def measure(
    family: str, device: torch.device, batch: int | None, steps: int, compiled: bool, find_largest: bool
) -> Speed:
    """Measure one family on noise: as a training with ``--amp`` runs it, and as a plain loop in float32 does.

    The plain loop keeps PyTorch's memory format, steps tensor by tensor and reads the loss in each iteration. The loop
    of a library is the one of :func:`~mmaction.probes.library_loop.library_rate`.
    """
    cfg, _ = load_config(FAMILIES[family])
    size = batch or cfg.train_dataloader.batch_size
    data = made_up_batch(cfg, size)
    plain = _build(cfg, device)
    plain_step = _plain_step(plain, data)
    plain_train = time_model(plain_step, size, steps, device)
    plain_infer = time_model(_plain_inference(plain, data), size, steps, device)
    del plain_step
    library = library_rate(plain, data, cfg.model.cls_head.num_classes, steps, compiled)
    del plain
    _free(device)
    model = _build(cfg, device)
    with products_in_tf32(device, True):
        channels_last(model)
        if compiled:
            compile_parts(model, try_out(device))
        step = training_step(model, data)
        train = time_model(step, size, steps, device)
        gib = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else 0.0
        infer = time_model(_half(inference_step(model, data), device), size, steps, device)
        share = _heatmap_share(model, data, size / train, device)
        largest = _largest(cfg, model, size) if find_largest and device.type == "cuda" else None
    del model, step
    _free(device)
    return Speed(family, size, train, plain_train, library, gib, infer, plain_infer, largest, share)


def _build(cfg: Config, device: torch.device) -> BaseRecognizer:
    torch.manual_seed(0)
    return MODELS.build(without_pretrained(cfg.model)).to(device)


def training_step(model: BaseRecognizer, data: Mapping[str, Any]) -> Callable[[], Any]:
    """Return a function that trains one step in mixed precision, the optimizer in one kernel."""
    return sgd_step(model, data, AmpOptimWrapper, momentum=0.9, fused=True)


def _plain_step(model: BaseRecognizer, data: Mapping[str, Any]) -> Callable[[], Any]:
    model.train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=1e-5, momentum=0.9, foreach=False)

    def step() -> float:
        prepared = model.data_preprocessor(dict(data), True)
        losses = model(**prepared, mode="loss")
        loss = sum(value for name, value in losses.items() if "loss" in name)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _plain_inference(model: BaseRecognizer, data: Mapping[str, Any]) -> Callable[[], Any]:
    model.eval()
    return torch.no_grad()(lambda: model.extract_feat(model.data_preprocessor(dict(data), False)["inputs"], "head"))


def _half(function: Callable[[], Any], device: torch.device) -> Callable[[], Any]:
    return torch.autocast(device.type, torch.bfloat16)(function)


def _heatmap_share(model: BaseRecognizer, data: Mapping[str, Any], step_s: float, device: torch.device) -> float | None:
    """Return which part of a training step draws heatmaps; None for a network without."""
    draw = model.data_preprocessor
    if not isinstance(draw, PoseHeatmapPreprocessor):
        return None
    rate = time_model(lambda: draw(dict(data), True), 1, 5, device)
    return 1 / rate / step_s


def _largest(cfg: Config, model: BaseRecognizer, size: int) -> int:
    """Return the largest batch, doubling from ``size``, that the GPU's memory can train."""
    fits = size
    while fits < MOST:
        try:
            training_step(model, made_up_batch(cfg, 2 * fits))()
        except torch.OutOfMemoryError:
            break
        fits *= 2
        _free(next(model.parameters()).device)
    return fits


def _free(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def advice(speed: Speed) -> list[str]:
    """Return what the figures of a family recommend."""
    tips = []
    if speed.train < speed.plain_train:
        tips.append("train without --amp: it is not faster here")
    if speed.largest_batch and speed.largest_batch > speed.batch:
        tips.append(f"batches of up to {speed.largest_batch} fit (--auto-scale-lr goes with them)")
    return tips
