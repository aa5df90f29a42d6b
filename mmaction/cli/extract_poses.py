"""Extract 2D skeletons from videos into an annotation file for PoseDataset.

Examples:
  python tools/data/skeleton/extract_poses.py videos/ data/skeleton/mine.pkl
  python tools/data/skeleton/extract_poses.py train.txt data/skeleton/mine.pkl --split train --num-persons 2 --workers 2
  python tools/data/skeleton/extract_poses.py train.txt data/skeleton/mine.pkl --split train --videos data/mine/videos
  python tools/data/skeleton/extract_poses.py videos/ mine.pkl --backend rtmlib --devices cuda:0 cuda:1 --workers 4
  python tools/data/skeleton/extract_poses.py videos/ mine.pkl --boxes ground_truth_boxes.pkl

An interrupted run goes on where it stopped when it is started again. Exit codes: 0 done, 1 some videos failed (they are
listed, the others are written), 2 wrong input or nobody seen in any video, 130 stopped by Ctrl-C.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mmaction.preparation.poses.persons import BACKENDS, BackendOptions

if TYPE_CHECKING:
    from mmaction.preparation.poses.extract import Outcome, Recipe


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("videos", type=Path, help="a folder, a list with PATH LABEL on each line, or one video")
    parser.add_argument("output", type=Path, help="annotation file to write, *.pkl")
    parser.add_argument(
        "--videos",
        dest="root",
        metavar="ROOT",
        type=Path,
        help="folder to which a list's paths are relative; clips are then named by these paths (default: the list's "
        "folder; named without folders)",
    )
    parser.add_argument("--split", default="", help="name of the split that these videos form, such as train")
    parser.add_argument("--overwrite", action="store_true", help="replace the annotation file and start anew")
    _add_model_options(parser)
    tracks = parser.add_argument_group("tracks")
    tracks.add_argument(
        "--num-persons",
        type=int,
        help="best tracks kept (default: 1; with --boxes as many as a frame has boxes)",
    )
    tracks.add_argument("--lost-s", type=float, help="memory of a lost person in seconds (default: 1)")
    tracks.add_argument("--max-gap", type=int, help="longest gap that is filled, in frames (default: 5)")
    tracks.add_argument("--min-iou", type=float, help="lowest overlap from frame to frame (default: 0.1)")
    work = parser.add_argument_group("work")
    work.add_argument("--devices", nargs="+", default=["cpu"], help="devices that the processes take in turn")
    work.add_argument("--workers", type=int, help="processes (default: one per device)")
    work.add_argument("--batch-size", type=int, default=4, help="frames at once (default: 4)")
    return parser.parse_args(argv)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    model = parser.add_argument_group("pose estimator")
    model.add_argument("--backend", default="torchvision", help=f"{', '.join(BACKENDS)} (default: torchvision)")
    model.add_argument(
        "--weights",
        default="",
        help="file or address of the weights, or their folder (default: the backend's own)",
    )
    model.add_argument("--detector", default="", help="name or folder of the detector (transformers; default: D-FINE)")
    model.add_argument("--pose-config", default="", help="config of the pose model (mmpose)")
    model.add_argument(
        "--mode",
        default="balanced",
        choices=("lightweight", "balanced", "performance"),
        help="speed against accuracy of the networks (rtmlib, blazepose)",
    )
    model.add_argument("--layout", default="coco17", help="joints: coco17, or mediapipe33 with blazepose")
    model.add_argument(
        "--rotate",
        action=argparse.BooleanOptionalAction,
        help="turn the crop with the torso, for somersaults (default: with blazepose; see docs/poses.md)",
    )
    model.add_argument("--forward-only", action="store_true", help="do not follow turned crops backward in time too")
    model.add_argument("--min-size", type=int, default=640, help="shorter side of a frame in pixels (torchvision)")
    model.add_argument(
        "--person-thr",
        type=float,
        default=0.5,
        help="lowest score of a person by the detector, not of the joints (default: 0.5; rtmlib's detector decides by "
        "itself)",
    )
    model.add_argument(
        "--boxes",
        default="",
        metavar="FILE.pkl",
        help="given boxes, {name: [(N, 4) of each frame]}: each becomes a pose, --person-thr does not count",
    )


def main(argv: list[str] | None = None) -> int:
    """Extract; return 1 if some videos failed, else 0."""
    args = parse_args(argv)
    from mmaction.io.suffixes import describe_passed_over
    from mmaction.io.video.folders import walk_videos
    from mmaction.preparation.poses.extract import extract
    from mmaction.preparation.poses.overview import write_overview
    from mmaction.preparation.poses.sources import list_videos

    workers = args.workers or len(args.devices)
    videos = list_videos(args.videos, args.root)
    if args.videos.is_dir() and (passed_over := describe_passed_over(walk_videos(args.videos)[1])):
        print(passed_over)
    outcome = extract(videos, args.output, recipe_of(args), args.split, tuple(args.devices), workers, args.overwrite)
    print(f"{args.output}: {len(outcome.done)} clips ({outcome.reused} from an interrupted run)")
    report_gaps(outcome)
    if outcome.quality:
        print("frames with a finding:", ", ".join(f"{name} {count}" for name, count in outcome.quality.items()))
    overview = write_overview(args.output, args.videos if args.videos.is_dir() else args.root, outcome.failed)
    print(f"overview: {overview}")
    for name, problem in outcome.failed.items():
        print(f"failed: {name}: {problem}", file=sys.stderr)
    return 1 if outcome.failed else 0


def recipe_of(args: argparse.Namespace) -> "Recipe":
    """Return how poses are made, as the options say."""
    from mmaction.preparation.poses.extract import Recipe
    from mmaction.preparation.poses.tracking import TrackingOptions

    options = BackendOptions(
        weights=args.weights,
        detector=args.detector,
        pose_config=args.pose_config,
        mode=args.mode,
        min_size=args.min_size,
        person_thr=args.person_thr,
        layout=args.layout,
        rotate=args.rotate,
        both_ways=not args.forward_only,
    )
    chosen = {name: getattr(args, name) for name in ("num_persons", "lost_s", "max_gap", "min_iou", "person_thr")}
    tracking = TrackingOptions(**{name: value for name, value in chosen.items() if value is not None})
    boxes = os.path.abspath(args.boxes) if args.boxes else ""
    return Recipe(args.backend, options, tracking, args.batch_size, boxes)


def report_gaps(outcome: "Outcome", limit: int = 20) -> None:
    """Print in how many clips nobody is seen, and the clips with frames without a pose, the worst first."""
    if not outcome.unseen:
        return
    worst = sorted(outcome.unseen.items(), key=lambda item: -item[1][0] / item[1][1])
    print(f"nobody is seen in {len(outcome.empty)} clips; {len(worst)} clips have frames without a pose:")
    for name, (missing, total) in worst[:limit]:
        print(f"  {name}: {missing} of {total} frames")
    if len(worst) > limit:
        print(f"  and {len(worst) - limit} more clips")
