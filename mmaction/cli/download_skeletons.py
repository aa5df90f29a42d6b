"""Download published skeleton annotations into data/skeleton, where the shipped configs look for them.

A transfer that was interrupted goes on where it stopped. The file is then read in the restricted way and its splits are
checked; its SHA-256 is kept beside it, and a later call compares the file with it.

Examples:
    python tools/data/skeleton/download.py                    # show the table
    python tools/data/skeleton/download.py gym_2d diving48_2d
    python tools/data/skeleton/download.py gym_hrnet --out ~/skeletons
"""

import argparse
from pathlib import Path

from mmaction.preparation.skeleton.published import fetch, published


def main(argv: list[str] | None = None) -> None:
    """Show the table or fetch files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="names from the table; without any the table is shown")
    parser.add_argument("--out", type=Path, default=Path("data/skeleton"), help="folder (default: %(default)s)")
    args = parser.parse_args(argv)
    if not args.names:
        for row in published().values():
            print(f"{row.name:16}{row.family:11}{row.clips:34}{row.splits or '-'}\n{'':16}{row.url}")
            if row.note:
                print(f"{'':16}{row.note}")
    for name in args.names:
        path = fetch(name, args.out)
        print(*filter(None, [path, published()[name].note]), sep="\n")
