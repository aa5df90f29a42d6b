"""A trained model as one object: give it a clip, get its classes."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmaction import apis
from mmaction.apis.clips import (
    Clip,
    ClipLike,
    ClipModel,
    as_clip,
    build_pipeline,
    fit_pipeline,
    pipeline_config,
    predict_clip,
)
from mmaction.apis.events import EventFinder
from mmaction.apis.inputs import expand_inputs, number_skeletons, read_clips, sources_of
from mmaction.apis.live import LiveSession, window_model
from mmaction.apis.poses import VideoPoses, reads_joints
from mmaction.apis.predictions import Prediction
from mmaction.io.exported import open_exported
from mmaction.io.suffixes import is_exported
from mmaction.io.video.live import live_source
from mmaction.structures.events import Event
from mmaction.utils.config import dataset_config


class Recognizer:
    """Classifies clips with a trained model.

    Example:
        >>> recognizer = Recognizer.load("work_dirs/mine/best_acc_top1_epoch_30.pth")  # doctest: +SKIP
        >>> recognizer("dive.mp4").name  # doctest: +SKIP
        'forward, 2.5 somersaults, 1 twist'
    """

    def __init__(self, model: ClipModel, poses: VideoPoses | None = None) -> None:
        self.model = model
        self._steps = pipeline_config(model.cfg)
        self._poses = poses
        self._pipelines: dict[str, Callable[[dict], dict]] = {}

    @classmethod
    def load(
        cls,
        config: str | Path | Config,
        checkpoint: str | Path | None = None,
        device: Any = None,
        trust_checkpoint: bool = False,
        poses: VideoPoses | None = None,
    ) -> "Recognizer":
        """Return the recognizer of a checkpoint alone, or of a config and a checkpoint; see ``init_recognizer``.

        Or of a file that ``mmaction export`` wrote; see :func:`~mmaction.io.exported.open_exported`. ``poses`` makes
        skeletons of videos for a model that reads joints; None: ``VideoPoses()`` does.
        """
        if checkpoint is None and not isinstance(config, Config) and is_exported(config):
            return cls(open_exported(config, device and str(device), trust_checkpoint), poses)
        return cls(apis.init_recognizer(config, checkpoint, device, trust_checkpoint), poses)  # which imports torch

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

    def predict(self, *inputs: ClipLike) -> list[Prediction]:
        """Return the scores of everything that ``inputs`` name, as the command ``infer`` does.

        Args:
            inputs: Whatever ``recognizer(clip)`` takes, and folders of videos, patterns such as ``"clips/*.mp4"``, and
                pickles of skeletons.

        Raises:
            FileNotFoundError, TypeError, ValueError: As ``as_clip``, before anything is classified.
        """
        dataset = dataset_config(self.model.cfg)
        sources: list[Any] = []
        for item in inputs:
            if isinstance(item, (str, os.PathLike)):
                sources += [source for path in expand_inputs([str(item)]) for source in sources_of(path)]
            else:
                sources.append(item)
        return [self(clip) for clip in number_skeletons(list(read_clips(sources, dataset)))]

    def watch(
        self,
        camera: str | int,
        window_s: float = 2.0,
        stride_s: float | None = None,
        threshold: float = 0.5,
        min_s: float | None = None,
        retries: int = 5,
    ) -> Iterator[Event]:
        """Yield what happens before a camera, each event when it is over; ``infer --camera`` from Python.

        Args:
            camera: Number of a camera, address of a stream, or a video file, which is played at its own speed.
            window_s: Length of a window in seconds.
            stride_s: Time from one window to the next in seconds; None: half a window.
            threshold: Lowest score, 0 to 1, at which something happens.
            min_s: Shortest event in seconds; None: a quarter of a window.
            retries: Attempts to connect to a lost stream again.

        Raises:
            OSError, ValueError: If it is not there, gives no video, or is lost.
        """
        source = live_source(camera)
        model = window_model(self.model, source.name, self._poses)
        finder = EventFinder(threshold, min_s)
        session = LiveSession(model, source, window_s, stride_s or window_s / 2, finder, retries=retries)
        for _, events in session.results():
            yield from events

    def _repr_html_(self) -> str:
        names = ", ".join(self.classes or ())
        return f"<p>{escape(repr(self))}</p>" + (f"<p>{escape(names)}</p>" if names else "")

    def __repr__(self) -> str:
        network = type(getattr(self.model, "backbone", self.model)).__name__
        return f"Recognizer({network}, {self.model.num_scores} classes)"
