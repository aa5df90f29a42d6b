"""What pose estimators are built with and give: frames in, persons out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

BACKENDS = ("torchvision", "blazepose", "rtmlib", "mmpose", "transformers")


@dataclass(frozen=True)
class Persons:
    """The N persons of a frame."""

    boxes: np.ndarray  # x1, y1, x2, y2 in pixels, shape ``(N, 4)``
    scores: np.ndarray  # how sure it is that this is a person, 0 to 1, shape ``(N,)``; 1 where nothing says it
    keypoint: np.ndarray  # joints x, y in pixels, shape ``(N, V, 2)``
    keypoint_score: np.ndarray  # confidence of each joint, 0 to 1, shape ``(N, V)``
    regions: np.ndarray | None = None  # where to look in the next frame, shape ``(N, 4)``, see :mod:`regions`

    def __len__(self) -> int:
        return len(self.boxes)

    def select(self, rows: np.ndarray) -> "Persons":
        """The persons at which ``rows``, bool ``(N,)``, is true, or those with these indices."""
        regions = None if self.regions is None else self.regions[rows]
        return Persons(self.boxes[rows], self.scores[rows], self.keypoint[rows], self.keypoint_score[rows], regions)


def join(parts: Sequence[Persons]) -> Persons:
    """Return the persons of one or more parts, all of them with regions, or none."""
    together = [getattr(parts[0], name) is not None for name in Persons.__dataclass_fields__]
    names = [name for name, there in zip(Persons.__dataclass_fields__, together, strict=True) if there]
    return Persons(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def nobody(num_joints: int = 17) -> Persons:
    """A frame without persons."""
    return Persons(np.zeros((0, 4)), np.zeros(0), np.zeros((0, num_joints, 2)), np.zeros((0, num_joints)))


class PoseBackend(Protocol):
    """A pose estimator. One that follows persons through a video has ``follow`` too, see :class:`Turning`."""

    def estimate(self, frames: Sequence[np.ndarray], boxes: Sequence[np.ndarray] | None = None) -> list[Persons]:
        """Find the persons of each RGB frame ``(H, W, 3)``, uint8: in its ``boxes`` ``(N, 4)``, or anywhere."""


@dataclass(frozen=True)
class BackendOptions:
    """What a backend is built with."""

    device: str = "cpu"  # ``cpu``, ``cuda`` or ``cuda:N``
    weights: str = ""  # file, folder or address of the weights; empty: the backend's own, ``none``: random ones
    detector: str = ""  # name or folder of the detector (transformers)
    pose_config: str = ""  # config of the pose model (MMPose)
    mode: str = "balanced"  # ``lightweight``, ``balanced`` or ``performance`` (RTMLib, BlazePose)
    min_size: int = 640  # length in pixels to which the shorter side of a frame is resized (torchvision)
    person_thr: float = 0.5  # lowest score of a person, by the detector
    layout: str = "coco17"  # joints to give: ``coco17`` or ``mediapipe33`` (BlazePose)
    rotate: bool | None = None  # whether crops turn with the person; None: with BlazePose alone
    both_ways: bool = True  # whether persons are followed backward in time too, where crops turn
