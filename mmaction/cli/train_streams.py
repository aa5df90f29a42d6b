"""Train, test and fuse several streams of a skeleton, or several networks on the same clips, in one go.

Examples:
  python tools/train_streams.py configs/skeleton/stgcnpp/stgcnpp_8xb16-joint-u100-80e_ntu60-xsub-keypoint-3d.py
  python tools/train_streams.py CONFIG --streams j b --seed 0 --cfg-options train_dataloader.num_workers=2
  python tools/train_streams.py CONFIG --resume                     # go on; what is done is not done again
  python tools/train_streams.py CONFIG --tune folds --folds 5 --group-by "_s([0-9]+)_"
  python tools/train_streams.py CONFIG CONFIG2 CONFIG3              # these networks as they are, say joint and limb

Of one config the streams are joint, bone, joint motion and bone motion: it is read four times with other `feats` in
GenSkeFeat. Weights of the fusion are never found on the test split, but, by --tune,
  val      on the validation split of the config (default, if it shares no clip with the test split),
  holdout  on a part of the training split that no stream trains on (default otherwise): one training for each stream,
  folds    on all training clips: --folds trainings for each stream give the scores of the part that they do not see,
           and one more on the whole training split is tested,
  none     not at all: equal weights.
Where no clip is left to validate on, the last checkpoint is tested, else the best one by validation.

WORK_DIR (default: work_dirs/NAME_streams) holds a folder for each stream, the fused result with its files, gains.csv
and report.html in WORK_DIR/fused, and the same for equal weights in WORK_DIR/fused_equal.
"""

import argparse
from pathlib import Path

from mmaction.utils.cli import add_run_options, set_local_rank
from mmaction.utils.streams import STREAMS

TUNE = ("val", "holdout", "folds", "none")


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options, which include the options of ``tools/train.py``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", nargs="+", metavar="CONFIG", help="config file; several: of one data set")
    parser.add_argument(
        "--streams", nargs="+", choices=STREAMS, metavar="STREAM", help="streams to train (default: all)"
    )
    parser.add_argument("--tune", choices=TUNE, help="where the weights are found, see above")
    parser.add_argument("--folds", type=int, default=5, metavar="K", help="parts of the training split (default: 5)")
    parser.add_argument(
        "--group-by", metavar="KEY", help="keep clips together: entry of the annotations, or expression"
    )
    parser.add_argument("--refit", action="store_true", help="with holdout: then train once more on all and test that")
    parser.add_argument("--resume", action="store_true", help="go on with an earlier call of this command")
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="epochs of each training; the schedule is scaled with them"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of every training and of the parts (default: 0)")
    add_run_options(parser)
    args = parser.parse_args(argv)
    if args.folds < 2:
        parser.error("--folds: expected at least 2")
    if args.refit and args.tune not in (None, "holdout"):
        parser.error(f"--refit belongs to --tune holdout; --tune {args.tune} trains on all clips anyway")
    return args


def main(argv: list[str] | None = None) -> int:
    """Train and test what is not done yet, fuse and print what that gains; return 0."""
    args = parse_args(argv)
    set_local_rank(args)
    from mmengine.dist import is_main_process

    from mmaction.apis.runs import say
    from mmaction.apis.streams import Plan, check_tests, choose_tune, load_streams
    from mmaction.apis.training import TrainOptions
    from mmaction.utils import register_all_modules
    from mmaction.utils.config import default_work_dir

    register_all_modules()
    streams = load_streams(args.configs, args.streams, args.cfg_options)
    configs = list({cfg.filename: cfg for cfg in streams.values()}.values())
    check_tests(configs)
    root = Path(args.work_dir or f"{default_work_dir(configs[0])}_streams")
    tune = choose_tune(args.tune, args.refit, configs)
    plan = Plan(tune, root, TrainOptions.of(args, work_dir=None, resume=None), args.resume, refit=args.refit)
    if tune in ("holdout", "folds"):
        plan.split(configs, args.folds, args.group_by)
    say(plan.describe(list(streams)))
    results = {name: plan.run(name, cfg) for name, cfg in streams.items()}
    if is_main_process():
        fuse_streams(results, root, tune)
    return 0


def fuse_streams(results: dict, root: Path, tune: str) -> None:
    """Fuse the results of the streams, each with the one that weights are found on, and write what that gains."""
    from mmaction.cli.fuse import GAINS, show_fusion
    from mmaction.engine.results.writer import REPORT, write_result
    from mmaction.reports.compare import align_all
    from mmaction.reports.fusion import check_single_label, fuse, search_weights
    from mmaction.reports.report import render_report
    from mmaction.utils.files import write_text

    names = list(results)
    aligned = align_all([test for test, _ in results.values()], names)
    check_single_label(aligned[0])
    tuned = [found for _, found in results.values() if found is not None]
    weights, origin = [1.0] * len(names), "equal"
    if tuned:
        weights = search_weights(tuned, names)
        origin = f"found on {len(tuned[0])} clips apart from the test split"
    tests = dict(zip(names, aligned, strict=True))
    run = {"results": [str(root / name) for name in names], "tune": tune, "origin": origin}
    fused, best = show_fusion(root / "fused", tests, weights, run)
    write_result(root / "fused_equal", fuse(aligned, [1.0] * len(names), names))
    page = render_report([fused, tests[best]], ["fused", best], title=f"{len(names)} streams fused")
    write_text(root / "fused" / REPORT, page)
    print(f"written to {root}: fused, with {GAINS} and {REPORT}, and fused_equal")
