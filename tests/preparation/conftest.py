"""Small videos whose frames carry their number."""

from types import SimpleNamespace

import av
import numpy as np
import pytest

BITS, CELL = 16, 8


def number_image(number, width=160, height=48):
    """A gray image whose top rows show ``number`` as black and white cells, lowest bit first."""
    image = np.full((height, width, 3), 90 + number % 60, np.uint8)
    for bit in range(BITS):
        image[: 2 * CELL, bit * CELL : (bit + 1) * CELL] = 235 if number >> bit & 1 else 16
    return image


def read_number(image):
    """The number that :func:`number_image` burnt in; survives lossy coding."""
    cells = image[CELL // 2 : 3 * CELL // 2, : BITS * CELL, 0].reshape(CELL, BITS, CELL)[:, :, 2:-2]
    return int(sum((cells[:, bit].mean() > 125) << bit for bit in range(BITS)))


def write_video(path, frames, *, fps=25, width=160, height=48, start=0, codec="libx264", **options):
    """Write ``frames`` numbered frames; returns ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast", "g": "50", **options} if codec == "libx264" else options
        for number in range(start, start + frames):
            image = number_image(number, width, height)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(stream.encode())
    return path


def video_numbers(path):
    """The burnt-in numbers of all frames of a video."""
    with av.open(str(path)) as container:
        return [read_number(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


@pytest.fixture(scope="session")
def videos():
    """Tools for videos with burnt-in frame numbers: ``write(path, frames, ...)`` and ``numbers(path)``."""
    return SimpleNamespace(write=write_video, numbers=video_numbers)
