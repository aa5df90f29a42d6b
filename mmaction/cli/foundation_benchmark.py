"""Measure a training step of each family of foundation backbones on one thread of the CPU, all at one tiny size.

Time is processor time, so that other work on the machine hardly changes it; memory is the peak of a process that does
nothing else. Needs the extra [foundation].

Examples:
  mmaction benchmark --foundation
  python tools/analysis/foundation_benchmark.py --steps 20 --families "MViT v2" "Video Swin"
"""

import argparse


def main(argv: list[str] | None = None) -> int:
    """Measure and print a table; return 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", nargs="+", metavar="NAME", help="rows of the table (default: all)")
    parser.add_argument("--steps", type=int, default=5, help="steps to time; the median counts (default: 5)")
    args = parser.parse_args(argv)
    if args.steps < 1:
        parser.error("--steps must be at least 1")
    from mmaction.engine.results.table import text_table
    from mmaction.probes.tiny_cost import FAMILIES, HEADER, measure
    from mmaction.utils.cli import suggest
    from mmaction.utils.setup import register_all_modules

    register_all_modules()
    for name in args.families or ():
        if name not in FAMILIES:
            parser.error(f"no family {name!r}{suggest(name, FAMILIES)}; known are {', '.join(FAMILIES)}")
    rows = [measure(name, args.steps).row() for name in args.families or FAMILIES]
    print(text_table("a training step on one thread", HEADER, rows))
    return 0
