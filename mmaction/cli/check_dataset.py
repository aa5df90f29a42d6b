"""Examine a data set before a GPU hour is spent on it.

Looks at every clip (does it decode to its end, does the number of frames agree, is the label in range, are joints
missing or outside the image) and at the splits together (clips or source videos in training and evaluation, duplicates,
classes without clips, mirrored clips beside class names that tell left from right, versions of official lists).

Give a config, or lists and annotation files: a list is named after its split (train.txt, val.txt), and its videos are
looked for in --videos, in the folder 'videos' beside it, or beside it.

Writes findings.csv and report.html into --out. --fix OUT writes cleaned lists and annotation files into OUT, never over
the originals. --marks takes the clips that were marked as mislabeled in 'mmaction view': --fix leaves them out, or
gives them the right label where it was chosen.

Examples:
    python tools/data/check_dataset.py configs/recognition/slowfast/slowfast_r50_1xb8-u32-30e_diving48-rgb.py
    python tools/data/check_dataset.py data/gym/gym99/train.txt data/gym/gym99/val.txt --videos data/gym/subactions
    python tools/data/check_dataset.py data/skeleton/gym_2d.pkl --label-space gym99 --strict
    python tools/data/check_dataset.py data/mine/val.txt --marks work_dirs/NAME/test_best/marks.csv --fix data/mine_2

Exit codes: 0 nothing wrong, 1 warnings (with --strict), 2 errors or wrong input.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmaction.skeletons import AUTO
from mmaction.utils.arguments import add_layout_option, add_workers_option, at_least_one
from mmaction.utils.cli import add_config_options
from mmaction.utils.config import load_config

if TYPE_CHECKING:
    from mmaction.preparation.doctor.splits import Split


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path, help="a config (.py), or lists (.txt) and annotations (.pkl)")
    parser.add_argument("--videos", type=Path, help="folder of the videos; with annotations: compare them with these")
    parser.add_argument("--num-classes", type=at_least_one, help="number of classes (default: from names or config)")
    parser.add_argument("--label-space", help="diving48, gym99, gym288, a CSV file or a label map")
    add_layout_option(parser)
    parser.add_argument("--flips", action="store_true", help="say that training will mirror clips (a config tells it)")
    parser.add_argument("--quick", action="store_true", help="read videos without decoding every frame")
    add_workers_option(parser)
    parser.add_argument("--out", type=Path, help="folder of the report (default: work_dirs/check/NAME)")
    parser.add_argument("--strict", action="store_true", help="exit code 1 if there are warnings")
    parser.add_argument("--fix", type=Path, metavar="OUT", help="write cleaned lists and annotation files into OUT")
    parser.add_argument(
        "--marks", type=Path, metavar="FILE.csv", help="clips that were marked as mislabeled in mmaction view"
    )
    add_config_options(parser)
    return parser.parse_args(argv)


def find_splits(args: argparse.Namespace) -> "list[Split]":
    """Return the splits to examine; ValueError for options that would be ignored."""
    from mmaction.preparation.doctor.splits import splits_of_config, splits_of_paths

    first = args.paths[0]
    options = {name: getattr(args, name) for name in ("videos", "num_classes", "label_space", "flips", "layout")}
    if first.suffix in (".pkl", ".txt", ".csv", ".list"):
        if args.cfg_options:
            raise ValueError(f"--cfg-options changes a config, and {first} is none; leave it out")
        return splits_of_paths(args.paths, **options)
    if len(args.paths) > 1:
        raise ValueError(f"give one config, or lists (.txt) and annotation files (.pkl); got {len(args.paths)} paths")
    if given := [f"--{name.replace('_', '-')}" for name, value in options.items() if value not in (None, False, AUTO)]:
        raise ValueError(f"{', '.join(given)}: these go with lists and annotation files; the config {first} tells them")
    cfg, notes = load_config(first, args.cfg_options)
    print(*notes, sep="\n", end="\n" if notes else "")
    return splits_of_config(cfg)


def main(argv: list[str] | None = None) -> int:
    """Examine, report, and write cleaned copies where asked to."""
    args = parse_args(argv)
    from mmaction.preparation.doctor.examine import examine
    from mmaction.preparation.doctor.findings_report import summary, write_csv, write_page
    from mmaction.preparation.doctor.fix import write_fixed
    from mmaction.preparation.doctor.marks import add_marks

    splits = find_splits(args)
    if len(splits) > 1 and not any(split.is_evaluated_with(other) for split in splits for other in splits):
        names = ", ".join(split.name for split in splits)
        print(f"no pair as train and val among the names {names}: clips that are in two of them are not looked for")
    diagnosis = examine(splits, quick=args.quick, workers=args.workers)
    if args.marks:
        add_marks(diagnosis, args.marks)
    out = args.out or Path("work_dirs/check") / args.paths[0].stem
    print(summary(diagnosis))
    write_csv(diagnosis, out / "findings.csv")
    print(f"report: {write_page(diagnosis, out / 'report.html', f'Examination of {args.paths[0]}')}")
    if args.fix:
        for path, kept, dropped in write_fixed(diagnosis, args.fix):
            print(f"{path}: {kept:,} clips kept, {dropped:,} left out")
    return diagnosis.exit_code(args.strict)
