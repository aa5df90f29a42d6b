"""Train, test and fuse several streams of a skeleton in one go."""

from mmaction.cli.train_streams import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
