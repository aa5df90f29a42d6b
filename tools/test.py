"""Test a model with a checkpoint."""

from mmaction.cli.test import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
