"""Write train.txt, val.txt and label_map.txt for a folder of videos or of extracted frames.

    python tools/data/build_file_list.py data/mine/videos
    python tools/data/build_file_list.py data/mine/frames --kind rawframes --val-ratio 0.3
    python tools/data/build_file_list.py data/mine/videos --out data/mine --csv data/mine/labels.csv

Without --csv the tree tells the class: SRC/CLASS/.../clip.mp4, or SRC/train/CLASS/... and SRC/val/CLASS/...
A split named test goes into test.txt, or into val.txt where there is no split val.
A CSV has a header and the columns path (relative to SRC), label (name or number) and, if wanted, split (train, val or
test). Clips whose split nobody states are split at random, class by class. Classes are numbered in sorted order, by the
label map given, or as they are when all labels are numbers below 100,000. Existing lists are kept unless --overwrite
is given.
"""

import argparse
from pathlib import Path

from mmaction.preparation.build_list import (
    KINDS,
    class_indices,
    describe_split,
    entries_of_table,
    entries_of_tree,
    split_entries,
    take_test_split,
    write_list,
)
from mmaction.utils.files import read_text


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("src", type=Path, help="the data folder: data_prefix of the data set")
    parser.add_argument("--out", type=Path, help="folder of the lists (default: the one that holds SRC)")
    parser.add_argument(
        "--kind",
        choices=KINDS,
        default="videos",
        help="what the lists name; flow counts the flow images of frame folders (default: %(default)s)",
    )
    parser.add_argument("--csv", type=Path, help="table of clips and labels")
    parser.add_argument("--label-map", type=Path, help="class names, one a line, in the order of their numbers")
    parser.add_argument(
        "--val-ratio", type=float, default=0.2, help="share of undecided clips for validation (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the random split (default: %(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="replace existing lists")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Write the lists."""
    args = parse_args(argv)
    out = args.out or args.src.resolve().parent
    entries = entries_of_table(args.csv, args.src, args.kind) if args.csv else entries_of_tree(args.src, args.kind)
    test, others = take_test_split(entries)
    train, val = split_entries(others, args.val_ratio, args.seed)
    lists = {"train": train, "val": val} | ({"test": test} if test else {})
    targets = {name: out / f"{name}.txt" for name in (*lists, "label_map")}
    if args.label_map and targets["label_map"].resolve() == args.label_map.resolve():
        del targets["label_map"]  # it stays as it is
    existing = [str(path) for path in targets.values() if path.exists()]
    if existing and not args.overwrite:
        raise FileExistsError(f"{', '.join(existing)} exist already: write to another folder, or add --overwrite")
    known = None
    if args.label_map:
        known = [line.strip() for line in read_text(args.label_map).splitlines() if line.strip()]
    indices = class_indices([entry.label for entry in entries], known)
    for name, clips in lists.items():
        write_list(targets[name], clips, indices)
    if "label_map" in targets:
        by_index = {index: name for name, index in indices.items()}
        names = [by_index.get(index, f"class {index}") for index in range(max(by_index) + 1)]
        targets["label_map"].write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    print("\n".join(describe_split(train, val, indices)))
    if test:
        print(f"{len(test)} test clips")
    print(f"wrote {', '.join(str(path) for path in targets.values())}")
    return 0
