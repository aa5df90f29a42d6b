"""Extract frames and optical flow from a folder of videos, for RawframeDataset.

    python tools/data/build_rawframes.py data/kinetics/videos data/kinetics/frames --short 256
    python tools/data/build_rawframes.py videos frames --task both --flow-type dis

OUT gets one folder for each video, at the same place as the video below SRC and without its extension:
img_00001.jpg, ... and, for flow, x_00001.jpg, y_00001.jpg, ... (from each frame to the next, one less than frames).
A run that was stopped goes on where it was; videos that failed are tried again. What failed is in OUT/failed.txt; so
are videos of which images lie there that no run of this tool with the same --task made, unless --overwrite is given.
Exit code: 0 all videos are done, 1 some failed, 2 wrong arguments.
"""

import argparse
import os
from pathlib import Path

from mmaction.io.suffixes import describe_passed_over
from mmaction.io.video.folders import videos_by_name
from mmaction.preparation.batch import close_batch, run_batch
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("src", type=Path, help="folder of videos, searched with its subfolders")
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--task", choices=TASKS, default="rgb", help="what to extract (default: %(default)s)")
    parser.add_argument(
        "--flow-type",
        choices=FLOW_TYPES,
        default="tvl1",
        help="tvl1: the flow of the published models, slow; dis: about a hundred times faster (default: %(default)s)",
    )
    parser.add_argument(
        "--bound", type=float, default=20.0, help="flow of this many pixels is white (default: %(default)s)"
    )
    parser.add_argument(
        "--new-short", "--short", type=int, default=0, help="short edge of the images in pixels (default: as it is)"
    )
    parser.add_argument("--out-format", choices=("jpg", "png"), default="jpg", help="(default: %(default)s)")
    parser.add_argument("--quality", type=int, default=95, help="JPEG quality, 1 to 100 (default: %(default)s)")
    parser.add_argument(
        "--num-worker", "--workers", type=int, default=os.cpu_count() or 1, help="threads (default: one per core)"
    )
    parser.add_argument("--overwrite", action="store_true", help="extract all videos again, whatever is there")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Extract everything that is not there yet."""
    import cv2

    args = parse_args(argv)
    spec = FrameSpec(args.task, args.flow_type, args.bound, args.new_short, args.out_format, args.quality)
    if spec.task != "rgb":
        flow_estimator(spec.flow_type)  # fails now rather than in every thread
    cv2.setNumThreads(1)  # videos are worked on side by side
    videos, passed_over = videos_by_name(args.src)
    if passed_over:
        print(describe_passed_over(passed_over))
    report = run_batch(
        videos,
        lambda key, path: {"frames": extract_frames(path, args.out / key, spec)},
        Journal(args.out / f".{spec.task}.jsonl"),
        spec.options,
        is_whole=lambda key, record: has_images(args.out / key, record["frames"], spec),
        existing=lambda key: find_image(args.out / key, spec.task),
        workers=args.num_worker,
        overwrite=args.overwrite,
        desc="extracting",
    )
    return close_batch(report, args.out)
