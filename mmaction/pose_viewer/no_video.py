"""Skeletons on black where there is no video; joints in space are seen from the front."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np

from mmaction.io.pickles import as_numbers
from mmaction.io.video import VideoInfo, VideoReader
from mmaction.io.video.frame import Frame
from mmaction.skeletons import Layout
from mmaction.skeletons.frame_checks import visible_joints
from mmaction.visualization.poses import ClipPoses, clip_poses

CANVAS = 480  # pixels, height and width of the picture where joints have no image
MARGIN = 0.1  # of it, around the body
FPS = 25.0


class _BlackInfo(VideoInfo):
    @cached_property
    def shape(self) -> tuple[int, int]:
        return self.stored_shape


class BlackVideo(VideoReader):
    """``num_frames`` black pictures of height and width ``shape``."""

    def __init__(self, num_frames: int, shape: tuple[int, int]) -> None:
        no_keys = np.zeros((0, 2), np.int64)
        self.info = _BlackInfo("black", "", "", num_frames, FPS, shape, Fraction(1, 25), None, False, no_keys, False)
        self.name, self.num_frames, self.fps, self.problem = "a black video", num_frames, FPS, ""

    def decode(self, indices: Sequence[int]) -> Iterator[tuple[int, Frame]]:
        """Yield a black picture for each of ``indices``."""
        black = Frame(np.zeros((*self.info.shape, 3), np.uint8))
        yield from ((index, black) for index in indices)

    def images(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """Yield number and picture ``(H, W, 3)``, uint8, of the frames from ``start`` to before ``stop``."""
        end = self.num_frames if stop is None else min(stop, self.num_frames)
        yield from ((index, frame.rgb()) for index, frame in self.decode(range(start, end)))


def read_clip(
    video: VideoReader | None, entry: Mapping, layout: str | Layout, source: str | Path
) -> tuple[VideoReader, ClipPoses]:
    """Return the video of an annotation, or black pictures where there is none, and the poses."""
    return (video, clip_poses(entry, layout, source)) if video else on_black(entry, layout, source)


def on_black(entry: Mapping, layout: str | Layout, source: str | Path) -> tuple[BlackVideo, ClipPoses]:
    """Return black pictures for an annotation, and its poses on them.

    Where the annotation has no ``img_shape``, the joints are fitted into ``CANVAS`` pixels, all frames alike; joints in
    space ``(M, T, V, 3)`` are drawn with x to the right and y up. ValueError as for :func:`clip_poses`.
    """
    poses = clip_poses(entry, layout, source)
    note = "no video: on black, 25 frames a second"
    if poses.img_shape is None:
        joints = as_numbers(entry["keypoint"])
        is_in_space = joints is not None and joints.shape[-1] == 3
        score = poses.score
        if is_in_space and poses.third_is_score:
            score = np.any(joints, axis=-1).astype(np.float32).reshape(score.shape)
        note += ", x to the right and y up" if is_in_space else ", fitted into the picture"
        keypoint = _fitted(poses.keypoint, score, is_in_space)
        poses = replace(poses, keypoint=keypoint, score=score, third_is_score=False, img_shape=(CANVAS, CANVAS))
    poses = replace(poses, layout_note=f"{poses.layout_note or f'layout: {poses.layout.name}'}; {note}")
    return BlackVideo(poses.num_frames, poses.img_shape or (CANVAS, CANVAS)), poses


def _fitted(keypoint: np.ndarray, score: np.ndarray, is_upward: bool) -> np.ndarray:
    """Scale and move joints ``(M, T, V, 2)`` so that those seen fill the picture up to its margin."""
    points = keypoint[visible_joints(keypoint, score)]
    if not len(points):
        return keypoint
    low, high = points.min(axis=0), points.max(axis=0)
    factor = (1 - 2 * MARGIN) * CANVAS / max(float((high - low).max()), 1e-6)
    return (keypoint - (low + high) / 2) * np.array([factor, -factor if is_upward else factor], np.float32) + CANVAS / 2
