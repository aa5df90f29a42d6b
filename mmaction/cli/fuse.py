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
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from mmaction.engine.results.table import text_table
from mmaction.engine.results.writer import free_folder, write_result
from mmaction.evaluation import summarize
from mmaction.label_spaces import load_label_space
from mmaction.reports.compare import align, align_all, compare
from mmaction.reports.dumps import MEMORIZED, load_any
from mmaction.reports.fusion import check_single_label, fuse, search_weights, split_samples
from mmaction.reports.report import result_name
from mmaction.structures import Result
from mmaction.utils.files import refuse_inputs, write_csv, write_json

SHOWN = 15  # classes at each end of the gains
GAINS = "gains.csv"
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
    parser.add_argument("--seed", type=int, default=0, help="seed of the random choice of --tune-share (default: 0)")
    parser.add_argument("--names", nargs="+", help="one name for each result")
    parser.add_argument(
        "--beside", nargs="+", default=[], metavar="RESULT", help="also show these, as of a network that fuses features"
    )
    parser.add_argument("--label-space", help="diving48, gym99, gym288 or a CSV file, for figures by attribute")
    parser.add_argument("--out", help=f"folder of the result (default: {OUT})")
    args = parser.parse_args(argv)
    if len(args.results) < 2:
        parser.error("fusion needs at least two results")
    names = args.names or [str(Path(path)) for path in args.results]
    if double := next((name for name in names if names.count(name) > 1), None):
        parser.error(f"{double} is given twice; each result needs a name of its own (--names)")
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
        own = dict(zip(tests[0].ids, tests[0].scores.tolist(), strict=True))
        rows = zip(tuning[0].ids, tuning[0].scores.tolist(), strict=True)
        if same := [name for name, row in rows if own.get(name) == row]:
            raise ValueError(
                f"--tune-on {args.tune_on[0]}: {len(same)} samples, such as {same[0]}, are among those that are "
                "reported, on which weights must not be found; name results of another split, or use --tune-share"
            )
        check_order(tests, tuning, args.tune_on)
        for warning in tuning_warnings(tests, tuning, args.tune_on):
            print_log(f"--tune-on: {warning}", logger="current", level=logging.WARNING)
        return search_weights(tuning), tests, f"searched on {len(tuning[0])} other samples"
    if args.tune_share is not None:
        chosen, rest = split_samples(len(tests[0]), args.tune_share, args.seed)
        weights = search_weights([test.select(chosen) for test in tests])
        origin = f"searched on {len(chosen)} samples that are left out here"
        return weights, [test.select(rest) for test in tests], origin
    return args.weights or [1.0] * len(tests), tests, "given" if args.weights else "equal"


def check_order(tests: Sequence[Result], tuning: Sequence[Result], names: Sequence[str]) -> None:
    """Raise ValueError if ``tuning``, called ``names``, has the models of ``tests`` in another order."""
    wanted, found = ([test.run.get("checkpoint_sha256") for test in part] for part in (tests, tuning))
    for name, own, other in zip(names, wanted, found, strict=True):
        if other != own and other is not None and other in wanted:
            raise ValueError(
                f"--tune-on {name} is of the checkpoint of result {wanted.index(other) + 1}; name these results in the "
                "order of the results that are fused"
            )


def tuning_warnings(tests: Sequence[Result], tuning: Sequence[Result], names: Sequence[str]) -> Iterator[str]:
    """Yield why weights that are found on ``tuning``, called ``names``, may be too good for ``tests``."""
    own = dict(zip(tests[0].ids, tests[0].labels.tolist(), strict=True))
    found = [(name, label) for name, label in zip(tuning[0].ids, tuning[0].labels.tolist(), strict=True) if name in own]
    same = [name for name, label in found if own[name] == label]
    if 2 * len(same) > len(found):  # of other clips of the same names some labels agree by chance
        yield (
            f"{len(same)} samples, such as {same[0]}, have name and label of samples that are reported; if they are "
            "the same clips, the figures are too high"
        )
    if memorized := [name for name, test in zip(names, tuning, strict=True) if test.run.get(MEMORIZED)]:
        yield (
            f"{', '.join(memorized)} are of models that were trained on the same clips, so that weights trust them too "
            "much: take features of tools/extract_features.py --folds"
        )


def show_fusion(
    folder: Path,
    tests: dict[str, Result],
    weights: Sequence[float],
    run: dict[str, Any],
    learned: dict[str, Result] | None = None,
) -> tuple[Result, str]:
    """Fuse tests by name, print what it gains against the best of them, and write the result; return both.

    Args:
        folder: Where the files of a test go, and ``gains.csv`` and ``fusion.json``.
        tests: On the same samples, in one order.
        weights: One for each.
        run: Facts of the result; ``origin`` says where the weights come from.
        learned: Results of networks that fuse the same tests, to show beside them.
    """
    names = list(tests)
    fused = replace(fuse([*tests.values()], weights, names), run={**run, "fused": names, "weights": list(weights)})
    shown = [(name, f"{weight:.3f}", test) for weight, (name, test) in zip(weights, tests.items(), strict=True)]
    if len(set(weights)) > 1:
        shown.append(("equal weights", "", fuse([*tests.values()], [1.0] * len(tests), names)))
    shown += [("fused", "", fused), *((name, "", test) for name, test in (learned or {}).items())]
    accuracy = {name: summarize(test)["accuracy"] for name, _, test in shown}
    rows = [(name, weight, *(f"{100 * value:.2f}" for value in accuracy[name].values())) for name, weight, _ in shown]
    header = ("result", "weight", *(f"{name} %" for name in accuracy["fused"]))
    print(text_table(f"{len(fused)} samples, weights {run['origin']}", header, rows))
    best = max(tests, key=lambda name: int((tests[name].predicted == tests[name].labels).sum()))
    change = compare(tests[best], fused)
    gain, p_value = 100 * change["difference"], change["mcnemar"]["p_value"]
    print(f"against the best single result, {best}: {gain:+.2f} points, McNemar p = {p_value:.2g}")
    print(gain_table(change["classes"], best))
    write_result(folder, fused)
    columns = ("class", "name", "count", "first", "second", "gain", "gained")
    write_csv(folder / GAINS, [columns, *([row[column] for column in columns] for row in change["classes"])])
    facts = {"weights": dict(zip(names, weights, strict=True)), "origin": run["origin"], "accuracy": accuracy}
    write_json(folder / "fusion.json", {**facts, "best": best, **change})
    return fused, best


def gain_table(classes: Sequence[dict[str, Any]], best: str) -> str:
    """Return what fusion changes in each class, of many those with the largest gains and losses."""
    shown = classes if len(classes) <= 2 * SHOWN else [*classes[:SHOWN], *classes[-SHOWN:]]
    rows = []
    for row in shown:
        figures = (f"{100 * row['first']:.1f}", f"{100 * row['second']:.1f}", f"{100 * row['gain']:+.1f}")
        rows.append((f"{row['class']} {row['name']}", str(row["count"]), *figures))
    left_out = len(classes) - len(rows)
    title = "Gain of each class" + (f" ({left_out} in between are in {GAINS})" if left_out else "")
    return text_table(title, ("class", "samples", f"{best} %", "fused %", "gain %"), rows)


def main(argv: list[str] | None = None) -> int:
    """Fuse, print what it gains and write the result; return 0."""
    args = parse_args(argv)
    names = args.names or [str(Path(path)) for path in args.results]
    paths = [str(Path(path).resolve()) for path in args.results]
    folder = choose_folder(args, paths)
    tests = load_all(args.results, names)
    check_single_label(tests[0])
    weights, tests, origin = choose_weights(args, tests)
    if args.label_space:
        space = load_label_space(args.label_space)
        tests = [replace(test, label_space=space, classes=space.names) for test in tests]
    beside = [align(load_any(path, tests[0]), tests[0].ids, path) for path in args.beside]
    learned = align_all([tests[0], *beside], [names[0], *args.beside])[1:]
    run = {"results": paths, "identity": paths, "origin": origin}
    by_name = dict(zip(names, tests, strict=True))
    show_fusion(folder, by_name, weights, run, dict(zip(map(result_name, args.beside), learned, strict=True)))
    print(f"written to {folder}: predictions.csv, scores.npz, metrics.json, {GAINS}, fusion.json")
    return 0
