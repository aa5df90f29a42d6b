"""Test skeleton models under damaged skeletons and draw accuracy over severity."""

from mmaction.cli.pose_robustness import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
