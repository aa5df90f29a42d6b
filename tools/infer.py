"""Classify videos, folders of frames or skeletons with a trained model."""

from mmaction.cli.infer import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
