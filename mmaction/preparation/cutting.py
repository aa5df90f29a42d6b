"""Cutting clips out of long videos on exact frames.

A clip of ``[start, end)`` seconds holds every frame shown at a time t with ``start <= t < end``; time 0 is the first
frame of the video. Clips are encoded anew (H.264, no B-frames, no sound): copying the stream instead can only cut at
keyframes, and what lies between does not decode. Each clip is written to a scratch folder, decoded as a check, and only
then moved to its place.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mmaction.io.video.encoding import set_up_stream, upright, upright_shape
from mmaction.io.video.media import VideoError, look_at, reason
from mmaction.preparation.official_lists import Span

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

_INDEXED = (".mp4", ".m4v", ".mov", ".mkv", ".webm")  # in others the program does not seek to the exact frame
BACKENDS = ("auto", "ffmpeg", "pyav")


@dataclass(frozen=True)
class Cut:
    """A clip to make.

    Attributes:
        id: Its name.
        span: Its time in the source, in seconds.
        target: The file to write, ``.mp4``.
        slack_s: By how much the video may end before the clip does.
    """

    id: str
    span: Span
    target: Path
    slack_s: float = 0.25


@dataclass(frozen=True)
class Encoding:
    """How clips are encoded.

    Attributes:
        crf: x264 quality, 0 (lossless) to 51; 18 looks like the source.
        preset: x264 speed against size.
        keyframe_every: Frames between keyframes at the most; fewer make random access quicker and files larger.
        backend: ``pyav`` (decodes an event once for all its clips), ``ffmpeg`` (the program, for MP4 and Matroska), or
            ``auto``: the program where it is installed with libx264, else ``pyav``.
    """

    crf: int = 18
    preset: str = "veryfast"
    keyframe_every: int = 16
    backend: str = "auto"

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, got {self.backend!r}")
        if not 0 <= self.crf <= 51:
            raise ValueError(f"crf must be from 0 to 51, got {self.crf}")

    @property
    def options(self) -> dict[str, str]:
        """Private options of libx264."""
        return {"crf": str(self.crf), "preset": self.preset, "g": str(self.keyframe_every), "bf": "0"}

    @property
    def program(self) -> str | None:
        """Path of the ffmpeg to use, None for PyAV.

        Raises:
            FileNotFoundError: If ffmpeg was asked for and is not there.
        """
        found = None if self.backend == "pyav" else _ffmpeg_with_x264()
        if self.backend == "ffmpeg" and not found:
            raise FileNotFoundError("no ffmpeg with libx264 on the PATH; install it or use --backend pyav")
        return found


@cache
def _ffmpeg_with_x264() -> str | None:
    program = shutil.which("ffmpeg")
    if not program:
        return None
    listing = subprocess.run([program, "-hide_banner", "-encoders"], capture_output=True, text=True, check=False)
    return program if "libx264" in listing.stdout else None


def cut_clips(
    source: Path,
    cuts: Sequence[Cut],
    scratch: Path,
    encoding: Encoding | None = None,
    stop: threading.Event | None = None,
) -> Iterator[tuple[Cut, int | VideoError]]:
    """Cut clips out of one video.

    Args:
        source: The video.
        cuts: The clips; those that lie close together are best given together.
        scratch: Folder on the disk of the targets for unfinished files.
        encoding: How to encode.
        stop: Ends the work at the next frame when set.

    Yields:
        Each cut with the number of frames of its file, which is then in place, or with what went wrong.
    """
    encoding = encoding or Encoding()
    stop = stop or threading.Event()
    scratch.mkdir(parents=True, exist_ok=True)
    if source.suffix.lower() in _INDEXED and encoding.program:
        for cut in cuts:
            yield cut, _attempt(_cut_with_program, source, cut, scratch, encoding, stop)
    else:
        yield from _cut_with_pyav(source, cuts, scratch, encoding, stop)


def _attempt(function, *args) -> int | VideoError:
    try:
        return function(*args)
    except VideoError as error:
        return error


def _part(scratch: Path, cut: Cut) -> Path:
    return scratch / f"{cut.id}.part.mp4"


def _finish(part: Path, cut: Cut, frames: int) -> int:
    """Check an encoded file by decoding it, and move it into place."""
    found = look_at(part, decode=True).frames
    if found != frames:
        raise VideoError(f"{cut.id}: {frames} frames were encoded and {found} decode")
    with open(part, "rb+") as file:
        os.fsync(file.fileno())
    cut.target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(cut.target)
    return frames


def _check_end(cut: Cut, frames: int, video_end: float) -> None:
    """Refuse a clip of which the video holds nothing, or only a part."""
    if frames == 0 and cut.span.start < video_end:
        raise VideoError(f"{cut.id}: no frame of the video lies in {cut.span.start:.3f} to {cut.span.end:.3f} s")
    if frames == 0:
        raise VideoError(
            f"{cut.id}: the video ends at {video_end:.2f} s, before the clip starts ({cut.span.start:.2f} s)"
        )
    if video_end < cut.span.end - cut.slack_s:
        raise VideoError(f"{cut.id}: the video ends at {video_end:.2f} s, the clip at {cut.span.end:.2f} s")


class _Reader:
    """The video stream of a file, with times that start at its first frame."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open()
        first = next(self.container.decode(self.stream), None)
        if first is None:
            raise VideoError(f"{path}: holds no frame that decodes")
        self.time_base = float(self.stream.time_base)
        self.zero = first.pts or 0
        self.interval = 1 / float(self.stream.average_rate or 25)
        self.tolerance = 0.51 * self.time_base + 1e-4  # times in files are rounded to the time base

    def _open(self) -> None:
        import av

        self.container: InputContainer = av.open(str(self.path), metadata_errors="replace")
        if not self.container.streams.video:
            raise VideoError(f"{self.path}: holds no video stream")
        self.stream: VideoStream = self.container.streams.video[0]
        self.stream.thread_count = 1

    def time(self, pts: int | None) -> float:
        if pts is None:
            raise VideoError(f"{self.path}: has frames without time; convert it to MP4 first")
        return (pts - self.zero) * self.time_base

    def holds(self, span: Span, time: float) -> bool:
        return span.start - self.tolerance <= time < span.end - self.tolerance

    def seek(self, time: float) -> None:
        """Go to the last keyframe at or before ``time``, or to the very start."""
        if time > 0:
            self.container.seek(int(time / self.time_base) + self.zero, stream=self.stream)
        else:
            self.container.close()
            self._open()

    def frames_from(self, start: float) -> Iterator[tuple[float, av.VideoFrame]]:
        """Yield time and frame in order, from a frame at or before ``start`` or from the first one."""
        for seek_to in (start, start - 10.0, 0.0):  # an index may lead past the frame; then start earlier
            self.seek(seek_to)
            frames = self.container.decode(self.stream)
            first = next(frames, None)
            if first is not None and (self.time(first.pts) <= start + self.tolerance or seek_to <= 0):
                yield self.time(first.pts), first
                yield from ((self.time(frame.pts), frame) for frame in frames)
                return
        raise VideoError(f"{self.path}: does not decode at {start:.2f} s")

    def times_in(self, span: Span) -> tuple[list[float], float]:
        """Return the times of the frames of a clip, and where the video ends or was left, without decoding."""
        self.seek(span.start - 10.0)
        times, last = [], 0.0
        for packet in self.container.demux(self.stream):
            if packet.size == 0 or packet.is_discard:
                continue
            time = self.time(packet.pts)
            last = max(last, time + self.interval)
            if self.holds(span, time):
                times.append(time)
            if time > span.end + 2.0:
                break
        return sorted(times), last


class _ClipWriter:
    """Encodes the frames of one clip into a scratch file."""

    def __init__(self, cut: Cut, part: Path, reader: _Reader, frame: av.VideoFrame, encoding: Encoding) -> None:
        import av

        self.cut, self.part, self.frames = cut, part, 0
        source = reader.stream
        self.container = av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"})
        self.stream = self.container.add_stream("libx264", rate=source.average_rate or 25, options=encoding.options)
        height, width = upright_shape(frame)
        set_up_stream(self.stream, frame, source, source.time_base, (height // 2 * 2, width // 2 * 2))
        self.first_pts = 0

    def add(self, frame: av.VideoFrame) -> None:
        from av.video.frame import PictureType

        context, pts = self.stream.codec_context, frame.pts
        if not self.frames:
            self.first_pts = pts
        image = upright(frame)
        if image.format.name != "yuv420p" or (image.width, image.height) != (context.width, context.height):
            image = image.reformat(width=context.width, height=context.height, format="yuv420p")
        image.pts, image.time_base, image.pict_type = pts - self.first_pts, context.time_base, PictureType.NONE
        self.container.mux(self.stream.encode(image))
        frame.pts = pts
        self.frames += 1

    def close(self) -> None:
        if self.frames:
            self.container.mux(self.stream.encode(None))
        self.container.close()


def _cut_with_pyav(
    source: Path, cuts: Sequence[Cut], scratch: Path, encoding: Encoding, stop: threading.Event
) -> Iterator[tuple[Cut, int | VideoError]]:
    """Decode the source once, from the first to the last of the cuts, and encode all of them on the way."""
    import av

    waiting = sorted(cuts, key=lambda cut: cut.span.start)
    active: list[_ClipWriter] = []
    end = 0.0
    failed: VideoError | None = None
    reader = None
    try:
        reader = _Reader(source)
        for time, frame in reader.frames_from(waiting[0].span.start):
            if stop.is_set():
                raise VideoError(f"{source}: stopped")
            end = time + reader.interval
            while waiting and waiting[0].span.start - reader.tolerance <= time:
                cut = waiting.pop(0)
                if reader.holds(cut.span, time):
                    active.append(_ClipWriter(cut, _part(scratch, cut), reader, frame, encoding))
                else:  # it lies between two frames
                    yield cut, _attempt(_check_end, cut, 0, end)
            for writer in [w for w in active if not reader.holds(w.cut.span, time)]:
                active.remove(writer)
                yield writer.cut, _attempt(_close_writer, writer, end)
            for writer in active:
                writer.add(frame)
            if not waiting and not active:
                break
    except (av.error.FFmpegError, OSError) as error:
        failed = VideoError(f"{source}: does not decode after {end:.2f} s ({reason(error)})")
    except VideoError as error:
        failed = error
    finally:
        if reader:
            reader.container.close()
    for writer in active:
        yield writer.cut, _abandon(writer, failed) if failed else _attempt(_close_writer, writer, end)
    for cut in waiting:
        yield cut, failed or _attempt(_check_end, cut, 0, end)


def _close_writer(writer: _ClipWriter, video_end: float) -> int:
    import av

    try:
        writer.close()
        _check_end(writer.cut, writer.frames, video_end)
        return _finish(writer.part, writer.cut, writer.frames)
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(f"{writer.cut.id}: could not be written ({reason(error)})") from error
    finally:
        writer.part.unlink(missing_ok=True)


def _abandon(writer: _ClipWriter, error: VideoError) -> VideoError:
    writer.container.close()
    writer.part.unlink(missing_ok=True)
    return error


def _cut_with_program(source: Path, cut: Cut, scratch: Path, encoding: Encoding, stop: threading.Event) -> int:
    """Cut one clip with the ffmpeg program, told the first frame and the number of frames."""
    import av

    part = _part(scratch, cut)
    try:
        reader = _Reader(source)
        with reader.container:
            times, end = reader.times_in(cut.span)
            offset = reader.zero * reader.time_base - (reader.container.start_time or 0) / av.time_base
        _check_end(cut, len(times), end)
        _run_program(encoding, source, max(times[0] + offset - reader.interval / 2, 0.0), len(times), part, stop)
        return _finish(part, cut, len(times))
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(f"{cut.id}: {source} cannot be read ({reason(error)})") from error
    finally:
        part.unlink(missing_ok=True)


def _run_program(
    encoding: Encoding, source: Path, start: float, frames: int, part: Path, stop: threading.Event
) -> None:
    command = [encoding.program, "-nostdin", "-v", "error", "-y", "-threads", "1", "-ss", f"{start:.6f}"]
    command += ["-i", f"file:{source}", "-map", "0:v:0", "-an", "-sn", "-dn", "-frames:v", str(frames)]
    command += ["-fps_mode", "passthrough", "-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2", "-pix_fmt", "yuv420p"]
    command += ["-c:v", "libx264", "-threads", "1", "-movflags", "+faststart"]
    command += [word for name, value in encoding.options.items() for word in (f"-{name}", value)]
    with subprocess.Popen([*command, f"file:{part}"], stderr=subprocess.PIPE, text=True) as process:
        while True:
            try:
                _, errors = process.communicate(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                if stop.is_set():
                    process.kill()
    if process.returncode:
        last = (errors or "").strip().splitlines()[-1:] or [f"exit code {process.returncode}"]
        raise VideoError(f"{source}: ffmpeg failed: {last[0]}")
