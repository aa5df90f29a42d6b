"""Pose estimators behind one interface: frames in, persons out. Their libraries are imported when one is built."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.error import URLError

import numpy as np

from mmaction.io.checkpoints import local_path, read_checkpoint
from mmaction.preparation.poses import blazepose
from mmaction.preparation.poses.following import Turning, Upright
from mmaction.preparation.poses.huggingface import TransformersBackend
from mmaction.preparation.poses.openmmlab import openmmlab
from mmaction.preparation.poses.persons import BackendOptions, Persons, PoseBackend, nobody
from mmaction.utils.cli import needs, suggest

MAX_PERSONS = 20  # of a frame, for the torchvision backend


class TorchvisionBackend:
    """Keypoint R-CNN of torchvision (He et al., "Mask R-CNN", ICCV 2017), trained on COCO: 17 joints.

    The network gives each joint the height of its heatmap, a logit; here its sigmoid, shifted so that 2, above which
    joints are commonly taken for visible, becomes 0.5.
    """

    def __init__(self, options: BackendOptions) -> None:
        import torch
        from torchvision.models.detection import KeypointRCNN_ResNet50_FPN_Weights, keypointrcnn_resnet50_fpn

        own = KeypointRCNN_ResNet50_FPN_Weights.DEFAULT if not options.weights else None
        with _fetching(own, "give the file with --weights (infer.py: --pose-weights)"):
            self._model = keypointrcnn_resnet50_fpn(
                weights=own,
                weights_backbone=None,
                min_size=options.min_size,
                max_size=2 * options.min_size,
                rpn_pre_nms_top_n_test=500,  # fewer than torchvision's default, which is for crowds
                rpn_post_nms_top_n_test=200,
                box_detections_per_img=MAX_PERSONS,
            )
        if options.weights not in ("", "none"):
            self._model.load_state_dict(_read_weights(options.weights))
        self._model.roi_heads.score_thresh = options.person_thr
        self._model.eval().to(options.device)
        self._device, self._torch = options.device, torch

    def estimate(self, frames: Sequence[np.ndarray], boxes: Sequence[np.ndarray] | None = None) -> list[Persons]:
        """See :class:`PoseBackend`."""
        torch = self._torch
        images = [torch.from_numpy(frame).to(self._device).permute(2, 0, 1).float() / 255 for frame in frames]
        with torch.inference_mode():
            if boxes is None:
                return [_persons(output) for output in self._model(images)]
            return [self._in_boxes(image, torch.as_tensor(box)) for image, box in zip(images, boxes, strict=True)]

    def _in_boxes(self, image: Any, boxes: Any) -> Persons:
        from torchvision.models.detection.roi_heads import keypointrcnn_inference

        if not len(boxes):
            return nobody()
        batch, _ = self._model.transform([image])
        height, width = batch.image_sizes[0]
        factor = self._torch.tensor([width / image.shape[2], height / image.shape[1]], device=image.device)
        scaled = boxes[:, :4].to(image).reshape(-1, 2, 2) * factor
        heads, features = self._model.roi_heads, self._model.backbone(batch.tensors)
        pooled = heads.keypoint_roi_pool(features, [scaled.reshape(-1, 4)], batch.image_sizes)
        logits = heads.keypoint_predictor(heads.keypoint_head(pooled))
        keypoints, scores = keypointrcnn_inference(logits, [scaled.reshape(-1, 4)])
        ones = self._torch.ones(len(boxes))
        keypoints = keypoints[0][..., :2] / factor
        return _persons(dict(boxes=boxes[:, :4], scores=ones, keypoints=keypoints, keypoints_scores=scores[0]))


@contextmanager
def _fetching(weights: Any, otherwise: str) -> Iterator[None]:
    """Name torchvision's weights where they cannot be downloaded."""
    try:
        yield
    except URLError as error:
        raise ConnectionError(
            f"could not download {weights.url}: {error}. Without network, fetch it elsewhere and {otherwise}"
        ) from error


def _persons(output: dict) -> Persons:
    arrays = {name: value.detach().float().cpu().numpy() for name, value in output.items()}
    confidence = 1.0 / (1.0 + np.exp(np.clip(2.0 - arrays["keypoints_scores"], -50, 50)))
    return Persons(arrays["boxes"], arrays["scores"], arrays["keypoints"][..., :2], confidence)


def _read_weights(weights: str) -> dict:
    state = read_checkpoint(weights)
    return state.get("state_dict", state.get("model", state))


class RTMLibBackend:
    """RTMPose with a YOLOX detector, or RTMO, through ONNX Runtime (``pip install .[pose]``): 17 joints.

    The library keeps the persons that its detector is sure of and does not give their scores, so ``person_thr`` has no
    effect.
    """

    def __init__(self, options: BackendOptions) -> None:
        with needs("backend rtmlib: install it with: pip install .[pose]"):
            from rtmlib import Body
        kind = options.device.partition(":")[0]
        body = Body(pose=options.weights or None, mode=options.mode, backend="onnxruntime", device=kind)
        self._pose, self._detector = body.pose_model, None if body.one_stage else body.det_model

    def estimate(self, frames: Sequence[np.ndarray], boxes: Sequence[np.ndarray] | None = None) -> list[Persons]:
        """See :class:`PoseBackend`."""
        return [self._one(frame, None if boxes is None else boxes[i]) for i, frame in enumerate(frames)]

    def _one(self, frame: np.ndarray, boxes: np.ndarray | None) -> Persons:
        image = np.ascontiguousarray(frame[..., ::-1])
        if self._detector is None:
            if boxes is not None:
                raise ValueError("boxes: RTMO finds persons by itself; choose an RTMPose model for given boxes")
            keypoint, score = self._pose(image)
            return _detected(np.concatenate([keypoint.min(axis=1), keypoint.max(axis=1)], axis=-1), keypoint, score)
        found = np.asarray(self._detector(image) if boxes is None else boxes)
        if not len(found):
            return nobody()
        keypoint, score = self._pose(image, bboxes=found[:, :4])
        return _detected(found[:, :4], keypoint, score)


def _detected(boxes: np.ndarray, keypoint: np.ndarray, score: np.ndarray) -> Persons:
    """Persons of whom nothing but boxes is known beside their joints, whose scores are kept between 0 and 1.

    They count as certain: how sure the joints are says nothing about whether somebody is there.
    """
    return Persons(boxes, np.ones(len(boxes)), keypoint, np.clip(score, 0.0, 1.0))


class MMPoseBackend:
    """A top-down model of MMPose, if it is installed, in the boxes of torchvision's person detector."""

    def __init__(self, options: BackendOptions) -> None:
        with needs("backend mmpose: install it with make openmmlab, see docs/poses.md"), openmmlab():
            from mmpose.apis import inference_topdown, init_model
        if not options.pose_config or not options.weights:
            raise ValueError("backend mmpose: needs --pose-config and --weights (none: random ones)")
        self._infer = inference_topdown
        weights = None if options.weights == "none" else options.weights
        with openmmlab():
            self._model = init_model(options.pose_config, weights, device=options.device)
        self._options = options
        self._detector: Any = None  # built when boxes are not given

    def _detect(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        import torch
        from torchvision.models.detection import FasterRCNN_ResNet50_FPN_Weights, fasterrcnn_resnet50_fpn

        if self._detector is None:
            weights = FasterRCNN_ResNet50_FPN_Weights.DEFAULT
            with _fetching(weights, "put the file into hub/checkpoints of TORCH_HOME, or give boxes with --boxes"):
                self._detector = fasterrcnn_resnet50_fpn(weights=weights).eval().to(self._options.device)
        images = [torch.from_numpy(f).to(self._options.device).permute(2, 0, 1).float() / 255 for f in frames]
        with torch.inference_mode():
            outputs = self._detector(images)
        kept = [(out["labels"] == 1) & (out["scores"] >= self._options.person_thr) for out in outputs]
        found = [torch.cat([out["boxes"], out["scores"][:, None]], dim=1) for out in outputs]
        return [boxes[mask].cpu().numpy() for boxes, mask in zip(found, kept, strict=True)]

    def estimate(self, frames: Sequence[np.ndarray], boxes: Sequence[np.ndarray] | None = None) -> list[Persons]:
        """See :class:`PoseBackend`."""
        if boxes is not None:
            return [self._one(frame, box) for frame, box in zip(frames, boxes, strict=True)]
        found = zip(frames, self._detect(frames), strict=True)
        return [replace(self._one(frame, box[:, :4]), scores=box[:, 4]) for frame, box in found]

    def _one(self, frame: np.ndarray, boxes: np.ndarray) -> Persons:
        if not len(boxes):
            return nobody()
        with openmmlab():
            found = [result.pred_instances for result in self._infer(self._model, frame[..., ::-1], boxes[:, :4])]
        keypoint = np.concatenate([instances.keypoints for instances in found])
        score = np.concatenate([instances.keypoint_scores for instances in found])
        return _detected(boxes[:, :4], keypoint[..., :2], score)


BACKENDS: dict[str, Callable[[BackendOptions], PoseBackend]] = {
    "torchvision": TorchvisionBackend,
    "blazepose": blazepose.backend,
    "rtmlib": RTMLibBackend,
    "mmpose": MMPoseBackend,
    "transformers": TransformersBackend,
}


def check_pose_backend(name: str, options: BackendOptions) -> None:
    """Check what can be told of a backend before it is built."""
    if name not in BACKENDS:
        raise KeyError(f"backend: {name!r} is unknown{suggest(name, BACKENDS)}; known: {', '.join(BACKENDS)}")
    if options.layout != "coco17" and name != "blazepose":
        raise ValueError(f"layout: {name} gives coco17, got {options.layout!r}; blazepose gives mediapipe33 too")
    if (
        name not in ("blazepose", "transformers")
        and options.weights not in ("", "none")
        and "://" not in options.weights
    ):
        local_path(options.weights)


def build_backend(name: str, options: BackendOptions) -> PoseBackend:
    """Build a backend by name; with ``rotate`` its crops turn with the persons."""
    check_pose_backend(name, options)
    backend = BACKENDS[name](options)
    if options.rotate and not isinstance(backend, Turning):
        return Turning(Upright(backend), both_ways=options.both_ways)
    return backend
