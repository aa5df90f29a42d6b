"""Prepare Diving48: check the clips against the official lists (V1 or V2) and write the lists for training.

Writes into --out: train.txt, val.txt (lines 'VIDEO LABEL'), skeleton_list.txt (all clips, input of pose extraction),
label_map.txt and manifest.json (version, clips per class, missing clips, clips of another length than listed).
The shipped Diving48 configs read data/diving48 as it stands.

Examples:
  everything from the official site (9.6 GB):
    python tools/data/diving48/prepare.py --download
  from local copies:
    python tools/data/diving48/prepare.py --annotations ~/Diving48/lists --videos ~/Diving48/rgb
    python tools/data/diving48/prepare.py --annotations ~/Diving48/lists --videos ~/Diving48_rgb.tar.gz

Exit codes: 0 done, 1 clips are missing and --strict was given, 2 wrong input.
"""

import argparse
from pathlib import Path

from mmaction.preparation import diving48
from mmaction.utils.arguments import add_workers_option


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    out = Path("data/diving48")
    parser.add_argument("--out", type=Path, default=out, help="folder to write (default: %(default)s)")
    parser.add_argument("--annotations", type=Path, help="folder of the official JSON lists (default: OUT/annotations)")
    parser.add_argument("--videos", type=Path, help="folder or archive of the clips (default: OUT/videos)")
    parser.add_argument("--version", choices=("V1", "V2"), help="version to take or download (default: recognized, V2)")
    parser.add_argument(
        "--download",
        nargs="?",
        choices=("all", "annotations"),
        const="all",
        help="fetch annotations and videos, or only annotations, from the official site; goes on where it stopped",
    )
    parser.add_argument("--quick", action="store_true", help="read the clips without decoding every frame")
    add_workers_option(parser)
    parser.add_argument("--strict", action="store_true", help="exit code 1 if a listed clip is missing or damaged")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Prepare the data set and say what is there."""
    args = parse_args(argv)
    if args.download:
        diving48.fetch(args.out, args.version or "V2", videos=args.download == "all" and args.videos is None)
    if args.videos:
        diving48.provide_videos(args.out, args.videos)
    annotations = args.annotations or args.out / "annotations"
    manifest = diving48.prepare(
        args.out, annotations, version=args.version, decode=not args.quick, workers=args.workers
    )
    print(f"{manifest.dataset} {manifest.version} in {args.out}\n{manifest.summary()}")
    return int(args.strict and not manifest.complete)
