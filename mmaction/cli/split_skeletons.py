r"""Give a skeleton annotation file new splits: from lists, or at random.

With --lists the clips also get the labels of the lists, and clips in no list are left out; listed clips without
annotation are counted. A listed videos/judo/a.mp4 means the clip videos/judo/a, else judo/a, else a. At random, each
class is split in the same proportion; with --group whole groups of clips (one source video, one person) stay on one
side.

Examples:
    python tools/data/skeleton/split.py poses.pkl --out data/skeleton/gym288_2d.pkl \
        --lists train=data/gym/gym288/train.txt val=data/gym/gym288/val.txt
    python tools/data/skeleton/split.py poses.pkl --out split.pkl --val-share 0.2 --group '^.{11}'
"""

import argparse
from pathlib import Path

from mmaction.preparation.skeleton.files import AnnotationFile, split_at_random, split_by_lists
from mmaction.utils.arguments import split_and_file


def main(argv: list[str] | None = None) -> None:
    """Read the file, split it, write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="annotation file")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument(
        "--lists", nargs="+", type=split_and_file, metavar="SPLIT=FILE", help="lists of lines 'NAME LABEL'"
    )
    how.add_argument("--val-share", type=float, help="share of the clips for the split val, between 0 and 1")
    parser.add_argument("--group", help="regular expression; clips with the same match stay together")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random split (default: %(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="replace --out if it exists")
    args = parser.parse_args(argv)
    file = AnnotationFile.read(args.file)
    missing: dict[str, list[str]] = {}
    if args.lists:
        file, missing = split_by_lists(file, dict(args.lists))
    else:
        file = split_at_random(file, args.val_share, seed=args.seed, group=args.group)
    file.write(args.out, overwrite=args.overwrite)
    for name, clips in (file.splits or {}).items():
        absent = missing.get(name, [])
        listed = f" of {len(clips) + len(absent):,} listed, such as {absent[0]} without annotation" if absent else ""
        print(f"{name}: {len(clips):,} clips{listed}")
