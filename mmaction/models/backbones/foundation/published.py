"""MMAction2's transformers by the networks of torchvision, timm and transformers, under MMAction2's names.

The networks are the libraries'. Their state dicts are read and written with the names and shapes of MMAction2, so that
published checkpoints load as they are.
"""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import nn

from mmaction.models.backbones.foundation import published_names
from mmaction.models.backbones.foundation.base import interpolate_positions, need
from mmaction.models.backbones.foundation.published_names import renaming
from mmaction.models.inflate import note_source, read_weights
from mmaction.models.initial import init_from_cfg
from mmaction.registry import MODELS
from mmaction.utils.attributes import ReadableArguments
from mmaction.utils.cli import suggest

LN = {"type": "LN", "eps": 1e-6}
TRUNC_NORMAL = [
    {"type": "TruncNormal", "layer": "Linear", "std": 0.02, "bias": 0.0},
    {"type": "Constant", "layer": "LayerNorm", "val": 1.0, "bias": 0.0},
]


def _to_published(module: "PublishedNetwork", state: dict[str, Any], prefix: str, _metadata: Any) -> None:
    for key in [key for key in state if key.startswith(prefix)]:
        value = state.pop(key)
        name, shape = module.published[key[len(prefix) :]]
        state[prefix + name] = value.reshape(shape)


def _from_published(module: "PublishedNetwork", state: dict[str, Any], prefix: str, *_: Any) -> None:
    shapes = {name: (own, shape) for own, (name, shape) in module.published.items()}
    for key in [key for key in state if key.startswith(prefix) and key[len(prefix) :] in shapes]:
        own, shape = shapes[key[len(prefix) :]]
        if tuple(state[key].shape) == shape:  # else the loading says so
            state[prefix + own] = state.pop(key).reshape(module.own_shapes[own])


class PublishedNetwork(ReadableArguments, BaseModule):
    """A library's network ``self.network`` whose state dict has published names, by the table ``names``."""

    names: str
    pretrained: str | None

    def adopt_names(self) -> None:
        """Rename the state dict from now on; a subclass calls it when its modules are there."""
        state, renamed = self.state_dict(), renaming(self.names)
        self.own_shapes = {name: tuple(value.shape) for name, value in state.items()}
        self.published = {
            name: (renamed(name.removeprefix("network.")), self.published_shape(name, value))
            for name, value in state.items()
        }
        self.register_state_dict_post_hook(_to_published)
        self.register_load_state_dict_pre_hook(_from_published)

    def published_shape(self, name: str, value: torch.Tensor) -> tuple[int, ...]:
        """Return the published shape of a tensor."""
        return tuple(value.shape)

    def init_weights(self) -> None:
        """Set the initial weights: by ``init_cfg``, then from ``pretrained`` where that is given."""
        if self.init_cfg is not None:
            init_from_cfg(self, self.init_cfg)
        if self.pretrained is None:
            return
        own = self.state_dict()
        weights = self.fitted(read_weights(self.pretrained), own)
        fits = {name: value for name, value in weights.items() if name in own and value.shape == own[name].shape}
        wrong = [name for name in weights if name in own and name not in fits]
        if wrong or not fits:
            raise ValueError(f"pretrained={self.pretrained!r} does not fit {type(self).__name__}: {wrong or 'no name'}")
        self.load_state_dict(fits, strict=False)
        note_source(self, self.pretrained, len(fits), len(own))
        left = [name for name in own if name not in fits]
        print_log(
            f"{self.pretrained}: {len(fits)} tensors loaded; left as they were: {', '.join(left) or 'none'}", "current"
        )

    def fitted(self, weights: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the weights of an image network under the names and in the shapes of this one."""
        return dict(weights)


def _choose(arch: str | dict[str, Any], known: Mapping[str, dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the sizes of ``arch``, a name or a dict; ValueError for other names."""
    if isinstance(arch, Mapping):
        return dict(arch)
    if arch not in known:
        raise ValueError(f"{name}: unknown arch {arch!r}{suggest(arch, known)}; known are {', '.join(known)}")
    return dict(known[arch])


def _refuse(name: str, **fixed: tuple[Any, Any]) -> None:
    """Raise ValueError for arguments that the library's network does not have: name to (given, the only value)."""
    for argument, (given, only) in fixed.items():
        if given != only:
            raise ValueError(f"{name}: {argument} can only be {only!r} here; got {given!r}")


MVIT_ARCHS = {  # Li et al., "MViTv2", CVPR 2022, table 2
    "tiny": {"embed_dims": 96, "num_layers": 10, "num_heads": 1, "downscale_indices": [1, 3, 8]},
    "small": {"embed_dims": 96, "num_layers": 16, "num_heads": 1, "downscale_indices": [1, 3, 14]},
    "base": {"embed_dims": 96, "num_layers": 24, "num_heads": 1, "downscale_indices": [2, 5, 21]},
    "large": {"embed_dims": 144, "num_layers": 48, "num_heads": 2, "downscale_indices": [2, 8, 44]},
}


@MODELS.register_module()
class MViT(PublishedNetwork):
    """MViT v2 (Li et al., CVPR 2022) by torchvision's network; features (map, class token), for ``MViTHead``.

    Arguments are MMAction2's. Those that torchvision's network does not have can only keep their default (ValueError):
    a class token and relative positions are always there, features come from the last scale.
    """

    names = published_names.MVIT

    def __init__(
        self,
        arch: str | dict[str, Any] = "base",
        spatial_size: int = 224,
        temporal_size: int = 16,
        in_channels: int = 3,
        pretrained: str | None = None,
        pretrained_type: str | None = None,
        out_scales: int | Sequence[int] = -1,
        drop_path_rate: float = 0.0,
        use_abs_pos_embed: bool = False,
        interpolate_mode: str = "trilinear",
        pool_kernel: Sequence[int] = (3, 3, 3),
        dim_mul: int = 2,
        head_mul: int = 2,
        adaptive_kv_stride: Sequence[int] = (1, 8, 8),
        rel_pos_embed: bool = True,
        residual_pooling: bool = True,
        dim_mul_in_attention: bool = True,
        with_cls_token: bool = True,
        output_cls_token: bool = True,
        rel_pos_zero_init: bool = False,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        norm_cfg: dict[str, Any] = LN,
        patch_cfg: dict[str, Any] = {"kernel_size": (3, 7, 7), "stride": (2, 4, 4), "padding": (1, 3, 3)},  # noqa: B006
        init_cfg: Any = [  # noqa: B006 (read only)
            {"type": "TruncNormal", "layer": ["Conv2d", "Conv3d"], "std": 0.02},
            {"type": "TruncNormal", "layer": "Linear", "std": 0.02, "bias": 0.02},
            {"type": "Constant", "layer": "LayerNorm", "val": 1.0, "bias": 0.02},
        ],
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        only = {"kernel_size": (3, 7, 7), "stride": (2, 4, 4), "padding": (1, 3, 3)}
        _refuse(
            "MViT", in_channels=(in_channels, 3), out_scales=(out_scales, -1), mlp_ratio=(mlp_ratio, 4.0),
            use_abs_pos_embed=(use_abs_pos_embed, False), rel_pos_embed=(rel_pos_embed, True),
            with_cls_token=(with_cls_token, True), output_cls_token=(output_cls_token, True), qkv_bias=(qkv_bias, True),
            interpolate_mode=(interpolate_mode, "trilinear"), pretrained_type=(pretrained_type, None),
            patch_cfg=({key: tuple(value) for key, value in patch_cfg.items()}, only),
        )  # fmt: skip
        from torchvision.models.video.mvit import MSBlockConfig
        from torchvision.models.video.mvit import MViT as Network

        sizes = _choose(arch, MVIT_ARCHS, "MViT")
        width, heads, kv = sizes["embed_dims"], sizes["num_heads"], list(adaptive_kv_stride)
        blocks = []
        for i in range(sizes["num_layers"]):
            is_wider = i in sizes["downscale_indices"]
            stride = [1, 2, 2] if is_wider else [1, 1, 1]
            out, heads = (width * dim_mul, heads * head_mul) if is_wider else (width, heads)
            if is_wider:
                kv = [max(k // s, 1) for k, s in zip(kv, stride, strict=True)]
            kernel = list(pool_kernel)
            blocks.append(MSBlockConfig(heads, width, out, kernel, kernel, stride, list(kv)))
            width = out
        self.network: Any = Network(
            (spatial_size, spatial_size),
            temporal_size,
            blocks,
            residual_pool=residual_pooling,
            residual_with_cls_embed=False,
            rel_pos_embed=True,
            proj_after_attn=dim_mul_in_attention,
            stochastic_depth_prob=drop_path_rate,
            norm_layer=partial(nn.LayerNorm, eps=norm_cfg.get("eps", 1e-5)),
        )
        del self.network.head
        if rel_pos_zero_init:
            for name, value in self.network.named_parameters():
                if ".rel_pos_" in name:
                    nn.init.zeros_(value)
        self.pretrained = pretrained
        self.adopt_names()

    def published_shape(self, name: str, value: torch.Tensor) -> tuple[int, ...]:
        """Return the published shape of a tensor: the class token has three dimensions."""
        return (1, 1, *value.shape) if name.endswith("class_token") else tuple(value.shape)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the map (V, C, t, h, w) and the class token (V, C) of clips (V, 3, T, H, W)."""
        patches = self.network.conv_proj(x)
        thw = tuple(patches.shape[2:])
        tokens = self.network.pos_encoding(patches.flatten(2).transpose(1, 2))
        for block in self.network.blocks:
            tokens, thw = block(tokens, thw)
        tokens = self.network.norm(tokens)
        return tokens[:, 1:].transpose(1, 2).unflatten(2, thw), tokens[:, 0]


SWIN_ARCHS = {  # Liu et al., "Video Swin Transformer", CVPR 2022, section 3.3
    "tiny": {"embed_dims": 96, "depths": [2, 2, 6, 2], "num_heads": [3, 6, 12, 24]},
    "small": {"embed_dims": 96, "depths": [2, 2, 18, 2], "num_heads": [3, 6, 12, 24]},
    "base": {"embed_dims": 128, "depths": [2, 2, 18, 2], "num_heads": [4, 8, 16, 32]},
    "large": {"embed_dims": 192, "depths": [2, 2, 18, 2], "num_heads": [6, 12, 24, 48]},
}


@MODELS.register_module()
class SwinTransformer3D(PublishedNetwork):
    """Video Swin (Liu et al., CVPR 2022) by torchvision's network; features (V, C, t, h, w) of the last stage.

    Arguments are MMAction2's. Those that torchvision's network does not have can only keep their default (ValueError).
    With ``pretrained2d`` the weights of an image Swin are inflated: kernels are repeated over time and divided by their
    length, tables of relative positions repeated over time and resized to the window.
    """

    names = published_names.SWIN

    def __init__(
        self,
        arch: str | dict[str, Any],
        pretrained: str | None = None,
        pretrained2d: bool = True,
        patch_size: Sequence[int] = (2, 4, 4),
        in_channels: int = 3,
        window_size: Sequence[int] = (8, 7, 7),
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        qk_scale: float | None = None,
        drop_rate: float = 0.0,
        attn_drop_rate: float = 0.0,
        drop_path_rate: float = 0.1,
        act_cfg: dict[str, Any] = {"type": "GELU"},  # noqa: B006 (read only)
        norm_cfg: dict[str, Any] = {"type": "LN"},  # noqa: B006 (read only)
        patch_norm: bool = True,
        frozen_stages: int = -1,
        with_cp: bool = False,
        out_indices: Sequence[int] = (3,),
        out_after_downsample: bool = False,
        init_cfg: Any = TRUNC_NORMAL,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        _refuse(
            "SwinTransformer3D", in_channels=(in_channels, 3), qkv_bias=(qkv_bias, True), qk_scale=(qk_scale, None),
            act_cfg=(act_cfg, {"type": "GELU"}), patch_norm=(patch_norm, True), frozen_stages=(frozen_stages, -1),
            out_indices=(tuple(out_indices), (3,)), out_after_downsample=(out_after_downsample, False),
        )  # fmt: skip
        from torchvision.models.video.swin_transformer import SwinTransformer3d

        sizes = _choose(arch, SWIN_ARCHS, "SwinTransformer3D")
        self.network: Any = SwinTransformer3d(
            list(patch_size),
            sizes["embed_dims"],
            list(sizes["depths"]),
            list(sizes["num_heads"]),
            list(window_size),
            mlp_ratio=mlp_ratio,
            dropout=drop_rate,
            attention_dropout=attn_drop_rate,
            stochastic_depth_prob=drop_path_rate,
            norm_layer=partial(nn.LayerNorm, eps=norm_cfg.get("eps", 1e-5)),
        )
        del self.network.head
        self.pretrained, self.pretrained2d, self.with_cp = pretrained, pretrained2d, with_cp
        self.window_size = tuple(window_size)
        self.adopt_names()

    def published_shape(self, name: str, value: torch.Tensor) -> tuple[int, ...]:
        """Return the published shape of a tensor: the index of relative positions is square."""
        side = int(value.numel() ** 0.5)
        return (side, side) if name.endswith("relative_position_index") else tuple(value.shape)

    def fitted(self, weights: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the weights of an image Swin inflated over time."""
        if not self.pretrained2d:
            return dict(weights)
        fitted = {}
        depth, height, width = self.window_size
        for name, value in weights.items():
            name = re.sub(r"^norm\.", "norm3.", name)
            if name.endswith("relative_position_index") or name not in own:
                continue
            if name.endswith("relative_position_bias_table"):
                side = int(len(value) ** 0.5)
                table = value.T.reshape(1, -1, side, side)
                shape = (2 * height - 1, 2 * width - 1)
                if (side, side) != shape:
                    table = nn.functional.interpolate(table, shape, mode="bicubic")
                value = table.flatten(2)[0].T.repeat(2 * depth - 1, 1)
            elif value.ndim == 4 and own[name].ndim == 5:
                value = value.unsqueeze(2).expand_as(own[name]) / own[name].shape[2]
            fitted[name] = value
        return fitted

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return features (V, C, t, h, w) of clips (V, 3, T, H, W)."""
        y = self.network.pos_drop(self.network.patch_embed(x))
        for stage in self.network.features:
            recomputes = self.with_cp and self.training and torch.is_grad_enabled()
            y = torch.utils.checkpoint.checkpoint(stage, y, use_reentrant=False) if recomputes else stage(y)
        return self.network.norm(y).permute(0, 4, 1, 2, 3)


@MODELS.register_module()
class VisionTransformer(PublishedNetwork):
    """The network of VideoMAE v1 and v2 (Tong et al., NeurIPS 2022), of timm's blocks; features (V, C), or a map.

    Arguments are MMAction2's; ``return_feat_map`` gives (V, C, t, h, w). Without ``use_mean_pooling`` the first token's
    vector is returned.

    Raises:
        ImportError: Without timm.
    """

    names = published_names.VIDEO_MAE

    def __init__(
        self,
        img_size: int = 224,
        patch_size: int = 16,
        in_channels: int = 3,
        embed_dims: int = 768,
        depth: int = 12,
        num_heads: int = 12,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        qk_scale: float | None = None,
        drop_rate: float = 0.0,
        attn_drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        norm_cfg: dict[str, Any] = LN,
        init_values: float = 0.0,
        use_learnable_pos_emb: bool = False,
        num_frames: int = 16,
        tubelet_size: int = 2,
        use_mean_pooling: bool = True,
        pretrained: str | None = None,
        return_feat_map: bool = False,
        init_cfg: Any = TRUNC_NORMAL,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        _refuse("VisionTransformer", qk_scale=(qk_scale, None))
        blocks = need("timm.models.beit")
        norm = partial(nn.LayerNorm, eps=norm_cfg.get("eps", 1e-5))
        self.grid = (num_frames // tubelet_size, img_size // patch_size, img_size // patch_size)
        kernel = (tubelet_size, patch_size, patch_size)
        self.patch_embed = nn.ModuleDict({"projection": nn.Conv3d(in_channels, embed_dims, kernel, kernel)})
        length = self.grid[0] * self.grid[1] * self.grid[2]
        positions = sinusoids(length, embed_dims)
        if use_learnable_pos_emb:
            self.pos_embed = nn.Parameter(torch.zeros_like(positions))
            nn.init.trunc_normal_(self.pos_embed, std=0.02)
        else:
            self.register_buffer("pos_embed", positions)
        self.pos_drop = nn.Dropout(drop_rate)
        rates = torch.linspace(0, drop_path_rate, depth).tolist()
        options = dict(
            qkv_bias=qkv_bias, mlp_ratio=mlp_ratio, proj_drop=drop_rate, attn_drop=attn_drop_rate, norm_layer=norm,
            init_values=init_values or None,
        )  # fmt: skip
        self.blocks = nn.ModuleList(blocks.Block(embed_dims, num_heads, drop_path=rate, **options) for rate in rates)
        self.norm = norm(embed_dims) if not use_mean_pooling else nn.Identity()
        self.fc_norm = norm(embed_dims) if use_mean_pooling else None
        self.pretrained, self.return_feat_map = pretrained, return_feat_map
        self.adopt_names()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return vectors (V, C), or the map, of clips (V, C, T, H, W); other sizes take interpolated positions."""
        patches = self.patch_embed["projection"](x)
        positions: torch.Tensor = self.pos_embed
        grid = tuple(patches.shape[2:])
        if grid != self.grid:
            positions = cast(torch.Tensor, interpolate_positions(positions, self.grid, grid))
        tokens = self.pos_drop(patches.flatten(2).transpose(1, 2) + positions)
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.norm(tokens)
        if self.return_feat_map:
            return tokens.transpose(1, 2).unflatten(2, grid)
        return tokens[:, 0] if self.fc_norm is None else self.fc_norm(tokens.mean(dim=1))


def sinusoids(length: int, channels: int) -> torch.Tensor:
    """Return the fixed positions (1, length, channels) of Vaswani et al., NeurIPS 2017, section 3.5."""
    steps = torch.arange(channels, dtype=torch.float64).div(2, rounding_mode="floor") * 2 / channels
    angles = torch.arange(length, dtype=torch.float64)[:, None] / 10000**steps
    table = torch.where(torch.arange(channels) % 2 == 0, angles.sin(), angles.cos())
    return table.float()[None]


@MODELS.register_module()
class TimeSformer(PublishedNetwork):
    """TimeSformer (Bertasius et al., ICML 2021) by transformers' network; features (V, C), the class token.

    Arguments are MMAction2's; ``transformer_layers`` can only be None. ``pretrained`` is an image ViT under MMAction2's
    names, whose spatial attention becomes the attention in space; attention over time starts as it is.

    Raises:
        ImportError: Without transformers.
    """

    def __init__(
        self,
        num_frames: int,
        img_size: int,
        patch_size: int,
        pretrained: str | None = None,
        embed_dims: int = 768,
        num_heads: int = 12,
        num_transformer_layers: int = 12,
        in_channels: int = 3,
        dropout_ratio: float = 0.0,
        transformer_layers: Any = None,
        attention_type: str = "divided_space_time",
        norm_cfg: dict[str, Any] = LN,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _refuse("TimeSformer", transformer_layers=(transformer_layers, None))
        if attention_type not in ("divided_space_time", "space_only", "joint_space_time"):
            raise ValueError(f"TimeSformer: unknown attention_type {attention_type!r}")
        transformers = need("transformers")
        config = transformers.TimesformerConfig(
            image_size=img_size, patch_size=patch_size, num_channels=in_channels, num_frames=num_frames,
            hidden_size=embed_dims, num_hidden_layers=num_transformer_layers, num_attention_heads=num_heads,
            intermediate_size=4 * embed_dims, hidden_dropout_prob=dropout_ratio,
            layer_norm_eps=norm_cfg.get("eps", 1e-5), qkv_bias=True, attention_type=attention_type,
        )  # fmt: skip
        self.network: Any = transformers.TimesformerModel(config)
        drop_path = need("transformers.models.timesformer.modeling_timesformer").TimesformerDropPath
        rates = torch.linspace(0, 0.1, num_transformer_layers).tolist()  # which the config takes as whole numbers only
        for block, rate in zip(self.network.encoder.layer, rates, strict=True):
            block.drop_path = drop_path(rate)
        space = "1" if attention_type == "divided_space_time" else "0"
        self.names = published_names.TIME_SFORMER.replace("SPACE", space)
        self.pretrained, self.num_frames, self.attention_type = pretrained, num_frames, attention_type
        self.adopt_names()

    def fitted(self, weights: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the weights of an image ViT: its attention and norm serve space, and start time."""
        fitted = dict(weights)
        if self.attention_type == "divided_space_time":
            for name, value in weights.items():
                for old in ("attentions.0.", "norms.0."):
                    if old in name and not any(".attentions.1." in key for key in weights):
                        fitted[name.replace(old, "attentions.1." if "attn" in name else "attentions.1.norm.")] = value
        return fitted

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the class token (V, C) of clips (V, C, T, H, W)."""
        tokens = self.network(x.transpose(1, 2)).last_hidden_state[:, 0]
        return tokens.unflatten(0, (x.shape[0], -1)).mean(dim=1) if tokens.shape[0] > x.shape[0] else tokens
