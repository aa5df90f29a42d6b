"""Prepare Diving48: check the clips against the official lists (V1 or V2) and write the lists for training."""

from mmaction.cli.prepare_diving48 import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
