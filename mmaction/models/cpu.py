"""What makes networks fast and right on a CPU.

Freed memory is kept, channels lie beside each other, norms are folded, and convolutions train on small inputs.
"""

import ctypes
import functools
import sys
import types
from collections.abc import Callable

import torch
from mmcv.cnn import bricks
from torch import nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Parameters of glibc's ``mallopt``."""


CONVOLUTIONS: dict[Callable[..., torch.Tensor], Callable[..., torch.Tensor]] = {
    nn.Conv1d._conv_forward: functional.conv1d,
    nn.Conv2d._conv_forward: functional.conv2d,
    nn.Conv3d._conv_forward: functional.conv3d,
}


def pad_small_inputs(module: nn.Module) -> None:
    """Make the convolutions of ``module`` train right on inputs that are smaller than their kernel, as short clips are.

    On a CPU, oneDNN 3.12 writes outside its buffers in the gradient of the weights of such a convolution (wrong or
    infinite values in bfloat16, a damaged heap in float32). So the input gets its zeros before, not in the convolution.
    """
    for conv in module.modules():
        if getattr(type(conv), "_conv_forward", None) in CONVOLUTIONS and conv.padding_mode == "zeros":
            conv.__dict__["_conv_forward"] = types.MethodType(_conv_forward, conv)


def _conv_forward(
    self: nn.Conv1d | nn.Conv2d | nn.Conv3d, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    forward: Callable[..., torch.Tensor] = type(self)._conv_forward
    if x.device.type != "cpu" or not torch.is_grad_enabled():
        return forward(self, x, weight, bias)
    spans = [dilation * (kernel - 1) + 1 for dilation, kernel in zip(self.dilation, self.kernel_size, strict=True)]
    if all(size >= span for size, span in zip(x.shape[-len(spans) :], spans, strict=True)):
        return forward(self, x, weight, bias)
    x = functional.pad(x, self._reversed_padding_repeated_twice)
    return CONVOLUTIONS[forward](x, weight, bias, self.stride, 0, self.dilation, self.groups)


PLAIN_CONVS = (nn.Conv2d, nn.Conv3d, bricks.wrappers.Conv2d, bricks.wrappers.Conv3d)
"""Convolutions that are known to keep PyTorch's forward."""


@functools.cache
def keep_freed_memory() -> bool:
    """Make glibc reuse freed memory; return whether it does (False with another C library).

    By default a block above 32 MiB, such as one feature map, goes back to the system when it is freed, and every page
    of the next one is cleared by the kernel when it is first touched. This takes four times as long as the
    convolution that fills it. The process then stays as large as it ever was.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform.startswith("linux") else None
    return mallopt is not None and bool(mallopt(M_MMAP_MAX, 0)) and bool(mallopt(M_TRIM_THRESHOLD, -1))


def prepare(x: torch.Tensor) -> torch.Tensor:
    """Return ``x`` in the memory format that convolutions are fastest with.

    This is channels last on a CPU, and in half precision on a GPU.
    """
    if x.device.type == "meta":  # counted, not computed; autocast does not know this device
        return x
    on_cpu = x.device.type == "cpu"
    is_half = x.dtype in (torch.float16, torch.bfloat16) or (x.is_cuda and torch.is_autocast_enabled("cuda"))
    if not (on_cpu or is_half) or x.ndim not in (4, 5):
        return x
    if on_cpu and not torch.compiler.is_compiling():
        keep_freed_memory()
    return x.contiguous(memory_format=torch.channels_last if x.ndim == 4 else torch.channels_last_3d)


def can_fold(conv: nn.Module, norm: nn.Module | None, x: torch.Tensor) -> bool:
    """Return whether :func:`folded` may stand for ``norm(conv(x))``.

    It may in inference on a CPU, for a plain convolution and a batch norm with running statistics, unless a hook
    wants to see either of them.
    """
    return (
        x.device.type == "cpu"
        and not torch.is_grad_enabled()
        and isinstance(norm, _BatchNorm)
        and not norm.training
        and norm.affine
        and norm.track_running_stats
        and type(conv) in PLAIN_CONVS
        and not any(m._forward_hooks or m._forward_pre_hooks for m in (conv, norm))
    )


def folded(conv: nn.Conv2d | nn.Conv3d, norm: _BatchNorm, x: torch.Tensor) -> torch.Tensor:
    """Return ``norm(conv(x))`` by one convolution, whose weights are scaled anew each time (2 % of the whole)."""
    return conv._conv_forward(x, *fold(conv, norm))


def fold(conv: nn.Conv2d | nn.Conv3d, norm: _BatchNorm) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weight and bias of one convolution that does what ``norm(conv(x))`` does."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None and variance is not None, "can_fold asks for them"
    scale = norm.weight * torch.rsqrt(variance + norm.eps)
    if conv.bias is not None:
        mean = mean - conv.bias
    weight = conv.weight * scale.view(-1, *[1] * (conv.weight.ndim - 1))
    return weight, norm.bias - mean * scale
