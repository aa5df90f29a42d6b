"""Classify videos, folders of frames or skeletons with a trained model.

Examples:
  python tools/infer.py best.pth dive.mp4                    # a checkpoint of a training carries its config
  python tools/infer.py best.onnx dive.mp4                   # as tools/export.py writes it; runs without PyTorch
  python tools/infer.py CONFIG CHECKPOINT dive.mp4
  python tools/infer.py CONFIG CHECKPOINT videos/ 'more/*.avi' --format csv > scores.csv
  python tools/infer.py CONFIG CHECKPOINT dive.mp4 --out labeled.mp4
  python tools/infer.py CONFIG CHECKPOINT competition.mp4 --window 2 --stride 0.5 --timeline timeline.png
  python tools/infer.py best.pth competition.mp4 --window 2 --stride 0.5 --events what.csv what.srt --cut clips
  python tools/infer.py CONFIG CHECKPOINT skeletons.pkl --clip dive_0001 dive_0002
  python tools/infer.py best.pth --camera 0                  # or rtsp://HOST/PATH, or a file played as a camera

A folder that holds videos stands for all of them, one that holds numbered images for the clip that they form. A video
for a skeleton model goes through a pose estimator first (--poses). The result goes to the standard output. A skeleton
without a person gets no class but 'nobody'. Exit code: 0 if all clips were classified, 1 if some were not (they are
named), 2 for a mistake in the call; of a camera 0 at the end of a recording or after q, 130 after Ctrl-C, 1 if it is
lost.
"""

import argparse
from collections.abc import Sequence

from mmaction.cli.arguments import model_parser
from mmaction.io.suffixes import is_checkpoint, is_exported
from mmaction.preparation.poses.persons import BACKENDS
from mmaction.utils.arguments import at_least_one, positive_number


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = model_parser(__doc__, "optional")
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help="video, folder, pattern, or pickle of skeletons")
    parser.add_argument("--format", choices=("table", "json", "csv"), default="table", help="how the result is printed")
    parser.add_argument("--topk", type=int, default=5, metavar="K", help="classes to list (default: 5)")
    parser.add_argument(
        "--label-map",
        metavar="FILE",
        help="class names, one a line (default: from the config, the checkpoint, or label_map.txt beside the list)",
    )
    parser.add_argument("--window", type=positive_number, metavar="S", help="slide a window of S seconds over clips")
    parser.add_argument("--stride", type=positive_number, metavar="S", help="seconds between windows (default: S / 2)")
    parser.add_argument("--timeline", metavar="FILE.png", help="draw the scores of the windows over time")
    poses = parser.add_argument_group("poses: a video for a model that reads joints")
    poses.add_argument(
        "--poses",
        default="auto",
        metavar="BACKEND",
        help=f"{', '.join(BACKENDS)}, or auto: blazepose if it is installed, else torchvision (default: auto)",
    )
    poses.add_argument("--pose-weights", default="", metavar="FILE", help="its weights (default: the backend's own)")
    _add_event_options(parser)
    _add_camera_options(parser)
    parser.add_argument("--fps", type=positive_number, help="frames per second of folders and skeletons")
    parser.add_argument("--out", metavar="PATH", help="write the labels into a video: *.mp4 or *.gif, or into a folder")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace files that --out, --timeline or --events name"
    )
    parser.add_argument("--split", help="of a pickle: classify this split alone")
    parser.add_argument("--clip", nargs="+", metavar="NAME", help="of a pickle: classify these clips alone")
    args = parser.parse_intermixed_args(argv)
    _sort_positions(parser, args)
    check_options(parser, args)
    return args


def _add_event_options(parser: argparse.ArgumentParser) -> None:
    events = parser.add_argument_group("events: what --window finds, merged over time")
    events.add_argument(
        "--events", nargs="+", metavar="FILE", help="write them: *.csv, *.json, *.jsonl, *.srt, *.eaf (ELAN)"
    )
    events.add_argument(
        "--threshold",
        type=float,
        default=0.5,
        metavar="P",
        help="lowest score at which something happens (default: 0.5)",
    )
    events.add_argument(
        "--whole",
        action="store_true",
        help="each event is one whole action, such as a dive, that lasts about --window S (the default stride is then "
        "S / 10); without it actions may last any time",
    )
    events.add_argument("--min-event", type=float, metavar="S", help="shortest event in seconds (default: window / 4)")
    events.add_argument("--background", nargs="+", default=(), metavar="CLASS", help="classes that are no events")
    events.add_argument("--cut", metavar="FOLDER", help="write each event as a clip of its own")


def _add_camera_options(parser: argparse.ArgumentParser) -> None:
    camera = parser.add_argument_group("camera: what happens now")
    camera.add_argument(
        "--camera",
        metavar="SOURCE",
        help="number of a camera, address (rtsp://, http://, ...), or a video that is played as one, at its own speed; "
        "--window is 2 by default. Events are told when they are over, with --events also in files (*.jsonl grows)",
    )
    camera.add_argument("--headless", action="store_true", help="show no window; the events are JSON, one a line")
    camera.add_argument(
        "--queue",
        type=at_least_one,
        metavar="N",
        help="frames that may wait for the model; the oldest are dropped (default: 60; with poses 2)",
    )
    camera.add_argument(
        "--retries", type=int, default=5, metavar="N", help="attempts to connect to a lost stream again (default: 5)"
    )


def _sort_positions(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Read a first argument that carries its own config as the weights, and the second as an input."""
    if is_checkpoint(args.config) or is_exported(args.config):
        args.inputs, args.checkpoint = [args.checkpoint, *args.inputs] if args.checkpoint else [], None
        if args.cfg_options:
            parser.error("--cfg-options changes a config; pass the config before the checkpoint")
    elif args.checkpoint and is_exported(args.checkpoint):
        parser.error(f"{args.checkpoint} carries its own pipeline; leave the config out")
    elif args.checkpoint is None:
        parser.error("name the checkpoint after the config; one of a training carries its config and can stand alone")


def check_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a usage error where options contradict each other."""
    given = {name for name in vars(args) if getattr(args, name) not in (None, False, (), parser.get_default(name))}

    def refuse(names: Sequence[str], why: str) -> None:
        if wrong := [f"--{name.replace('_', '-')}" for name in names if name in given]:
            parser.error(f"{', '.join(wrong)}: {why}")

    if args.camera is not None:
        if args.inputs:
            parser.error(f"--camera {args.camera} takes no other input; got {', '.join(args.inputs)}")
        refuse(("timeline", "cut", "out", "fps", "split", "clip", "whole"), "not with --camera")
    else:
        if not args.inputs:
            parser.error("name what to classify: a video, a folder, a pattern, or a pickle of skeletons; or --camera")
        refuse(("headless", "queue", "retries"), "only with --camera")
        if args.window is None:
            refuse(("stride", "timeline", "events", "min_event", "background", "cut", "whole"), "only with --window S")
    if args.whole:
        refuse(("min_event",), "not with --whole")
    if args.topk < 1:
        parser.error(f"--topk {args.topk}: at least 1")
    if args.retries < 0:
        parser.error(f"--retries {args.retries}: at least 0")
    if not 0 <= args.threshold <= 1:
        parser.error(f"--threshold {args.threshold}: expected 0 to 1")


def main(argv: list[str] | None = None) -> int:
    """Classify; return the exit code."""
    args = parse_args(argv)
    if args.camera is not None:
        from mmaction.cli import watch

        return watch.run(args)
    from mmaction.cli import classify

    return classify.run(args)
