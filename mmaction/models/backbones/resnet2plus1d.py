"""R(2+1)D (Tran et al., CVPR 2018): each 3D convolution is one in space followed by one in time."""

from collections.abc import Sequence
from typing import Any

import torch
from mmcv.cnn import build_norm_layer
from torch import nn

from mmaction.models.backbones.residual import ResidualBlock
from mmaction.models.backbones.resnet3d import ResNet3d
from mmaction.models.layers import BN3D, Cfg, triple
from mmaction.registry import MODELS
from mmaction.utils.attributes import ReadableArguments


@MODELS.register_module()
class Conv2plus1d(ReadableArguments, nn.Module):
    """A spatial convolution, norm, ReLU and a temporal convolution, with about the parameters of the 3D one.

    It takes the arguments of ``torch.nn.Conv3d``, except that ``dilation`` and ``groups`` must be 1 (ValueError), and
    the config of the norm between the two convolutions.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        norm_cfg: Cfg = BN3D,
    ) -> None:
        super().__init__()
        if groups != 1 or dilation not in (1, (1, 1, 1)):
            raise ValueError(f"Conv2plus1d takes neither groups nor dilation; got {groups} and {dilation}")
        (frames, height, width), strides, paddings = map(triple, (kernel_size, stride, padding))
        # Section 3.5 of the paper: as many parameters as the whole 3D convolution has. Published weights count three
        # frames even where the temporal kernel is 1, as in a downsampling shortcut.
        area = height * width
        middle = 3 * area * in_channels * out_channels // (area * in_channels + 3 * out_channels)
        self.conv_s = nn.Conv3d(
            in_channels, middle, (1, height, width), (1, *strides[1:]), (0, *paddings[1:]), bias=bias
        )
        self.bn_s = build_norm_layer(dict(norm_cfg), middle)[1]
        self.relu = nn.ReLU(inplace=True)
        self.conv_t = nn.Conv3d(
            middle, out_channels, (frames, 1, 1), (strides[0], 1, 1), (paddings[0], 0, 0), bias=bias
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return shape ``(N, out_channels, T, H, W)`` for ``(N, in_channels, T, H, W)``."""
        return self.conv_t(self.relu(self.bn_s(self.conv_s(x))))


@MODELS.register_module()
class ResNet2Plus1d(ResNet3d):
    """:class:`~mmaction.models.backbones.resnet3d.ResNet3d` without its second pool, and with its arguments.

    The convolutions come from ``conv_cfg``: ``dict(type='Conv2plus1d')`` for R(2+1)D. With ``plain_shortcut`` the 1x1x1
    convolutions of shortcuts stay whole, as in torchvision's network.
    """

    def __init__(self, *args: Any, plain_shortcut: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for block in self.modules() if plain_shortcut else ():
            shortcut = block.downsample if isinstance(block, ResidualBlock) else None
            if shortcut is not None and isinstance(shortcut.conv, Conv2plus1d):
                space, time = shortcut.conv.conv_s, shortcut.conv.conv_t
                stride = (time.stride[0], space.stride[1], space.stride[2])
                shortcut.conv = nn.Conv3d(space.in_channels, time.out_channels, 1, stride, bias=False)
        self.freeze_stages()

    def stage(self, index: int, x: torch.Tensor) -> torch.Tensor:
        """Return the output of the stage ``index`` (from 0)."""
        return getattr(self, f"layer{index + 1}")(x)
