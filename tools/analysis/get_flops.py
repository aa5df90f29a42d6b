"""Count the parameters and operations of a model for one view of a clip."""

from mmaction.cli.get_flops import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
