"""Keep a part of a skeleton annotation file: a split, classes, named clips, the first so many of each class.

Examples:
    python tools/data/skeleton/subset.py gym_2d.pkl --out small.pkl --per-class 5
    python tools/data/skeleton/subset.py gym_2d.pkl --out vault.pkl --labels 0 1 2 3 4 5 --relabel
    python tools/data/skeleton/subset.py gym_2d.pkl --out val.pkl --split val --names names.txt
"""

import argparse
from pathlib import Path

from mmaction.preparation.skeleton.files import AnnotationFile, subset
from mmaction.utils.files import read_text


def main(argv: list[str] | None = None) -> None:
    """Read the file, cut it down, write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="annotation file")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    parser.add_argument("--split", help="keep the clips of this split")
    parser.add_argument("--labels", nargs="+", type=int, help="keep these classes")
    parser.add_argument("--names", type=Path, help="text file with the name of one clip per line")
    parser.add_argument("--per-class", type=int, metavar="N", help="keep the first N clips of each class and split")
    parser.add_argument(
        "--relabel", action="store_true", help="number the kept labels from 0, in the order of --labels"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace --out if it exists")
    args = parser.parse_args(argv)
    part = subset(
        AnnotationFile.read(args.file),
        split=args.split,
        labels=args.labels,
        names=[line.strip() for line in read_text(args.names).split("\n") if line.strip()] if args.names else None,
        per_class=args.per_class,
        relabel=args.relabel,
    )
    part.write(args.out, overwrite=args.overwrite)
    print(f"{args.out}: {len(part.annotations):,} clips")
