"""Draw the learning curves of one or more runs as a picture."""

from mmaction.cli.analyze_logs import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
