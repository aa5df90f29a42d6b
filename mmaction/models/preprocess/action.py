"""Stacking and normalization of a batch of clips, on the device of the model."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import BaseDataPreprocessor

from mmaction.registry import MODELS
from mmaction.utils.attributes import ReadableArguments

# Where the channels are, counted from the end, and how many dimensions one sample (clips first) has.
CHANNEL_AXIS = {"NCHW": -3, "NCTHW": -4, "NCTHW_Heatmap": -4, "MIX2d": -4}
SAMPLE_NDIM = {"NCHW": 4, "NCTHW": 5, "NCTHW_Heatmap": 5, "MIX2d": 5}


def stack_samples(inputs: Sequence[torch.Tensor]) -> torch.Tensor:
    """Stack samples of one shape along a new first dimension; a single sample is not copied."""
    if not len(inputs):
        raise ValueError("a batch needs at least one sample; `inputs` is empty")
    if len(inputs) == 1:
        return inputs[0].unsqueeze(0)
    shapes = {tuple(x.shape) for x in inputs}
    if len(shapes) > 1:
        raise ValueError(
            f"the samples of a batch must have one shape; got {sorted(shapes)}. Bring them to one size in the pipeline "
            "(Resize with keep_ratio=False, or a crop after it) or set the dataloader's batch_size to 1"
        )
    return torch.stack(tuple(inputs))


@MODELS.register_module()
class ActionDataPreprocessor(ReadableArguments, BaseDataPreprocessor):
    """Move a batch to the model's device, stack it, normalize it, and blend samples in training.

    Labels stay where the data loader put them: the head checks them there without waiting for the device.

    Args:
        mean: Mean of each channel, in gray levels (0 to 255). None: no normalization, as heatmaps need it.
        std: Standard deviation of each channel, in gray levels; given if and only if ``mean`` is.
        to_rgb: Reverse the order of three color channels. The readers of this package give RGB: with True the network
            sees BGR, as some networks from Caffe2 need it, and a warning says so.
        to_float32: Convert the batch to float32. With False a batch without normalization keeps its dtype.
        blending: Config of a batch blending such as ``MixupBlending``, used in training alone.
        format_shape: Layout of one sample: ``NCHW`` (clips * T, C, H, W); ``NCTHW`` and ``NCTHW_Heatmap``
            (clips, C, T, H, W); ``MIX2d``: like ``NCTHW``, where single images (clips, C, H, W) get T = 1.

    Example:
        >>> prepare = ActionDataPreprocessor(mean=[127.5] * 3, std=[127.5] * 3, format_shape="NCTHW")
        >>> clip = torch.full((1, 3, 8, 4, 4), 255, dtype=torch.uint8)
        >>> prepare(dict(inputs=[clip, clip]))["inputs"].shape
        torch.Size([2, 1, 3, 8, 4, 4])
    """

    takes_features = False  # whether batches are features of a frozen backbone, see ``engine.token_cache``

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        to_rgb: bool = False,
        to_float32: bool = True,
        blending: dict | None = None,
        format_shape: str = "NCHW",
    ) -> None:
        super().__init__(non_blocking=True)
        if format_shape not in CHANNEL_AXIS:
            raise ValueError(f"format_shape must be one of {', '.join(CHANNEL_AXIS)}; got {format_shape!r}")
        if (mean is None) != (std is None):
            raise ValueError(f"mean and std are given together or not at all; got mean={mean}, std={std}")
        if to_rgb:
            print_log("to_rgb=True: the network sees BGR, as all readers give RGB frames", "current", logging.WARNING)
        self.to_rgb = to_rgb
        self.to_float32 = to_float32
        self.format_shape = format_shape
        self.blending = MODELS.build(blending) if blending is not None else None
        self.normalize = mean is not None
        if mean is not None and std is not None:
            self._set_statistics(torch.as_tensor(mean).float(), torch.as_tensor(std).float())

    def _set_statistics(self, mean: torch.Tensor, std: torch.Tensor) -> None:
        """Keep ``mean`` and ``std`` in a shape that batches are normalized with."""
        if mean.shape != std.shape or mean.ndim != 1 or not (std > 0).all():
            raise ValueError(f"mean and std need one number per channel, std above 0; got {mean=}, {std=}")
        self._is_for_unit = bool(std.max() < 1)
        shape = (-1,) + (1,) * (-CHANNEL_AXIS[self.format_shape] - 1)
        self.register_buffer("mean", mean.view(shape), persistent=False)
        self.register_buffer("std", std.view(shape), persistent=False)

    def adopt(self, mean: Sequence[float], std: Sequence[float], source: str) -> None:
        """Normalize as a network of another library does; ValueError if the config says something else.

        ``mean`` and ``std`` are in gray levels; ``source`` says where they are read from.
        """
        own = [getattr(self, name).flatten() for name in ("mean", "std")] if self.normalize else []
        levels = [torch.as_tensor(values).float() for values in (mean, std)]
        if any((value - level).abs().max() > 0.5 for value, level in zip(own, levels, strict=False)):
            raise ValueError(
                f"data_preprocessor has mean={own[0].tolist()} and std={own[1].tolist()}, but {source} have {mean} and "
                f"{std}. Leave mean and std out of data_preprocessor: they are taken from there"
            )
        if not self.normalize:
            for name in ("mean", "std"):  # the arguments, which were None
                self.__dict__.pop(name, None)
            self._set_statistics(*levels)
            self.normalize = True
            print_log(f"input normalized with mean={mean} and std={std}, from {source}", "current")

    def forward(self, data: Mapping[str, Any], training: bool = False) -> dict[str, Any]:
        """Prepare one batch.

        Args:
            data: ``inputs``: list of samples in the layout of ``format_shape``, uint8 or float, or one stacked tensor;
                ``data_samples`` (optional): the list of their ``ActionDataSample``.
            training: Whether to blend.

        Returns:
            ``inputs``: tensor (N, clips, ...) on the device; ``data_samples`` as given, blended ones as copies.
        """
        inputs, samples = data["inputs"], data.get("data_samples")
        if isinstance(inputs, torch.Tensor):
            batch = self.cast_data(inputs)
        else:
            batch = stack_samples([self.cast_data(x) for x in inputs])
        batch = self.prepare(batch)
        if training and self.blending is not None:
            batch, samples = self.blending(batch, samples)
        return {"inputs": batch, "data_samples": samples}

    def prepare(self, batch: torch.Tensor) -> torch.Tensor:
        """Reverse colors, convert and normalize a stacked batch (N, clips, ...); the argument is left as it is."""
        if self.takes_features:
            return batch.float()
        if self.format_shape == "MIX2d" and batch.ndim == SAMPLE_NDIM["NCHW"] + 1:
            batch = batch.unsqueeze(-3)
        if self.to_rgb or self.normalize:
            self._check_layout(batch)
        if self.to_rgb:
            batch = batch.flip(CHANNEL_AXIS[self.format_shape])
        if self.normalize:
            # An integer batch is converted by the subtraction itself: one pass less over the frames.
            return torch.sub(batch, self.mean).div_(self.std)
        return batch.float() if self.to_float32 else batch

    def _check_layout(self, batch: torch.Tensor) -> None:
        ndim = SAMPLE_NDIM[self.format_shape] + 1
        if batch.ndim != ndim:
            raise ValueError(
                f"format_shape={self.format_shape!r} needs batches of {ndim} dimensions (samples, clips, ...); got "
                f"shape {tuple(batch.shape)}. Compare it with FormatShape(input_format=...) in the pipeline"
            )
        channels = batch.shape[CHANNEL_AXIS[self.format_shape]]
        if self.normalize and len(self.mean) not in (1, channels):
            raise ValueError(
                f"mean and std have {len(self.mean)} entries but the input has {channels} channels, shape "
                f"{tuple(batch.shape)} read as {self.format_shape}"
            )
        if self.normalize and self._is_for_unit and batch.dtype == torch.uint8:
            raise ValueError(
                f"mean and std are in gray levels, 0 to 255, as the frames are; got {self.mean.flatten().tolist()} and "
                f"{self.std.flatten().tolist()}, which are for 0 to 1: multiply both by 255"
            )
        if self.to_rgb and channels != 3:
            raise ValueError(f"to_rgb reverses 3 color channels; the input has {channels}, shape {tuple(batch.shape)}")
