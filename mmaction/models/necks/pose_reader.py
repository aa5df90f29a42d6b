"""Frames to joints to an action, in one network: a backbone's maps show joints, a 3D network sees how they move."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from mmaction.models.necks.pose_guide import PoseGuide
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample

PEAK = 4.0  # what a joint's heatmap holds where the network is certain


@MODELS.register_module()
class PoseReader(PoseGuide):
    """Read the joints of each frame from maps of an image network, and hand their heatmaps to a 3D network.

    The maps of several stages are brought to the size of the largest. Two convolutions make features of them, and of
    these one heatmap per joint, a softmax over the places, and some further channels. The square roots of the heatmaps
    and the further channels are what the 3D network ``network`` takes. Training needs joints, which
    ``PackActionInputs(algorithm_keys=("keypoint", "keypoint_score"))`` keeps: the loss ``loss_pose`` is the cross
    entropy between the heatmaps and Gaussians at the joints, mean over the joints in the frame. Testing needs frames
    alone. So few clips are enough to learn from the features of a network that stays frozen.

    Args:
        in_channels: Channels of each map.
        network: Config of the 3D network; its ``in_channels`` are set here.
        num_segments: Number of frames T of a clip.
        num_joints: Number of joints V.
        width: Channels of the features from which heatmaps are made.
        num_features: Number of the further channels.
        sigma: Standard deviation of the Gaussians, in cells of the largest map.
        loss_weight: Factor of the loss.
        init_cfg: MMEngine's description of the initial weights.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        network: dict[str, Any],
        num_segments: int,
        num_joints: int = 17,
        width: int = 64,
        num_features: int = 12,
        sigma: float = 0.7,
        loss_weight: float = 0.5,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        init_cfg = init_cfg or {"type": "Normal", "std": 0.01, "override": {"name": "heatmaps"}}
        super().__init__(width, num_joints, sigma=sigma, loss_weight=loss_weight, init_cfg=init_cfg)
        self.num_segments = num_segments
        self.mix = nn.Sequential(
            nn.BatchNorm2d(sum(in_channels)),
            nn.Conv2d(sum(in_channels), width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        self.features = nn.Conv3d(width, num_features, 1)
        self.network = MODELS.build({**network, "in_channels": num_joints + num_features})

    def forward(
        self, feats: Sequence[torch.Tensor], data_samples: Sequence[ActionDataSample] | None = None
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the features of the 3D network, one row per clip, and with samples the loss.

        Args:
            feats: Maps of N * T frames, each ``(N * T, C, H, W)``; TypeError where the backbone gives one alone.
            data_samples: As in :meth:`PoseGuide.forward`.
        """
        if isinstance(feats, torch.Tensor):
            raise TypeError("PoseReader needs a list of maps; set stages of TimmImage, such as (2, 3)")
        size = max((tuple(part.shape[-2:]) for part in feats), key=lambda pair: pair[0] * pair[1])
        parts = [
            part if part.shape[-2:] == size else F.interpolate(part, size, mode="bilinear", align_corners=False)
            for part in feats
        ]
        mixed = self.mix(torch.cat(parts, dim=1)).unflatten(0, (-1, self.num_segments)).transpose(1, 2)
        log_maps = self.heatmaps(mixed).flatten(3).float().log_softmax(-1).unflatten(3, size)  # (N, V, T, H, W)
        seen = torch.cat([PEAK * (log_maps / 2).exp(), self.features(mixed)], dim=1)
        losses = {} if data_samples is None else {"loss_pose": self.loss_weight * self._error(log_maps, data_samples)}
        return self.network(seen), losses

    def _error(self, log_maps: torch.Tensor, data_samples: Sequence[ActionDataSample]) -> torch.Tensor:
        """Return the mean cross entropy of the joints whose Gaussian lies mostly in the frame."""
        target = self.targets(log_maps.shape, data_samples).to(log_maps.device)
        mass = target.sum((-1, -2), keepdim=True)
        inside = (mass > torch.pi * self.sigma**2).float()  # half of a Gaussian's volume
        error = -(target / mass.clamp(min=1e-6) * log_maps).sum((-1, -2), keepdim=True)
        return (error * inside).sum() / inside.sum().clamp(min=1.0)
