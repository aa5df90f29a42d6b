"""Open a file with PyAV, read and decode its packets, and notice where it is damaged or cut off."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

Source = str | Path | BytesIO


class VideoError(ValueError):
    """A video that cannot be read, is cut off, or does not hold what is wanted."""


def source_name(source: Source) -> str:
    """Return what to call ``source`` in messages."""
    return str(source) if isinstance(source, (str, Path)) else getattr(source, "name", "a video in memory")


def not_a_video(source: Source, problem: str | Exception) -> VideoError:
    """Return the error for a file that cannot be read as a video."""
    return VideoError(f"{source_name(source)} cannot be opened as a video ({reason(problem)})")


def reason(error: str | Exception) -> str:
    """Return what a video library's error says, without its number and file name."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


@contextmanager
def open_container(source: Source) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a file; gives the container and its video stream, which decodes on one thread.

    A file without a video stream that can be decoded, and an error of PyAV in the ``with`` block, is a `VideoError`.
    """
    import av

    if not isinstance(source, (str, Path)):
        source.seek(0)
    try:
        with av.open(os.fspath(source) if isinstance(source, Path) else source, metadata_errors="replace") as container:
            stream = video_stream(container, source)
            stream.codec_context.thread_count = 1  # data workers decode beside each other already
            yield container, stream
    except (av.error.FFmpegError, OSError, IndexError) as error:  # IndexError: PyAV, on a packet of no known stream
        raise not_a_video(source, error) from error


def video_stream(container: InputContainer, source: Source) -> VideoStream:
    """Return the first video stream that is no cover picture."""
    from av.stream import Disposition

    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not streams:
        cover = ", only a cover picture" if container.streams.video else ""
        raise not_a_video(source, f"it has no video stream{cover}")
    if streams[0].codec_context is None:
        raise not_a_video(source, "the installed PyAV has no decoder for its codec; the file need not be damaged")
    return streams[0]


@contextmanager
def demuxed(container: InputContainer, stream: VideoStream) -> Iterator[Iterator[Packet]]:
    """Give the packets of a stream; PyAV 18 frees what it holds only when its generator is closed or at its end."""
    packets = container.demux(stream)
    try:
        yield packets
    finally:
        packets.close()  # type: ignore[attr-defined] # PyAV's stubs call its generator an iterator


def decoded(packets: Iterable[Packet]) -> Iterator[VideoFrame]:
    """Yield the frames of packets.

    A stream that was cut out of a longer one may begin between two key frames; what comes before the first key frame
    and does not decode is passed over.
    """
    import av

    is_started = False
    for packet in packets:
        is_started |= packet.is_keyframe
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            if is_started:
                raise
            continue
        yield from frames


def flush_packet(packet: Packet) -> Packet:
    """Return an empty packet of the same stream, which makes the decoder give out the frames that it holds back."""
    flush = type(packet)()
    flush.stream = packet.stream
    return flush


def whole_packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
    """Yield the packets of a video up to its end, or up to the first damage; the last one makes the decoder give all.

    A header that states more frames than there are is believed only if the file is cut off: edit lists and dropped
    frames give whole videos such headers too. Where one transport stream was joined to another, a packet before the
    joint is marked as incomplete; it counts as whole if a key frame is among the next two. Damage is a `VideoError`.
    """
    packets = frames = 0
    is_joinable = container.format.name == "mpegts"
    suspect = None  # number of a frame that is damaged, unless a joint follows
    with demuxed(container, stream) as found:
        for packet in found:
            packets += bool(packet.size)
            frames += bool(packet.size) and not packet.is_discard
            if packet.is_keyframe and is_joinable:
                suspect = None
            if packet.is_corrupt and suspect is None:
                suspect = frames
            if suspect is not None and not (is_joinable and packet.size and frames <= suspect + 1):
                yield flush_packet(packet)
                raise VideoError(f"{container.name}: damaged at frame {suspect}")
            yield packet
    if (packets < stream.frames or not stream.frames) and _is_cut_off(container.name):
        stated = f" of {stream.frames}" if stream.frames else ""
        raise VideoError(f"{container.name}: cut off, {packets}{stated} frames are there")


def _is_cut_off(path: str) -> bool:
    """Whether an MP4, AVI or Matroska file is shorter than it says itself."""
    size, start = os.path.getsize(path), 0
    with open(path, "rb") as file:
        head = file.read(16)
        if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
            return int.from_bytes(head[4:8], "little") > size
        if head[:4] == b"\x1aE\xdf\xa3":  # Matroska: all is in one segment, whose length has as many bytes as it says
            before, found, rest = (head + file.read(112)).partition(b"\x18S\x80g")
            width = 9 - rest[0].bit_length() if found and rest else 9
            length = int.from_bytes(rest[:width], "big") - (1 << 7 * width)
            is_stated = width <= 8 and length != (1 << 7 * width) - 1  # a recorder that cannot go back states none
            return is_stated and len(before) + 4 + width + length > size
        while len(head) >= 8:  # a box of an MP4: its length, its kind
            length, kind = int.from_bytes(head[:4], "big"), head[4:8]
            length = int.from_bytes(head[8:], "big") if length == 1 else length
            if length < 8:  # 0: up to the end of the file
                break
            start += length
            if start > size:
                return kind == b"mdat"
            file.seek(start)
            head = file.read(16)
    return False
