"""Draw 2D skeletons on their video and check them; paths and options come from config.ini beside this file."""

from pathlib import Path

from mmaction.pose_viewer.command import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(lambda: main(Path(__file__).with_name("config.ini")))
