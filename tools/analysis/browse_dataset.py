"""Look at a data set as the model sees it: samples after the whole pipeline, as contact sheets or videos."""

from mmaction.cli.browse_dataset import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
