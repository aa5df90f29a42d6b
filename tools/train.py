"""Train a model from a config."""

from mmaction.cli.train import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
