"""Measure which joints a skeleton model looks at: each is hidden in turn, and what is lost is its importance."""

from mmaction.cli.joint_importance import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
