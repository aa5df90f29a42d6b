"""Extract frames and optical flow from a folder of videos, for RawframeDataset.

    python tools/data/build_rawframes.py data/kinetics/videos data/kinetics/frames --short 256
    python tools/data/build_rawframes.py videos frames --task both --flow-type dis

OUT gets one folder for each video, at the same place as the video below SRC and without its extension:
img_00001.jpg, ... and, for flow, x_00001.jpg, y_00001.jpg, ... (from each frame to the next, one less than frames).
A run that was stopped goes on where it was; it tries the videos that failed again. OUT/failed.txt names the videos
that failed. Images that no run with the same --task made stay, and their video fails, unless you give --overwrite.
Exit code: 0 all videos are done, 1 some failed, 2 wrong arguments.
"""

import argparse

from mmaction.preparation.batch import batch_parser, batch_videos, run_batch
from mmaction.preparation.frames import (
    FLOW_TYPES,
    TASKS,
    FrameSpec,
    extract_frames,
    find_image,
    flow_estimator,
    has_images,
)
from mmaction.utils.journal import Journal


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = batch_parser(__doc__)
    add = parser.add_argument
    add("--task", choices=TASKS, default="rgb", help="what to extract (default: %(default)s)")
    flow_help = "tvl1: flow of the published models, slow; dis: a hundred times faster (default: %(default)s)"
    add("--flow-type", choices=FLOW_TYPES, default="tvl1", help=flow_help)
    add("--bound", type=float, default=20.0, help="flow of this many pixels is white (default: %(default)s)")
    add("--new-short", "--short", type=int, default=0, help="short edge of the images in pixels (default: as it is)")
    add("--out-format", choices=("jpg", "png"), default="jpg", help="format of the images (default: %(default)s)")
    add("--quality", type=int, default=95, help="JPEG quality, 1 to 100 (default: %(default)s)")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Extract everything that is not there yet."""
    import cv2

    args = parse_args(argv)
    spec = FrameSpec(args.task, args.flow_type, args.bound, args.new_short, args.out_format, args.quality)
    if spec.task != "rgb":
        flow_estimator(spec.flow_type)  # fails now rather than in every thread
    cv2.setNumThreads(1)  # videos are worked on side by side
    return run_batch(
        args,
        batch_videos(args),
        lambda key, path: {"frames": extract_frames(path, args.out / key, spec)},
        Journal(args.out / f".{spec.task}.jsonl"),
        spec.options,
        is_whole=lambda key, record: has_images(args.out / key, record["frames"], spec),
        existing=lambda key: find_image(args.out / key, spec.task),
        desc="extracting",
    )
