"""Compare configs by what they see of a clip and what that costs: a row each, as a table in Markdown.

input          frames and their size, as the network gets them in testing
span           frames from the first to the last one that a view takes of a clip of 300
views          clips x crops of a test
different      views that differ, for clips of 20, 40, 150 and 300 frames of a wide video; a test runs only these
multiply-adds  of one view, counted layer by layer (published tables call them FLOPs)
training       least memory of a step with the batch of the config in float32, worked out layer by layer

Example:
  python tools/analysis/compare_configs.py configs/recognition/*/*gym99-rgb.py
"""

import argparse
from pathlib import Path

from mmaction.probes.config_table import markdown, row
from mmaction.utils import register_all_modules
from mmaction.utils.config import load_config


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", nargs="+", help="config files; they are Python programs and run as such")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Print the table; return 0."""
    args = parse_args(argv)
    register_all_modules()
    print(markdown({Path(path).stem: row(load_config(path)[0]) for path in args.configs}))
    return 0
