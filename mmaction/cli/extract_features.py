"""Write the features that a model makes of the clips of a split.

Examples:
  python tools/extract_features.py CONFIG CHECKPOINT                     # the test split
  python tools/extract_features.py CONFIG CHECKPOINT --split train --out features/joint/train
  python tools/extract_features.py CONFIG CHECKPOINT --maps --views all  # the maps before pooling, each view apart
  python tools/extract_features.py CONFIG CHECKPOINT --folds 5           # for a fusion that learns from features

Clips of all splits go through the test pipeline, each once and without augmentation. The folder (default:
WORK_DIR/features_CHECKPOINT/SPLIT, beside CHECKPOINT) gets features.npy, logits.npy, scores.npy, labels.npy and
missing.npy, with --maps also map_0.npy and so on, and features.json with ids and facts; load_features of
mmaction.io.features reads it by memory map. A command that was stopped goes on where it was, if config, checkpoint and
options are the same.

A network knows the clips that it was trained on by heart, and a fusion that learns from such features trusts them too
much. With --folds K the config is trained K times, each time without one part of the training split, in WORK_DIR
(default: folds, beside CHECKPOINT). Each model gives the features of the part that it has not seen, mapped to those of
CHECKPOINT by a linear map, as every network has a basis of its own. FOLDER/train and FOLDER/test are then what
FeatureDataset reads.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmaction.apis import init_recognizer
from mmaction.apis.features import join_folds, write_features
from mmaction.cli.arguments import model_parser
from mmaction.cli.runs import Run, say
from mmaction.engine import folds
from mmaction.engine.results.facts import identity
from mmaction.io.checkpoints import local_path
from mmaction.io.downloads import file_sha256
from mmaction.io.features import Features, FeatureWriter, load_features
from mmaction.registry import DATASETS
from mmaction.utils import register_all_modules
from mmaction.utils.config import load_config

VIEWS_AT_ONCE = 8  # where the config does not say model.test_cfg.max_testing_views
PASSED_ON = ("seed", "epochs", "trust_checkpoint")  # to the trainings
POOR = 0.5  # share of the variance below which the map between two models' features is named as poor


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = model_parser(__doc__)
    parser.add_argument("--split", choices=("train", "val", "test"), help="whose clips (default: test)")
    parser.add_argument("--out", metavar="FOLDER", help="where the files go, see above")
    parser.add_argument("--maps", action="store_true", help="also the feature maps before pooling; they are large")
    parser.add_argument(
        "--views", choices=("mean", "all"), default="mean", help="mean over the views of a clip, or each"
    )
    parser.add_argument("--batch-size", type=int, default=8, help="clips at once (default: 8)")
    parser.add_argument("--workers", type=int, default=0, help="processes that prepare data (default: none)")
    parser.add_argument("--folds", type=int, metavar="K", help="train K models for the training split, see above")
    parser.add_argument(
        "--group-by", metavar="KEY", help="keep clips together: entry of the annotations, or expression"
    )
    parser.add_argument("--work-dir", help="folder of the trainings of --folds")
    parser.add_argument("--epochs", type=int, metavar="N", help="epochs of each of them, the schedule with them")
    parser.add_argument("--seed", type=int, default=0, help="of the trainings and of the folds (default: 0)")
    args = parser.parse_args(argv)
    if args.folds is None and (args.group_by or args.work_dir or args.epochs):
        parser.error("--group-by, --work-dir and --epochs belong to --folds")
    if args.folds is not None and (args.folds < 2 or args.split or args.maps):
        parser.error("--folds: expected at least 2, and neither --split (it writes train and test) nor --maps")
    return args


def extract(cfg: Config, checkpoint: Path, split: str, folder: Path, args: argparse.Namespace) -> Features:
    """Write the features of a split unless that is done; return them."""
    cfg = cfg if split == "test" else folds.evaluate_on(cfg, "test", split)
    sha256 = file_sha256(checkpoint)
    parts = {"checkpoint": sha256, **identity(cfg, sha256)}
    parts |= {"split": split, "views": args.views, "maps": args.maps, "batch_size": args.batch_size}
    torch.manual_seed(0)  # of what a test pipeline draws
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    writer = FeatureWriter(folder, len(dataset), parts)
    if writer.finished:
        say(f"{folder}: done already")
        return load_features(folder)
    if writer.done:
        say(f"{folder}: going on after {writer.done} of {len(dataset)} clips")
    model = init_recognizer(cfg, checkpoint, args.device, args.trust_checkpoint)
    if not model.test_cfg.get("max_testing_views"):  # else the free memory would decide, and the last bits with it
        model.test_cfg["max_testing_views"] = VIEWS_AT_ONCE
    facts: dict[str, Any] = {"config": cfg.filename, "checkpoint": str(checkpoint), "classes": model.classes}
    options = {"batch_size": args.batch_size, "workers": args.workers, "title": f"{folder.parent.name}/{folder.name}"}
    write_features(model, dataset, writer, facts, keep_views=args.views == "all", with_map=args.maps, **options)
    found = load_features(folder)
    views = "each view" if args.views == "all" else "mean over the views"
    missing = f"; {found.missing.sum()} could not be loaded or show nobody" if found.missing.any() else ""
    say(f"{folder}: features {found.features.shape}, {views}{missing}")
    return found


def extract_folds(cfg: Config, checkpoint: Path, root: Path, args: argparse.Namespace) -> None:
    """Train a model without each fold, and write out-of-fold features of the training split and those of the test."""
    work_dir = Path(args.work_dir or checkpoint.parent / "folds")
    clips = folds.split_clips(cfg, "train", args.group_by)
    numbers = folds.make_folds(clips.labels, args.folds, args.seed, clips.groups)
    say(folds.describe_folds(clips, numbers))
    say(f"{args.folds} trainings in {work_dir}, each without one fold; {args.folds + 2} extractions in {root}")
    given = argparse.Namespace(resume=True, launcher="none", **{name: getattr(args, name) for name in PASSED_ON})
    full = extract(cfg, checkpoint, "train", root / "train_seen", args)
    parts = []
    for fold in range(args.folds):
        part = folds.without(folds.unvalidated(cfg), clips, numbers == fold)
        run = Run(f"fold {fold + 1} of {args.folds}", part, work_dir / f"fold_{fold}", given)
        parts.append(extract(cfg, run.train(), "train", root / f"train_fold_{fold}", args))
    explained = join_folds(full, parts, numbers, root / "train")
    shares = ", ".join(f"{100 * share:.0f}" for share in explained)
    poor = " (a poor map: let the fusion use logits alone, use_features=False)" if min(explained) < POOR else ""
    say(f"{root / 'train'}: the maps to the features of {checkpoint.name} explain {shares} % of their variance{poor}")
    extract(cfg, checkpoint, "test", root / "test", args)


def main(argv: list[str] | None = None) -> int:
    """Write the features; return 0."""
    args = parse_args(argv)
    register_all_modules()
    cfg, notes = load_config(args.config, args.cfg_options)
    for note in notes:
        say(note)
    cfg, checkpoint = folds.own_copy(cfg), local_path(args.checkpoint)
    root = Path(args.out or checkpoint.parent / f"features_{checkpoint.stem}")
    if args.folds:
        extract_folds(cfg, checkpoint, root, args)
    else:
        split = args.split or "test"
        extract(cfg, checkpoint, split, root if args.out else root / split, args)
    return 0
