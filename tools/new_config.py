"""Write a config for your own data."""

from mmaction.cli.new_config import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
