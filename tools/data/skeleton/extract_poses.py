"""Extract 2D skeletons from videos into an annotation file for PoseDataset."""

from mmaction.cli.extract_poses import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
