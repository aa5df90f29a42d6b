"""Train a model from a config.

Examples:
  python tools/train.py configs/skeleton/posec3d/c3d-light_1xb16-u32-40e_demo-keypoint.py
  python tools/train.py CONFIG --work-dir work_dirs/try2 --amp --cfg-options train_dataloader.batch_size=8
  python tools/train.py CONFIG --epochs 30              # shorter or longer: the schedule is scaled with it
  python tools/train.py CONFIG --resume                 # go on where the last run of this config stopped
  python tools/train.py CONFIG --load-from URL_OR_FILE  # fine-tune; a head of another class count starts anew
  torchrun --nproc_per_node=8 tools/train.py CONFIG --launcher pytorch --auto-scale-lr

Checkpoints, logs and the config itself go to work_dirs/NAME; the best checkpoint is best_acc_top1_epoch_N.pth.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from mmaction.engine import build_runner
from mmaction.engine.checks.config import check_config
from mmaction.engine.hooks.checkpoint_hook import BEST_FIGURES
from mmaction.engine.resume import plan_resume
from mmaction.utils import register_all_modules
from mmaction.utils.cli import add_run_options, set_local_rank
from mmaction.utils.config import default_work_dir, load_config, scale_epochs, type_name


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="config file; it is a Python program and runs as such")
    start = parser.add_mutually_exclusive_group()
    start.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        metavar="CHECKPOINT",
        help="go on with an earlier run: from CHECKPOINT, or from the furthest intact one in the work directory",
    )
    start.add_argument("--load-from", metavar="CHECKPOINT", help="start from the weights of a file or a web address")
    parser.add_argument(
        "--auto-scale-lr", action="store_true", help="scale the learning rate to the batch by the linear rule"
    )
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="train N epochs, and stretch or shorten the schedule to end with them"
    )
    parser.add_argument("--no-validate", action="store_true", help="do not validate while training")
    parser.add_argument("--seed", type=int, help="seed of all random numbers (default: a random one, which is logged)")
    parser.add_argument("--diff-rank-seed", action="store_true", help="give each process a seed of its own")
    parser.add_argument("--deterministic", action="store_true", help="let cuDNN use deterministic kernels only")
    add_run_options(parser)
    return parser.parse_args(argv)


def apply_options(cfg: Config, args: argparse.Namespace) -> None:
    """Check ``cfg`` and write the command-line options into it."""
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    check_config(cfg, "training")
    if args.epochs is not None:
        scale_epochs(cfg, args.epochs)
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get("work_dir") or default_work_dir(cfg)
    if args.load_from:
        cfg.load_from = args.load_from
    if args.trust_checkpoint:
        cfg.trust_checkpoint = True
    if args.amp:
        kind = type_name(cfg.optim_wrapper) or "OptimWrapper"
        if kind not in ("OptimWrapper", "AmpOptimWrapper"):
            raise ValueError(f"--amp works with the optimizer wrapper OptimWrapper; the config has {kind}")
        cfg.optim_wrapper.type = "AmpOptimWrapper"
    if args.auto_scale_lr:
        cfg.auto_scale_lr = {**(cfg.get("auto_scale_lr") or {}), "enable": True}
    randomness = dict(cfg.get("randomness") or {})
    if args.seed is not None:
        randomness["seed"] = args.seed
    randomness.setdefault("seed", None)
    cfg.randomness = {
        **randomness,
        "diff_rank_seed": args.diff_rank_seed or randomness.get("diff_rank_seed", False),
        "deterministic": args.deterministic or randomness.get("deterministic", False),
    }


def checkpoints(runner: Runner) -> tuple[list[str], str]:
    """Return the names of the best checkpoints of a training, one for each measure, and that of the last."""
    known = runner.message_hub.runtime_info
    pointer = Path(runner.work_dir, "last_checkpoint")
    last = Path(pointer.read_text().strip()).name if pointer.is_file() else ""
    return [Path(known[key]).name for key in known if key.startswith("best_ckpt")], last


def summary(runner: Runner, config: str) -> str:
    """Return what a training ends with: the best checkpoint and its figures, where everything is, what to do next."""
    known = runner.message_hub.runtime_info
    best, last = checkpoints(runner)
    place = Path(os.path.relpath(runner.work_dir))
    rows = []
    for name in best:
        figures = (known.get(BEST_FIGURES) or {}).get(name) or {}
        rows.append(", ".join([f"best       {name}", *(f"{key} {value:.4g}" for key, value in figures.items())]))
    if last:
        rows.append(f"last       {last}")
    rows.append(f"output     {place}: checkpoints, the config, and in {runner.timestamp} the log")
    chosen = place / (best[0] if best else last)
    if best or last:
        arguments = shlex.join([config, str(chosen)])
        rows.append(f"next       python tools/test.py {arguments}")
        rows.append(f"           python tools/infer.py {arguments} VIDEO_OR_SKELETON")
    return "the training has ended\n" + "\n".join(f"  {row}" for row in rows)


def train(cfg: Config, args: argparse.Namespace, notes: Sequence[str] = ()) -> Runner:
    """Train the model of ``cfg``, which is changed as the options say; return the runner at its end."""
    apply_options(cfg, args)
    plan = plan_resume(cfg, args.resume)
    for note in [*notes, *(plan.notes if plan else ())]:
        print(note, file=sys.stderr)
    runner = build_runner(cfg, plan)
    runner.train()
    return runner


def main(argv: list[str] | None = None) -> int:
    """Train; return 0."""
    args = parse_args(argv)
    set_local_rank(args)
    register_all_modules()
    cfg, notes = load_config(args.config, args.cfg_options)
    runner = train(cfg, args, notes)
    if is_main_process():
        runner.logger.info(summary(runner, args.config))
    return 0
