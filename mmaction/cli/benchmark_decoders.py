"""Compare the video decoders: speed, exactness, memory, behavior on broken files. Prints Markdown tables.

    python tools/analysis/benchmark_decoders.py clip.mp4 clip.avi --opens 5000

Frames are right when they equal those that PyAV gives when it reads the file from the start. Scattered frames are read
eight at a time in ascending order, as sampled clips are. `decord` is decord2 alone; `DecordInit` is
DecordInit(backend="decord"), which leaves to PyAV what decord2 gets wrong. With --streams the first video is also
encoded in ways that are known to be hard. Memory is the growth of the process while it opens the first video again and
again and reads one frame, after 50 opens to warm up. Broken files are made from the first video; more can be named with
--broken.
"""

import argparse
import multiprocessing
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from mmaction.io.video import READERS, VideoReader, open_video, probe

# file name: codec and options of the encoder
STREAMS = {
    "h264-b-frames.mp4": ("libx264", {"bf": "3", "g": "30"}),
    "h264-open-gop.mp4": ("libx264", {"x264-params": "bframes=3:keyint=30:open-gop=1:scenecut=0"}),
    "h264-b-frames.avi": ("libx264", {"bf": "3", "g": "30"}),
    "h264-b-frames.ts": ("libx264", {"bf": "3", "g": "30"}),
    "mpeg4-b-frames.avi": ("mpeg4", {"bf": "2", "g": "12"}),
    "mpeg4-b-frames.mp4": ("mpeg4", {"bf": "2", "g": "12"}),
    "hevc.mp4": ("libx265", {"x265-params": "log-level=none:keyint=30"}),
    "vp9.webm": ("libvpx-vp9", {"g": "30", "cpu-used": "8", "deadline": "realtime"}),
}

Opener = Callable[[str], VideoReader]


def decoders() -> dict[str, Opener]:
    """Return every decoder that can be used here, by name."""
    found: dict[str, Opener] = {"DecordInit": partial(open_video, backend="decord"), **READERS}
    try:
        import torchcodec.decoders  # noqa: F401 - absent, or without a system FFmpeg
    except (ImportError, RuntimeError):
        del found["torchcodec"]
    return found


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def read_all(opener: Opener, path: str, indices: Sequence[int]) -> tuple[list[np.ndarray], float]:
    """Return the frames, and how many were read in a second."""
    start = time.perf_counter()
    frames = [frame.rgb().copy() for _, frame in opener(path).frames(indices)]
    return frames, len(frames) / (time.perf_counter() - start)


def measure_video(path: str, rounds: int) -> list[list[str]]:
    """Return a row of speed and right frames, in order and scattered, for each decoder."""
    count = probe(path).num_frames
    reference, _ = read_all(READERS["pyav"], path, range(count))
    rng = random.Random(0)  # noqa: S311 - no secret
    scattered = [sorted(rng.sample(range(count), min(8, count))) for _ in range(rounds)]
    rows = []
    for name, opener in decoders().items():
        read_all(opener, path, [0])  # imports and caches
        frames, in_order = read_all(opener, path, range(count))
        right_in_order = sum(map(np.array_equal, frames, reference))
        del frames
        seconds, right, total = 0.0, 0, sum(map(len, scattered))
        for indices in scattered:
            frames, speed = read_all(opener, path, indices)
            seconds += len(frames) / speed
            right += sum(np.array_equal(frame, reference[index]) for index, frame in zip(indices, frames, strict=True))
        speeds = [f"{in_order:.0f}", f"{total / seconds:.0f}"]
        rows.append([name, *speeds, f"{right_in_order} / {count}", f"{right} / {total}"])
    return rows


def encode_streams(source: Path, folder: Path) -> list[Path]:
    """Encode the first 90 frames of a video in every way of `STREAMS`."""
    import av

    frames = [frame.rgb().copy() for _, frame in open_video(source).frames(range(min(90, probe(source).num_frames)))]
    made = []
    for name, (codec, options) in STREAMS.items():
        made.append(folder / name)
        with av.open(str(made[-1]), "w") as container:
            stream = container.add_stream(codec, rate=25, options=options)
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode())
    return made


def _resident_mb() -> float:
    import resource

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def _growth(name: str, path: str, opens: int) -> float:
    opener = decoders()[name]
    before = 0.0
    for number in range(opens + 50):
        if number == 50:
            before = _resident_mb()
        next(opener(path).frames([0]))[1].rgb()
    return _resident_mb() - before


def measure_memory(path: str, opens: int, names: Sequence[str]) -> list[list[object]]:
    """Return by how much the process grew, for each of the decoders in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        return [[name, f"{pool.apply(_growth, (name, path, opens)):+.1f} MB"] for name in names]


def break_files(path: Path, folder: Path) -> dict[str, Path]:
    """Write files that are no whole video, by what is wrong with them."""
    import av

    content = path.read_bytes()
    broken = {name: folder / f"{name}{path.suffix}" for name in ("truncated", "empty", "text", "audio-only")}
    broken["truncated"].write_bytes(content[: len(content) // 2])
    broken["empty"].write_bytes(b"")
    broken["text"].write_text("no video\n" * 100, encoding="ascii")
    with av.open(str(broken["audio-only"]), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44100, 0
        container.mux([*stream.encode(frame), *stream.encode()])
    return broken


def describe_fault(opener: Opener, path: Path) -> str:
    """Return what reading all frames of a broken file comes to."""
    done = 0
    try:
        reader = opener(str(path))
        for _ in reader.frames(range(reader.num_frames)):
            done += 1
    except (ValueError, OSError) as error:
        text = str(error).replace(str(path), path.name)
        return f"{f'{done} frames, then ' if done else ''}{type(error).__name__}: {text.split(';')[0]}"
    return f"{done} of {reader.num_frames} frames"


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=5, help="reads of eight scattered frames (default: %(default)s)")
    parser.add_argument("--streams", action="store_true", help="also encode the first video in ways that are hard")
    parser.add_argument("--opens", type=int, default=0, help="opens for the memory table, 0: no table (default: 0)")
    parser.add_argument("--broken", nargs="*", type=Path, default=[], help="broken videos to try")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Print the tables."""
    args = parse_args(argv)
    header = ("decoder", "frames / s in order", "frames / s scattered", "right in order", "right scattered")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in [*args.videos, *(encode_streams(args.videos[0], folder) if args.streams else [])]:
            info = probe(path)
            print(f"\n{path.name}: {info.codec}, {info.num_frames} frames\n")
            print(table(header, measure_video(str(path), args.rounds)), flush=True)
        if args.opens:
            print(f"\nMemory after {args.opens} opens\n")
            print(
                table(("decoder", "growth"), measure_memory(str(args.videos[0]), args.opens, list(decoders()))),
                flush=True,
            )
        files = break_files(args.videos[0], folder) | {path.name: path for path in args.broken}
        rows = [
            [fault, decoder, describe_fault(opener, path)]
            for fault, path in files.items()
            for decoder, opener in decoders().items()
        ]
    print(f"\nBroken files\n\n{table(('file', 'decoder', 'what happens'), rows)}")
    return 0
