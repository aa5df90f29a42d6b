"""Score a test anew for classes that are all alike frequent: logit adjustment after the test.

Examples:
  python tools/analysis/adjust.py work_dirs/NAME/test_best_acc_top1_epoch_10
  python tools/analysis/adjust.py work_dirs/NAME/test_epoch_24/scores.npz --tau 0.5 --out work_dirs/NAME/adjusted

Each probability is divided by the class's share of the training samples to the power --tau, which helps rare classes
and costs frequent ones. Choose --tau on validation data. Nothing is run again; the new result has the files of a test,
and tools/analysis/report.py compares it with the old one. A model trained with BalancedSoftmaxLoss or
LogitAdjustedLoss is adjusted already.
"""

import argparse
from pathlib import Path

from mmaction.engine.results.table import text_table
from mmaction.engine.results.writer import free_folder, write_result
from mmaction.evaluation import summarize
from mmaction.evaluation.details import SHOTS
from mmaction.reports.adjust import adjust_for_counts
from mmaction.structures import Result
from mmaction.utils.files import refuse_inputs


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=Path, help="folder of a test, or its scores.npz")
    parser.add_argument("--tau", type=float, default=1.0, help="how much of the frequencies is taken out (default: 1)")
    parser.add_argument("--out", type=Path, help="folder of the new result (default: RESULT_adjusted)")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Adjust, print both and write the new result; return 0."""
    args = parse_args(argv)
    folder = args.result if args.result.is_dir() else args.result.parent
    before = Result.load(args.result)
    after = adjust_for_counts(before, args.tau)
    out = args.out or folder.with_name(f"{folder.name}_adjusted")
    refuse_inputs(out, [folder])
    out = free_folder(out, after.run["identity"])
    figures = [summarize(result) for result in (before, after)]
    rows = [(name, *(f"{100 * f['accuracy'][name]:.2f}" for f in figures)) for name in figures[0]["accuracy"]]
    for name, shot in SHOTS.items():
        means = [f["long_tail"][name]["mean1"] for f in figures]
        if None not in means:
            rows.append((f"{shot} ({figures[0]['long_tail'][name]['rule']})", *(f"{100 * mean:.2f}" for mean in means)))
    print(text_table(f"{len(before)} samples, tau {args.tau:g}", ("measure", "as tested %", "adjusted %"), rows))
    write_result(out, after)
    print(f"written to {out}: predictions.csv, scores.npz, metrics.json")
    return 0
