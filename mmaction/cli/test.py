"""Test a model with a checkpoint.

Examples:
  python tools/test.py CONFIG work_dirs/NAME/best_acc_top1_epoch_10.pth
  python tools/test.py CONFIG CHECKPOINT --eval top_k_accuracy mean_class_accuracy --eval-options topk=1,5
  python tools/test.py CONFIG CHECKPOINT --report
  python tools/test.py CONFIG CHECKPOINT --dump scores.pkl
  torchrun --nproc_per_node=8 tools/test.py CONFIG CHECKPOINT --launcher pytorch

Beside the figures on the terminal, WORK_DIR/test_CHECKPOINT holds predictions.csv, scores.npz and metrics.json. Where
CHECKPOINT lies in the work directory of a training, that is WORK_DIR, else work_dirs/NAME. A test of another model,
test set, pipeline or checkpoint does not replace them: it writes into test_CHECKPOINT_2, and so on. A clip whose
skeleton shows nobody, or that cannot be loaded, counts as wrong and is named.
"""

import argparse
import sys
from pathlib import Path

from mmaction.utils.cli import ConfigOptions, add_run_options, config_parser, set_local_rank


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = config_parser(__doc__)
    parser.add_argument("checkpoint", help="weights to test: a file or a web address")
    parser.add_argument("--eval", nargs="+", metavar="METRIC", help="measure this instead of what the config says")
    parser.add_argument(
        "--eval-options", nargs="+", action=ConfigOptions, metavar="KEY=VALUE", help="options of --eval, as topk=1,5"
    )
    parser.add_argument(
        "--dump", metavar="FILE.pkl", help="write every score to a pickle file; an earlier dump is replaced"
    )
    parser.add_argument("--overwrite", action="store_true", help="let --dump replace a file that is no earlier dump")
    parser.add_argument("--show-dir", metavar="FOLDER", help="write a video of each clip: labels, scores, skeletons")
    parser.add_argument(
        "--report", action="store_true", help="also explain the result in report.html, see tools/analysis"
    )
    add_run_options(parser)
    args = parser.parse_args(argv)
    if args.eval_options and not args.eval:
        parser.error("--eval-options needs --eval METRIC")
    if args.dump and Path(args.dump).suffix not in (".pkl", ".pickle"):
        parser.error(f"--dump {args.dump}: expected a file named *.pkl")
    return args


def main(argv: list[str] | None = None) -> int:
    """Test and print the figures; return 0."""
    args = parse_args(argv)
    set_local_rank(args)
    from mmengine.dist import is_main_process

    from mmaction.apis.testing import TestOptions, run_test
    from mmaction.cli.arguments import read_config
    from mmaction.engine.results.writer import REPORT
    from mmaction.reports.dumps import is_dump
    from mmaction.reports.report import write_report
    from mmaction.utils import register_all_modules

    register_all_modules()
    cfg = read_config(args, sys.stderr)
    overwrite = args.overwrite or bool(args.dump and is_dump(args.dump))
    options = TestOptions.of(args, metrics=args.eval, metric_options=args.eval_options, overwrite=overwrite)
    metrics, folder = run_test(cfg, options)
    if is_main_process():
        if args.report:
            print(f"report: {write_report([folder], folder / REPORT)}")
        for name, value in metrics.items():
            print(f"{name}: {value:.4f}" if isinstance(value, float) else f"{name}:\n{value}")
    return 0
