"""What a PoseC3D model sees: the heatmaps of a clip after the pipeline of its config. Imports torch when used."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mmaction.visualization.draw import Colour, colour_heatmaps, fit_height, limb_colours, side_colours
from mmaction.visualization.overlay import Panel
from mmaction.visualization.poses import ClipPoses


def heatmap_panel(config: str, entry: Mapping[str, Any], poses: ClipPoses) -> Panel:
    """Run a clip through a config's own pipeline and preprocessor and show the heatmaps beside each frame.

    Args:
        config: A skeleton config of the package.
        entry: The annotation as it stands in the file.
        poses: The same annotation, for layout and names.

    Returns:
        A function that gives, for a frame and a height in pixels, the heatmap of the sampled frame nearest to it.

    Raises:
        ValueError: If the pipeline of the config makes no heatmaps.
    """
    heatmaps, frame_inds, pairs = clip_heatmaps(config, entry)
    colours = _channel_colours(poses, len(heatmaps), pairs)
    pictures = colour_heatmaps(heatmaps, colours)

    def panel(frame: int, height: int) -> np.ndarray:
        nearest = pictures[int(np.abs(frame_inds - frame).argmin())]
        return fit_height(nearest, height)

    return panel


def clip_heatmaps(config: str, entry: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]]]:
    """Return the first clip of the validation pipeline as the model gets it.

    Args:
        config: A skeleton config of the package.
        entry: The annotation as it stands in the file.

    Returns:
        Heatmaps ``(C, T, H, W)``, the number of the frame behind each of the T, shape ``(T,)``, and the pairs of joints
        that the config draws as limbs (empty where it does not say).

    Raises:
        ValueError: If the pipeline makes no heatmaps.
    """
    from mmaction.registry import MODELS, TRANSFORMS
    from mmaction.utils import register_all_modules
    from mmaction.utils.config import load_config

    register_all_modules()
    cfg, _ = load_config(config)
    loader = cfg.get("val_dataloader") or cfg.get("test_dataloader")
    if not loader or "data_preprocessor" not in cfg.get("model", {}):
        raise ValueError(f"{config}: the heatmap view needs a config with a model and a val_dataloader")
    results = dict(entry, modality="Pose", start_index=0, test_mode=True)
    frame_inds, pairs = np.zeros(0, np.int64), []
    for transform in map(TRANSFORMS.build, loader["dataset"]["pipeline"]):
        results = transform(results)
        frame_inds = results.get("frame_inds", frame_inds)
        pairs = getattr(transform, "skeletons", pairs)
    preprocessor = MODELS.build(cfg.model.data_preprocessor)
    pairs = getattr(preprocessor, "skeletons", pairs)
    batch = preprocessor(dict(inputs=[results["inputs"]], data_samples=[results["data_samples"]]))["inputs"]
    volume = batch[0] if hasattr(batch, "shape") else None
    if volume is None or volume.ndim != 5 or volume.shape[1] == 3:
        raise ValueError(f"{config}: its pipeline gives no heatmaps (N, C, T, H, W); choose a PoseC3D config")
    heatmaps = volume[0].float().cpu().numpy()
    return heatmaps, np.asarray(frame_inds)[: heatmaps.shape[1]], [tuple(pair) for pair in pairs]


def _channel_colours(poses: ClipPoses, num_channels: int, pairs: list[tuple[int, int]]) -> list[Colour]:
    """Colours of joints, limbs or both, by the number of channels; channels beyond are white."""
    joints = side_colours(poses.layout)
    limbs = limb_colours(poses.layout, tuple(pairs)) if pairs else limb_colours(poses.layout)
    for colours in (joints, limbs, joints + limbs):
        if len(colours) == num_channels:
            return colours
    return [(255, 255, 255)] * num_channels
