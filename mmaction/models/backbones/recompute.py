"""Activations that the backward pass computes anew instead of keeping them (``with_cp``)."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


class KeptBuffers:
    """Within it, what ``module`` writes into its buffers goes to copies that are dropped; may be entered repeatedly."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.kept: list[tuple[nn.Module, dict[str, torch.Tensor | None]]] = []

    def __enter__(self) -> None:
        self.kept = [(child, dict(child._buffers)) for child in self.module.modules() if child._buffers]
        for child, buffers in self.kept:
            child._buffers.update({name: None if value is None else value.clone() for name, value in buffers.items()})

    def __exit__(self, *exception: Any) -> None:
        for child, buffers in self.kept:
            child._buffers.update(buffers)


def recomputed(module: nn.Module, function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Return ``function(x)``, a part of ``module``; its activations are computed again in the backward pass.

    That second pass leaves the running statistics of batch norms as the first one set them.
    """
    if torch.compiler.is_compiling():  # it takes no contexts, and updates buffers once anyway
        return checkpoint(function, x, use_reentrant=False)
    return checkpoint(function, x, use_reentrant=False, context_fn=lambda: (nullcontext(), KeptBuffers(module)))
