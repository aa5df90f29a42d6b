"""Persons and their poses in frames, by the user's own MMDetection and MMPose."""

import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from mmaction.apis.inference import choose_device
from mmaction.preparation.poses.openmmlab import openmmlab

PACKAGES = {"mmdet": "MMDetection", "mmpose": "MMPose"}


def _apis(package: str) -> ModuleType:
    """Return ``package.apis``; ImportError, with what to do, if the package is not installed."""
    try:
        return importlib.import_module(f"{package}.apis")
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{PACKAGES[package]} is not installed ({error}): run make openmmlab, or extract skeletons with "
            "tools/data/skeleton/extract_poses.py, which needs no further package"
        ) from error


@openmmlab()
def detection_inference(
    det_config: str,
    det_checkpoint: str | None,
    frame_paths: Sequence[str],
    det_score_thr: float = 0.9,
    det_cat_id: int = 0,
    device: str | torch.device | None = None,
    with_score: bool = False,
) -> tuple[list[np.ndarray], list[Any]]:
    """Find persons with a detector of MMDetection.

    Args:
        det_config: Config of the detector.
        det_checkpoint: Its weights; None: random ones.
        frame_paths: Images, one per frame.
        det_score_thr: Lowest score of a box that is kept.
        det_cat_id: The category to keep, 0 for persons in COCO.
        device: Where the detector runs; None: the first GPU where there is one, else the CPU.
        with_score: Whether the score follows the box.

    Returns:
        For each frame the boxes, (M, 4) or with scores (M, 5), as x1, y1, x2, y2 in pixels; and the detector's own
        results.

    Raises:
        ImportError: If MMDetection is not installed.
    """
    mmdet = _apis("mmdet")
    model = mmdet.init_detector(config=det_config, checkpoint=det_checkpoint, device=choose_device(device))
    boxes, samples = [], []
    for path in tqdm(frame_paths, desc="persons", unit="frame"):
        sample = mmdet.inference_detector(model, path)
        found = sample.pred_instances.cpu().numpy()
        kept = (found.labels == det_cat_id) & (found.scores > det_score_thr)
        columns = [found.bboxes[kept]] + ([found.scores[kept][:, None]] if with_score else [])
        boxes.append(np.concatenate(columns, axis=1))
        samples.append(sample)
    return boxes, samples


@openmmlab()
def pose_inference(
    pose_config: str,
    pose_checkpoint: str | None,
    frame_paths: Sequence[str],
    det_results: Sequence[np.ndarray],
    device: str | torch.device | None = None,
) -> tuple[list[dict[str, np.ndarray]], list[Any]]:
    """Find the joints of given persons with a top-down model of MMPose.

    Args:
        pose_config: Config of the pose model.
        pose_checkpoint: Its weights; None: random ones.
        frame_paths: Images, one per frame.
        det_results: The boxes of each frame, (M, 4 or 5), as :func:`detection_inference` gives them.
        device: Where the model runs; None: the first GPU where there is one, else the CPU.

    Returns:
        For each frame ``keypoints`` (M, V, 2) in pixels and ``keypoint_scores`` (M, V), among others, as
        :func:`mmaction.apis.inference_skeleton` reads them; and MMPose's own results.

    Raises:
        ImportError: If MMPose is not installed.
        ValueError: If there are not as many entries of boxes as frames.
    """
    if len(frame_paths) != len(det_results):
        raise ValueError(f"det_results needs one entry per frame: {len(det_results)} for {len(frame_paths)} frames")
    mmpose = _apis("mmpose")
    merge = importlib.import_module("mmpose.structures").merge_data_samples
    model = mmpose.init_model(pose_config, pose_checkpoint, choose_device(device))
    poses, samples = [], []
    for path, boxes in tqdm(list(zip(frame_paths, det_results, strict=True)), desc="poses", unit="frame"):
        sample = merge(mmpose.inference_topdown(model, path, boxes[..., :4], bbox_format="xyxy"))
        poses.append(sample.pred_instances.to_dict())
        samples.append(sample)
    return poses, samples
