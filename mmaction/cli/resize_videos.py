"""Make smaller copies of videos that load several times faster.

    python tools/data/resize_videos.py data/kinetics/videos data/kinetics/videos_256
    python tools/data/resize_videos.py videos videos_320 --short 320 --crf 23

Each copy is an MP4 (H.264, no sound) at the same place as its source, upright, with the same frames at the same
times, the short edge at SHORT pixels and a key frame every few frames, so that a clip can be read without decoding
what comes before it. The tool decodes each copy as a check before the copy takes its place. A run that was stopped
goes on where it was; it tries the videos that failed again. OUT/failed.txt names the videos that failed. A file that
this tool did not make stays, and its video fails, unless you give --overwrite.
Exit code: 0 all videos are done, 1 some failed, 2 wrong arguments.
"""

import argparse
import os
from pathlib import Path

from mmaction.preparation.batch import batch_parser, batch_videos, run_batch
from mmaction.preparation.resizing import ResizeSpec, resize_video
from mmaction.utils.journal import Journal


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    spec, parser = ResizeSpec(), batch_parser(__doc__)
    add = parser.add_argument
    short_help = "short edge in pixels; smaller videos keep their size (default: %(default)s)"
    add("--short", type=int, default=spec.short, help=short_help)
    key_help = "frames between key frames at the most (default: %(default)s)"
    add("--keyframe-every", type=int, default=spec.keyframe_every, help=key_help)
    add("--crf", type=int, default=spec.crf, help="x264 quality, 0 (lossless) to 51 (default: %(default)s)")
    add("--preset", default=spec.preset, help="x264 speed against size (default: %(default)s)")
    add("--small-files", action="store_true", help="smaller files that decode more slowly (CABAC, deblocking)")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Make every copy that is not there yet."""
    args = parse_args(argv)
    spec = ResizeSpec(args.short, args.keyframe_every, args.crf, args.preset, not args.small_files)
    if args.src.resolve().is_relative_to(args.out.resolve()):
        raise ValueError(f"src {args.src} is out {args.out} or lies in it: the copies need a folder of their own")

    def target(key: str) -> Path:
        return args.out / f"{key}.mp4"

    def resize(key: str, path: Path) -> dict:
        return {"frames": resize_video(path, target(key), spec), "bytes": target(key).stat().st_size}

    def is_whole(key: str, record: dict) -> bool:  # records of earlier versions hold no size
        return target(key).is_file() and record.get("bytes") in (None, target(key).stat().st_size)

    return run_batch(
        args,
        batch_videos(args),
        resize,
        Journal(args.out / ".resized.jsonl"),
        spec.options,
        is_whole=is_whole,
        existing=lambda key: target(key) if os.path.lexists(target(key)) else None,
        desc="resizing",
    )
