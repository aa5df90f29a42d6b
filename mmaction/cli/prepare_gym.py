"""Prepare FineGym (Gym99 and Gym288): cut the clips frame by frame, check them, write the lists for training.

Give the official lists (v1.0 or v1.1, recognized) and any mix of full videos (YOUTUBEID.mp4 or
'TITLE [YOUTUBEID].mp4'), event clips and element clips, recognized by their names. Writes into --out:
  subactions/, events/  the clips
  gym99/, gym288/       train.txt, val.txt, skeleton_list.txt, label_map.txt, manifest.json ('N of M')
  missing_videos.txt    YouTube ids without which clips are missing
  problems.txt          clips that could not be made, and why
The shipped Gym configs read data/gym as it stands.

A run that was stopped or killed goes on where it was when the same command is given again.

Examples:
    python tools/data/gym/prepare.py --download          # official lists and times only; videos are on YouTube
    python tools/data/gym/prepare.py --videos ~/finegym/videos
    python tools/data/gym/prepare.py --annotations ~/finegym/lists --videos ~/finegym/events ~/finegym/more_videos

Exit codes: 0 done, 1 clips are missing and --strict was given, 2 wrong input, 130 stopped by Ctrl-C.
"""

import argparse
from pathlib import Path

from mmaction.preparation import gym, gym_annotations
from mmaction.preparation.cutting import Encoding
from mmaction.utils.arguments import add_workers_option


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    encoding = Encoding()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("data/gym"), help="folder to write (default: %(default)s)")
    parser.add_argument("--annotations", type=Path, help="folder of the official files (default: OUT/annotations)")
    parser.add_argument("--videos", type=Path, nargs="+", help="folders of videos or clips (default: OUT/videos)")
    versions = ("v1.0", "v1.1")
    parser.add_argument(
        "--version", choices=versions, default="v1.1", help="version of the train lists (default: %(default)s)"
    )
    parser.add_argument("--download", action="store_true", help="fetch the official lists and times first")
    parser.add_argument("--no-events", action="store_true", help="do not keep event clips; saves time and disk")
    parser.add_argument("--crf", type=int, default=encoding.crf, help="x264 quality, 0 to 51 (default: %(default)s)")
    parser.add_argument("--preset", default=encoding.preset, help="x264 speed (default: %(default)s)")
    add_workers_option(parser)
    parser.add_argument("--strict", action="store_true", help="exit code 1 if a listed clip is missing")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Prepare the data sets and say what is there."""
    args = parse_args(argv)
    annotations = args.annotations or args.out / "annotations"
    if args.download:
        gym_annotations.fetch(annotations, args.version)
        if args.videos is None and not (args.out / "videos").is_dir():
            print(f"the official files are in {annotations}; give the videos with --videos or in {args.out}/videos")
            return 0
    manifests = gym.prepare(
        args.out,
        annotations,
        args.videos or [args.out / "videos"],
        version=args.version,
        with_events=not args.no_events,
        encoding=Encoding(crf=args.crf, preset=args.preset),
        workers=args.workers,
    )
    for name, manifest in manifests.items():
        print(f"\n{manifest.dataset} {manifest.version} in {args.out / name}\n{manifest.summary()}")
    complete = all(manifest.complete for manifest in manifests.values())
    if not complete:
        print(f"\nvideos that are missing: {args.out}/missing_videos.txt; what went wrong: {args.out}/problems.txt")
    return int(args.strict and not complete)
