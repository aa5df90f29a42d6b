"""Keep a part of a skeleton annotation file: a split, classes, named clips, the first so many of each class."""

from mmaction.cli.subset_skeletons import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
