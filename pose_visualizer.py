"""Draw 2D skeletons on their video and check them.

Paths and options come from config.ini beside this file; every entry can be given on the command line, which has the
last word. A folder as --video (or a data set config as --dataset) makes a contact sheet of each clip and an HTML index.
Exit codes: 0 clean, 3 something looks suspicious, 2 wrong input, 130 stopped by Ctrl-C.
"""

import argparse
from pathlib import Path

from mmaction.pose_viewer.command import visualize
from mmaction.pose_viewer.settings import add_arguments, merge, read_config
from mmaction.utils.cli import run_tool

DEFAULT_CONFIG = Path(__file__).resolve().parent / "config.ini"


def main(argv: list[str] | None = None) -> int:
    """Read the settings and draw; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--config", type=Path, help="file of settings (default: config.ini beside this program)")
    parser.add_argument("--no-config", action="store_true", help="use the command line alone")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no report on the screen")
    add_arguments(parser)
    args = parser.parse_args(argv)
    file_values = {} if args.no_config else read_config(args.config or DEFAULT_CONFIG)
    return visualize(merge(file_values, args), args.quiet)


if __name__ == "__main__":
    run_tool(main)
