"""Explain the result of a test in one HTML file that opens from disk, and compare it with other tests."""

from mmaction.cli.report import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
