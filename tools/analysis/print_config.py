"""Print a config as it is after its bases and --cfg-options."""

from mmaction.cli.print_config import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
