"""Write train.txt, val.txt and label_map.txt for a folder of videos or of extracted frames.

    python tools/data/build_file_list.py data/mine/videos
    python tools/data/build_file_list.py data/mine/frames --kind rawframes --val-ratio 0.3
    python tools/data/build_file_list.py data/mine/videos --group "/(p[0-9]+)_"   # all clips of a person on one side
    python tools/data/build_file_list.py data/mine/videos --out data/mine --csv data/mine/labels.csv

Without --csv, the folders name the classes: SRC/CLASS/.../clip.mp4, or SRC/train/CLASS/... and SRC/val/CLASS/...
Clips of a split named test go into test.txt, or into val.txt where there is no split val.
A CSV has a header and the columns path (relative to SRC), label (name or number) and, if wanted, split (train, val or
test). Clips without a split are split at random, class by class. The label map given numbers the classes. Without one,
labels that are numbers below 100,000 stay as they are, and names are numbered in sorted order. The tool says what it
passed over. It keeps existing lists unless --overwrite is given.
"""

import argparse
from pathlib import Path

from mmaction.label_spaces import LABEL_MAP, read_label_map
from mmaction.preparation.build_list import KINDS, build_lists


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("src", type=Path, help="the data folder: data_prefix of the data set")
    parser.add_argument("--out", type=Path, help="folder of the lists (default: the one that holds SRC)")
    told = "what the lists name; flow counts the flow images of frame folders (default: %(default)s)"
    parser.add_argument("--kind", choices=KINDS, default="videos", help=told)
    parser.add_argument("--csv", type=Path, help="table of clips and labels")
    parser.add_argument("--label-map", type=Path, help="class names, one a line, in the order of their numbers")
    told = "share of undecided clips for validation (default: %(default)s)"
    parser.add_argument("--val-ratio", type=float, default=0.2, help=told)
    told = "keep clips on one side of the split whose paths match alike; the first group (...) counts, if there is one"
    parser.add_argument("--group", metavar="REGEX", help=told)
    parser.add_argument("--seed", type=int, default=0, help="seed of the random split (default: %(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="replace existing lists")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Write the lists and say what to do next."""
    args = parse_args(argv)
    out = args.out or args.src.resolve().parent
    known = read_label_map(args.label_map) if args.label_map else None
    keep_map = bool(args.label_map) and (out / LABEL_MAP).resolve() == args.label_map.resolve()
    split = (args.val_ratio, args.seed, args.group)
    targets, names, said = build_lists(args.src, out, args.kind, args.csv, known, *split, args.overwrite, keep_map)
    print(*said, sep="\n")
    print(next_steps(args.src, args.kind, targets, len(names)))
    return 0


def next_steps(src: Path, kind: str, lists: dict[str, Path], num_classes: int) -> str:
    """Return what the user does with the lists: variables of a config, and two commands."""
    examined = " ".join(map(str, lists.values()))
    paths = f"{examined} --videos {src}" if kind == "videos" else "CONFIG"
    return (
        "\nnext, copy a config of configs/recognition and set at its top (docs/own_dataset.md)\n"
        f'  data_root = data_root_val = "{src}"\n'
        f'  ann_file_train, ann_file_val = "{lists["train"]}", "{lists["val"]}"\n'
        f"  num_classes = {num_classes}\n"
        "examine the data, and train\n"
        f"  python tools/data/check_dataset.py {paths}\n"
        "  python tools/train.py CONFIG"
    )
