"""Show the whole way on a procedural data set: make it, train PoseC3D on it, test it, and draw what came out."""

from mmaction.cli.demo import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
