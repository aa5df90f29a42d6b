"""What all writers of videos share: upright frames, and a stream with the size, clock and colours of its source."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream


def quarter_turns(frame: av.VideoFrame) -> int:
    """Return by how many quarters a frame has to be turned counter-clockwise to be as it is shown, 0 to 3."""
    return round(frame.rotation / 90) % 4


def upright(frame: av.VideoFrame) -> av.VideoFrame:
    """Return the frame as it is shown; one that lies on its side becomes RGB."""
    import av

    turns = quarter_turns(frame)
    if not turns:
        return frame
    image = np.rot90(frame.to_ndarray(format="rgb24"), turns)
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")


def upright_shape(frame: av.VideoFrame) -> tuple[int, int]:
    """Return height and width of the frame as it is shown."""
    return (frame.width, frame.height) if quarter_turns(frame) % 2 else (frame.height, frame.width)


def set_up_stream(
    output: VideoStream, frame: av.VideoFrame, source: VideoStream, clock: Fraction, shape: tuple[int, int]
) -> None:
    """Make a new H.264 stream ready for upright frames.

    Args:
        output: The stream, on one thread, 4:2:0.
        frame: The first frame of the source.
        source: Where the colours come from.
        clock: Unit of the frames' times, in seconds.
        shape: Height and width, both even.
    """
    context = output.codec_context
    context.height, context.width = shape
    context.pix_fmt, context.thread_count, context.time_base = "yuv420p", 1, clock
    if not quarter_turns(frame):  # frames that were turned have gone through RGB
        for name in ("color_range", "colorspace", "color_primaries", "color_trc"):
            setattr(context, name, getattr(source.codec_context, name))
