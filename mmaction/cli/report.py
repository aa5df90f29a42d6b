"""Explain the result of a test in one HTML file that opens from disk, and compare it with other tests.

Examples:
  python tools/analysis/report.py work_dirs/NAME/test_best_acc_top1_epoch_10
  python tools/analysis/report.py work_dirs/A/test_epoch_10 work_dirs/B/test_epoch_10 --names joint limb --out ab.html

The first result is explained; the others are compared with it (McNemar's test, gain of each class).
"""

import argparse
from pathlib import Path

from mmaction.label_spaces import load_label_space


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", metavar="RESULT", help="folder that tools/test.py wrote, or a scores.npz")
    parser.add_argument("--out", help="the HTML file (default: report.html in the first result's folder)")
    parser.add_argument("--names", nargs="+", help="one name for each result")
    parser.add_argument("--title", help="heading of the report")
    parser.add_argument("--logs", nargs="+", default=(), help="training logs to draw (default: from the work folders)")
    parser.add_argument("--worst", type=int, default=12, metavar="N", help="worst clips to show, with pictures")
    parser.add_argument("--annotations", metavar="FILE.pkl", help="skeletons for the pictures (default: those tested)")
    parser.add_argument(
        "--label-space",
        metavar="NAME",
        help="diving48, gym99, gym288, a CSV file of class attributes or a label map, where the test did not know it",
    )
    args = parser.parse_args(argv)
    if args.names and len(args.names) != len(args.results):
        parser.error(f"--names: {len(args.names)} names for {len(args.results)} results")
    if args.out and Path(args.out).suffix != ".html":
        parser.error(f"--out {args.out}: expected a file named *.html")
    if args.worst < 0:
        parser.error(f"--worst: a number of clips, 0 or more; got {args.worst}")
    return args


def main(argv: list[str] | None = None) -> int:
    """Write the report and say where it is; return 0."""
    args = parse_args(argv)
    from mmaction.engine.results.writer import REPORT
    from mmaction.reports.report import write_report

    first = Path(args.results[0])
    out = Path(args.out) if args.out else (first if first.is_dir() else first.parent) / REPORT
    space = load_label_space(args.label_space) if args.label_space else None
    write_report(args.results, out, args.names, args.logs, args.annotations, space, args.worst, args.title)
    print(f"report: {out} ({out.stat().st_size / 1e6:.1f} MB)")
    return 0
