"""Cut clips out of long videos on exact frames.

A clip of ``[start, end)`` seconds holds every frame shown at a time t with ``start <= t < end``; time 0 is the first
frame of the video. Clips are encoded anew (H.264, no B-frames, no sound): copying the stream instead can only cut at
key frames, and what lies between does not decode. Each clip is written to a scratch folder, decoded as a check, and
only then moved to its place.
"""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmaction.io.video import VideoError, VideoInfo, open_video
from mmaction.io.video.writers import ClipWriter
from mmaction.preparation.official_lists import Span


@dataclass(frozen=True)
class Cut:
    """A clip to make."""

    id: str
    span: Span  # its time in the source, in seconds
    target: Path  # the file to write, ``.mp4``
    slack_s: float = 0.25  # by how much the video may end before the clip does


@dataclass(frozen=True)
class Encoding:
    """How clips are encoded."""

    crf: int = 18  # x264 quality, 0 (lossless) to 51; 18 looks like the source
    preset: str = "veryfast"  # x264 speed against size
    keyframe_every: int = 16  # frames between key frames at the most; fewer make random access quicker and files larger

    def __post_init__(self) -> None:
        if not 0 <= self.crf <= 51:
            raise ValueError(f"crf must be from 0 to 51, got {self.crf}")

    @property
    def options(self) -> dict[str, str]:
        """Private options of libx264."""
        return {"crf": str(self.crf), "preset": self.preset, "g": str(self.keyframe_every), "bf": "0"}


def cut_clips(
    source: Path,
    cuts: Sequence[Cut],
    scratch: Path,
    encoding: Encoding | None = None,
    stop: threading.Event | None = None,
) -> Iterator[tuple[Cut, int | VideoError]]:
    """Cut clips out of one video, which is decoded once for all of them.

    Yields each cut with the number of frames of its file, which is then in place, or with what went wrong. Unfinished
    files lie in ``scratch``, a folder on the disk of the targets; ``stop``, once set, ends the work at the next frame.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    encoding = encoding or Encoding()
    try:
        reader = open_video(source)
    except (VideoError, OSError) as error:
        yield from ((cut, VideoError(str(error))) for cut in cuts)
        return
    waiting: deque[tuple[Cut, range]] = deque()
    for cut in sorted(cuts, key=lambda cut: cut.span.start):
        frames = range(*reader.info.frames_between(*cut.span))
        if problem := _outside(cut, frames, reader.info):
            yield cut, problem
        else:
            waiting.append((cut, frames))
    wanted = {index for _, frames in waiting for index in frames}
    active: dict[Cut, tuple[range, ClipWriter]] = {}
    try:
        for index, frame in reader.frames(wanted):
            if stop is not None and stop.is_set():
                raise VideoError(f"{source}: stopped")
            while waiting and waiting[0][1].start <= index:
                cut, frames = waiting.popleft()
                shape = frame.shape[0] // 2 * 2, frame.shape[1] // 2 * 2
                active[cut] = frames, ClipWriter(scratch / f"{cut.id}.part.mp4", reader.info, shape, encoding.options)
            for cut, (frames, writer) in list(active.items()):
                writer.add(index, frame)
                if index == frames[-1]:
                    del active[cut]
                    yield cut, _finish(writer, cut)
    except (VideoError, OSError) as error:
        yield from ((cut, VideoError(str(error))) for cut in [*active, *(cut for cut, _ in waiting)])
    finally:
        for _, writer in active.values():
            writer.abandon()


def _finish(writer: ClipWriter, cut: Cut) -> int | VideoError:
    try:
        return writer.finish(cut.target)
    except (VideoError, OSError) as error:
        return VideoError(f"{cut.id}: could not be written ({error})")


def _outside(cut: Cut, frames: range, info: VideoInfo) -> VideoError | None:
    """Return what is wrong with a clip that the video does not hold, or holds only in part."""
    end = info.duration
    if cut.span.start >= end:
        return VideoError(f"{cut.id}: the video ends at {end:.2f} s, before the clip starts ({cut.span.start:.2f} s)")
    if not frames:
        return VideoError(f"{cut.id}: no frame of the video lies in {cut.span.start:.3f} to {cut.span.end:.3f} s")
    if end < cut.span.end - cut.slack_s:
        return VideoError(f"{cut.id}: the video ends at {end:.2f} s, the clip at {cut.span.end:.2f} s")
    return None
