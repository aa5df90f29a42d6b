"""Fuse the scores of several models on the same samples."""

from mmaction.cli.fuse import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
