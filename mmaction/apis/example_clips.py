"""Made-up clips that a test pipeline can read, to run a model without its data set."""

import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config

from mmaction.apis.clips import JOINT_DECODERS, build_pipeline, fit_pipeline
from mmaction.apis.poses import reads_joints
from mmaction.io.video.writers import VideoSink
from mmaction.skeletons import layout_of_config
from mmaction.utils.config import dataset_config, type_name

FRAMES, SIZE, PERSONS = 70, (96, 128), 2  # frames, their height and width, skeletons in them
Steps = Sequence[dict[str, Any]]


def run_examples(cfg: Config, pipelines: Sequence[Steps], count: int) -> list[list[dict[str, Any]]]:
    """Return what each of ``pipelines`` makes of ``count`` made-up clips, which are the same for all.

    The clips are frames, skeletons, both, or features of experts, whatever the model of ``cfg`` reads.
    """
    outputs: list[list[dict[str, Any]]] = [[] for _ in pipelines]
    for seed in range(count):
        with tempfile.TemporaryDirectory() as folder:
            kind, sample = _example(cfg, pipelines[0], Path(folder), np.random.default_rng(seed))
            for found, steps in zip(outputs, pipelines, strict=True):
                run = build_pipeline(fit_pipeline(steps, kind) if kind else steps)
                found.append(run({**sample, "rng": np.random.default_rng(seed)}))
    return outputs


def _example(cfg: Config, steps: Steps, folder: Path, rng: np.random.Generator) -> tuple[str | None, dict[str, Any]]:
    """Return the kind of a clip, None where the pipeline is to read it as it is, and the clip."""
    sample: dict[str, Any] = {"start_index": 0, "test_mode": True, "total_frames": FRAMES}
    if type_name(cfg.model) == "RecognizerFusion":
        experts = cfg.model.backbone
        width = sum(size + experts.num_classes for size in experts.in_channels.values())
        return None, {**sample, "imgs": rng.normal(size=(1, width)).astype(np.float32)}
    if reads_joints(steps):
        return "skeleton", {**sample, "modality": "Pose", **_skeleton(cfg, steps, rng)}
    if any(type_name(step) in JOINT_DECODERS for step in steps):
        path = folder / "clip.mp4"
        with closing(VideoSink(path, 25)) as sink:
            for frame in _frames(rng, 3):
                sink.write(frame)
        return None, {**sample, "filename": str(path), "modality": "RGB", **_skeleton(cfg, steps, rng)}
    modality = dataset_config(cfg).get("modality", "RGB")
    return "array", {**sample, "modality": modality, "array": _frames(rng, 2 if modality == "Flow" else 3)}


def _frames(rng: np.random.Generator, channels: int) -> np.ndarray:
    """Return smooth noise that moves, uint8 (T, H, W, channels)."""
    noise = rng.integers(0, 256, (6, 8, channels), dtype=np.uint8)
    return np.stack([np.roll(cv2.resize(noise, SIZE[::-1]), t, axis=1) for t in range(FRAMES)])


def _skeleton(cfg: Config, steps: Steps, rng: np.random.Generator) -> dict[str, Any]:
    """Return persons who move, in space where the pipeline takes joints in space; some joints are not seen."""
    layout = layout_of_config(cfg)
    limbs = [limb for step in steps for limb in step.get("skeletons") or ()]
    joints = len(layout.joints) if layout else max(17, 1 + np.max(limbs, initial=0))
    shape = (PERSONS, FRAMES, joints)
    if any(type_name(step) in ("PreNormalize3D", "FitJoints") for step in steps):
        still = rng.normal(size=(PERSONS, 1, joints, 3))
        return {"keypoint": (still + 0.1 * rng.normal(size=(*shape, 3))).astype(np.float32)}
    still = rng.uniform((30, 20), (SIZE[1] - 30, SIZE[0] - 20), (PERSONS, 1, joints, 2))
    keypoint = (still + rng.normal(size=(*shape, 2)).cumsum(axis=1)).astype(np.float32)
    score = (rng.uniform(0.2, 1, shape) * (rng.random(shape) > 0.1)).astype(np.float32)
    return {"keypoint": keypoint, "keypoint_score": score, "img_shape": SIZE, "original_shape": SIZE}
