"""Measure foundation backbones at a tiny size; see mmaction/cli/foundation_benchmark.py."""

from mmaction.cli.foundation_benchmark import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
