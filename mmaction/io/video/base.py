"""What every decoder offers: how long a video is, and its frames in ascending order, each decoded once."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np

Source = str | Path | BytesIO


class Frame:
    """One decoded frame that is RGB already, upright.

    Args:
        image: uint8, shape ``(H, W, 3)``.
    """

    def __init__(self, image: np.ndarray) -> None:
        self._image = image

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self._image.shape[:2]

    def rgb(self) -> np.ndarray:
        """Return the image, uint8, shape ``(H, W, 3)``."""
        return self._image

    def scaled(self, shape: tuple[int, int], box: tuple[int, int, int, int] | None = None) -> np.ndarray:
        """Return the image at ``shape`` (height, width), interpolated bilinearly, or the part of that inside ``box``.

        Args:
            shape: Height and width of the whole.
            box: Left, top, right and bottom of the part, the last two beyond it, in pixels of the scaled image.
        """
        image = self.rgb()
        image = image if image.shape[:2] == shape else cv2.resize(image, shape[::-1])
        return image if box is None else image[box[1] : box[3], box[0] : box[2]]


class VideoReader(ABC):
    """A video that is open for reading.

    Index i stands for the i-th frame that a decoder gives out when it reads the video from its start.

    Attributes:
        name: What to call the video in messages.
        num_frames: Number of frames according to the container.
        fps: Average frames per second, 0 when unknown.
    """

    name: str
    num_frames: int
    fps: float

    @abstractmethod
    def decode(self, indices: Sequence[int]) -> Iterator[tuple[int, Frame]]:
        """Yield those frames of ``indices`` (ascending, each once, within range) that can be decoded, in order."""

    def frames(self, indices: Sequence[int]) -> Iterator[tuple[int, Frame]]:
        """Yield (index, frame) for every distinct index, in ascending order; nothing is decoded before it is asked for.

        Raises:
            ValueError: If an index is outside the video, or its frame cannot be decoded.
        """
        wanted = sorted({int(index) for index in indices})
        if wanted and (wanted[0] < 0 or wanted[-1] >= self.num_frames):
            raise ValueError(
                f"{self.name} has {self.num_frames} frames (0 to {self.num_frames - 1}); "
                f"asked for frame {wanted[0] if wanted[0] < 0 else wanted[-1]}"
            )
        expected = iter(wanted)
        for index, frame in self.decode(wanted):
            due = next(expected)
            if index != due:
                raise self._broken(due)
            yield index, frame
        for due in expected:
            raise self._broken(due)

    def _broken(self, index: int) -> ValueError:
        return ValueError(
            f"{self.name}: frame {index} cannot be decoded, although the file promises {self.num_frames} frames; "
            "the video is damaged or cut off: fetch or encode it again, or take it off the list"
        )


def source_name(source: Source) -> str:
    """Return what to call ``source`` in messages."""
    return str(source) if isinstance(source, (str, Path)) else getattr(source, "name", "a video in memory")


def not_a_video(source: Source, reason: object) -> ValueError:
    """Return the error for a file that no decoder opens."""
    return ValueError(f"{source_name(source)} cannot be opened as a video ({reason})")
