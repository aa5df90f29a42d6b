"""Fuse the scores of several models on the same samples.

Examples:
  python tools/analysis/fuse.py work_dirs/JOINT/test_best work_dirs/LIMB/test_best --weights 1 1
  python tools/analysis/fuse.py A/scores.npz B/scores.npz --tune-on A_VAL/scores.npz B_VAL/scores.npz
  python tools/analysis/fuse.py A/scores.npz mmaction2_dump.pkl pyskl_result.pkl --tune-share 0.5

A result is a folder that tools/test.py wrote, a scores.npz, or a pickle that MMAction2 (--dump) or PYSKL (--out) wrote;
pickles are read without running code from them. Searched weights are found on one set of samples and reported on
another. The fused result has the files of a test, and tools/analysis/report.py explains it. It does not replace a
fusion of other tests: it then goes to work_dirs/fused_2, and so on.
"""

import argparse
import csv
from dataclasses import replace
from pathlib import Path

from mmaction.engine.results.table import text_table
from mmaction.engine.results.writer import free_folder, write_result
from mmaction.evaluation import summarize
from mmaction.label_spaces import load_label_space
from mmaction.reports.compare import align_all, compare
from mmaction.reports.dumps import load_any
from mmaction.reports.fusion import check_single_label, fuse, search_weights, split_samples
from mmaction.structures import Result
from mmaction.utils.files import refuse_inputs

SHOWN = 5
OUT = "work_dirs/fused"


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", metavar="RESULT", help="folder of a test, scores.npz or dumped pickle")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--weights", type=float, nargs="+", help="one for each result (default: equal)")
    choice.add_argument("--tune-on", nargs="+", metavar="RESULT", help="search weights on these results of the models")
    choice.add_argument(
        "--tune-share", type=float, metavar="SHARE", help="search on this share of the samples, report on the rest"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random choice of --tune-share (default: 0)")
    parser.add_argument("--names", nargs="+", help="one name for each result")
    parser.add_argument("--label-space", help="diving48, gym99, gym288 or a CSV file, for figures by attribute")
    parser.add_argument("--out", help=f"folder of the result (default: {OUT})")
    args = parser.parse_args(argv)
    if len(args.results) < 2:
        parser.error("fusion needs at least two results")
    for option, values in (("--weights", args.weights), ("--tune-on", args.tune_on), ("--names", args.names)):
        if values is not None and len(values) != len(args.results):
            parser.error(f"{option}: {len(values)} values for {len(args.results)} results")
    return args


def load_all(paths: list[str], names: list[str]) -> list[Result]:
    """Read results; one with labels gives them to those without, and the first gives its order to all."""
    reference = next((load_any(path) for path in paths if not path.endswith((".pkl", ".pickle"))), None)
    tests = []
    for path in paths:
        test = load_any(path, reference)
        reference = reference or test
        tests.append(test)
    return align_all(tests, names)


def choose_folder(args: argparse.Namespace, fused: list[str]) -> Path:
    """Return the folder to write: no input, and with no result but one of the same tests, ``fused``."""
    wanted = Path(args.out or OUT)
    refuse_inputs(wanted, [*args.results, *(args.tune_on or ())])
    folder = free_folder(wanted, fused)
    if args.out and folder != wanted:
        raise FileExistsError(f"--out {wanted} holds a result of others; choose another folder, such as {folder}")
    return folder


def choose_weights(args: argparse.Namespace, tests: list[Result]) -> tuple[list[float], list[Result], str]:
    """Return the weights, the samples to report on and how the weights came about."""
    if args.tune_on:
        tuning = load_all(args.tune_on, args.tune_on)
        return search_weights(tuning), tests, f"searched on {len(tuning[0])} other samples"
    if args.tune_share is not None:
        chosen, rest = split_samples(len(tests[0]), args.tune_share, args.seed)
        weights = search_weights([test.select(chosen) for test in tests])
        origin = f"searched on {len(chosen)} samples that are left out here"
        return weights, [test.select(rest) for test in tests], origin
    return args.weights or [1.0] * len(tests), tests, "given" if args.weights else "equal"


def write_gains(path: Path, rows: list[dict]) -> None:
    """Write what fusion changes in each class against the best single model."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ("class", "name", "count", "first", "second", "gain", "gained"))
        writer.writeheader()
        writer.writerows(rows)


def main(argv: list[str] | None = None) -> int:
    """Fuse, print what it gains and write the result; return 0."""
    args = parse_args(argv)
    names = args.names or [str(Path(path)) for path in args.results]
    paths = [str(Path(path).resolve()) for path in args.results]
    folder = choose_folder(args, paths)
    tests = load_all(args.results, names)
    check_single_label(tests[0])
    weights, tests, origin = choose_weights(args, tests)
    run = {"fused": names, "results": paths, "identity": paths, "weights": weights, "origin": origin}
    fused = replace(fuse(tests, weights, names), run=run)
    if args.label_space:
        space = load_label_space(args.label_space)
        fused = replace(fused, label_space=space, classes=space.names)
    rows = []
    for name, weight, test in [*zip(names, weights, tests, strict=True), ("fused", None, fused)]:
        shown = [f"{100 * value:.2f}" for value in summarize(test)["accuracy"].values()]
        rows.append((name, "" if weight is None else f"{weight:.3f}", *shown))
    best = max(tests, key=lambda test: int((test.predicted == test.labels).sum()))
    change = compare(best, fused)
    header = ("result", "weight", "top1 %", "top5 %", "mean1 %")
    print(text_table(f"{len(fused)} samples, weights {origin}", header, rows))
    gain, p_value = 100 * change["difference"], change["mcnemar"]["p_value"]
    print(f"against the best single result: {gain:+.2f} points, McNemar p = {p_value:.2g}")
    classes = change["classes"]
    for row in classes if len(classes) <= 2 * SHOWN else classes[:SHOWN] + classes[-SHOWN:]:
        if row["gained"]:
            print(f"  {row['gained']:+d} of {row['count']}  {row['class']} {row['name']}")
    write_result(folder, fused)
    write_gains(folder / "gains.csv", classes)
    print(f"written to {folder}: predictions.csv, scores.npz, metrics.json, gains.csv")
    return 0
