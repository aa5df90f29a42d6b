"""Compare configs by what they see of a clip and what that costs."""

from mmaction.cli.compare_configs import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
