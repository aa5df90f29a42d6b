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
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process

from mmaction.engine import build_runner
from mmaction.engine.checks.config import annotation_files, check_config, metric_configs
from mmaction.engine.results.writer import REPORT, ResultWriter
from mmaction.engine.resume import is_work_dir
from mmaction.evaluation.metrics import check_metric_names
from mmaction.io.checkpoints import local_path
from mmaction.reports.dumps import is_dump
from mmaction.reports.report import write_report
from mmaction.utils import register_all_modules
from mmaction.utils.cli import ConfigOptions, add_run_options, set_local_rank
from mmaction.utils.config import default_work_dir, load_config, type_name
from mmaction.utils.files import claim


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="config file; it is a Python program and runs as such")
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


def metric_config(names: list[str], options: dict | None) -> dict:
    """Return the config of the metric for ``--eval`` and ``--eval-options``; ValueError if one is unknown."""
    metric = {"type": "AccMetric", "metric_list": check_metric_names(names)}
    if unknown := [name for name in options or () if name != "topk"]:
        raise ValueError(f"--eval-options: unknown {', '.join(unknown)}; known: topk")
    return metric | ({"metric_options": {"top_k_accuracy": dict(options)}} if options else {})


def apply_options(cfg: Config, args: argparse.Namespace, folder: Path | None = None) -> None:
    """Write the command-line options into ``cfg``; the result goes to ``folder``.

    User errors as of :func:`check_config`, downloads and ``--dump``.
    """
    if args.eval:
        cfg.test_evaluator = metric_config(args.eval, args.eval_options)
    check_config(cfg, "testing")
    cfg.launcher = args.launcher
    checkpoint = local_path(args.checkpoint)
    of_training = str(checkpoint.parent) if is_work_dir(checkpoint.parent) else None
    cfg.work_dir = args.work_dir or cfg.get("work_dir") or of_training or default_work_dir(cfg)
    cfg.load_from, cfg.resume = str(checkpoint), False
    cfg.randomness = {"seed": 0, **(cfg.get("randomness") or {})}  # whatever is random in a test is so the same way
    if args.trust_checkpoint:
        cfg.trust_checkpoint = True
    if args.amp:
        cfg.test_cfg.fp16 = True
    if args.show_dir:
        hook = {"type": "VisualizationHook", "enable": True, "interval": 1, "out_dir": args.show_dir}
        cfg.default_hooks = {**(cfg.get("default_hooks") or {}), "visualization": hook}
        plain = {"type": "ActionVisualizer", "vis_backends": [{"type": "LocalVisBackend"}]}
        cfg.visualizer = cfg.get("visualizer") or plain
    # the result comes first, before what may fail, such as a dump on a full disk
    folder = folder or Path(cfg.work_dir, f"test_{Path(args.checkpoint).stem}")
    result = {"type": "ResultWriter", "out_dir": str(folder)}
    others = [metric for metric in metric_configs(cfg.test_evaluator) if type_name(metric) != "ResultWriter"]
    metrics = [result, *others]  # a config that an earlier test wrote holds its writer
    if args.dump:
        claim(Path(args.dump), args.overwrite or is_dump(args.dump), [args.config, checkpoint, *annotation_files(cfg)])
        metrics.append({"type": "DumpResults", "out_file_path": args.dump})
    is_whole = isinstance(cfg.test_evaluator, dict) and "metrics" in cfg.test_evaluator
    cfg.test_evaluator = {**cfg.test_evaluator, "metrics": metrics} if is_whole else metrics
    teller = {"type": "ResultHook", "checkpoint": args.checkpoint}
    cfg.default_hooks = {**(cfg.get("default_hooks") or {}), "result": teller}


def test(cfg: Config, args: argparse.Namespace, folder: Path | None = None) -> tuple[dict[str, Any], Path]:
    """Test the model of ``cfg``, which is changed as the options say; return the figures and the result's folder."""
    apply_options(cfg, args, folder)
    runner = build_runner(cfg)
    metrics = runner.test()
    (folder,) = (part.out_dir for part in runner.test_evaluator.metrics if isinstance(part, ResultWriter))
    return metrics, folder


def main(argv: list[str] | None = None) -> int:
    """Test and print the figures; return 0."""
    args = parse_args(argv)
    set_local_rank(args)
    register_all_modules()
    cfg, notes = load_config(args.config, args.cfg_options)
    for note in notes:
        print(note, file=sys.stderr)
    metrics, folder = test(cfg, args)
    if is_main_process():
        if args.report:
            print(f"report: {write_report([folder], folder / REPORT)}")
        for name, value in metrics.items():
            print(f"{name}: {value:.4f}" if isinstance(value, float) else f"{name}:\n{value}")
    return 0
