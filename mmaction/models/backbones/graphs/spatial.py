"""Convolutions over the joints of a skeleton, with fixed, learned or computed adjacency.

Features have the shape ``(N, C, T, V)`` of V joints, an adjacency ``(K, V, V)``: what joint w takes in from joint v.
Sources: ST-GCN (Yan et al., AAAI 2018, equation 10), ST-GCN++ (Duan et al., "PYSKL", ACM MM 2022), 2s-AGCN (Shi et al.,
CVPR 2019, equation 3; attention: "MS-AAGCN", TIP 2020), CTR-GCN (Chen et al., ICCV 2021, section 3.2).
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from mmaction.models import cpu
from mmaction.models.backbones.graphs.temporal import pointwise

ADAPTIVE = ("init", "offset", "importance", None)


def shortcut(in_channels: int, out_channels: int) -> nn.Module:
    """Return the identity, or a convolution and a norm where the channels differ."""
    if in_channels == out_channels:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels))


def gather(x: torch.Tensor, adjacency: torch.Tensor) -> torch.Tensor:
    """Let each joint take in the features of others, and add up the K subsets: ``(N, C, T, W)``, channels last.

    It is ``einsum("nkctv,kvw->nctw")`` of ``x`` ``(N, K * C, T, V)`` as one batched matrix product over memory that is
    channels last: nothing is copied, and convolutions are fastest there. The adjacency has the shape ``(K, V, W)``, or
    ``(N, K, V, W)`` where each sample has its own.
    """
    subsets, joints, targets = adjacency.shape[-3:]
    samples, channels, frames = x.shape[0], x.shape[1] // subsets, x.shape[2]
    rows = x.permute(0, 2, 3, 1).reshape(samples * frames, joints * subsets, channels)
    weights = adjacency.transpose(-1, -3).reshape(*adjacency.shape[:-3], targets, joints * subsets)
    if weights.ndim == 3:
        weights = weights.repeat_interleave(frames, dim=0)
    out = torch.matmul(weights, rows) if weights.ndim == 3 else torch.bmm(weights.expand(rows.shape[0], -1, -1), rows)
    return out.view(samples, frames, targets, channels).permute(0, 3, 1, 2)


class GraphConv(nn.Module):
    """Graph convolution of ST-GCN: one convolution gives the features of all subsets, the adjacency moves them.

    ``adaptive`` says how the adjacency is learned: ``init`` starts from it, ``offset`` adds to it, ``importance``
    scales its entries, None keeps it. The convolution comes before (``conv_pos="pre"``) or after (``post``) the
    adjacency. With ``with_res`` the input is added to the output.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        adjacency: torch.Tensor,
        adaptive: str | None = "importance",
        conv_pos: str = "pre",
        with_res: bool = False,
    ) -> None:
        super().__init__()
        if adaptive not in ADAPTIVE or conv_pos not in ("pre", "post"):
            raise ValueError(
                f"gcn_adaptive must be one of {ADAPTIVE} and gcn_conv_pos 'pre' or 'post'; got {adaptive!r} and "
                f"{conv_pos!r}"
            )
        self.adaptive = adaptive
        self.conv_pos = conv_pos
        self.with_res = with_res
        subsets = len(adjacency)
        if adaptive == "init":
            self.A = nn.Parameter(adjacency.clone())
        else:
            self.register_buffer("A", adjacency.clone())
        if adaptive == "offset":
            self.PA = nn.Parameter(torch.empty_like(adjacency).uniform_(-1e-6, 1e-6))
        elif adaptive == "importance":
            self.PA = nn.Parameter(torch.ones_like(adjacency))
        if conv_pos == "pre":
            self.conv = nn.Conv2d(in_channels, out_channels * subsets, 1)
        else:
            self.conv = nn.Conv2d(in_channels * subsets, out_channels, 1)
        self.bn = nn.BatchNorm2d(out_channels)
        if with_res:
            self.down = shortcut(in_channels, out_channels)

    def adjacency(self) -> torch.Tensor:
        """Return the adjacency as it is learned so far, shape ``(K, V, V)``."""
        if self.adaptive == "offset":
            return self.A + self.PA
        return self.A * self.PA if self.adaptive == "importance" else self.A

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return shape ``(N, out_channels, T, V)`` for ``(N, in_channels, T, V)``."""
        adjacency = self.adjacency()
        if self.conv_pos == "pre":
            y = gather(pointwise(x, self.conv.weight, self.conv.bias), adjacency)
        else:
            y = self.conv(torch.cat([gather(x, part[None]) for part in adjacency], dim=1))
        y = self.bn(y)
        return F.relu(y + self.down(x) if self.with_res else y)


class AdaptiveGraphConv(nn.Module):
    """Graph convolution of 2s-AGCN: to a learned adjacency each sample adds one that its features attend to.

    Joints are compared in ``out_channels // coff_embedding`` channels. With ``adaptive=False`` the adjacency stays as
    it is. With ``attention`` joints, frames and channels are weighed afterwards (MS-AAGCN).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        adjacency: torch.Tensor,
        coff_embedding: int = 4,
        adaptive: bool = True,
        attention: bool = True,
    ) -> None:
        super().__init__()
        self.adaptive = adaptive
        subsets, width = len(adjacency), out_channels // coff_embedding
        if adaptive:
            self.A = nn.Parameter(adjacency.clone())
            self.alpha = nn.Parameter(torch.zeros(1))
            self.conv_a = nn.ModuleList(nn.Conv2d(in_channels, width, 1) for _ in range(subsets))
            self.conv_b = nn.ModuleList(nn.Conv2d(in_channels, width, 1) for _ in range(subsets))
        else:
            self.register_buffer("A", adjacency.clone())
        self.conv_d = nn.ModuleList(nn.Conv2d(in_channels, out_channels, 1) for _ in range(subsets))
        self.down = shortcut(in_channels, out_channels)
        self.bn = nn.BatchNorm2d(out_channels)
        self.attention = Attention(out_channels, adjacency.shape[-1]) if attention else None

    def init_weights(self) -> None:
        """Start near the shortcut, as the paper's networks do."""
        std = (2 / (self.bn.num_features * len(self.conv_d))) ** 0.5
        for weight in (p for p in self.conv_d.parameters() if p.ndim > 1):
            nn.init.normal_(weight, 0, std)
        nn.init.constant_(self.bn.weight, 1e-6)

    def adjacency(self, x: torch.Tensor) -> torch.Tensor:
        """Return the adjacency for features ``(N, C, T, V)``: ``(N, K, V, V)``, or ``(K, V, V)`` for all alike."""
        if not self.adaptive:
            return self.A
        # the embeddings of all subsets by one convolution
        embedded = merged_conv(x, [*self.conv_a, *self.conv_b]).permute(0, 2, 3, 1)
        embedded = embedded.unflatten(3, (2, len(self.A), -1))
        source, target = embedded.unbind(dim=3)  # (N, T, V, K, E) each
        scores = torch.einsum("ntvke,ntwke->nkvw", source, target) / (source.shape[1] * source.shape[4])
        return self.A + torch.tanh(scores) * self.alpha

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return shape ``(N, out_channels, T, V)`` for ``(N, in_channels, T, V)``."""
        y = gather(merged_conv(x, self.conv_d, with_bias=False), self.adjacency(x))
        y = y + merged_bias(self.conv_d).view(len(self.conv_d), -1, 1, 1).sum(dim=0)
        y = F.relu(self.bn(y) + self.down(x))
        return y if self.attention is None else self.attention(y)


def merged_bias(convs: Iterable[Any]) -> torch.Tensor:
    """Return the biases of convolutions one after the other."""
    return torch.cat([conv.bias for conv in convs])


def merged_conv(x: torch.Tensor, convs: Sequence[Any] | nn.ModuleList, with_bias: bool = True) -> torch.Tensor:
    """Return what convolutions of one kernel size make of ``x`` side by side, by one convolution."""
    each: Iterable[Any] = convs
    weight = torch.cat([conv.weight for conv in each])
    return pointwise(x, weight, merged_bias(convs) if with_bias else None)


class Attention(nn.Module):
    """Weigh joints, then frames, then channels by what their means tell (MS-AAGCN, section III-C)."""

    def __init__(self, channels: int, joints: int) -> None:
        super().__init__()
        self.conv_ta = nn.Conv1d(channels, 1, 9, padding=4)
        size = joints if joints % 2 else joints - 1
        self.conv_sa = nn.Conv1d(channels, 1, size, padding=(size - 1) // 2)
        self.fc1c = nn.Linear(channels, channels // 2)
        self.fc2c = nn.Linear(channels // 2, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return features ``(N, C, T, V)`` times one to two."""
        x = x + x * torch.sigmoid(self.conv_sa(x.mean(2))).unsqueeze(2)
        x = x + x * torch.sigmoid(self.conv_ta(x.mean(3))).unsqueeze(3)
        weight = torch.sigmoid(self.fc2c(F.relu(self.fc1c(x.mean((2, 3))))))
        return x + x * weight[:, :, None, None]


class RefinedConv(nn.Module):
    """The weights of one subset in :class:`RefinedGraphConv`: ``conv1`` to ``conv4``."""

    def __init__(self, in_channels: int, out_channels: int, rel_reduction: int = 8) -> None:
        super().__init__()
        width = 8 if in_channels <= 16 else in_channels // rel_reduction
        self.conv1 = nn.Conv2d(in_channels, width, 1)
        self.conv2 = nn.Conv2d(in_channels, width, 1)
        self.conv3 = nn.Conv2d(in_channels, out_channels, 1)
        self.conv4: Any = nn.Conv2d(width, out_channels, 1)

    def relations(self, mean: torch.Tensor, alpha: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        """Return ``own`` plus ``alpha`` times how each joint differs from each other one, by channel.

        From the mean over time ``(N, C, 1, V)`` and ``own`` ``(V, V)``: shape ``(N * out_channels, V, V)``.
        """
        first, second = self.conv1(mean).squeeze(2), self.conv2(mean).squeeze(2)
        difference = torch.tanh(first.unsqueeze(-1) - second.unsqueeze(-2)).flatten(2)
        weight = (self.conv4.weight.flatten(1) * alpha).expand(mean.shape[0], -1, -1)
        constant = (self.conv4.bias * alpha)[:, None] + own.flatten()
        return torch.baddbmm(constant.to(difference.dtype), weight, difference).view(-1, *own.shape)


class RefinedGraphConv(nn.Module):
    """Graph convolution of CTR-GCN: each channel refines the learned adjacency by how much joints differ."""

    def __init__(self, in_channels: int, out_channels: int, adjacency: torch.Tensor) -> None:
        super().__init__()
        self.convs: Any = nn.ModuleList(RefinedConv(in_channels, out_channels) for _ in range(len(adjacency)))
        self.down = shortcut(in_channels, out_channels)
        self.A = nn.Parameter(adjacency.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.bn = nn.BatchNorm2d(out_channels)

    def init_weights(self) -> None:
        """Start near the shortcut, as the paper's networks do."""
        nn.init.constant_(self.bn.weight, 1e-6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return shape ``(N, out_channels, T, V)`` for ``(N, in_channels, T, V)``."""
        # The mean over time and a convolution of one frame may change places: the mean first is far less to compute.
        mean = x.mean(2, keepdim=True)
        # Each channel has its own adjacency: here the joints of a frame lie beside each other, not the channels.
        rows = x.contiguous().flatten(2)
        terms = []
        for conv, own in zip(self.convs, self.A, strict=True):
            weight = conv.conv3.weight.flatten(1).expand(x.shape[0], -1, -1)
            part = torch.baddbmm(conv.conv3.bias[:, None].to(rows.dtype), weight, rows).view(-1, *x.shape[2:])
            terms.append((part, conv.relations(mean, self.alpha, own)))
        total = torch.bmm(*terms[0])
        for term in terms[1:]:
            total = torch.baddbmm(total, *term)
        y = cpu.prepare(total.view(x.shape[0], -1, *x.shape[2:]))
        return F.relu(self.bn(y) + self.down(x))
