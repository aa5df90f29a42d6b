"""Download published skeleton annotations into data/skeleton, where the shipped configs look for them."""

from mmaction.cli.download_skeletons import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
