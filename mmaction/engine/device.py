"""Settings with which training is fast on its device. Most are for CUDA GPUs and change nothing on a CPU."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.hooks import LoggerHook
from mmengine.runner import Runner
from torch import nn

from mmaction.registry import OPTIMIZERS
from mmaction.utils.config import type_name

FUSED = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW)
"""Optimizers that have a step of one kernel, which also reads the scaler's verdict on the GPU."""

COMPILED_PARTS = ("backbone", "neck")


def has_bfloat16(device: str) -> bool:
    """Return whether ``device``, ``"cpu"`` or ``"cuda"``, computes in bfloat16 itself.

    A CPU without AVX-512 (most laptops) and a GPU older than Ampere emulate it: there a training step of a 3D
    convolution network took 18 times as long in bfloat16 as in float32.
    """
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # PyTorch's public list of a CPU's abilities, torch.cpu.get_capabilities, is newer than our oldest PyTorch.
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def set_tf32(enabled: bool) -> None:
    """Let convolutions and matrix products in float32 use TF32: 10 bits of mantissa, several times as fast, or not."""
    torch.set_float32_matmul_precision("high" if enabled else "highest")
    torch.backends.cudnn.allow_tf32 = enabled


@contextmanager
def products_in_tf32(device: torch.device, enabled: bool) -> Iterator[None]:
    """Call :func:`set_tf32` for the block, if ``device`` is a GPU; the setting from before comes back."""
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    set_tf32(enabled)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def try_out(device: torch.device) -> dict[str, Any]:
    """Return arguments of torch.compile for ``device``: on a CPU graphs are made, and run without a compiler."""
    return {"backend": "eager"} if device.type == "cpu" else {}


def with_fused_step(optimizer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config of an optimizer with ``fused=True``, if PyTorch has it and the config does not choose."""
    kind = OPTIMIZERS.get(type_name(optimizer))
    chosen = {"fused", "foreach", "capturable", "differentiable"} & optimizer.keys()
    return {**optimizer, "fused": True} if kind in FUSED and not chosen else dict(optimizer)


def channels_last(model: nn.Module) -> None:
    """Lay out the kernels of convolutions so that half precision reads the channels of a place beside each other."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    for part in model.modules():
        weight = getattr(part, "weight", None)
        if isinstance(part, (nn.Conv2d, nn.Conv3d)) and isinstance(weight, nn.Parameter):
            weight.data = weight.data.contiguous(memory_format=formats[weight.ndim])


def compile_parts(model: nn.Module, options: Mapping[str, Any]) -> list[str]:
    """Compile backbone and neck in place, see :func:`torch.compile`; return their names.

    Weights keep their names. Preprocessing, the loss and the samples stay in Python: they break a graph and cost
    little. Shapes are taken as fixed; a smaller last batch is compiled once more.
    """
    parts = [name for name in COMPILED_PARTS if isinstance(getattr(model, name, None), nn.Module)]
    for name in parts:
        getattr(model, name).compile(**{"dynamic": False, **options})
    return parts


def is_read_now(runner: Runner, batch_idx: int, held: int) -> bool:
    """Return whether the values of the last ``held`` iterations must be read from the device: they are logged, or many.

    Reading a value waits until the GPU has done all work before it.
    """
    interval = next((hook.interval for hook in runner.hooks if isinstance(hook, LoggerHook)), 10)
    is_last = batch_idx + 1 == len(runner.train_dataloader)
    return is_last or held >= 100 or (batch_idx + 1) % interval == 0 or (runner.iter + 1) % interval == 0
