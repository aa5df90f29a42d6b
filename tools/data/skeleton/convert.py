"""Convert skeletons from OpenPose, AlphaPose, COCO results or MediaPipe, back to them, or between layouts."""

from mmaction.cli.convert_skeletons import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
