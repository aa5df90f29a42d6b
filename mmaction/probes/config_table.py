"""What a config sees of a clip and what that costs, as a row of a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.config import Config

from mmaction.apis.clips import pipeline_config
from mmaction.datasets.transforms.base import Transform
from mmaction.engine.checks.views import views_of
from mmaction.probes.flops import count, human, input_shape, model_without_values, training_need
from mmaction.registry import TRANSFORMS
from mmaction.utils.config import type_name

LENGTHS = (20, 40, 150, 300)
"""Frames of the clips for which different views are counted: short elements of gymnastics to long dives."""


def views_of_clip(cfg: Config, num_frames: int) -> np.ndarray:
    """Return the frames of each clip that a test takes of a video of ``num_frames``, int, shape ``(clips, T)``.

    ValueError where no step of the pipeline samples frames.
    """
    step = next((step for step in pipeline_config(cfg) if "Sample" in type_name(step)), None)
    if step is None:
        raise ValueError(f"no step of the test pipeline of {cfg.filename} samples frames")
    sampler: Transform = TRANSFORMS.build(dict(step))
    found = sampler.transform({"total_frames": num_frames, "start_index": 0, "avg_fps": 25.0})
    inds = np.concatenate(
        [found[key].reshape(found["num_clips"], -1) for key in sorted(found) if key.endswith("inds")], 1
    )
    if inds.shape[1] == 1:  # single frames: one clip of a 2D network
        inds = inds.reshape(1, -1)
    return inds


def row(cfg: Config, lengths: Sequence[int] = LENGTHS) -> dict[str, Any]:
    """Return the columns of a config: its input, views, different ones by length of the clip, operations, memory."""
    shape = input_shape(cfg)
    model = model_without_values(cfg)
    batch, need = training_need(cfg, model)
    _, crops, copies = views_of(pipeline_config(cfg))
    by_length = {n: views_of_clip(cfg, n) for n in lengths}
    longest = by_length[max(lengths)][0]
    return {
        "input": " + ".join(_size(part) for part in (shape.values() if isinstance(shape, dict) else [shape])),
        "span": f"{longest.max() - longest.min() + 1} of {max(lengths)}",
        "views": f"{len(by_length[max(lengths)])} x {crops * copies}",
        "different": " / ".join(str(len(np.unique(inds, axis=0)) * crops * copies) for inds in by_length.values()),
        "multiply-adds": human(count(model, shape)["macs"]),
        "training": f"{human(need)}B for {batch}",
    }


def _size(shape: Sequence[int]) -> str:
    frames = shape[0] if shape[1] == 3 else shape[1]
    return f"{frames} x {shape[-2]}x{shape[-1]}"


def markdown(rows: dict[str, dict[str, Any]]) -> str:
    """Return rows by name as a table in Markdown."""
    columns = list(next(iter(rows.values())))
    lines = [f"| config | {' | '.join(columns)} |", "| --- |" + " --- |" * len(columns)]
    lines += [f"| {name} | {' | '.join(str(values[key]) for key in columns)} |" for name, values in rows.items()]
    return "\n".join(lines)
