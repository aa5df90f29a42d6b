"""Grad-CAM over clips (Selvaraju et al., ICCV 2017, eqs. 1 and 2), for networks of clips, single frames and graphs."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from mmengine.dataset import pseudo_collate
from torch import nn

from mmaction.models.backbones.graphs.networks import GraphNet
from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.probes.predict import choose_samples
from mmaction.utils.cli import suggest


def last_stage(model: BaseRecognizer) -> str:
    """Return the name of the last stage of a model, of the first pathway where there are several.

    Stages are called ``layerN``, a graph network has blocks in their place; without any, the last part of the backbone
    that convolves counts as one. ValueError where nothing does.
    """
    if isinstance(model.backbone, GraphNet):
        blocks = model.backbone.blocks_name
        return f"backbone.{blocks}.{len(getattr(model.backbone, blocks)) - 1}"
    stages = [name for name, _ in model.named_modules() if re.search(r"(^|\.)layer\d+$", name)]
    if not stages:
        parts = [
            name
            for name, part in model.backbone.named_children()
            if any(isinstance(layer, nn.Conv2d | nn.Conv3d) for layer in part.modules())
        ]
        if not parts:
            raise ValueError(f"{type(model.backbone).__name__} has no convolution; name a layer with --layer")
        return f"backbone.{parts[-1]}"
    first = stages[0].rpartition(".")[0]
    return max(name for name in stages if name.rpartition(".")[0] == first)


def find_layer(model: BaseRecognizer, name: str | None) -> nn.Module:
    """Return a layer by its dotted name; None: the last stage. ValueError, with close names, if there is none."""
    layers = dict(model.named_modules())
    name = name or last_stage(model)
    if name not in layers or not name:
        raise ValueError(f"the model has no layer {name!r}{suggest(name, layers)}")
    return layers[name]


def fewer_views(data: Mapping[str, Any], model: BaseRecognizer, count: int) -> dict[str, Any]:
    """Return a packed sample with at most ``count`` of its clips, evenly spread; frames of 2D networks all stay.

    ValueError if the sample has several modalities, for which there is no map.
    """
    inputs = data["inputs"]
    if isinstance(inputs, Mapping):
        raise ValueError(f"Grad-CAM is for one modality; this sample has {', '.join(inputs)}")
    if model.sample_layout[0] == "clips" and len(inputs) > count:
        inputs = inputs[choose_samples(len(inputs), count)]
    return {**data, "inputs": inputs}


class GradCAM:
    """Where in a clip the evidence for a class lies.

    ``layer`` is the dotted name of a layer of the backbone of the recognizer ``model``; None: the last stage.
    """

    def __init__(self, model: BaseRecognizer, layer: str | None = None) -> None:
        self.model = model
        self.layer = find_layer(model, layer)

    def __call__(self, data: dict[str, Any], target: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the map of one packed sample for the class ``target`` (None: the predicted one), and the class scores.

        The map is float32 ``(clips, T, H, W)`` for inputs of T frames of H x W pixels, and ``(clips, M, T, V)`` for M
        skeletons of V joints, in [0, 1] over the whole sample (all 0 where nothing speaks for the class); the scores
        are probabilities, ``(C,)``. ValueError if the layer gives no feature maps.
        """
        batch = self.model.data_preprocessor(pseudo_collate([data]), False)
        kept: list[torch.Tensor] = []

        def keep(_: nn.Module, __: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor):  # of several pathways there are several
                output.retain_grad()
                kept.append(output)

        handle = self.layer.register_forward_hook(keep)
        try:
            with torch.enable_grad():
                # weights may be frozen: the input asks for gradients, so that the layer's output has them
                inputs = batch["inputs"].detach().float().requires_grad_()
                logits = self.model(inputs, mode="tensor", stage="head").mean(dim=0)
                target = int(logits.argmax()) if target is None else target
                logits[target].backward()
        finally:
            handle.remove()
            self.model.zero_grad(set_to_none=True)
        if len(kept) != 1 or kept[0].ndim not in (4, 5) or kept[0].grad is None:
            raise ValueError("the layer gives no feature maps of one clip; name another one with --layer")
        maps = _weighted(kept[0].detach(), kept[0].grad)
        is_graph = self.model.sample_layout[-2:] == ("V", "C")
        fitted = _fit_joints(maps, inputs.shape) if is_graph else _fit(maps, inputs.shape)
        return fitted, self.model.cls_head.probabilities(logits.detach()).cpu().numpy()


def _weighted(features: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Return the positive part of the features' sum, weighted by their mean gradients, without channels."""
    weights = gradient.mean(dim=tuple(range(2, features.ndim)), keepdim=True)
    return F.relu((weights * features).sum(dim=1)).float()


def _fit(maps: torch.Tensor, shape: Sequence[int]) -> np.ndarray:
    """Scale maps to the frames of an input of ``shape`` and to [0, 1]; returns ``(clips, T, H, W)``."""
    if len(shape) == 5:  # (1, frames, C, H, W): a map for each frame
        maps = F.interpolate(maps[:, None], size=tuple(shape[-2:]), mode="bilinear", align_corners=False)[None, :, 0]
    else:  # (1, clips, C, T, H, W)
        maps = F.interpolate(maps[:, None], size=tuple(shape[-3:]), mode="trilinear", align_corners=False)[:, 0]
    return _scaled(maps)


def _fit_joints(maps: torch.Tensor, shape: Sequence[int]) -> np.ndarray:
    """Scale maps of skeletons to the frames of an input of ``shape`` and to [0, 1]; returns ``(clips, M, T, V)``."""
    _, clips, persons, frames, joints, _ = shape
    maps = F.interpolate(maps[:, None], size=(frames, joints), mode="bilinear", align_corners=False)[:, 0]
    return _scaled(maps.unflatten(0, (clips, persons)))


def _scaled(maps: torch.Tensor) -> np.ndarray:
    return (maps / maps.max().clamp_min(1e-12)).cpu().numpy()


def overlay(pictures: np.ndarray, maps: np.ndarray, strength: float = 0.5) -> np.ndarray:
    """Lay maps in [0, 1], ``(clips or more, T, h, w)``, over RGB uint8 pictures ``(clips, T, H, W, 3)``.

    Maps are scaled to the pictures; further clips (the mirror images of ``double=True``) are left out. ``strength`` is
    the share of the map's color where it is 1; where it is 0 the picture stays as it is.
    """
    clips, frames, height, width = pictures.shape[:4]
    if maps.shape[1] != frames or maps.shape[0] < clips:
        raise ValueError(f"maps of {maps.shape[:2]} clips and frames do not fit pictures of {(clips, frames)}")
    result = np.empty_like(pictures)
    for index in np.ndindex(clips, frames):
        level = np.clip(cv2.resize(maps[index], (width, height)), 0, 1)
        colors = cv2.applyColorMap(np.round(255 * level).astype(np.uint8), cv2.COLORMAP_JET)[..., ::-1]
        share = strength * level[..., None]
        result[index] = np.round((1 - share) * pictures[index] + share * colors)
    return result
