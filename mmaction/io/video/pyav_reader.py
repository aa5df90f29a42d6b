"""The exact reader: FFmpeg's own libraries through PyAV, converting and scaling only what is asked for."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmaction.io.video.base import Frame, Source, VideoReader, not_a_video, source_name
from mmaction.io.video.color import YuvFrame
from mmaction.io.video.probe import VideoInfo, probe

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

    Found = Iterator[tuple[int, av.VideoFrame]]

# Codecs that can leave out a frame to which no other refers, without any effect on the others.
_SKIPPABLE = {"h264", "mpeg4", "mpeg2video"}


class PyAVReader(VideoReader):
    """Reads frames in YUV and turns them into RGB when they are used.

    Where the container says when each frame is shown (MP4, MOV, MKV, WebM), decoding starts at the last key frame
    before a wanted frame and leaves out unwanted frames to which no other frame refers. Elsewhere (AVI, MPEG-TS, ...)
    frames are counted from the start of the file. Both give the same frames as reading the file to its end.

    Args:
        source: Path, or the file's content.
        num_threads: Threads that decode; 0 lets FFmpeg choose.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no video.
    """

    def __init__(self, source: Source, num_threads: int = 1) -> None:
        self.info: VideoInfo = probe(source)
        self.name = source_name(source)
        self.num_frames = self.info.num_frames
        self.fps = self.info.fps
        self._source = os.fspath(source) if isinstance(source, Path) else source
        self.num_threads = num_threads

    def decode(self, indices: Sequence[int]) -> Iterator[tuple[int, Frame]]:
        """Yield the frames of ``indices``, which ascend, as far as they can be decoded."""
        import av
        from av.video.reformatter import VideoReformatter

        converter = VideoReformatter()
        if not isinstance(self._source, str):
            self._source.seek(0)
        try:
            container = av.open(self._source, metadata_errors="replace")
        except (av.error.FFmpegError, OSError) as error:
            raise not_a_video(self._source, getattr(error, "strerror", None) or error) from error
        # Reading ends at damage, since what follows may refer to it; the caller reports the frames that are missing.
        with container, suppress(av.error.FFmpegError, IndexError):
            stream = container.streams.video[0]
            stream.codec_context.thread_count = self.num_threads
            if self.num_threads != 1:
                stream.thread_type = "AUTO"
            decode = self._by_count if self.info.pts is None else self._by_time
            for index, frame in decode(container, stream, indices):
                yield index, YuvFrame(frame, converter)

    @staticmethod
    def _by_count(container: "InputContainer", stream: "VideoStream", indices: Sequence[int]) -> "Found":
        wanted = set(indices)
        with closing(container.demux(stream)) as packets:
            for index, frame in enumerate(frame for packet in packets for frame in packet.decode()):
                if index in wanted:
                    yield index, frame
                if index >= indices[-1]:
                    return

    def _by_time(self, container: "InputContainer", stream: "VideoStream", indices: Sequence[int]) -> "Found":
        pts, key_pts = self.info.pts, self.info.key_times[:, 0]
        position = {int(pts[index]): index for index in indices}
        key_of = np.searchsorted(key_pts, pts[list(indices)], side="right") - 1
        # Frames whose key frames follow each other are decoded in one go; a gap is jumped over.
        starts = [0, *(np.flatnonzero(np.diff(key_of) > 1) + 1).tolist(), len(indices)]
        for first, last in pairwise(starts):
            run = {int(pts[index]) for index in indices[first:last]}
            if key_of[first] > 0:
                container.seek(int(self.info.key_times[key_of[first], 1]), stream=stream)
            elif first > 0:
                container.seek(int(self.info.key_times[0, 1]), stream=stream)
            for frame in self._decode_run(container, stream, run):
                yield position[frame.pts], frame

    def _decode_run(
        self, container: "InputContainer", stream: "VideoStream", run: set[int]
    ) -> Iterator["av.VideoFrame"]:
        """Decode from the current place until every time stamp of ``run`` has come out, in ascending order."""
        context = stream.codec_context
        can_skip = self.info.codec in _SKIPPABLE
        waiting = set(run)
        with closing(container.demux(stream)) as packets:  # PyAV 18 frees what it holds only when closed or at the end
            for packet in packets:
                if can_skip:
                    context.skip_frame = "DEFAULT" if packet.pts in waiting or not packet.size else "NONREF"
                for frame in packet.decode():
                    if frame.pts in waiting:
                        waiting.discard(frame.pts)
                        yield frame
                if not waiting:
                    return
