"""Building blocks that several networks share: convolution with norm and activation, freezing, initial weights."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from mmcv.cnn import NonLocal3d, build_activation_layer, build_conv_layer, build_norm_layer
from mmengine.model import constant_init, kaiming_init
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmaction.models import cpu

Cfg = Mapping[str, Any]
Size = int | Sequence[int]

CONV3D: Cfg = {"type": "Conv3d"}
BN3D: Cfg = {"type": "BN3d", "requires_grad": True}
RELU: Cfg = {"type": "ReLU", "inplace": True}


class ConvNormAct(nn.Module):
    """A convolution, then a norm, then an activation; the last two are left out where their config is None.

    The parameters are called ``conv.*`` and ``bn.*`` (``gn.*``, ... for other norms), as in published checkpoints.
    Sizes are one number or one per dimension; ``padding=None`` means :func:`same_padding`, and ``bias=None`` a bias
    where there is no norm.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: Size,
        stride: Size = 1,
        padding: Size | None = None,
        dilation: Size = 1,
        *,
        groups: int = 1,
        bias: bool | None = False,
        conv_cfg: Cfg | None = CONV3D,
        norm_cfg: Cfg | None = BN3D,
        act_cfg: Cfg | None = RELU,
    ) -> None:
        super().__init__()
        self.conv = build_conv_layer(
            None if conv_cfg is None else dict(conv_cfg),
            in_channels,
            out_channels,
            kernel,
            stride=stride,
            padding=same_padding(kernel, dilation) if padding is None else padding,
            dilation=dilation,
            groups=groups,
            bias=norm_cfg is None if bias is None else bias,
        )
        cpu.pad_small_inputs(self.conv)
        self.norm_name: str | None = None
        if norm_cfg is not None:
            self.norm_name, norm = build_norm_layer(dict(norm_cfg), out_channels)
            self.add_module(self.norm_name, norm)
        self.activate = None if act_cfg is None else build_activation_layer(dict(act_cfg))

    @property
    def norm(self) -> nn.Module | None:
        """The normalization layer, or None."""
        return None if self.norm_name is None else getattr(self, self.norm_name)

    def forward(self, x: torch.Tensor, residual: torch.Tensor | None = None) -> torch.Tensor:
        """Return ``activation(norm(conv(x)) + residual)``; ``residual`` has the shape of the output."""
        norm = self.norm
        if isinstance(norm, _BatchNorm) and cpu.can_fold(self.conv, norm, x):
            x = cpu.folded(self.conv, norm, x)
        else:
            x = self.conv(x)
            if norm is not None:
                x = norm(x)
        if residual is not None:
            x = x.add_(residual)
        return x if self.activate is None else self.activate(x)


class NonLocal(NonLocal3d):
    """mmcv's non-local block for clips, whose mode ``concatenation`` can be trained as well."""

    def concatenation(self, theta_x: torch.Tensor, phi_x: torch.Tensor) -> torch.Tensor:
        """Return the weights ``(N, I, J)`` of J positions for I others (Non-local Neural Networks, equation 5).

        ``theta_x`` has the shape ``(N, C, I, 1)``, ``phi_x`` ``(N, C, 1, J)``.
        """
        pairs = torch.cat(torch.broadcast_tensors(theta_x, phi_x), dim=1)
        return self.concat_project(pairs).squeeze(1) / phi_x.shape[-1]


def same_padding(kernel: Size, dilation: Size = 1) -> Any:
    """Return the padding that keeps the size of an odd ``kernel`` at stride 1; an even one takes a position away.

    The published networks have it so.
    """
    if isinstance(kernel, int):
        if isinstance(dilation, int):
            return dilation * ((kernel - 1) // 2)
        kernel = (kernel,) * len(dilation)
    dilations = (dilation,) * len(kernel) if isinstance(dilation, int) else dilation
    return tuple(d * ((k - 1) // 2) for k, d in zip(kernel, dilations, strict=True))


def triple(value: Size) -> tuple[int, int, int]:
    """Return a size of three dimensions, given as one number or as three."""
    time, height, width = (value,) * 3 if isinstance(value, int) else value
    return time, height, width


def freeze(modules: Iterable[nn.Module]) -> None:
    """Stop training the ``modules``: no gradients for their parameters, norms and dropout in evaluation mode."""
    for module in modules:
        module.eval()
        module.requires_grad_(False)


def trained_parts(module: nn.Module, name: str = "") -> list[str]:
    """Return the names of the largest parts of ``module`` that train in full, down to single parameters.

    It tells what a partly frozen network still learns, such as the lateral connections between frozen pathways.
    """
    flags = {parameter.requires_grad for parameter in module.parameters()}
    if flags <= {False}:
        return []
    if flags == {True} and name:
        return [name]
    prefix = f"{name}." if name else ""
    own = [prefix + key for key, parameter in module.named_parameters(recurse=False) if parameter.requires_grad]
    return own + [part for key, child in module.named_children() for part in trained_parts(child, prefix + key)]


def set_norms_eval(module: nn.Module) -> None:
    """Make every batch norm in ``module`` use its running statistics; its weight and bias still train."""
    for child in module.modules():
        if isinstance(child, _BatchNorm):
            child.eval()


def init_conv_and_norm(module: nn.Module) -> None:
    """Draw the convolutions in ``module`` from a Kaiming normal (fan out, ReLU) and set its batch norms to identity.

    Non-local blocks are left alone: they start as the identity when they are built.
    """
    for child in module.children():
        if isinstance(child, nn.modules.conv._ConvNd):
            kaiming_init(child)
        elif isinstance(child, _BatchNorm):
            constant_init(child, 1)
        elif not isinstance(child, NonLocal3d):
            init_conv_and_norm(child)
