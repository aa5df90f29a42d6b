"""Give a skeleton annotation file new splits: from lists, or at random."""

from mmaction.cli.split_skeletons import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
