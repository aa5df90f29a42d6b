"""Measure the data pipeline and the model of a config, and name the one that a run waits for."""

from mmaction.cli.benchmark import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
