"""What a PoseC3D model sees: the heatmaps of a clip after the pipeline of its config. Imports torch when used."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mmaction.registry import MODELS, TRANSFORMS
from mmaction.structures.sample_name import sample_name
from mmaction.utils import register_all_modules
from mmaction.utils.config import load_config
from mmaction.visualization.draw import WHITE, color_heatmaps, fit_height, limb_colors
from mmaction.visualization.overlay import Panel
from mmaction.visualization.poses import ClipPoses


def heatmap_panel(config: str, entry: Mapping[str, Any], poses: ClipPoses) -> Panel:
    """Run a clip through a config's pipeline and preprocessor; show beside each frame the heatmap nearest in time."""
    heatmaps, frame_inds, pairs = clip_heatmaps(config, entry)
    colors = limb_colors(poses.layout, pairs) if len(pairs) == len(heatmaps) else [WHITE] * len(heatmaps)
    pictures = color_heatmaps(heatmaps, colors)

    def panel(frame: int, height: int) -> np.ndarray:
        nearest = pictures[int(np.abs(frame_inds - frame).argmin())]
        return fit_height(nearest, height)

    return panel


def clip_heatmaps(config: str, entry: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]]]:
    """Return the clip that the validation pipeline of a skeleton config makes of an annotation, as the model gets it.

    Heatmaps are ``(C, T, H, W)``; with them come the number of the frame behind each of the T, shape ``(T,)``, and for
    each of the C the joints from which to which it is drawn: the same twice for a joint, two for a limb (none where the
    config does not say).
    """
    register_all_modules()
    cfg, _ = load_config(config)
    loader = cfg.get("val_dataloader") or cfg.get("test_dataloader")
    if not loader or not cfg.get("model"):
        raise ValueError(f"{config}: the heatmap view needs a config with a model and a val_dataloader")
    if entry.get("img_shape") is None:
        raise ValueError(f"annotation {sample_name(entry)!r}: the heatmap view needs its img_shape (height, width)")
    num_frames, num_joints = np.shape(entry["keypoint"])[-3:-1]
    results = dict(total_frames=num_frames) | dict(entry, modality="Pose", start_index=0, test_mode=True)
    frame_inds, spec = np.zeros(0, np.int64), None
    for transform in map(TRANSFORMS.build, loader["dataset"]["pipeline"]):
        results = transform(results)
        frame_inds = results.get("frame_inds", frame_inds)
        spec = getattr(transform, "spec", spec)
    preprocessor = MODELS.build(cfg.model.get("data_preprocessor") or {"type": "ActionDataPreprocessor"})
    spec = getattr(preprocessor, "spec", spec)
    batch = preprocessor(dict(inputs=[results["inputs"]], data_samples=[results["data_samples"]]))["inputs"]
    volume = batch[0] if hasattr(batch, "shape") else None
    if volume is None or volume.ndim != 5 or volume.shape[1] == 3:
        raise ValueError(f"{config}: its pipeline gives no heatmaps (N, C, T, H, W); choose a PoseC3D config")
    heatmaps = volume[0].float().cpu().numpy()
    pairs = [] if spec is None else list(zip(*(ends.tolist() for ends in spec.segments(num_joints)), strict=True))
    return heatmaps, np.asarray(frame_inds)[: heatmaps.shape[1]], pairs
