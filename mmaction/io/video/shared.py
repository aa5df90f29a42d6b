"""Frames of a video that several users need: each is decoded once."""

from collections.abc import Iterable, Iterator, Sequence

from mmaction.io.video.base import VideoReader
from mmaction.io.video.frame import Frame


class SharedFrames:
    """Gives the frames of a reader to users that come one after another, such as windows that overlap.

    What is wanted is decoded in one go, in order, and a frame is kept until the last user of it has come.

    Args:
        reader: The video.
        wanted: Frame indices of each user, in the order in which they come; the first indices ascend from user to user.
    """

    def __init__(self, reader: VideoReader, wanted: Sequence[Iterable[int]]) -> None:
        self._last = {int(index): user for user, indices in enumerate(wanted) for index in indices}
        self._decoded = reader.frames(self._last)
        self._kept: dict[int, Frame] = {}
        self._user = 0

    def frames(self, indices: Iterable[int]) -> Iterator[tuple[int, Frame]]:
        """Yield (index, frame) for every distinct index of the next user, in ascending order; as `VideoReader`."""
        self._kept = {index: frame for index, frame in self._kept.items() if self._last[index] >= self._user}
        self._user += 1
        for due in sorted({int(index) for index in indices}):
            while due not in self._kept:
                index, frame = next(self._decoded)
                self._kept[index] = frame
            yield due, self._kept[due]
