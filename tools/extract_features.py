"""Write the features that a model makes of the clips of a split."""

from mmaction.cli.extract_features import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
