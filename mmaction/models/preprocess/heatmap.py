"""Heatmaps drawn from joints where the model is, for a whole batch at once."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.model import BaseDataPreprocessor

from mmaction.datasets.functional.heatmap import draw_segments
from mmaction.datasets.functional.heatmap_spec import HeatmapSpec
from mmaction.models.preprocess.action import stack_samples
from mmaction.models.preprocess.rendering import render_segments
from mmaction.registry import MODELS
from mmaction.skeletons import Layout

FAR_AWAY = -1e6  # pixels; where persons are put that a sample does not have
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@MODELS.register_module()
class PoseHeatmapPreprocessor(BaseDataPreprocessor):
    """Draw the heatmaps of a batch on the model's device, from the joints that ``PackPoseInputs`` sends.

    ``GeneratePoseTarget`` draws the same heatmaps with the same arguments. A sample of heatmaps (from
    ``FormatShape(input_format='NCTHW_Heatmap')``) is passed on as it is.

    ``sigma``, ``use_score``, ``with_kp``, ``with_limb``, ``skeletons``, ``left_kp``, ``right_kp``, ``left_limb``,
    ``right_limb`` and ``layout``: see :class:`mmaction.datasets.functional.heatmap_spec.HeatmapSpec`.

    Args:
        scaling: Factor between the image and the heatmap.
        dtype: ``float32``, ``float16`` or ``bfloat16``; they are drawn in float32 and rounded.
        img_shape: Height and width of the images, for samples that do not say.
        blending: Config of a batch blending such as ``MixupBlending``, used in training alone.

    Example:
        >>> draw = PoseHeatmapPreprocessor(img_shape=(56, 56))
        >>> draw(dict(inputs=[torch.rand(1, 2, 48, 17, 3)]))["inputs"].shape
        torch.Size([1, 1, 17, 48, 56, 56])
    """

    def __init__(
        self,
        sigma: float = 0.6,
        use_score: bool = True,
        with_kp: bool = True,
        with_limb: bool = False,
        skeletons: Sequence[Sequence[int]] | None = None,
        left_kp: Sequence[int] | None = None,
        right_kp: Sequence[int] | None = None,
        left_limb: Sequence[int] | None = None,
        right_limb: Sequence[int] | None = None,
        scaling: float = 1.0,
        layout: str | dict | Layout | None = None,
        dtype: str = "float32",
        img_shape: tuple[int, int] | None = None,
        blending: dict | None = None,
    ) -> None:
        super().__init__(non_blocking=True)
        if dtype not in DTYPES:
            raise ValueError(f"dtype is one of {', '.join(DTYPES)}; got {dtype!r}")
        self.spec = HeatmapSpec(
            sigma, use_score, with_kp, with_limb, skeletons, left_kp, right_kp, left_limb, right_limb, layout
        )
        self._on_devices: dict[tuple[str, int, torch.device], torch.Tensor] = {}
        self.scaling = scaling
        self.dtype = DTYPES[dtype]
        self.img_shape = img_shape
        self.blending = MODELS.build(blending) if blending is not None else None

    def forward(self, data: Mapping[str, Any], training: bool = False) -> dict[str, Any]:
        """Draw one batch.

        Args:
            data: ``inputs``: list of samples (N, M, T, V, 3), clips, persons, frames, joints, and x, y, score; the
                number of persons may differ. ``data_samples``: their ``ActionDataSample``, which know ``img_shape``
                and whether mirror images are asked for (``double``).
            training: Whether to blend.

        Returns:
            ``inputs``: heatmaps (B, N, C, T, H, W), with mirror images (B, 2 * N, ...); ``data_samples`` as given,
            blended ones as copies. Gradients flow back to joints that require them.

        Raises:
            ValueError: If the samples differ in clips, frames, joints or image size, or the joints do not fit.
        """
        inputs, samples = list(self.cast_data(data["inputs"])), data.get("data_samples")
        if inputs and all(x.ndim == 5 and x.shape[-1] == 3 for x in inputs):
            batch = self.render(pad_persons(inputs), *self._image(samples))
        else:
            batch = stack_samples(inputs)
        batch = batch.to(self.dtype)
        if training and self.blending is not None:
            batch, samples = self.blending(batch, samples)
        return {"inputs": batch, "data_samples": samples}

    def check_joints(self, num_joints: int, mirrored: bool = False) -> None:
        """Raise ValueError if skeletons of ``num_joints`` joints, or their mirror images, do not fit."""
        self.spec.check_joints(num_joints, mirrored)

    def _image(self, samples: Sequence | None) -> tuple[tuple[int, int], bool]:
        """Return height and width of the batch's images, and whether mirror images are asked for."""
        known = {(tuple(s.get("img_shape", self.img_shape) or ()), s.get("double", False)) for s in samples or ()}
        known = known or {(tuple(self.img_shape or ()), False)}
        if len(known) > 1:
            raise ValueError(f"the samples of a batch have one img_shape and one double; got {sorted(known)}")
        shape, double = known.pop()
        if not shape:
            raise ValueError("the samples do not say their img_shape; use PackPoseInputs or set img_shape=")
        height, width = (int(side * self.scaling + 0.5) for side in shape)
        return (height, width), double

    def render(self, joints: torch.Tensor, shape: tuple[int, int], double: bool = False) -> torch.Tensor:
        """Draw joints (B, N, M, T, V, 3) into heatmaps (B, N, C, T, H, W), (B, 2 * N, ...) with ``double``.

        On a CPU, without gradients, only the cells around the joints are touched and the memory is in
        ``channels_last_3d`` order, the fastest for its convolutions; elsewhere all cells are computed in parallel.
        """
        self.check_joints(joints.shape[-2], double)
        joints = joints.float()
        points, score = joints[..., :2] * self.scaling, joints[..., 2]
        if not self.spec.use_score:
            score = torch.ones_like(score)
        if joints.device.type == "cpu" and not (joints.requires_grad and torch.is_grad_enabled()):
            return self._draw(points, score, shape, double)
        start, end = self._sent("segments", points.shape[-2], joints.device)
        joint_count = points.shape[-2] if self.spec.with_kp else 0
        heatmaps = render_segments(points, score, start, end, joint_count, shape, self.spec.sigma)
        if double:
            order = self._sent("mirror_order", points.shape[-2], joints.device)
            heatmaps = torch.cat([heatmaps, heatmaps.index_select(2, order).flip(-1)], dim=1)
        return heatmaps

    def _sent(self, name: str, joints: int, device: torch.device) -> torch.Tensor:
        """Return what ``spec.NAME(joints)`` gives, as a tensor that is sent to a device once: sending waits for it."""
        key = name, joints, device
        if key not in self._on_devices:
            self._on_devices[key] = torch.as_tensor(np.stack(getattr(self.spec, name)(joints)), device=device)
        return self._on_devices[key]

    def _draw(self, points: torch.Tensor, score: torch.Tensor, shape: tuple[int, int], double: bool) -> torch.Tensor:
        batch, clips, persons, frames, joints = score.shape
        start, end = self.spec.segments(joints)
        views = [(start, end)]
        if double:
            order = self.spec.mirror_order(joints)
            views.append((start[order], end[order]))
        # Without mirror images the whole batch is drawn as one sample of many frames, which takes fewer calls.
        samples = batch if double else 1
        out = torch.zeros(samples, len(views), batch * clips * frames // samples, *shape, len(start))
        where = points.detach().permute(2, 0, 1, 3, 4, 5).reshape(persons, samples, -1, joints, 2).numpy()
        peaks = score.detach().permute(2, 0, 1, 3, 4).reshape(persons, samples, -1, joints).numpy()
        for sample in range(samples):
            for mirror, (first, second) in enumerate(views):
                draw_segments(
                    out[sample, mirror].permute(0, 3, 1, 2).numpy(),
                    where[:, sample][:, :, first],
                    where[:, sample][:, :, second],
                    peaks[:, sample][..., first],
                    peaks[:, sample][..., second],
                    self.spec.sigma,
                    bool(mirror),
                )
        return out.view(batch, len(views) * clips, frames, *shape, len(start)).permute(0, 1, 5, 2, 3, 4)


def pad_persons(samples: Sequence[torch.Tensor]) -> torch.Tensor:
    """Stack samples (N, M, T, V, 3) of different numbers of persons; those missing are far outside, with score 0."""
    persons = max(1, *(x.shape[1] for x in samples))
    padded = []
    for x in samples:
        missing = x.new_full((x.shape[0], persons - x.shape[1], *x.shape[2:]), FAR_AWAY)
        missing[..., 2] = 0
        padded.append(torch.cat([x, missing], dim=1) if missing.numel() else x)
    return stack_samples(padded)
