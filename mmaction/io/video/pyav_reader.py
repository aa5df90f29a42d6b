"""The exact reader: FFmpeg's own libraries through PyAV, converting and scaling only what is asked for."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from mmaction.io.video.base import VideoReader
from mmaction.io.video.color import YuvFrame
from mmaction.io.video.container import decoded, demuxed, flush_packet, open_container, reason

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

    Found = Iterator[tuple[int, av.VideoFrame]]

# Codecs that can leave out a frame to which no other refers, without any effect on the others.
_SKIPPABLE = {"h264", "mpeg4", "mpeg2video"}


class PyAVReader(VideoReader):
    """Reads frames in YUV and turns them into RGB when they are used.

    Where the container says when each frame is shown and can be entered there (MP4, MOV, MKV, WebM), decoding starts at
    the last key frame before a wanted frame and leaves out unwanted frames to which no other frame refers. Elsewhere
    (AVI, MPEG-TS, ...) frames are counted from the start of the file. Both give the same frames as reading the file to
    its end. Frames whose size differs from the first are scaled to it, with a warning.
    """

    def decode(self, indices: Sequence[int]) -> Iterator[tuple[int, YuvFrame]]:
        """Yield the frames of ``indices``, which ascend, as far as they can be decoded."""
        import av
        from av.video.reformatter import VideoReformatter

        converter = VideoReformatter()
        if not len(indices):
            return
        with open_container(self.source) as (container, stream):
            stream.codec_context.thread_count = self.num_threads
            if self.num_threads != 1:
                stream.thread_type = "AUTO"
            find = self._by_time if self.info.is_seekable else self._by_count
            try:
                for index, frame in find(container, stream, indices):
                    if (frame.height, frame.width) != self.info.stored_shape:
                        height, width = self.info.stored_shape
                        warnings.warn(
                            f"{self.name}: the size changes from {width}x{height} to {frame.width}x{frame.height} "
                            "inside the file; all frames are scaled to the first size",
                            stacklevel=2,
                        )
                    yield index, YuvFrame(frame, converter, self.info.stored_shape)
            except (av.error.FFmpegError, IndexError) as error:
                # Reading ends at damage, since what follows may refer to it; the caller reports what is missing.
                self._fault = f" ({reason(error)})"

    @staticmethod
    def _by_count(container: InputContainer, stream: VideoStream, indices: Sequence[int]) -> Found:
        wanted = set(indices)
        with demuxed(container, stream) as packets:
            for index, frame in enumerate(decoded(packets)):
                if index in wanted:
                    yield index, frame
                if index >= indices[-1]:
                    return

    def _by_time(self, container: InputContainer, stream: VideoStream, indices: Sequence[int]) -> Found:
        pts, key_pts = self.info.pts, self.info.key_times[:, 0]
        assert pts is not None  # so it is in what is seekable
        position = {int(pts[index]): index for index in indices}
        key_of = np.searchsorted(key_pts, pts[list(indices)], side="right") - 1
        # Frames whose key frames follow each other are decoded in one go; a gap is jumped over.
        starts = [0, *(np.flatnonzero(np.diff(key_of) > 1) + 1).tolist(), len(indices)]
        for first, last in pairwise(starts):
            run = {int(pts[index]) for index in indices[first:last]}
            if key_of[first] > 0 or first > 0:
                container.seek(int(self.info.key_times[max(key_of[first], 0), 1]), stream=stream)
            for frame in self._decode_run(container, stream, run):
                yield position[int(frame.pts or 0)], frame

    def _decode_run(self, container: InputContainer, stream: VideoStream, run: set[int]) -> Iterator[av.VideoFrame]:
        """Decode from the current place until every time stamp of ``run`` has come out, in ascending order."""
        waiting = set(run)

        def chosen(packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
            unread = set(run)
            for packet in packets:
                is_needed = packet.pts in unread or not packet.size
                if self.info.codec in _SKIPPABLE:
                    stream.codec_context.skip_frame = "DEFAULT" if is_needed else "NONREF"
                yield packet
                unread.discard(packet.pts)
                if not unread and packet.size:  # the decoder has them all; what follows need not be decoded
                    yield flush_packet(packet)
                    return

        with demuxed(container, stream) as packets:
            for frame in decoded(chosen(packets)):
                if frame.pts in waiting:
                    waiting.discard(frame.pts)
                    yield frame
                if not waiting:
                    return
