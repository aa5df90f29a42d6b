"""Attention across experts: networks whose features of a clip are known."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import nn

from mmaction.models.initial import SafeInit
from mmaction.registry import MODELS


@MODELS.register_module()
class ExpertAttention(SafeInit):
    """Weighs several experts for each clip by what all of them see in it.

    Each expert is a token: its features, normalized and projected, its probabilities projected, and its own vector. The
    tokens attend to each other (transformer blocks, Vaswani et al., NeurIPS 2017). A gate for each expert follows from
    its token; the log-probabilities of the experts, weighted by their gates, add up: a product of experts (Hinton,
    Neural Computation 2002), which is right more often than their mean where experts see different things. The gates
    begin equal. In training whole experts are left out at random, so that none is relied on alone. Fusion of cached
    features of video, heatmap and graph networks: FineX, arXiv:2608.13458.

    Args:
        in_channels: Name and length of the features of each expert, in the order of ``FeatureDataset``.
        num_classes: Number of classes of the experts' probabilities.
        width: Length of a token.
        depth: Number of transformer blocks.
        num_heads: Heads of the attention, which divide ``width``.
        dropout: Probability that a value is dropped, of projections and in the blocks.
        expert_dropout: Probability that an expert is left out of a clip, in training; one always stays.
        use_features: Whether features are used; else probabilities alone.
        init_cfg: Initial values of the weights.
    """

    def __init__(
        self,
        in_channels: Mapping[str, int],
        num_classes: int,
        width: int = 64,
        depth: int = 1,
        num_heads: int = 4,
        dropout: float = 0.3,
        expert_dropout: float = 0.2,
        use_features: bool = True,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not 0 <= expert_dropout < 1:
            raise ValueError(f"expert_dropout must lie in [0, 1); got {expert_dropout}")
        self.in_channels, self.num_classes, self.expert_dropout = dict(in_channels), num_classes, expert_dropout
        self.use_features = use_features
        self.of_features = nn.ModuleDict(
            {
                name: nn.Sequential(nn.LayerNorm(size), nn.Dropout(dropout), nn.Linear(size, width))
                for name, size in in_channels.items()
            }
            if use_features
            else {}
        )
        self.of_chances = nn.ModuleDict({name: nn.Linear(num_classes, width) for name in in_channels})
        self.names = nn.Parameter(0.02 * torch.randn(len(in_channels), width))
        block = nn.TransformerEncoderLayer(width, num_heads, 2 * width, dropout, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, depth, nn.LayerNorm(width), enable_nested_tensor=False)
        self.gate = nn.Linear(width, 1)
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return for each clip the normalized features of all experts, and the sum of their log-probabilities.

        Args:
            x: (V, D): features and log-probabilities of each expert, NaN where it is missing.

        Returns:
            (V, F + num_classes), F being the length of all features, 0 without ``use_features``. If an expert is
            missing, its features are 0 and the features of the others are larger.
        """
        sizes = [part for size in self.in_channels.values() for part in (size, self.num_classes)]
        if x.shape[1] != sum(sizes):
            raise ValueError(
                f"ExpertAttention was built for experts of {self.in_channels} features and {self.num_classes} classes, "
                f"{sum(sizes)} values in all; a sample has {x.shape[1]}"
            )
        parts = x.split(sizes, dim=1)
        present = self._present(torch.stack([~part.isnan().any(dim=1) for part in parts[1::2]], dim=1))
        share = present / present.sum(dim=1, keepdim=True)
        tokens, chances, normed = [], [], []
        for index, name in enumerate(self.in_channels):
            own = present[:, index, None]
            features, chance = (
                torch.where(own, part, 0.0).nan_to_num(0.0) for part in parts[2 * index : 2 * index + 2]
            )
            token = self.names[index] + self.of_chances[name](chance.exp() * own)
            tokens.append(token + self.of_features[name](features) if self.use_features else token)
            chances.append(chance)
            normed += [F.layer_norm(features, features.shape[1:]) * share[:, index, None]] * self.use_features
        seen = self.blocks(torch.stack(tokens, dim=1), src_key_padding_mask=~present)
        gates = self.gate(seen).squeeze(2).masked_fill(~present, -torch.inf).softmax(dim=1)
        return torch.cat([*normed, (gates[..., None] * torch.stack(chances, dim=1)).sum(dim=1)], dim=1)

    def _present(self, known: torch.Tensor) -> torch.Tensor:
        """Return which experts a clip is judged by, bool (V, experts), in training a part of them; never none."""
        chosen = known
        if self.training and self.expert_dropout:
            chosen = known & (torch.rand(known.shape, device=known.device) >= self.expert_dropout)
        chosen = chosen | (known & ~chosen.any(dim=1, keepdim=True))
        return chosen | ~chosen.any(dim=1, keepdim=True)
