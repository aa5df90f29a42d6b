"""Measure how fast a CUDA GPU trains and predicts; see mmaction/cli/gpu_benchmark.py."""

from mmaction.cli.gpu_benchmark import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
