"""Say what a skeleton annotation file holds, and check it.

The file is read in the restricted way: nothing in it is run. Prints clips, splits, classes, joints, persons, frames,
image sizes, the share of missing joints, the official list it was made from where that is recognized, and problems.
For the checks against videos and lists see tools/data/check_dataset.py.

Exit codes: 0 no problem, 2 problems or a file that cannot be read.
"""

import argparse
from pathlib import Path

from mmaction.preparation.recognize_list import identify
from mmaction.preparation.skeleton.files import AnnotationFile

SHOWN = 20


def show(file: AnnotationFile) -> int:
    """Print facts and problems of one file; returns the number of problems."""
    print(file.path)
    for name, value in file.describe().items():
        text = ", ".join(f"{key}: {count:,}" for key, count in value.items()) if isinstance(value, dict) else value
        print(f"  {name:24}{text if text != '' else 'none'}")
    for split, clips in (file.splits or {}).items():
        if version := identify({clip: file.labels[clip] for clip in clips if clip in file.labels}):
            print(f"  split {split} is {version}")
    problems = list(file.problems())
    for name, problem in problems[:SHOWN]:
        print(f"  problem: {name}: {problem}")
    if len(problems) > SHOWN:
        print(f"  and {len(problems) - SHOWN:,} more problems")
    return len(problems)


def main(argv: list[str] | None = None) -> int:
    """Describe all files given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, help="annotation files")
    args = parser.parse_args(argv)
    return 2 if sum(show(AnnotationFile.read(path)) for path in args.files) else 0
