"""Skeletons of a video on the fly, for a model that reads joints."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mmaction.apis.clips import Clip, as_clip
from mmaction.io.video import probe
from mmaction.preparation.poses import blazepose
from mmaction.preparation.poses.backends import build_backend, check_pose_backend
from mmaction.preparation.poses.blazepose_files import READERS
from mmaction.preparation.poses.extract import Recipe, extract_video
from mmaction.preparation.poses.following import follow
from mmaction.preparation.poses.persons import BackendOptions, Persons, PoseBackend
from mmaction.preparation.poses.sources import SourceVideo
from mmaction.preparation.poses.tracking import TrackingOptions, best_tracks, follow_persons
from mmaction.skeletons import get_layout, layout_of_config
from mmaction.utils.config import type_name


def reads_joints(pipeline: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a test pipeline reads skeletons and no frames."""
    types = {type_name(step) for step in pipeline}
    return "PoseDecode" in types and not any("Decode" in name and name != "PoseDecode" for name in types)


class VideoPoses:
    """Makes skeleton clips of videos, with a pose estimator that is built for the first of them.

    Args:
        backend: Name of the pose estimator, as in ``tools/data/skeleton/extract_poses.py``; ``auto``: BlazePose where
            LiteRT is installed, else torchvision's Keypoint R-CNN.
        options: What it is built with.
        tell: Called with a line that says which estimator was taken and what it found.
    """

    def __init__(
        self, backend: str = "auto", options: BackendOptions | None = None, tell: Callable[[str], Any] = print
    ) -> None:
        if backend == "auto":
            backend = "blazepose" if blazepose.is_installed() else "torchvision"
        self.backend, self.options, self.tell = backend, options or BackendOptions(), tell
        check_pose_backend(backend, self.options)
        self._last: Persons | None = None  # the persons of the last frame of a stream
        self._count = 0  # frames of the stream so far

    @cached_property
    def _estimator(self) -> PoseBackend:
        return build_backend(self.backend, self.options)

    def skeleton(self, clip: Clip, cfg: Mapping[str, Any], pipeline: Sequence[Mapping[str, Any]]) -> tuple[Clip, float]:
        """Return a video as a skeleton clip for the model of ``cfg``, and its frames per second.

        The best tracks are kept: as many as ``FormatGCNInput`` of the pipeline takes, else one.

        Raises:
            ValueError: If the model reads other joints than the estimator finds, or the video cannot be read.
            ConnectionError: If the estimator's weights cannot be fetched.
        """
        path = Path(clip.sample["filename"])
        layout = layout_of_config(cfg)
        if self.backend == "blazepose" and layout is not None and layout.joints == get_layout("mediapipe33").joints:
            self.options = replace(self.options, layout="mediapipe33")
        recipe = Recipe(self.backend, self.options, _tracking(pipeline))
        annotation = extract_video(SourceVideo(path, clip.name), self._estimator, recipe)
        self._check_joints(annotation, cfg)
        seen = (annotation["keypoint_score"] > 0).any(axis=(0, 2))
        weights = self.options.weights or (READERS[self.options.mode] if self.backend == "blazepose" else "")
        weights = f" with {weights}" if weights else ""
        self.tell(f"{clip.name}: poses by {self.backend}{weights}, somebody in {seen.sum()} of {len(seen)} frames")
        return as_clip(annotation), 1 / probe(path).frame_time

    def persons(self, image: np.ndarray) -> Persons:
        """Return the persons of one RGB frame ``(H, W, 3)``, uint8, of a stream whose frames come one after another."""
        (found,) = follow(self._estimator, [image], before=self._last, number=self._count)
        self._count += 1
        self._last = found.select(found.scores >= self.options.person_thr)
        return self._last

    def annotation(
        self,
        frames: Sequence[Persons],
        fps: float,
        shape: tuple[int, int],
        name: str,
        cfg: Mapping[str, Any],
        pipeline: Sequence[Mapping[str, Any]],
    ) -> dict[str, Any]:
        """Return the persons of frames as the annotation of a skeleton, as :meth:`skeleton` does of a video.

        ``shape`` is height and width of the frames.
        """
        tracking = _tracking(pipeline)
        tracks = follow_persons(frames, fps, tracking)
        keypoint, score = best_tracks(frames, tracks, tracking.num_persons or 1, tracking.max_gap)
        annotation = {"keypoint": keypoint, "keypoint_score": score, "img_shape": shape, "total_frames": len(frames)}
        self._check_joints(annotation, cfg)
        return {"frame_dir": name, **annotation}

    def _check_joints(self, annotation: Mapping[str, Any], cfg: Mapping[str, Any]) -> None:
        """Raise ValueError if the model of ``cfg`` reads other joints."""
        joints, layout = annotation["keypoint"].shape[2], layout_of_config(cfg)
        if layout is not None and len(layout.joints) != joints:
            raise ValueError(
                f"the model reads the {len(layout.joints)} joints of {layout.name}, and {self.backend} finds {joints}; "
                "extract skeletons of that layout and pass their pickle"
            )


def _tracking(pipeline: Sequence[Mapping[str, Any]]) -> TrackingOptions:
    """Return how persons are followed: as many as ``FormatGCNInput`` of the pipeline takes, else one."""
    persons = max((step.get("num_person", 1) for step in pipeline if type_name(step) == "FormatGCNInput"), default=1)
    return TrackingOptions(num_persons=persons)
