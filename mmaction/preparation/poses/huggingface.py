"""A detector of transformers (D-FINE, RF-DETR, RT-DETRv2 and their like) with ViTPose or ViTPose++."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mmaction.preparation.poses.persons import BackendOptions, Persons, nobody
from mmaction.utils.cli import needs

DETECTOR = "ustc-community/dfine-medium-coco"
POSE = "usyd-community/vitpose-plus-base"
COCO_EXPERT = 0  # of the data sets that ViTPose++ has learned from


class TransformersBackend:
    """Models by the name that the Hugging Face hub gives them, or by a folder that ``save_pretrained`` wrote."""

    def __init__(self, options: BackendOptions) -> None:
        with needs("backend transformers: install it with: pip install .[foundation]"):
            import torch
            from transformers import AutoImageProcessor, AutoModelForObjectDetection, VitPoseForPoseEstimation
        detector, pose = options.detector or DETECTOR, options.weights or POSE
        self._detector = _load(AutoModelForObjectDetection, detector).eval().to(options.device)
        self._pose = _load(VitPoseForPoseEstimation, pose).eval().to(options.device)
        self._look, self._crop = (_load(AutoImageProcessor, name) for name in (detector, pose))
        names = {name: label for label, name in self._detector.config.id2label.items()}
        self._person, self._options, self._torch = names.get("person", 0), options, torch

    def estimate(self, frames: Sequence[np.ndarray], boxes: Sequence[np.ndarray] | None = None) -> list[Persons]:
        """See :class:`PoseBackend`."""
        with self._torch.inference_mode():
            if boxes is not None:
                ones = [np.ones(len(box)) for box in boxes]
                return [self._joints(*given) for given in zip(frames, boxes, ones, strict=True)]
            inputs = self._look(images=list(frames), return_tensors="pt").to(self._options.device)
            sizes = [frame.shape[:2] for frame in frames]
            found = self._look.post_process_object_detection(
                self._detector(**inputs), threshold=self._options.person_thr, target_sizes=sizes
            )
            return [self._joints(frame, *self._persons(one)) for frame, one in zip(frames, found, strict=True)]

    def _persons(self, found: dict) -> tuple[np.ndarray, np.ndarray]:
        kept = found["labels"] == self._person
        return found["boxes"][kept].cpu().numpy(), found["scores"][kept].cpu().numpy()

    def _joints(self, frame: np.ndarray, boxes: np.ndarray, scores: np.ndarray) -> Persons:
        if not len(boxes):
            return nobody()
        boxes = boxes[:, :4]
        corners = [np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)]
        inputs = self._crop(images=frame, boxes=corners, return_tensors="pt").to(self._options.device)
        if self._pose.config.backbone_config.num_experts > 1:
            inputs["dataset_index"] = self._torch.full((len(boxes),), COCO_EXPERT, device=self._options.device)
        (found,) = self._crop.post_process_pose_estimation(self._pose(**inputs), boxes=corners)
        joints, sure = (np.stack([np.asarray(one[key]) for one in found]) for key in ("keypoints", "scores"))
        return Persons(boxes, scores, joints, np.clip(sure, 0.0, 1.0))


def _load(loader: Any, name: str) -> Any:
    """Return what ``loader`` reads under a name or in a folder; ConnectionError says what to do if it cannot."""
    load: Callable = loader.from_pretrained
    try:
        return load(name)
    except OSError as error:
        raise ConnectionError(
            f"could not load {name}: {str(error).splitlines()[0]} Without network, give a folder with the model and "
            "preprocessor_config.json: --weights for the pose, --detector"
        ) from error
