"""Make the procedural diving data set: short videos of dives with their skeletons.

The classes are combinations of take-off, somersaults, twists and position. They differ by motion: diver, camera,
background, start, end and tempo of a clip know nothing of its class.
"""

import argparse
from pathlib import Path

from mmaction.preparation.demo.build import DemoSpec, write_demo_data
from mmaction.utils.arguments import at_least_one, image_size


def main(argv: list[str] | None = None) -> None:
    """Read the options and write the data set."""
    default = DemoSpec()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--out", type=Path, default=Path("data/demo_diving"), help="folder (default: %(default)s)")
    parser.add_argument("--num-clips", type=int, default=default.num_clips, help="videos (default: %(default)s)")
    parser.add_argument("--num-classes", type=int, default=default.num_classes, help="dives (default: %(default)s)")
    parser.add_argument(
        "--size", type=image_size, default=default.size, metavar="WxH", help="frame size in pixels (default: 160x120)"
    )
    parser.add_argument(
        "--val-share",
        type=float,
        default=default.val_share,
        help="share of the videos to test on (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=default.seed, help="same seed, same data (default: %(default)s)")
    parser.add_argument("--workers", type=at_least_one, help="processes (default: one per CPU core)")
    parser.add_argument("--overwrite", action="store_true", help="replace the data set that is already there")
    args = parser.parse_args(argv)
    spec = DemoSpec(args.num_clips, args.num_classes, args.size, args.seed, val_share=args.val_share)
    out = write_demo_data(spec, args.out, args.workers, args.overwrite)
    held_out = int(spec.is_val().sum())
    print(f"{out}: {spec.num_clips - held_out} clips to train on, {held_out} to test on, {spec.num_classes} classes")
