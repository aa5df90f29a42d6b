"""Videos with their frame number burnt in as a row of black and white squares, which survives compression."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

BITS = 8
WIDTH, HEIGHT = 208, 96
NUM_FRAMES = 60

# name: codec, options of the encoder
STREAMS = {
    "h264_b.mp4": ("libx264", {"bf": "3", "g": "15"}),
    "h264_b.mkv": ("libx264", {"bf": "3", "g": "15"}),
    "h264_b.avi": ("libx264", {"bf": "3", "g": "15"}),
    "h264_b.ts": ("libx264", {"bf": "3", "g": "15"}),
    "open_gop.mp4": ("libx264", {"x264-params": "bframes=3:keyint=15:open-gop=1:scenecut=0"}),
    "one_key_frame.mp4": ("libx264", {"bf": "3", "g": "300"}),
    "all_key_frames.mp4": ("libx264", {"bf": "0", "g": "1"}),
    "mpeg4_b.avi": ("mpeg4", {"bf": "2", "g": "12"}),
    "mpeg4_b.mp4": ("mpeg4", {"bf": "2", "g": "12"}),
    "mpeg4_b.mkv": ("mpeg4", {"bf": "2", "g": "12"}),
    "mpeg2_b.mpg": ("mpeg2video", {"bf": "2", "g": "12"}),
    "hevc.mp4": ("libx265", {"x265-params": "log-level=none:keyint=15"}),
    "vp9.webm": ("libvpx-vp9", {"g": "15", "cpu-used": "8", "deadline": "realtime"}),
    "variable_rate.mp4": ("libx264", {"bf": "3", "g": "15"}),
    "upside_right.mp4": ("libx264", {"bf": "3", "g": "15"}),
}


def burn(number: int) -> np.ndarray:
    """Return frame ``number``: its bits as squares, above a square that moves."""
    image = np.full((HEIGHT, WIDTH, 3), 96, np.uint8)
    for bit in range(BITS):
        image[8:28, 8 + 24 * bit : 28 + 24 * bit] = 255 if number >> bit & 1 else 0
    left = 3 * number % (WIDTH - 30)
    image[44:74, left : left + 30] = (220, 40, 90)
    return image


def read_number(image: np.ndarray) -> int:
    """Return the number that is burnt into an upright frame of any size."""
    scale = image.shape[1] / WIDTH
    return sum(int(image[int(18 * scale), int((18 + 24 * bit) * scale)].mean() > 128) << bit for bit in range(BITS))


def write_video(
    path: Path,
    codec: str = "libx264",
    options: dict | None = None,
    times: list[int] | None = None,
    frames: int = NUM_FRAMES,
    draw: Callable[[int], np.ndarray] = burn,
) -> Path:
    """Write ``frames`` frames; ``times`` are their milliseconds, 40 apart by default."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = draw(0).shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = options or {}
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(draw(number), format="rgb24")
            frame.pts = number if times is None else times[number]
            if times is not None:
                frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turn_in_header(path: Path) -> None:
    """Set the display matrix of an MP4 to a quarter turn clockwise, as phones do."""
    content = bytearray(path.read_bytes())
    # tkhd: box type, version and flags, 2 times, track id, reserved, duration, 2 reserved, layer, group, volume, pad
    start = content.index(b"tkhd") + 4 + 4 + 8 + 4 + 4 + 4 + 8 + 8
    matrix = [0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30]
    content[start : start + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix)
    path.write_bytes(content)


@pytest.fixture(scope="session")
def videos(tmp_path_factory) -> dict[str, Path]:
    """One video for each way in which frames can be stored."""
    folder = tmp_path_factory.mktemp("videos")
    made = {}
    for name, (codec, options) in STREAMS.items():
        times, draw = None, burn
        if name.startswith("variable"):
            times = np.cumsum(np.random.default_rng(0).choice([7, 20, 33, 40, 100], NUM_FRAMES)).tolist()
        if name.startswith("upside"):
            draw = lambda number: np.rot90(burn(number)).copy()  # noqa: E731 - stored lying on its side
        made[name] = write_video(folder / name, codec, options, times, draw=draw)
        if name.startswith("upside"):
            turn_in_header(made[name])
    return made


@pytest.fixture(scope="session")
def video_tools() -> SimpleNamespace:
    """What tests need to make and read videos of their own."""
    return SimpleNamespace(write=write_video, burn=burn, read_number=read_number, frames=NUM_FRAMES)


@pytest.fixture(scope="session")
def broken_videos(tmp_path_factory, videos) -> dict[str, Path]:
    """Files that are no whole video, by what is wrong with them."""
    import av

    folder = tmp_path_factory.mktemp("broken")
    whole = videos["h264_b.mp4"].read_bytes()
    made = {name: folder / f"{name}.mp4" for name in ("truncated", "empty", "text", "audio", "damaged")}
    made["truncated"].write_bytes(whole[: len(whole) // 2])
    made["empty"].write_bytes(b"")
    made["text"].write_text("these are words\n" * 100)
    with av.open(str(made["audio"]), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44100, 0
        container.mux([*stream.encode(frame), *stream.encode()])
    # all frames depend on the first; from the middle on their data is destroyed, while the header stays whole
    damaged = bytearray(videos["one_key_frame.mp4"].read_bytes())
    start = damaged.index(b"mdat") + 4
    end = damaged.index(b"moov") - 4
    if end < start:
        end = len(damaged)
    middle = (start + end) // 2
    damaged[middle:end] = bytes(255 for _ in range(end - middle))
    made["damaged"].write_bytes(damaged)
    return made


def pytest_generate_tests(metafunc):
    """Run tests that take a ``stream`` once for each way in which frames can be stored."""
    if "stream" in metafunc.fixturenames:
        metafunc.parametrize("stream", list(STREAMS))
