"""How many views a pipeline makes of one sample."""

from collections.abc import Iterable
from typing import Any

from mmaction.utils.config import type_name

CROPS = {"ThreeCrop": 3, "TenCrop": 10}


def views_of(pipeline: Iterable[Any]) -> tuple[int, int, int]:
    """Return clips, crops and heatmap copies of one sample in a pipeline; their product is the views."""
    clips = crops = copies = 1
    for step in pipeline:
        if not isinstance(step, dict):
            continue
        kind = type_name(step)
        if "Sample" in kind and "num_clips" in step:
            clips *= int(step["num_clips"])
            if step.get("test_mode"):
                clips *= 2 if step.get("twice_sample") else 1
                clips *= step.get("num_sample_positions", 10) if kind == "DenseSampleFrames" else 1
        crops *= CROPS.get(kind, 1)
        copies *= 2 if step.get("double") else 1
    return clips, crops, copies
