"""Draw the learning curves of one or more runs as a picture.

Examples:
  python tools/analysis/analyze_logs.py work_dirs/NAME
  python tools/analysis/analyze_logs.py work_dirs/A work_dirs/B --names joint limb --keys loss acc/top1 --out curves.png

A log is a work folder (a resumed training's logs are joined), one run's folder in it, or a scalars.json.
"""

import argparse
from pathlib import Path

from mmaction.reports.curves import plot_curves, read_log, save_figure


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", nargs="+", metavar="LOG", help="work folder, run folder or scalars.json")
    parser.add_argument("--out", help="picture: .png, .svg or .pdf (default: curves.png in the first log's folder)")
    parser.add_argument("--keys", nargs="+", help="scalars to draw (default: losses, accuracies, learning rate)")
    parser.add_argument("--names", nargs="+", help="one name for each log, for the legend")
    parser.add_argument("--title", help="text above the curves")
    parser.add_argument("--list", action="store_true", help="list what was logged, with last and best values, and stop")
    args = parser.parse_args(argv)
    if args.names and len(args.names) != len(args.logs):
        parser.error(f"--names: {len(args.names)} names for {len(args.logs)} logs")
    return args


def main(argv: list[str] | None = None) -> int:
    """Draw the curves and say where the picture is; return 0."""
    args = parse_args(argv)
    logs = [read_log(path, name) for path, name in zip(args.logs, args.names or [None] * len(args.logs), strict=True)]
    if args.list:
        for log in logs:
            for part, table in (("train", log.train), ("val", log.val)):
                for key, points in table.items():
                    values = [value for _, value in points]
                    print(
                        f"{log.name}  {part:5s}  {key:24s} last {values[-1]:.4g}  min {min(values):.4g}"
                        f"  max {max(values):.4g}  ({len(values)} values)"
                    )
        return 0
    first = Path(args.logs[0])
    out = Path(args.out) if args.out else (first if first.is_dir() else first.parent) / "curves.png"
    save_figure(plot_curves(logs, args.keys, args.title), out)
    print(f"curves: {out}")
    return 0
