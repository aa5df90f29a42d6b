r"""Compare settings of a config: train and test each with several seeds, and write a table with intervals.

Examples:
  python tools/sweep.py CONFIG --setting plain --setting smooth model.cls_head.label_smooth_eps=0.1 --seeds 0 1 2
  python tools/sweep.py CONFIG --setting class model.cls_head.mode=class --setting both model.cls_head.mode=both \
      --vary train_dataloader.dataset.dataset.filter_cfg.per_class=3,5,10 \\
      --cfg-options train_dataloader.dataset.dataset.filter_cfg.seed={seed}

Rows of the table are settings, columns the values of --vary. A cell is the mean over the seeds with its 95 % interval
(Student's t), and for all settings but the first the mean difference to the first with the same seeds. {seed} in an
option stands for the seed. Every run has a folder below --work-dir, is tested after its last epoch, and is not
repeated where its result is there: the same command goes on after an interruption. A result of another config, file
named in it, or option is refused.
"""

import argparse
import itertools
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmaction.utils.cli import ToolStop
from mmaction.utils.files import write_csv, write_text

METRICS = ("top1", "top5", "mean1", "freq1")
TABLE, RUNS, LOG = "sweep.md", "sweep.csv", "output.txt"


@dataclass(frozen=True)
class SweepRun:
    """One training and test."""

    setting: str
    column: str
    seed: int
    options: tuple[str, ...]

    def folder(self, root: Path) -> Path:
        """Return where the run's files lie."""
        name = "_".join(filter(None, (self.setting, self.column, f"seed={self.seed}")))
        return root / name.replace("/", "-").replace(" ", "-")


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="config file that all runs share")
    parser.add_argument(
        "--setting", nargs="+", action="append", metavar=("NAME", "KEY=VALUE"), help="a row: its name and its options"
    )
    parser.add_argument("--vary", action="append", default=[], metavar="KEY=V1,V2", help="columns: values of a key")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2], help="seeds of the runs of each cell (default: 0 1 2)"
    )
    parser.add_argument("--cfg-options", nargs="+", default=[], metavar="KEY=VALUE", help="options of all runs")
    parser.add_argument("--epochs", type=int, help="epochs of each training; the schedule is scaled with them")
    parser.add_argument(
        "--metric",
        default="top1",
        choices=METRICS,
        help="what the table shows: top-k or mean class accuracy, or "
        "freq1, the top-1 accuracy where classes are as frequent as in training (default: top1)",
    )
    parser.add_argument("--classes", type=int, nargs="+", help="measure on the samples of these classes alone")
    parser.add_argument("--work-dir", type=Path, help="folder of the runs (default: work_dirs/sweep_CONFIG)")
    args = parser.parse_args(argv)
    args.setting = args.setting or [["unchanged"]]
    for text in (*args.vary, *args.cfg_options, *(option for _, *options in args.setting for option in options)):
        if "=" not in text:
            parser.error(f"{text!r}: expected KEY=VALUE")
    names = [name for name, *_ in args.setting]
    if len(set(names)) < len(names) or len(set(args.seeds)) < len(args.seeds):
        parser.error("every --setting needs a name of its own, and every seed counts once")
    return args


def plan(args: argparse.Namespace) -> Iterator[SweepRun]:
    """Yield all runs."""
    keys = [text.partition("=")[0] for text in args.vary]
    values = [text.partition("=")[2].split(",") for text in args.vary]
    for seed, chosen, (name, *options) in itertools.product(args.seeds, itertools.product(*values), args.setting):
        varied = [f"{key}={value}" for key, value in zip(keys, chosen, strict=True)]
        column = "_".join(text.rpartition(".")[2] for text in varied)
        texts = [text.replace("{seed}", str(seed)) for text in (*args.cfg_options, *varied, *options)]
        yield SweepRun(name, column, seed, tuple(texts))


def result_folder(folder: Path) -> Path | None:
    """Return where the result of a finished run lies."""
    found = sorted(folder.glob("test_*/metrics.json"), key=lambda path: path.stat().st_mtime)
    return found[-1].parent if found else None


def carry_out(config: str, run: SweepRun, folder: Path, epochs: int | None) -> None:
    """Train and test in a process of its own, whose output goes to a file; ToolStop if it fails."""
    # a forked copy of a process that has threads may hang; the server, which has none, imports PyTorch once for all
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context: Any = multiprocessing.get_context(method)
    context.set_forkserver_preload(["mmaction.cli.train", "mmaction.cli.test", "mmaction.engine"])
    process = context.Process(target=_train_and_test, args=(config, run, folder, epochs))
    process.start()
    process.join()
    if process.exitcode:
        last = (folder / LOG).read_text(errors="replace").strip().splitlines()[-2:]
        raise ToolStop(f"{folder} ended with exit code {process.exitcode}: {' '.join(last)} ({folder / LOG})")


def _options(run: SweepRun, folder: Path) -> list[str]:
    return ["--work-dir", str(folder), *(["--cfg-options", *run.options] if run.options else [])]


def depends_on(config: str, run: SweepRun, folder: Path, epochs: int | None) -> str:
    """Return a hash of what a run depends on: its config, files named there, and options."""
    from mmaction.cli import train
    from mmaction.engine.results.facts import identity, training_identity
    from mmaction.utils.config import load_config

    cfg, _ = load_config(config, train.parse_args([config, *_options(run, folder)]).cfg_options)
    return training_identity(cfg, [run.seed, epochs, identity(cfg, None)])


def _train_and_test(config: str, run: SweepRun, folder: Path, epochs: int | None) -> None:
    from mmaction.cli import test, train
    from mmaction.utils.cli import run_tool

    options = _options(run, folder)
    length = ["--epochs", str(epochs)] if epochs else []

    def both() -> None:
        train.main([config, "--seed", str(run.seed), "--resume", "--no-validate", *length, *options])
        last = (folder / "last_checkpoint").read_text(encoding="utf-8").strip()
        test.main([config, str(folder / Path(last).name), *options])

    with open(folder / LOG, "a", encoding="utf-8") as log, redirect_stdout(log), redirect_stderr(log):
        run_tool(both)


def measure(folder: Path, metric: str, classes: Sequence[int] | None) -> float:
    """Return a figure of a result, in percent, on the samples of some classes where they are named."""
    from mmaction.evaluation.functional import class_recall, top_k_accuracy
    from mmaction.structures import Result

    result = Result.load(folder)
    if classes:
        result = result.select(np.isin(result.labels, classes))
    recall, tested = class_recall(result.labels, result.predicted, result.num_classes)
    if metric == "freq1" and result.train_counts is None:
        raise ValueError(f"{folder}: freq1 needs the training samples of each class, which the result does not hold")
    if metric in ("mean1", "freq1"):
        weights = np.asarray(result.train_counts) if metric == "freq1" else np.ones(len(tested))
        return 100 * float(np.average(recall[tested > 0], weights=weights[tested > 0]))
    return 100 * top_k_accuracy(result.scores, result.labels, int(metric.removeprefix("top")), result.missing)[0]


def interval(values: Sequence[float]) -> str:
    """Return mean and 95 % interval (Student's t over the values), ``62.1 ± 3.4``; the mean alone of one value."""
    from scipy.stats import t

    mean, count = float(np.mean(values)), len(values)
    if count < 2:
        return f"{mean:.1f}"
    return f"{mean:.1f} ± {t.ppf(0.975, count - 1) * np.std(values, ddof=1) / count**0.5:.1f}"


def table(figures: dict[SweepRun, float]) -> str:
    """Return the figures of the runs as a table in Markdown; columns whose runs are not all there are left out."""
    settings, columns = (list(dict.fromkeys(getattr(run, name) for run in figures)) for name in ("setting", "column"))
    lines = ["| | " + " | ".join(column or "all" for column in columns) + " |", "| --- |" + " --- |" * len(columns)]
    for setting in settings:
        cells = []
        for column in columns:
            own, first = (
                {run.seed: value for run, value in figures.items() if (run.setting, run.column) == (name, column)}
                for name in (setting, settings[0])
            )
            shared = sorted(own.keys() & first.keys())
            cell = interval(list(own.values())) if own else ""
            if setting != settings[0] and shared:
                cell += f" ({interval([own[seed] - first[seed] for seed in shared])} to {settings[0]})"
            cells.append(cell)
        lines.append(f"| {setting} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Carry out the runs whose results are not there, and write the table; return 0."""
    from tqdm import tqdm

    from mmaction.apis.runs import read_record, write_record
    from mmaction.engine.resume import is_work_dir
    from mmaction.utils import register_all_modules

    args = parse_args(argv)
    root = args.work_dir or Path("work_dirs", f"sweep_{Path(args.config).stem}")
    runs = list(plan(args))
    register_all_modules()
    figures: dict[SweepRun, float] = {}
    for run in tqdm(runs, desc="runs", unit="run", disable=not sys.stderr.isatty()):
        folder = run.folder(root)
        mine = depends_on(args.config, run, folder, args.epochs)
        if is_work_dir(folder):
            read_record(folder, mine)
        else:
            write_record(folder, training=mine)
        if result_folder(folder) is None:
            carry_out(args.config, run, folder, args.epochs)
        result = result_folder(folder)
        if result is None:
            raise ToolStop(f"{folder} has no result after its test; see {folder / LOG}")
        figures[run] = measure(result, args.metric, args.classes)
        _write(root, figures, args.metric)
    print(table(figures))
    print(f"{args.metric} in percent; written to {os.path.relpath(root)}: {TABLE}, {RUNS}")
    return 0


def _write(root: Path, figures: dict[SweepRun, float], metric: str) -> None:
    write_text(root / TABLE, f"{table(figures)}\n")
    rows = ([r.setting, r.column, r.seed, f"{v:.4f}", " ".join(r.options)] for r, v in figures.items())
    write_csv(root / RUNS, [["setting", "column", "seed", metric, "options"], *rows])
