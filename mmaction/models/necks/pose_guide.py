"""An RGB network that learns from skeletons what to look at."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from mmaction.models.initial import SafeInit
from mmaction.models.preprocess.heatmap import pad_persons
from mmaction.models.preprocess.rendering import render_segments
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmaction.utils.attributes import ReadableArguments


@MODELS.register_module()
class PoseGuide(ReadableArguments, SafeInit):
    """Make the features of an early stage tell where the joints are; in testing the network needs frames alone.

    One linear map of the features predicts a heatmap per joint, which is trained toward Gaussians at the joints that
    ``PackActionInputs(algorithm_keys=("keypoint", "keypoint_score"))`` keeps. The loss ``loss_pose`` is the squared
    error as a share of the error of empty heatmaps. It helps where few clips leave the athlete hard to find.

    Args:
        in_channels: Channels of the guided features.
        num_joints: Number of joints V.
        stage: Which of the backbone's outputs (``out_indices``) is guided; the last one goes to the head.
        sigma: Standard deviation of the Gaussians, in cells of the guided features.
        loss_weight: Factor of the loss.
        init_cfg: MMEngine's description of the initial weights.
    """

    def __init__(
        self,
        in_channels: int,
        num_joints: int = 17,
        stage: int = 0,
        sigma: float = 0.7,
        loss_weight: float = 5.0,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg or {"type": "Normal", "layer": "Conv3d", "std": 0.01})
        self.heatmaps = nn.Conv3d(in_channels, num_joints, 1)
        self.stage = stage
        self.sigma = sigma
        self.loss_weight = loss_weight

    def check_joints(self, num_joints: int, mirrored: bool = False) -> None:
        """Raise ValueError unless skeletons of ``num_joints`` joints fit."""
        if num_joints != self.heatmaps.out_channels:
            raise ValueError(f"it predicts {self.heatmaps.out_channels} joints; set num_joints={num_joints}")

    def forward(
        self, feats: Sequence[torch.Tensor], data_samples: Sequence[ActionDataSample] | None = None
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the last features, and with samples the loss.

        Args:
            feats: Outputs of the backbone, each ``(B * N, C, T, H, W)``; TypeError where it gives one stage alone.
            data_samples: The B samples, whose ``keypoint`` ``(M, N * T', V, 2)`` is in pixels of the input frames
                (``img_shape``) and whose ``keypoint_score`` ``(M, N * T', V)`` is the height of the Gaussians, 1
                without it. T' is T or a multiple. ValueError if they have no joints, or do not fit the features.
        """
        if isinstance(feats, torch.Tensor):
            raise TypeError("PoseGuide needs two outputs of the backbone; set its out_indices, such as (0, 1)")
        if data_samples is None:
            return feats[-1], {}
        predicted = self.heatmaps(feats[self.stage]).float()
        target = self.targets(predicted.shape, data_samples).to(predicted.device)
        error = (predicted - target).square().sum() / target.square().sum().clamp(min=1.0)
        return feats[-1], {"loss_pose": self.loss_weight * error}

    def targets(self, shape: torch.Size, data_samples: Sequence[ActionDataSample]) -> torch.Tensor:
        """Return the heatmaps of the samples, of the ``shape`` ``(B * N, V, T, H, W)``."""
        views, joints, frames, height, width = shape
        clips = [self._clips(sample, views // len(data_samples), frames, joints) for sample in data_samples]
        batch = pad_persons(clips)  # (B, N, M, T, V, 3)
        scales = [[width / s.img_shape[1], height / s.img_shape[0]] for s in data_samples]
        points = batch[..., :2] * batch.new_tensor(scales).view(-1, 1, 1, 1, 1, 2)
        index = torch.arange(joints)
        return render_segments(points, batch[..., 2], index, index, joints, (height, width), self.sigma).flatten(0, 1)

    def _clips(self, sample: ActionDataSample, clips: int, frames: int, joints: int) -> torch.Tensor:
        """Return the joints ``(N, M, T, V, 3)`` of a sample at the frames of the features."""
        if "keypoint" not in sample or "img_shape" not in sample:
            raise ValueError(
                "PoseGuide needs the joints of each sample: train on a PoseDataset with data_prefix=dict(video=FOLDER) "
                "and a pipeline of VideoPoseDecode and PackActionInputs(algorithm_keys=('keypoint', 'keypoint_score'))"
            )
        point = torch.as_tensor(sample.keypoint, dtype=torch.float32)[..., :2]
        score = torch.as_tensor(sample.get("keypoint_score", point.new_ones(point.shape[:3])), dtype=torch.float32)
        step, rest = divmod(point.shape[1], clips * frames)
        if not step or rest or point.shape[2] != joints:
            raise ValueError(
                f"PoseGuide predicts {joints} joints in {clips} x {frames} frames; the sample has {point.shape[2]} "
                f"joints in {point.shape[1]} frames. Set num_joints, and guide a stage whose T divides the clip's"
            )
        joined = torch.cat([point, score.unsqueeze(-1)], dim=-1)[:, ::step]
        return joined.unflatten(1, (clips, frames)).transpose(0, 1)
