"""Merge skeleton annotation files into one. Splits of the same name are joined.

A clip that several files hold with the same content is kept once; with different content it is an error. Clips that end
up in training and evaluation are counted.

Example:
    python tools/data/skeleton/merge.py part1.pkl part2.pkl --out data/skeleton/all.pkl
"""

import argparse
from pathlib import Path

from mmaction.preparation.skeleton.files import AnnotationFile, merge


def main(argv: list[str] | None = None) -> None:
    """Read all files, merge them, write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, help="annotation files")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    parser.add_argument("--overwrite", action="store_true", help="replace --out if it exists")
    args = parser.parse_args(argv)
    merged = merge([AnnotationFile.read(path) for path in args.files])
    merged.write(args.out, overwrite=args.overwrite)
    print(f"{args.out}: {len(merged.annotations):,} clips from {len(args.files)} files")
    for name, problem in merged.problems():
        print(f"  problem: {name}: {problem}")
