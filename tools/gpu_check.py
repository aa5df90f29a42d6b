"""Prove that a CUDA GPU computes what it should; see mmaction/cli/gpu_check.py."""

from mmaction.cli.gpu_check import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
