"""Learning curves out of the scalars that a run logs."""

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmaction.utils.cli import suggest
from mmaction.utils.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TIMESTAMP = re.compile(r"\d{8}_\d{6}(_\d+)?")  # the second run of a second has a number too
SCALARS = Path("vis_data/scalars.json")
NOT_CURVES = {"epoch", "iter", "step", "data_time", "time", "memory"}
STYLES = ("-", "--", ":", "-.")
PANELS = (("loss", "loss"), ("accuracy", "accuracy"), ("lr", "learning rate"))


@dataclass
class RunLog:
    """The logged scalars of one run."""

    name: str  # what the run is called in legends
    by_epoch: bool = True  # whether positions are epochs (else iterations)
    # for each training scalar, positions (fractions of an epoch, or iterations) and values, rising
    train: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    val: dict[str, list[tuple[float, float]]] = field(default_factory=dict)  # the same for the results of validation

    @property
    def keys(self) -> list[str]:
        """The names of all scalars."""
        return sorted({*self.train, *self.val})


def find_scalars(path: str | Path) -> list[Path]:
    """Return the scalar files, oldest first, of a work folder (all its runs), one run's folder or a JSON file."""
    path = Path(path)
    if path.is_file():
        return [path]
    candidates = [path / SCALARS, path / SCALARS.name]
    candidates += [run / SCALARS for run in sorted(path.glob("*")) if TIMESTAMP.fullmatch(run.name)]
    found = [file for file in candidates if file.is_file() and file.stat().st_size]
    if not found:
        raise FileNotFoundError(
            f"{path}: no log found; expected a work folder with TIMESTAMP/{SCALARS}, as tools/train.py writes it"
        )
    return found


def read_records(files: Iterable[Path]) -> list[dict[str, Any]]:
    """Return the JSON objects of log files, one a line; a last line that a killed run left unfinished is skipped."""
    records = []
    for file in files:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                if number == len(lines):
                    continue
                raise ValueError(f"{file}, line {number}: expected a JSON object, found {line[:60]!r}") from error
            if not isinstance(record, dict):
                raise ValueError(f"{file}, line {number}: expected a JSON object, found {line[:60]!r}")
            records.append(record)
    return records


def read_log(path: str | Path, name: str | None = None) -> RunLog:
    """Read the scalars of one run, called ``name`` (by default as its folder), from what :func:`find_scalars` takes.

    Where it was taken up again, or begun anew, the later course counts from there on.
    """
    files = [[_numbers(record) for record in read_records([file])] for file in find_scalars(path)]
    steps = [r for records in files for r in records if "loss" in r and ("iter" in r or "step" in r)]
    by_epoch = all("epoch" in r for r in steps) if steps else True
    # logs do not say how long an epoch is: the last record of one tells, up to the logging interval
    length = max((r["iter"] / r["epoch"] for r in steps if r.get("epoch") and "iter" in r), default=0) or 1
    log = RunLog(name or log_name(path), by_epoch)
    found: dict[tuple[str, str], dict[float, float]] = {}
    for records in files:
        placed = [(_position(record, length if by_epoch else None), record) for record in records]
        _drop_from(found, min((position for position, record in placed if "loss" in record), default=math.inf))
        for position, record in placed:
            for key in record.keys() - NOT_CURVES:
                found.setdefault(("train" if "loss" in record else "val", key), {})[position] = record[key]
    for (part, key), points in sorted(found.items()):
        getattr(log, part)[key] = sorted(points.items())
    if not found:
        raise ValueError(f"{path}: the log holds no scalar yet")
    return log


def _position(record: dict[str, float], epoch_length: float | None) -> float:
    """Return where a record belongs; iterations of training count in epochs where ``epoch_length`` is given."""
    position = record.get("step", record.get("iter", 0.0))
    return record.get("iter", position) / epoch_length if "loss" in record and epoch_length else position


def _drop_from(found: dict[tuple[str, str], dict[float, float]], start: float) -> None:
    """Remove what is known from ``start`` on: another course of the run, which a later one replaces."""
    for key, points in list(found.items()):
        found[key] = {position: value for position, value in points.items() if position < start}
        if not found[key]:
            del found[key]


def _numbers(record: dict[str, Any]) -> dict[str, float]:
    """Return the numeric entries of a log record."""
    numbers = {k: v for k, v in record.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    return {k: float(v) for k, v in numbers.items() if isinstance(v, float) or abs(v) < 2**63}


def log_name(path: str | Path) -> str:
    """Return the name of the work folder that a log belongs to."""
    parts = [part.removesuffix(".json") for part in Path(path).resolve().parts]
    inside = {SCALARS.parts[0], SCALARS.stem}
    named = [part for part in parts if part not in inside and not TIMESTAMP.fullmatch(part)]
    return named[-1] if named else str(path)


def panel_of(key: str) -> str | None:
    """Return which panel of the figure a scalar belongs to: ``loss``, ``accuracy``, ``lr`` or none."""
    if "loss" in key:
        return "loss"
    if key.endswith("lr"):
        return "lr"
    if re.search(r"(top\d+|mean1|acc|average_precision)", key):
        return "accuracy"
    return None


def curves(log: RunLog, keys: Sequence[str] | None = None) -> list[tuple[str, str, str, list[tuple[float, float]]]]:
    """Return ``(panel, part, key, points)`` of the curves of ``keys``, or of losses, accuracies and learning rate."""
    for key in keys or ():
        if key not in log.keys:
            raise ValueError(f"{log.name} has no scalar {key!r}{suggest(key, log.keys)}; logged: {', '.join(log.keys)}")
    chosen = []
    for part, table in (("train", log.train), ("val", log.val)):
        for key, points in table.items():
            panel = panel_of(key)
            if keys is not None:
                if key in keys:
                    chosen.append((panel or key, part, key, points))
            elif panel and key not in ("base_lr", "top5_acc"):
                chosen.append((panel, part, key, points))
    return chosen


@dataclass
class Line:
    """One line of a figure, which stands for all curves that are alike."""

    panel: str
    points: list[tuple[float, float]]
    names: dict[str, list[str]]  # for each run its curves
    run: int  # position of the first run
    part: str  # ``train`` or ``val``

    def label(self, of_several: bool) -> str:
        """Return what the legend says."""
        texts = [f"{run}: {' = '.join(keys)}" if of_several else " = ".join(keys) for run, keys in self.names.items()]
        return "\n= ".join(texts)


def find_lines(logs: Sequence[RunLog], names: Sequence[str], keys: Sequence[str] | None = None) -> list[Line]:
    """Return the lines of the curves of runs that are called ``names``; curves that lie on each other are one line."""
    lines: list[Line] = []
    for index, (log, name) in enumerate(zip(logs, names, strict=True)):
        for panel, part, key, points in curves(log, keys):
            same = next((line for line in lines if line.panel == panel and line.points == points), None)
            if same is None:
                same = Line(panel, points, {}, index, part)
                lines.append(same)
            same.names.setdefault(name, []).append(f"{part} {key}")
    return lines


def distinct_names(logs: Sequence[RunLog]) -> list[str]:
    """Return what to call the runs: equal names are numbered."""
    return [
        f"{log.name} #{1 + [other.name for other in logs[:i]].count(log.name)}"
        if [other.name for other in logs].count(log.name) > 1
        else log.name
        for i, log in enumerate(logs)
    ]


def plot_curves(logs: Sequence[RunLog], keys: Sequence[str] | None = None, title: str | None = None) -> "Figure":
    """Return a figure with a panel for losses, accuracies and the learning rate (or ``keys``) of one or more runs.

    Several runs have a color each, and their curves one style each; of one run each curve has a color. Curves that lie
    on each other are one line, which names them all. ValueError if nothing of what is asked for was logged.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    lines = find_lines(logs, distinct_names(logs), keys)
    if not lines:
        raise ValueError("no curve to draw: the logs hold neither a loss nor an accuracy")
    titles = dict(PANELS)
    present = {line.panel for line in lines}
    panels = [name for name in titles if name in present] + sorted(present - titles.keys())
    figure = Figure(figsize=(5.2 * len(panels), 3.9), layout="constrained")
    axes = dict(zip(panels, figure.subplots(1, len(panels), squeeze=False)[0], strict=True))
    several = len(logs) > 1
    few = len(logs) <= 10
    shades = colormaps["tab10"](range(10)) if few else colormaps["turbo"](np.linspace(0.05, 0.95, len(logs)))
    colors = list(map(tuple, shades))
    for panel, axis in axes.items():
        styles: dict[str, str] = {}
        for position, line in enumerate(line for line in lines if line.panel == panel):
            kind = next(iter(line.names.values()))[0]
            style = styles.setdefault(kind, STYLES[len(styles) % len(STYLES)]) if several else "-"
            color = colors[(line.run if several else position) % len(colors)]
            marker = "o" if line.part == "val" or len(line.points) == 1 else None
            look = {"color": color, "linestyle": style, "marker": marker, "markersize": 3, "lw": 1.4}
            axis.plot(*zip(*line.points, strict=True), label=line.label(several), **look)
        _finish(axis, panel, titles.get(panel, panel), by_epoch=all(log.by_epoch for log in logs))
    if title:
        figure.suptitle(title)
    return figure


def _finish(axis: Any, panel: str, title: str, by_epoch: bool) -> None:
    """Set what is around the curves of a panel: title, axes in whole epochs or iterations, legend."""
    from matplotlib.ticker import MaxNLocator

    axis.set_title(title)
    axis.set_xlabel("epoch" if by_epoch else "iteration")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.grid(alpha=0.3)
    axis.legend(fontsize=7)
    if panel == "accuracy":
        axis.set_ylim(0, 1.02)
    elif panel == "loss":
        axis.set_ylim(bottom=0)


def save_figure(figure: "Figure", path: str | Path, dpi: int = 120) -> None:
    """Write a figure; the suffix (.png, .svg, .pdf) chooses the format, and ValueError names those there are."""
    path = Path(path)
    known = figure.canvas.get_supported_filetypes()
    if path.suffix.lower().lstrip(".") not in known:
        raise ValueError(f"cannot write a figure to {path}: expected a name that ends in .{', .'.join(sorted(known))}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix.lower().lstrip("."), dpi=dpi)
