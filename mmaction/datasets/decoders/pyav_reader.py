"""The exact reader: FFmpeg's own libraries through PyAV, converting and scaling only what is asked for."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise

import numpy as np

from .base import Frame, Source, VideoReader, source_name
from .probe import VideoInfo, probe
from .yuv import YuvFrame

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
        self._source = source
        self.num_threads = num_threads

    def decode(self, indices: Sequence[int]) -> Iterator[tuple[int, Frame]]:
        """Yield the frames of ``indices``, which ascend, as far as they can be decoded."""
        import av
        from av.video.reformatter import VideoReformatter

        converter = VideoReformatter()
        if not isinstance(self._source, str):
            with suppress(AttributeError):
                self._source.seek(0)
        with av.open(self._source) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = self.num_threads
            if self.num_threads != 1:
                stream.thread_type = "AUTO"
            decoded = self._by_time(container, stream, indices) if self.info.pts is not None else None
            for index, frame in decoded or self._by_count(container, stream, indices):
                yield index, YuvFrame(frame, converter)

    @staticmethod
    def _by_count(container, stream, indices: Sequence[int]) -> Iterator[tuple[int, "object"]]:
        import av

        wanted = set(indices)
        with suppress(av.error.FFmpegError):  # what is missing after a broken packet is reported by the caller
            for index, frame in enumerate(container.decode(stream)):
                if index in wanted:
                    yield index, frame
                if index >= indices[-1]:
                    return

    def _by_time(self, container, stream, indices: Sequence[int]) -> Iterator[tuple[int, "object"]]:
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

    def _decode_run(self, container, stream, run: set[int]) -> Iterator:
        """Decode from the current place until every time stamp of ``run`` has come out, in ascending order."""
        import av

        context = stream.codec_context
        can_skip = self.info.codec in _SKIPPABLE
        waiting = set(run)
        for packet in container.demux(stream):
            if can_skip:
                context.skip_frame = "DEFAULT" if packet.pts in waiting or not packet.size else "NONREF"
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                return  # what follows may refer to what is broken; the caller reports the missing frames
            for frame in frames:
                if frame.pts in waiting:
                    waiting.discard(frame.pts)
                    yield frame
            if not waiting:
                return
