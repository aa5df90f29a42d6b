"""What every decoder offers: how long a video is, and its frames in ascending order, each decoded once."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from mmaction.io.video.container import Source, VideoError, source_name
from mmaction.io.video.frame import Frame
from mmaction.io.video.probe import VideoInfo, cut_off_problem, probe


class VideoReader(ABC):
    """A video that is open for reading.

    Index i stands for the i-th frame that a decoder gives out when it reads the video from its start.

    Attributes:
        info: What the file is; its `VideoInfo.times` tell when each frame is shown.
        name: What to call the video in messages.
        num_frames: Number of frames that decode if the file is not damaged.
        fps: Average frames per second, 0 when unknown.
        problem: Where and why the last call of `images` broke off, '' if it did not.
    """

    def __init__(self, source: Source, num_threads: int = 1) -> None:
        self.info: VideoInfo = probe(source)  # FileNotFoundError, or VideoError if the file is no video
        self.source, self.num_threads = source, num_threads
        self.name, self.num_frames, self.fps = source_name(source), self.info.num_frames, self.info.fps
        self.problem = ""
        self._fault = ""  # what the library said when it could not decode

    @abstractmethod
    def decode(self, indices: Sequence[int]) -> Iterator[tuple[int, Frame]]:
        """Yield those frames of ``indices`` (ascending, each once, within range) that can be decoded, in order."""

    def frames(self, indices: Iterable[int]) -> Iterator[tuple[int, Frame]]:
        """Yield (index, frame) for every distinct index, in ascending order, each decoded when it is asked for.

        A frame that is outside the video or cannot be decoded raises a `VideoError`.
        """
        wanted = sorted({int(index) for index in indices})
        if wanted and (wanted[0] < 0 or wanted[-1] >= self.num_frames):
            bad = wanted[0] if wanted[0] < 0 else wanted[-1]
            raise VideoError(f"{self.name} has frames 0 to {self.num_frames - 1}, asked for frame {bad}")
        decoded = self.decode(wanted)
        for due in wanted:
            index, frame = next(decoded, (None, None))
            if index != due or frame is None:
                raise VideoError(
                    f"{self.name}: frame {due} cannot be decoded, although the file promises {self.num_frames} frames; "
                    f"the video is damaged or cut off{self._fault}: fetch or encode it again, or take it off the list"
                )
            yield index, frame

    def images(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """Yield number and RGB image ``(H, W, 3)``, uint8, of the frames from ``start`` to before ``stop``.

        Damage ends the iteration instead of raising an error, and is left in ``problem``; so is, where the video is
        read to its end, that the file is cut off.
        """
        self.problem = ""
        end = self.num_frames if stop is None else min(stop, self.num_frames)
        due = start
        for index, frame in self.decode(range(start, end)):
            if index != due:
                break
            yield index, np.ascontiguousarray(frame.rgb())
            due += 1
        if due < end:
            self.problem = f"frame {due} of {self.num_frames} cannot be decoded{self._fault}"
        elif end == self.num_frames:
            self.problem = cut_off_problem(self.source)
