"""Make the procedural diving data set: short videos of dives with their skeletons."""

from mmaction.cli.make_demo_data import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
