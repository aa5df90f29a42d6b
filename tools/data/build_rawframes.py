"""Extract frames and optical flow from a folder of videos, for RawframeDataset."""

from mmaction.cli.build_rawframes import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
