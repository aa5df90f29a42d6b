"""Merge skeleton annotation files into one. Splits of the same name are joined."""

from mmaction.cli.merge_skeletons import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
