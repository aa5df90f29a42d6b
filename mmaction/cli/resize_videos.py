"""Make smaller copies of videos that load several times faster.

    python tools/data/resize_videos.py data/kinetics/videos data/kinetics/videos_256
    python tools/data/resize_videos.py videos videos_320 --short 320 --crf 23

Each copy is an MP4 (H.264, no sound) at the same place as its source, upright, with the same frames at the same
times, the short edge at SHORT pixels and a key frame every few frames, so that a clip can be read without decoding
what comes before it. Each copy is decoded as a check before it takes its place. A run that was stopped goes on where
it was; videos that failed are tried again. What failed is in OUT/failed.txt; so are videos in whose place lies a file
that this tool did not make, unless --overwrite is given.
Exit code: 0 all videos are done, 1 some failed, 2 wrong arguments.
"""

import argparse
import os
from pathlib import Path

from mmaction.io.suffixes import describe_passed_over
from mmaction.io.video.folders import videos_by_name
from mmaction.preparation.batch import close_batch, run_batch
from mmaction.preparation.resizing import ResizeSpec, resize_video
from mmaction.utils.arguments import add_workers_option
from mmaction.utils.journal import Journal


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    spec = ResizeSpec()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("src", type=Path, help="folder of videos, searched with its subfolders")
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument(
        "--short",
        type=int,
        default=spec.short,
        help="short edge in pixels; smaller videos keep their size (default: %(default)s)",
    )
    parser.add_argument(
        "--keyframe-every",
        type=int,
        default=spec.keyframe_every,
        help="frames between key frames at the most (default: %(default)s)",
    )
    parser.add_argument("--crf", type=int, default=spec.crf, help="x264 quality, 0 to 51 (default: %(default)s)")
    parser.add_argument("--preset", default=spec.preset, help="x264 speed against size (default: %(default)s)")
    parser.add_argument(
        "--small-files", action="store_true", help="smaller files that decode more slowly (CABAC, deblocking)"
    )
    add_workers_option(parser, "--num-worker")
    parser.add_argument("--overwrite", action="store_true", help="make all copies again, whatever is there")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Make every copy that is not there yet."""
    args = parse_args(argv)
    spec = ResizeSpec(args.short, args.keyframe_every, args.crf, args.preset, not args.small_files)
    out = args.out.resolve()
    if args.src.resolve().is_relative_to(out):
        raise ValueError(f"src {args.src} is out {args.out} or lies in it: the copies need a folder of their own")
    videos, passed_over = videos_by_name(args.src)
    videos = {key: path for key, path in videos.items() if not path.parent.resolve().is_relative_to(out)}
    if passed_over := [path for path in passed_over if not path.parent.resolve().is_relative_to(out)]:
        print(describe_passed_over(passed_over))

    def target(key: str) -> Path:
        return args.out / f"{key}.mp4"

    def resize(key: str, path: Path) -> dict:
        return {"frames": resize_video(path, target(key), spec), "bytes": target(key).stat().st_size}

    def is_whole(key: str, record: dict) -> bool:
        if not target(key).is_file():
            return False
        found = target(key).stat().st_size
        return found == record.get("bytes", found)  # records of earlier versions hold no size

    report = run_batch(
        videos,
        resize,
        Journal(args.out / ".resized.jsonl"),
        spec.options,
        is_whole=is_whole,
        existing=lambda key: target(key) if os.path.lexists(target(key)) else None,
        workers=args.num_worker,
        overwrite=args.overwrite,
        desc="resizing",
    )
    return close_batch(report, args.out)
