"""Write train.txt, val.txt and label_map.txt for a folder of videos or of extracted frames."""

from mmaction.cli.build_file_list import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
