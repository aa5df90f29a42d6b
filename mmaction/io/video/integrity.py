"""Read a video to its end, and notice where the file is damaged or breaks off."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer
    from av.video.stream import VideoStream


class VideoError(ValueError):
    """A video that cannot be read, is cut off, or does not hold what is wanted."""


def whole_packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
    """Yield the packets of a video up to its end, or up to the first damage; the last one makes the decoder give all.

    A header that states more frames than there are is believed only if the file is cut off: edit lists and dropped
    frames give whole videos such headers too.

    Raises:
        VideoError: If a packet is incomplete, or the file is shorter and holds fewer frames than it states.
    """
    packets = frames = 0
    with closing(container.demux(stream)) as demuxed:  # PyAV 18 frees what it holds only when closed or at the end
        for packet in demuxed:
            packets += bool(packet.size)
            frames += bool(packet.size) and not packet.is_discard
            if packet.is_corrupt:
                flush = type(packet)()
                flush.stream = stream
                yield flush
                raise VideoError(f"{container.name}: damaged at frame {frames}")
            yield packet
    if packets < stream.frames and _is_cut_off(container.name):
        raise VideoError(f"{container.name}: cut off, {packets} of {stream.frames} frames are there")


def _is_cut_off(path: str) -> bool:
    """Whether an MP4 or AVI is shorter than it says itself."""
    size, start = os.path.getsize(path), 0
    with open(path, "rb") as file:
        head = file.read(16)
        if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
            return int.from_bytes(head[4:8], "little") > size
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
