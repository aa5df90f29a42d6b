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

from mmaction.utils.cli import add_run_options, config_parser, set_local_rank


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = config_parser(__doc__)
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


def main(argv: list[str] | None = None) -> int:
    """Train; return 0."""
    args = parse_args(argv)
    set_local_rank(args)
    from mmengine.dist import is_main_process

    from mmaction.apis.training import Run, TrainOptions, run_training
    from mmaction.utils import register_all_modules
    from mmaction.utils.config import load_config

    register_all_modules()
    cfg, notes = load_config(args.config, args.cfg_options)
    runner = run_training(cfg, TrainOptions.of(args), notes)
    if is_main_process():
        runner.logger.info(str(Run.of(runner)))
    return 0
