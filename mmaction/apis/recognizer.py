"""A trained model as one object: give it a clip, get its classes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from mmengine.config import Config

from mmaction.apis.clips import Clip, ClipLike, as_clip, fit_pipeline
from mmaction.apis.inference import build_pipeline, init_recognizer, pipeline_config, predict_clip
from mmaction.apis.poses import VideoPoses, reads_joints
from mmaction.apis.predictions import Prediction
from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.utils.config import dataset_config


class Recognizer:
    """Classifies clips with a trained model.

    Example:
        >>> recognizer = Recognizer.load("work_dirs/mine/best_acc_top1_epoch_30.pth")  # doctest: +SKIP
        >>> recognizer("dive.mp4").name  # doctest: +SKIP
        'forward, 2.5 somersaults, 1 twist'
    """

    def __init__(self, model: BaseRecognizer, poses: VideoPoses | None = None) -> None:
        self.model = model
        self._steps = pipeline_config(model.cfg)
        self._poses = poses
        self._pipelines: dict[str, Callable[[dict], dict]] = {}

    @classmethod
    def load(
        cls,
        config: str | Path | Config,
        checkpoint: str | Path | None = None,
        device: str | torch.device | None = None,
        trust_checkpoint: bool = False,
        poses: VideoPoses | None = None,
    ) -> "Recognizer":
        """Return the recognizer of a checkpoint alone, or of a config and a checkpoint; see ``init_recognizer``.

        ``poses`` makes skeletons of videos for a model that reads joints; None: torchvision's Keypoint R-CNN does.
        """
        return cls(init_recognizer(config, checkpoint, device, trust_checkpoint), poses)

    @property
    def classes(self) -> list[str] | None:
        """The class names, where they are known."""
        return self.model.classes

    def prepare(self, clip: ClipLike | Clip) -> tuple[Clip, float | None]:
        """Return ``clip`` as the model reads it, and its frames per second where a video has become a skeleton."""
        found = clip if isinstance(clip, Clip) else as_clip(clip, dataset_config(self.model.cfg))
        if found.kind != "video" or not reads_joints(self._steps):
            return found, None
        self._poses = self._poses or VideoPoses()
        return self._poses.skeleton(found, self.model.cfg, self._steps)

    def __call__(self, clip: ClipLike | Clip) -> Prediction:
        """Return the scores of a video, a folder of frames, an array or a skeleton annotation; see ``as_clip``."""
        found, _ = self.prepare(clip)
        if found.kind not in self._pipelines:
            self._pipelines[found.kind] = build_pipeline(fit_pipeline(self._steps, found.kind))
        return replace(predict_clip(self.model, self._pipelines[found.kind], found), names=self.classes)

    def __repr__(self) -> str:
        head = self.model.cls_head
        return f"Recognizer({type(self.model.backbone).__name__}, {head.num_classes} classes)"
