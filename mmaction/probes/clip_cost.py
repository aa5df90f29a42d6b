"""What it costs to make one training clip from a video as it is, from a small copy of it, and from frames on disk."""

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np

from mmaction.apis.clips import as_clip, build_pipeline, fit_pipeline
from mmaction.preparation.frames import FrameSpec, extract_frames
from mmaction.preparation.resizing import ResizeSpec, resize_video


def clip_cost(path: Path, steps: Sequence[Mapping[str, Any]], count: int = 10) -> float:
    """Return the seconds of one core that a training clip costs, from opening the file to the packed tensor.

    The figure is the median of ``count`` clips in processor time, so that other work on the machine hardly changes it.
    One more clip runs first, it pays for imports and caches.

    Args:
        path: A video, or a folder of its frames.
        steps: Configs of a training pipeline that reads videos or frames.
        count: Clips to time.

    Raises:
        ValueError: If the pipeline reads no frames.
    """
    clip = as_clip(path)
    pipeline = build_pipeline(fit_pipeline(steps, clip.kind))
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    seconds = []
    try:
        for number in range(count + 1):
            start = time.process_time()
            pipeline({**clip.sample, "test_mode": False, "rng": np.random.default_rng(number)})
            seconds.append(time.process_time() - start)
    finally:
        cv2.setNumThreads(threads)
    return median(seconds[1:])


def remedies(video: Path, folder: Path, short: int = 256) -> dict[str, Path]:
    """Return the video as it is, and what makes it load faster, written into ``folder``, by name.

    The copy is made as ``resize_videos`` makes it, the frames as ``build_rawframes`` does, both with a short edge of
    ``short`` pixels at the most.
    """
    copy, frames = folder / f"{video.stem}.mp4", folder / video.stem
    resize_video(video, copy, ResizeSpec(short))
    extract_frames(video, frames, FrameSpec(short=short))
    return {"as it is": video, f"resize_videos --short {short}": copy, f"build_rawframes --short {short}": frames}


def cores_needed(clips_per_s: float, seconds: float) -> int:
    """Return how many cores make ``clips_per_s`` clips a second, if a clip costs ``seconds`` of one core."""
    return max(1, math.ceil(clips_per_s * seconds))
