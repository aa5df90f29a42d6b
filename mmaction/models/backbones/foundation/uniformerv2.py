"""UniFormerV2 (Li et al., ICCV 2023): CLIP's ViT with local blocks over time and a decoder of global blocks."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, cast

import torch
from mmengine.model import BaseModule
from torch import nn

from mmaction.models.backbones.foundation.published import TRUNC_NORMAL
from mmaction.models.inflate import note_source, read_weights
from mmaction.models.initial import init_from_cfg
from mmaction.registry import MODELS
from mmaction.utils.attributes import ReadableArguments


class QuickGELU(nn.Module):
    """CLIP's approximation of GELU."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``x * sigmoid(1.702 x)``."""
        return x * torch.sigmoid(1.702 * x)


class DropPath(nn.Module):
    """Stochastic depth along one axis, by torchvision."""

    def __init__(self, rate: float, axis: int) -> None:
        super().__init__()
        self.rate, self.axis = rate, axis

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``x`` with samples of ``axis`` set to 0."""
        from torchvision.ops import stochastic_depth

        return stochastic_depth(x.transpose(0, self.axis), self.rate, "row", self.training).transpose(0, self.axis)


def _mlp(width: int, factor: float, dropout: float = 0.0, in_between: type[nn.Module] = QuickGELU) -> nn.Sequential:
    hidden = round(width * factor)
    layers: list[tuple[str, nn.Module]] = [("c_fc", nn.Linear(width, hidden)), ("gelu", in_between())]
    layers += [("dropout", nn.Dropout(dropout))] if dropout else []
    return nn.Sequential(OrderedDict([*layers, ("c_proj", nn.Linear(hidden, width))]))


class LocalBlock(nn.Sequential):
    """Local relations over time (section 3.2): a depth-wise convolution between two point-wise ones; 0 at first."""

    def __init__(self, width: int, reduction: float) -> None:
        narrow = int(width // reduction)
        super().__init__(
            nn.BatchNorm3d(width),
            nn.Conv3d(width, narrow, 1),
            nn.Conv3d(narrow, narrow, (3, 1, 1), padding=(1, 0, 0), groups=narrow),
            nn.Conv3d(narrow, width, 1),
        )
        last: Any = self[3]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def run(self, tokens: torch.Tensor, frames: int) -> torch.Tensor:
        """Return what is added to the tokens (L, N * T, C) of places on a square."""
        side = int(len(tokens) ** 0.5)
        x = tokens.unflatten(1, (-1, frames)).unflatten(0, (side, side)).permute(2, 4, 3, 0, 1)
        return self(x).permute(3, 4, 0, 2, 1).flatten(2, 3).flatten(0, 1)


class SpaceBlock(nn.Module):
    """A block of CLIP's ViT, optionally between two :class:`LocalBlock`."""

    def __init__(self, width: int, heads: int, rate: float, reduction: float, no_local: bool, two_local: bool) -> None:
        super().__init__()
        self.drop_path = DropPath(rate, 1)
        self.no_local, self.two_local = no_local, two_local
        if not no_local:
            self.lmhra1 = _named(LocalBlock(width, reduction))
            if two_local:
                self.lmhra2 = _named(LocalBlock(width, reduction))
        self.attn = nn.MultiheadAttention(width, heads)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = _mlp(width, 4)
        self.ln_2 = nn.LayerNorm(width)

    def _local(self, block: Any, x: torch.Tensor, frames: int) -> torch.Tensor:
        return torch.cat([x[:1], x[1:] + self.drop_path(block.lmhra.run(x[1:], frames))])

    def forward(self, x: torch.Tensor, frames: int) -> torch.Tensor:
        """Return tokens (1 + L, N * T, C)."""
        if not self.no_local:
            x = self._local(self.lmhra1, x, frames)
        y = self.ln_1(x)
        x = x + self.drop_path(self.attn(y, y, y, need_weights=False)[0])
        if not self.no_local and self.two_local:
            x = self._local(self.lmhra2, x, frames)
        return x + self.drop_path(self.mlp(self.ln_2(x)))


def _named(block: LocalBlock) -> nn.Module:
    holder: Any = nn.Module()
    holder.lmhra = block
    return holder


class GlobalBlock(nn.Module):
    """One query attends to all tokens of a clip (section 3.3); it starts as the identity."""

    def __init__(self, width: int, heads: int, factor: float, dropout: float, rate: float) -> None:
        super().__init__()
        self.drop_path = DropPath(rate, 1)
        self.attn: Any = nn.MultiheadAttention(width, heads)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp: Any = _mlp(width, factor, dropout)
        self.ln_2 = nn.LayerNorm(width)
        self.ln_3 = nn.LayerNorm(width)
        attention, mlp = cast(Any, self.attn), cast(Any, self.mlp)
        for tensor in (attention.in_proj_weight, mlp.c_fc.weight):
            nn.init.xavier_uniform_(tensor)
        for tensor in (attention.out_proj.weight, attention.out_proj.bias, mlp.c_proj.weight):
            nn.init.zeros_(tensor)

    def forward(self, query: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Return the query (1, N, C) after the block, from tokens (L, N, C)."""
        keys = self.ln_3(tokens)
        query = query + self.drop_path(self.attn(self.ln_1(query), keys, keys, need_weights=False)[0])
        return query + self.drop_path(self.mlp(self.ln_2(query)))


class Transformer(nn.Module):
    """The blocks in space; global blocks read from some of them."""

    def __init__(self, width: int, layers: int, heads: int, decoder: Sequence[dict[str, Any]], **local: Any) -> None:
        super().__init__()
        rates = torch.linspace(0, local.pop("rate"), layers).tolist()
        self.return_list = local.pop("return_list")
        dim = local.pop("n_dim")
        self.resblocks = nn.ModuleList(SpaceBlock(width, heads, rate, **local) for rate in rates)
        self.temporal_cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.dpe = nn.ModuleList(nn.Conv3d(dim, dim, 3, padding=1, groups=dim) for _ in decoder)
        for conv in self.dpe:
            nn.init.zeros_(cast(torch.Tensor, conv.bias))
        self.dec = nn.ModuleList(GlobalBlock(dim, **options) for options in decoder)
        self.norm = nn.LayerNorm(dim)
        self.balance = nn.Parameter(torch.zeros(dim))

    def forward(self, x: torch.Tensor, frames: int) -> torch.Tensor:
        """Return (N, C) from tokens (1 + L, N * T, C)."""
        query, count = None, 0
        side = int((len(x) - 1) ** 0.5)
        for index, block in enumerate(self.resblocks):
            x = block(x, frames)
            if index not in self.return_list:
                continue
            clips = x.unflatten(1, (-1, frames))  # 1 + L, N, T, C
            query = self.temporal_cls_token.expand(1, clips.shape[1], -1) if query is None else query
            places = clips[1:].unflatten(0, (side, side)).permute(2, 4, 3, 0, 1)  # N, C, T, H, W
            places = places + self.dpe[count](places)
            places = places.permute(3, 4, 0, 2, 1).flatten(0, 1)
            tokens = torch.cat([clips[:1], places]).permute(2, 0, 1, 3).flatten(0, 1)  # T * (1 + L), N, C
            query = self.dec[count](query, tokens)
            count += 1
        space = x[0].unflatten(0, (-1, frames)).mean(dim=1)
        share = self.balance.sigmoid()
        return self.norm((1 - share) * query[0] + share * space) if query is not None else self.norm(space)


@MODELS.register_module()
class UniFormerV2(ReadableArguments, BaseModule):
    """UniFormerV2 in ``Recognizer3D``: features (V, n_dim) of clips (V, 3, T, H, W), for ``UniFormerHead``.

    The attention is PyTorch's. Arguments are MMAction2's. ``temporal_downsample`` halves the frames in the first layer;
    ``clip_pretrained`` starts from CLIP's image weights, whose file ``pretrained`` names.
    """

    def __init__(
        self,
        input_resolution: int = 224,
        patch_size: int = 16,
        width: int = 768,
        layers: int = 12,
        heads: int = 12,
        backbone_drop_path_rate: float = 0.0,
        t_size: int = 8,
        kernel_size: int = 3,
        dw_reduction: float = 1.5,
        temporal_downsample: bool = False,
        no_lmhra: bool = True,
        double_lmhra: bool = False,
        return_list: Sequence[int] = [8, 9, 10, 11],
        n_layers: int = 4,
        n_dim: int = 768,
        n_head: int = 12,
        mlp_factor: float = 4.0,
        drop_path_rate: float = 0.0,
        mlp_dropout: Sequence[float] = [0.5, 0.5, 0.5, 0.5],
        clip_pretrained: bool = True,
        pretrained: str | None = None,
        init_cfg: Any = TRUNC_NORMAL,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if len(return_list) != n_layers or len(mlp_dropout) < n_layers:
            raise ValueError(f"UniFormerV2: return_list and mlp_dropout need {n_layers=} entries")
        scale = width**-0.5
        kernel, stride, pad = (1, 1, 0) if not temporal_downsample else (kernel_size, 2, kernel_size // 2)
        sizes = (kernel, patch_size, patch_size), (stride, patch_size, patch_size), (pad, 0, 0)
        self.conv1 = nn.Conv3d(3, width, *sizes, bias=False)
        self.class_embedding = nn.Parameter(scale * torch.randn(width))
        length = (input_resolution // patch_size) ** 2
        self.positional_embedding = nn.Parameter(scale * torch.randn(length + 1, width))
        self.ln_pre = nn.LayerNorm(width)
        rates = torch.linspace(0, drop_path_rate, n_layers).tolist()
        decoder = [
            dict(heads=n_head, factor=mlp_factor, dropout=dropout, rate=rate)
            for dropout, rate in zip(mlp_dropout, rates, strict=False)
        ]
        self.transformer = Transformer(
            width, layers, heads, decoder, rate=backbone_drop_path_rate, return_list=list(return_list), n_dim=n_dim,
            reduction=dw_reduction, no_local=no_lmhra, two_local=double_lmhra,
        )  # fmt: skip
        self.pretrained = pretrained

    def init_weights(self) -> None:
        """Set the initial weights: by ``init_cfg`` if that names a checkpoint, else as built, then ``pretrained``."""
        if isinstance(self.init_cfg, dict):
            init_from_cfg(self, self.init_cfg)
        if self.pretrained is None:
            return
        own, weights = self.state_dict(), read_weights(self.pretrained)
        for name, value in weights.items():  # an image kernel sees the middle frame
            if name == "conv1.weight" and value.ndim == 4:
                weights[name] = torch.zeros_like(own[name])
                weights[name][:, :, own[name].shape[2] // 2] = value
        fits = {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}
        if not fits:
            raise ValueError(
                f"pretrained={self.pretrained!r} does not fit UniFormerV2: no tensor has its name and shape"
            )
        self.load_state_dict(fits, strict=False)
        note_source(self, self.pretrained, len(fits), len(own))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return features (V, n_dim)."""
        x = self.conv1(x)
        frames = x.shape[2]
        x = x.transpose(1, 2).flatten(0, 1).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.expand(x.shape[0], 1, -1), x], dim=1) + self.positional_embedding
        return self.transformer(self.ln_pre(x).transpose(0, 1), frames)
