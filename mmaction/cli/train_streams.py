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
and report.html in WORK_DIR/fused, and that of equal weights in WORK_DIR/fused_equal.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.dist import is_main_process

from mmaction.cli.fuse import GAINS, show_fusion
from mmaction.cli.runs import Run, say
from mmaction.engine import folds
from mmaction.engine.results.writer import REPORT, write_result
from mmaction.engine.streams import STREAMS, has_streams, stream_config
from mmaction.reports.compare import align_all
from mmaction.reports.fusion import check_single_label, fuse, join_parts, search_weights
from mmaction.reports.report import render_report
from mmaction.structures import Result
from mmaction.utils import register_all_modules
from mmaction.utils.cli import add_run_options, set_local_rank
from mmaction.utils.config import default_work_dir, load_config
from mmaction.utils.files import write_text

TUNE = ("val", "holdout", "folds", "none")


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options, which include those of ``tools/train.py``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", nargs="+", metavar="CONFIG", help="config file; several: of one data set")
    parser.add_argument("--streams", nargs="+", choices=tuple(STREAMS), metavar="STREAM", help="j, b, jm, bm (all)")
    parser.add_argument("--tune", choices=TUNE, help="where the weights are found, see above")
    parser.add_argument("--folds", type=int, default=5, metavar="K", help="parts of the training split (default: 5)")
    parser.add_argument(
        "--group-by", metavar="KEY", help="keep clips together: entry of the annotations, or expression"
    )
    parser.add_argument("--refit", action="store_true", help="with holdout: then train once more on all and test that")
    parser.add_argument("--resume", action="store_true", help="go on with an earlier call of this command")
    parser.add_argument("--epochs", type=int, metavar="N", help="epochs of each training, the schedule with them")
    parser.add_argument("--seed", type=int, default=0, help="of every training and of the parts (default: 0)")
    add_run_options(parser)
    args = parser.parse_args(argv)
    if args.folds < 2:
        parser.error("--folds: expected at least 2")
    if args.refit and args.tune not in (None, "holdout"):
        parser.error(f"--refit belongs to --tune holdout; --tune {args.tune} trains on all clips anyway")
    return args


def load_streams(args: argparse.Namespace) -> dict[str, Config]:
    """Return the config of each stream by its name: of one config all streams, of several each as it is."""
    loaded = [load_config(path, args.cfg_options) for path in args.configs]
    for note in dict.fromkeys(note for _, notes in loaded for note in notes):
        print(note, file=sys.stderr)
    streams = args.streams or (list(STREAMS) if len(loaded) == 1 else [])
    found: dict[str, Config] = {}
    for path, (cfg, _) in zip(args.configs, loaded, strict=True):
        several = streams if len(loaded) == 1 or has_streams(cfg.to_dict()) else []
        prefix = f"{Path(path).stem}_" if len(loaded) > 1 else ""
        found |= {prefix + STREAMS[stream]: stream_config(cfg, stream) for stream in several}
        found |= {} if several else {Path(path).stem: folds.own_copy(cfg)}
    if len(found) < 2:
        raise ValueError("fusion needs at least two streams or two configs of different names")
    if untested := [name for name, cfg in found.items() if cfg.get("test_dataloader") is None]:
        raise ValueError(f"{untested[0]}: the config has no test_dataloader, so there is nothing to fuse")
    return found


def choose_tune(asked: str | None, refit: bool, configs: list[Config]) -> str:
    """Return where weights are found, ``asked`` or what is possible; ValueError if that would be the test split."""
    why = next(filter(None, map(_why_not_val, configs)), None) if asked in (None, "val") else None
    if why is None:
        return asked or ("holdout" if refit else "val")
    if asked == "val":
        raise ValueError(f"--tune val: {why}; choose --tune holdout, folds or none")
    say(f"{why}: weights are found on a part of the training split instead (--tune holdout)")
    return "holdout"


def _why_not_val(cfg: Config) -> str | None:
    """Return why weights cannot be found on the validation split of a config, or None."""
    if cfg.get("val_dataloader") is None:
        return "the config has no validation split"
    shared = folds.shared_clips(cfg, "val")
    return (
        f"the validation split shares {len(shared)} clips with the test split, such as {shared[0]}" if shared else None
    )


@dataclass
class Plan:
    """How each stream is trained and tested, and on what it is scored for the weights.

    Attributes:
        tune: One of ``TUNE``.
        root: Folder of the folders of the streams.
        args: Options of ``tools/train.py``.
        clips: The training clips, for ``holdout`` and ``folds``.
        folds: Which fold holds each.
        refit: With ``holdout``: whether to train again on all clips.
    """

    tune: str
    root: Path
    args: argparse.Namespace
    clips: folds.Clips | None = None
    folds: np.ndarray | None = None
    refit: bool = False

    def run(self, name: str, cfg: Config) -> tuple[Result, Result | None]:
        """Return the result of a stream on the test split and, but for ``none``, on what weights are found on."""
        if self.tune in ("val", "none"):
            own = cfg if self.tune == "val" else folds.unvalidated(cfg)
            run = Run(name, own, self.root / name, self.args)
            best = run.train()
            found = run.test(best, folds.evaluate_on(cfg, "test", "val"), "tune") if self.tune == "val" else None
            return run.test(best, cfg, "test"), found
        if self.tune == "holdout":
            run, held = self._part(name, cfg, 0, validate=True)
            best = run.train()
            found = run.test(best, held, "tune")
            if not self.refit:
                return run.test(best, cfg, "test"), found
        else:
            found = join_parts(self.out_of_fold(name, cfg))
        run = Run(f"{name}, all clips", folds.unvalidated(cfg), self.root / name / "full", self.args)
        return run.test(run.train(), cfg, "test"), found

    def _part(self, name: str, cfg: Config, fold: int, validate: bool = False) -> tuple[Run, Config]:
        """Return the training without a fold, and the config that tests on it."""
        assert self.clips is not None and self.folds is not None, "this plan has no folds"
        held, count = self.folds == fold, self.folds.max() + 1
        part = folds.held_out(cfg, "val", self.clips, held) if validate else folds.unvalidated(cfg)
        part = folds.without(part, self.clips, held)
        title = f"{name}, without fold {fold + 1} of {count}"
        folder = self.root / name / ("" if validate and not self.refit else f"fold_{fold}")
        return Run(title, part, folder, self.args), folds.held_out(cfg, "test", self.clips, held)

    def out_of_fold(self, name: str, cfg: Config) -> list[Result]:
        """Return the results of each fold, of a training that has not seen it."""
        assert self.folds is not None, "this plan has no folds"
        parts = [self._part(name, cfg, fold) for fold in range(self.folds.max() + 1)]
        return [run.test(run.train(), held, "tune") for run, held in parts]


def make_plan(args: argparse.Namespace, streams: dict[str, Config]) -> Plan:
    """Return the plan, and say it."""
    first, *others = configs = list({cfg.filename: cfg for cfg in streams.values()}.values())
    root = Path(args.work_dir or f"{default_work_dir(first)}_streams")
    plan = Plan(choose_tune(args.tune, args.refit, configs), root, args, refit=args.refit)
    if plan.tune in ("holdout", "folds"):
        plan.clips = folds.split_clips(first, "train", args.group_by)
        plan.folds = folds.make_folds(plan.clips.labels, args.folds, args.seed, plan.clips.groups)
        say(folds.describe_folds(plan.clips, plan.folds))
        for cfg in others:
            if folds.split_clips(cfg, "train").ids != plan.clips.ids:
                raise ValueError(f"{cfg.filename} does not train on the clips of {first.filename}, in the same order")
    each = {"folds": args.folds + 1, "holdout": 1 + args.refit}.get(plan.tune, 1)
    origin = {
        "val": "weights from the validation split",
        "holdout": f"weights from {(plan.folds == 0).sum() if plan.folds is not None else 0} training clips held out",
        "folds": "weights from the scores of all training clips by models that did not see them",
        "none": "equal weights, the last checkpoints",
    }
    say(f"{len(streams)} streams ({', '.join(streams)}) x {each} trainings; {origin[plan.tune]}")
    return plan


def main(argv: list[str] | None = None) -> int:
    """Train and test what is not done yet, fuse and print what that gains; return 0."""
    args = parse_args(argv)
    set_local_rank(args)
    register_all_modules()
    streams = load_streams(args)
    plan = make_plan(args, streams)
    results = {name: plan.run(name, cfg) for name, cfg in streams.items()}
    if not is_main_process():
        return 0
    aligned = align_all([test for test, _ in results.values()], list(streams))
    tests = dict(zip(streams, aligned, strict=True))
    check_single_label(aligned[0])
    tuned = [found for _, found in results.values() if found is not None]
    weights, origin = [1.0] * len(tests), "equal"
    if tuned:
        weights = search_weights(tuned, list(streams))
        origin = f"found on {len(tuned[0])} clips apart from the test split"
    run = {"results": [str(plan.root / name) for name in streams], "tune": plan.tune, "origin": origin}
    fused, best = show_fusion(plan.root / "fused", tests, weights, run)
    write_result(plan.root / "fused_equal", fuse(aligned, [1.0] * len(aligned), list(streams)))
    page = render_report([fused, tests[best]], ["fused", best], title=f"{len(tests)} streams fused")
    write_text(plan.root / "fused" / REPORT, page)
    print(f"written to {plan.root}: fused, with {GAINS} and {REPORT}, and fused_equal")
    return 0
