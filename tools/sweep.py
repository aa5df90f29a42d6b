"""Compare settings of a config over several seeds."""

from mmaction.cli.sweep import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
