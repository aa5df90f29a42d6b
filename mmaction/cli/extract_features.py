"""Write the features that a model makes of the clips of a split.

Examples:
  python tools/extract_features.py CONFIG CHECKPOINT                     # the test split
  python tools/extract_features.py CONFIG CHECKPOINT --split train --out features/joint/train
  python tools/extract_features.py CONFIG CHECKPOINT --maps --views all  # the maps before pooling, each view apart
  python tools/extract_features.py CONFIG CHECKPOINT --stream b          # the network of bones of train_streams.py
  python tools/extract_features.py CONFIG CHECKPOINT --folds 5           # for a fusion that learns from features

Clips of all splits go through the test pipeline, each once and without augmentation. The folder (default:
WORK_DIR/features_CHECKPOINT/SPLIT, beside CHECKPOINT) gets features.npy, logits.npy, scores.npy, labels.npy and
missing.npy, with --maps also map_0.npy and so on, and features.json with ids and facts; load_features of
mmaction.io.features reads it by memory map. A command that was stopped goes on where it was, if config, checkpoint and
options are the same.

A network knows the clips that it was trained on by heart, and a fusion that learns from such features trusts them too
much. With --folds K the config is trained K times, each time without one part of the training split, in WORK_DIR
(default: folds, beside CHECKPOINT). Each model gives the features of the part that it has not seen. A linear map brings
them to the features of CHECKPOINT, as every network has a basis of its own. FOLDER/train and FOLDER/test are then what
FeatureDataset reads.
"""

import argparse
from pathlib import Path

from mmaction.cli.arguments import model_parser, read_config
from mmaction.utils.streams import STREAMS, stream_config


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = model_parser(__doc__)
    parser.add_argument("--split", choices=("train", "val", "test"), help="split whose clips are taken (default: test)")
    parser.add_argument("--out", metavar="FOLDER", help="where the files go, see above")
    parser.add_argument("--maps", action="store_true", help="also the feature maps before pooling; they are large")
    parser.add_argument(
        "--views", choices=("mean", "all"), default="mean", help="mean over the views of a clip, or each"
    )
    parser.add_argument("--stream", choices=STREAMS, help="stream of CHECKPOINT, of a config for train_streams.py")
    parser.add_argument("--batch-size", type=int, default=8, help="clips at once (default: 8)")
    parser.add_argument("--workers", type=int, default=0, help="processes that prepare data (default: none)")
    parser.add_argument("--folds", type=int, metavar="K", help="train K models for the training split, see above")
    parser.add_argument(
        "--group-by", metavar="KEY", help="keep clips together: entry of the annotations, or expression"
    )
    parser.add_argument("--work-dir", help="folder of the trainings of --folds")
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="epochs of each of them; the schedule is scaled with them"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the trainings and the folds (default: 0)")
    args = parser.parse_args(argv)
    if args.folds is None and (args.group_by or args.work_dir or args.epochs):
        parser.error("--group-by, --work-dir and --epochs belong to --folds")
    if args.folds is not None and (args.folds < 2 or args.split or args.maps):
        parser.error("--folds: expected at least 2, and neither --split (it writes train and test) nor --maps")
    return args


def main(argv: list[str] | None = None) -> int:
    """Write the features; return 0."""
    args = parse_args(argv)
    from mmaction.apis.extraction import Extraction
    from mmaction.apis.training import TrainOptions, pick
    from mmaction.io.checkpoints import local_path
    from mmaction.utils import register_all_modules
    from mmaction.utils.config import unformatted

    register_all_modules()
    cfg = read_config(args)
    cfg = stream_config(cfg, args.stream) if args.stream else unformatted(cfg)
    checkpoint = local_path(args.checkpoint)
    extraction = Extraction(**pick(Extraction, {**vars(args), "cfg": cfg, "checkpoint": checkpoint}))
    root = Path(args.out or checkpoint.parent / f"features_{checkpoint.stem}")
    if args.folds:
        work_dir = Path(args.work_dir or checkpoint.parent / "folds")
        extraction.write_out_of_fold(root, work_dir, args.folds, args.group_by, TrainOptions.of(args, work_dir=None))
    else:
        split = args.split or "test"
        extraction.write(split, root if args.out else root / split)
    return 0
