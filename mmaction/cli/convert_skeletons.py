r"""Convert skeletons from OpenPose, AlphaPose, COCO results, MMPose or MediaPipe, back to them, or between layouts.

NTU RGB+D's .skeleton files can be read too: joints in space, with the label that the file's name holds.

Annotation files are written as plain pickles that MMAction2 and PYSKL read too.

Examples:
  folders of CLIP_FRAME_keypoints.json, sizes and lengths from the videos:
    python tools/data/skeleton/convert.py import openpose json/ --out poses.pkl --videos videos/ \
        --lists train=train.txt val=val.txt
  one file of results per clip:
    python tools/data/skeleton/convert.py import alphapose results/ --out poses.pkl --size 1280x720 --label 0
  the same where the frames of the files count from 1:
    python tools/data/skeleton/convert.py import alphapose results/ --out poses.pkl --size 1280x720 --label 0 \
        --first-frame 1
  predictions of MMPose (--pred-out-dir of its inferencer, --save-predictions of its demos), and NTU RGB+D:
    python tools/data/skeleton/convert.py import mmpose predictions/ --out poses.pkl --videos videos/ \
        --lists train=train.txt
    python tools/data/skeleton/convert.py import ntu nturgb+d_skeletons/ --out ntu_3d.pkl
  back:
    python tools/data/skeleton/convert.py export coco poses.pkl --out results/
  other joints, or the list form of MMAction 0.x:
    python tools/data/skeleton/convert.py layout poses.pkl --out coco.pkl --from body25 --to coco17
    python tools/data/skeleton/convert.py list poses.pkl --out old.pkl --split train
"""

import argparse
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from mmaction.preparation.skeleton import convert
from mmaction.preparation.skeleton.files import AnnotationFile, subset
from mmaction.preparation.skeleton.formats import FORMATS
from mmaction.utils.arguments import image_size, split_and_file


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    importer = commands.add_parser("import", help="from another program's files")
    importer.add_argument("format", choices=[*FORMATS, "ntu"])
    importer.add_argument("source", type=Path, help="file or folder to read")
    importer.add_argument(
        "--layout",
        help="layout of the joints: a name or a .json or .py file that describes it (default: the format's usual one)",
    )
    importer.add_argument("--size", type=image_size, metavar="WxH", help="size of the images in pixels")
    importer.add_argument("--videos", type=Path, help="folder of the videos, for sizes and numbers of frames")
    importer.add_argument(
        "--lists", nargs="+", type=split_and_file, metavar="SPLIT=FILE", help="lists that give labels and splits"
    )
    importer.add_argument("--label", type=int, help="label of clips that are in no list")
    importer.add_argument("--persons", type=int, help="keep at most so many persons per clip")
    importer.add_argument("--first-frame", type=int, help="number of the first frame (default: 0)")
    exporter = commands.add_parser("export", help="to another program's files")
    exporter.add_argument("format", choices=FORMATS)
    exporter.add_argument("source", type=Path, help="annotation file")
    layout = commands.add_parser("layout", help="sort the joints into another layout")
    layout.add_argument("source", type=Path, help="annotation file")
    layout.add_argument("--from", dest="old", required=True, help="layout of the file: a name or a description")
    layout.add_argument("--to", dest="new", required=True, help="layout wanted, likewise")
    listed = commands.add_parser("list", help="to the list form of MMAction 0.x, which has no splits")
    listed.add_argument("source", type=Path, help="annotation file")
    listed.add_argument("--split", help="only this split")
    for command in (importer, exporter, layout, listed):
        command.add_argument("--out", type=Path, required=True, help="file to write; with export a folder")
        command.add_argument("--overwrite", action="store_true", help="replace what exists already")
    return parser.parse_args(argv)


def run_import(args: argparse.Namespace) -> AnnotationFile:
    """Import and say which clips could not be taken."""
    lists = dict(args.lists) if args.lists else None
    options = dict(size=args.size, videos=args.videos, lists=lists, label=args.label, persons=args.persons)
    options |= dict(layout=args.layout, first_frame=args.first_frame)
    if args.layout is None:
        print(f"layout: {FORMATS[args.format].layouts[0]}, the usual one of {args.format} (--layout chooses another)")
    file, left_out = convert.import_poses(args.source, args.format, **options)
    for name, reason in left_out.items():
        print(f"left out {name}: {reason}")
    if not file.annotations:
        raise ValueError(f"{args.source}: no clip could be taken")
    numbered = args.format in FORMATS and FORMATS[args.format].numbered and args.first_frame is None
    if numbered and not any(info["keypoint_score"][:, 0].any() for info in file.annotations):
        print("nobody is in frame 0 of any clip: if the files count from 1, give --first-frame 1")
    return file


def run_layout(args: argparse.Namespace) -> AnnotationFile:
    """Change the layout and say which joints have no source."""
    file, missing = convert.change_layout(AnnotationFile.read(args.source), args.old, args.new)
    if missing:
        print(f"joints that {args.old} does not have (score 0): {', '.join(missing)}")
    return file


def main(argv: list[str] | None = None) -> None:
    """Convert."""
    args = parse_args(argv)
    if args.command == "export":
        source = AnnotationFile.read(args.source)
        total = len(source.annotations)
        written = convert.export_poses(source, args.format, args.out, overwrite=args.overwrite)
        for _ in tqdm(written, total=total, unit=" clips"):
            pass
        print(f"{args.out}: {total:,} clips")
        return
    if args.command == "list":
        source = AnnotationFile.read(args.source)
        file = replace(subset(source, split=args.split), splits=None)
    else:
        file = run_import(args) if args.command == "import" else run_layout(args)
    file.write(args.out, overwrite=args.overwrite)
    print(f"{args.out}: {len(file.annotations):,} clips")
