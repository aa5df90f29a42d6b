"""Score a test anew for classes that are all alike frequent."""

from mmaction.cli.adjust import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
