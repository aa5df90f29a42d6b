"""Compare the video decoders: speed, exactness, memory, behavior on broken files. Prints Markdown tables.

    python tools/analysis/benchmark_decoders.py clip.mp4 clip.avi --streams --opens 5000 --broken corrupted.mp4

A frame is right when it equals the frame that PyAV gives when it reads the file from the start. Scattered frames are
read eight at a time in ascending order, as sampled clips are. `DecordInit` is DecordInit(backend="decord"), which
leaves to PyAV what decord2 gets wrong; `decord` is decord2 alone. Memory is the growth of the process while it opens
the first video again and again and reads one frame, after 50 opens to warm up. --clips tells what a core makes of
training clips, from each video as it is, from a small copy and from frames on disk:

    python tools/analysis/benchmark_decoders.py clip.mp4 --rounds 0 --clips 20
"""

import argparse
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from mmaction.io.video import READERS, VideoReader, open_video, probe
from mmaction.probes.clip_cost import clip_cost, remedies
from mmaction.probes.made_up import FAMILIES
from mmaction.utils import register_all_modules
from mmaction.utils.cli import start_without_transformers
from mmaction.utils.config import dataset_config, load_config

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

HEADER = ("decoder", "frames / s in order", "frames / s scattered", "right in order", "right scattered")

CORES = (1, 4, 8, 16)

Opener = Callable[[str], VideoReader]


def decoders() -> dict[str, Opener]:
    """Return every decoder that can be used here, by name."""
    found: dict[str, Opener] = {"DecordInit": partial(open_video, backend="decord"), **READERS}
    try:
        import torchcodec.decoders  # noqa: F401 - absent, or without a system FFmpeg
    except (ImportError, RuntimeError):
        del found["torchcodec"], found["torchcodec-cuda"]
        return found
    import torch

    if not torch.cuda.is_available():
        del found["torchcodec-cuda"]
    return found


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table under a title."""
    lines = [header, ["---"] * len(header), *rows]
    print(f"\n{title}\n\n" + "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines), flush=True)


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
        speeds, shares = [], []
        for reads in ([range(count)], scattered):
            seconds, right, total = 0.0, 0, sum(map(len, reads))
            for indices in reads:
                frames, speed = read_all(opener, path, indices)
                seconds += len(frames) / speed
                right += sum(np.array_equal(frame, reference[i]) for i, frame in zip(indices, frames, strict=True))
            speeds.append(f"{total / seconds:.0f}")
            shares.append(f"{right} / {total}")
        rows.append([name, *speeds, *shares])
    return rows


def encode_streams(source: Path, folder: Path) -> list[Path]:
    """Encode the first 90 frames of a video in every way of `STREAMS`."""
    import av

    frames = read_all(open_video, str(source), range(min(90, probe(source).num_frames)))[0]
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


def _growth(name: str, path: str, opens: int) -> float:
    """Return by how many MB the peak memory of this process grows."""
    opener = decoders()[name]
    peaks = []
    for count in (50, opens):
        for _ in range(count):
            next(opener(path).frames([0]))[1].rgb()
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return peaks[1] - peaks[0]


def measure_memory(path: str, opens: int, names: Sequence[str]) -> list[list[object]]:
    """Return by how much the process grew, for each of the decoders in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1, start_without_transformers, maxtasksperchild=1) as pool:
        return [[name, f"{pool.apply(_growth, (name, path, opens)):+.1f} MB"] for name in names]


def measure_clips(video: Path, config: str, count: int) -> list[list[str]]:
    """Return a row for each form of a video: the milliseconds of a core for a training clip, and clips a second."""
    steps = dataset_config(load_config(config)[0], ("train",))["pipeline"]
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for form, path in remedies(video, Path(name)).items():
            seconds = clip_cost(path, steps, count)
            files = path.rglob("*") if path.is_dir() else [path]
            size = sum(file.stat().st_size for file in files) / 1e6
            rows.append([form, f"{size:.2f}", f"{1000 * seconds:.1f}", *(f"{n / seconds:.0f}" for n in CORES)])
    return rows


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
    rounds_help = "reads of eight scattered frames, 0: no table of decoders (default: %(default)s)"
    parser.add_argument("--rounds", type=int, default=5, help=rounds_help)
    parser.add_argument("--streams", action="store_true", help="also encode the first video in ways that are hard")
    parser.add_argument("--opens", type=int, default=0, help="opens for the memory table, 0: no table (default: 0)")
    parser.add_argument("--clips", type=int, default=0, help="training clips to time, 0: no table (default: 0)")
    config_help = "config whose training clips are made (default: SlowFast, 32 frames of 224x224)"
    parser.add_argument("--config", default=FAMILIES["slowfast"], help=config_help)
    parser.add_argument("--broken", nargs="*", type=Path, default=[], help="broken videos to try")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Print the tables."""
    args = parse_args(argv)
    register_all_modules()
    with tempfile.TemporaryDirectory() as name:
        for path in [*args.videos, *(encode_streams(args.videos[0], Path(name)) if args.streams else [])]:
            if not args.rounds:
                continue
            info = probe(path)
            print_table(
                f"{path.name}: {info.codec}, {info.num_frames} frames", HEADER, measure_video(str(path), args.rounds)
            )
    if args.opens:
        growth = measure_memory(str(args.videos[0]), args.opens, list(decoders()))
        print_table(f"Memory after {args.opens} opens", ("decoder", "growth"), growth)
    for path in args.videos if args.clips else ():
        header = ("source", "MB", "ms of a core", *(f"clips / s, {n} core{'s'[: n > 1]}" for n in CORES))
        height, width = probe(path).shape
        print_table(f"{path.name}, {width}x{height}", header, measure_clips(path, args.config, args.clips))
    faults = [(path.name, name, describe_fault(use, path)) for path in args.broken for name, use in decoders().items()]
    if faults:
        print_table("Broken files", ("file", "decoder", "what happens"), faults)
    return 0
