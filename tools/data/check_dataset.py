"""Examine a data set before a GPU hour is spent on it."""

from mmaction.cli.check_dataset import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
