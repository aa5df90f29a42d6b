"""Say what a skeleton annotation file holds, and check it."""

from mmaction.cli.describe_skeletons import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
