"""Heads for tokens: a linear layer on one of them or on their mean, and the attentive probe of V-JEPA 2."""

from typing import Any

import torch
from torch import nn

from mmaction.models.heads.base import LinearHead
from mmaction.registry import MODELS
from mmaction.utils.cli import needs

TOKEN_POOLS = ("mean", "cls")


def as_tokens(feats: torch.Tensor) -> torch.Tensor:
    """Return tokens (V, L, C) from tokens or from a map (V, C, ...)."""
    return feats if feats.ndim == 3 else feats.flatten(2).transpose(1, 2)


class ClipHead(LinearHead):
    """A head whose views may be the frames of clips: ``num_segments`` of them become one vector."""

    def __init__(self, *args: Any, num_segments: int = 1, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if num_segments < 1:
            raise ValueError(f"{type(self).__name__}: num_segments must be at least 1; got {num_segments}")
        self.num_segments = num_segments

    def clips(self, frames: torch.Tensor) -> torch.Tensor:
        """Return (clips, num_segments, ...) from (clips * num_segments, ...); ValueError if that is no whole number."""
        if frames.shape[0] % self.num_segments:
            raise ValueError(
                f"{type(self).__name__} takes clips of {self.num_segments} frames, but got {len(frames)} frames; "
                "num_clips of SampleFrames must be num_segments of the head and the backbone"
            )
        return frames.unflatten(0, (-1, self.num_segments))


@MODELS.register_module()
class TokenHead(ClipHead):
    """A linear layer on the class token or on the mean of the tokens.

    Features are tokens (V, L, C), a map (V, C, ...) or pooled vectors (V, C).

    Args:
        num_classes: Number of classes.
        in_channels: Channels of a token.
        pool: ``mean`` of all tokens, or ``cls``: the first one, for which the backbone needs ``out='tokens'``.
        norm: Whether a layer norm ``fc_norm`` follows the pooling, as in VideoMAE.
        num_segments: Frames of a clip whose vectors are averaged, where the views are frames.
        dropout_ratio: Probability that a feature is dropped in training.
        kwargs: Arguments of ``LinearHead``.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        pool: str = "mean",
        norm: bool = False,
        num_segments: int = 1,
        dropout_ratio: float = 0.0,
        init_std: float = 0.02,
        **kwargs: Any,
    ) -> None:
        if pool not in TOKEN_POOLS:
            raise ValueError(f"TokenHead: pool must be one of {TOKEN_POOLS}; got {pool!r}")
        kwargs |= {"dropout_ratio": dropout_ratio, "init_std": init_std, "num_segments": num_segments}
        super().__init__(num_classes, in_channels, **kwargs)
        self.pool = pool
        self.fc_norm = nn.LayerNorm(in_channels, eps=1e-6) if norm else nn.Identity()

    def pool_feats(self, feats: Any) -> torch.Tensor:
        """Return one vector (clips, in_channels) for each clip."""
        if self.pool == "cls" and feats.ndim > 3:
            raise ValueError("TokenHead with pool='cls' needs out='tokens' in the backbone: a map has no class token")
        if feats.ndim > 2:
            tokens = as_tokens(feats)
            feats = tokens[:, 0] if self.pool == "cls" else tokens.mean(dim=1)
        return self.fc_norm(self.clips(self.check_width(feats)).mean(dim=1))


@MODELS.register_module()
class AttentiveHead(ClipHead):
    """The attentive probe of V-JEPA 2 (Assran et al., 2025, section 5): a query attends to all tokens of a clip.

    ``depth - 1`` self-attention blocks and one cross-attention block, transformers' ``VJEPA2AttentivePooler`` with its
    names, then a linear layer. Published probes load strictly. Dropout is 0 unless ``dropout_ratio`` says otherwise.

    Args:
        num_classes: Number of classes.
        in_channels: Channels of a token.
        depth: Number of blocks, 1 to 4 in the paper; published probes have 4.
        num_heads: Heads of each attention.
        mlp_ratio: Width of a block's MLP, in channels of a token.
        num_segments: Frames of a clip whose tokens are seen together, where the views are frames.
        kwargs: Arguments of ``LinearHead``.

    Raises:
        ImportError: Without transformers.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        depth: int = 4,
        num_heads: int = 16,
        mlp_ratio: float = 4.0,
        num_segments: int = 1,
        dropout_ratio: float = 0.0,
        init_std: float = 0.02,
        **kwargs: Any,
    ) -> None:
        if depth < 1 or in_channels % num_heads:
            raise ValueError(f"AttentiveHead: {depth=} is at least 1, and {num_heads=} divides {in_channels=}")
        kwargs |= {"dropout_ratio": dropout_ratio, "init_std": init_std, "num_segments": num_segments}
        super().__init__(num_classes, in_channels, **kwargs)
        self.pooler: Any = self._build_pooler(in_channels, depth, num_heads, mlp_ratio)

    @staticmethod
    def _build_pooler(channels: int, depth: int, num_heads: int, mlp_ratio: float) -> nn.Module:
        with needs("AttentiveHead needs transformers: pip install .[foundation]"):
            from transformers import VJEPA2Config
            from transformers.models.vjepa2.modeling_vjepa2 import VJEPA2AttentivePooler
        config = VJEPA2Config(
            hidden_size=channels, num_attention_heads=num_heads, mlp_ratio=mlp_ratio, num_pooler_layers=depth - 1
        )
        config._attn_implementation = "sdpa"
        return VJEPA2AttentivePooler(config)

    def init_weights(self) -> None:
        """Draw the weights as the paper's code does: truncated normal, output layers smaller with depth."""
        super().init_weights()
        blocks = [*self.pooler.self_attention_layers, self.pooler.cross_attention_layer]
        for module in self.pooler.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        nn.init.trunc_normal_(self.pooler.query_tokens, std=0.02)
        for number, block in enumerate(blocks, 1):
            attention = getattr(block, "self_attn", None)
            for layer in filter(None, (getattr(attention, "out_proj", None), block.mlp.fc2)):
                layer.weight.data.div_(number**0.5)

    def pool_feats(self, feats: Any) -> torch.Tensor:
        """Return one vector (clips, in_channels) from tokens (V, L, C) or a map (V, C, ...)."""
        if feats.ndim < 3:
            raise ValueError("AttentiveHead attends to tokens: set out='map' or 'tokens' in the backbone")
        tokens = self.clips(as_tokens(feats)).flatten(1, 2)
        self.check_width(tokens[:, 0])
        return self.pooler(tokens)
