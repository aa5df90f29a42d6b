"""One HTML file that explains the result of a test: no network, no other files."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmaction.evaluation import Predictions, load_scores, summarise
from mmaction.evaluation.predictions import as_probabilities
from mmaction.evaluation.slices import clip_slices
from mmaction.evaluation.summary import label_space_of
from mmaction.label_spaces import LabelSpace
from mmaction.reports import figures
from mmaction.reports.clips import ClipPictures
from mmaction.reports.compare import align_all, compare
from mmaction.reports.curves import RunLog, read_log
from mmaction.utils.files import read_json, write_atomically

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TEMPLATE = Path(__file__).with_name("report.html")
SECTIONS = (
    ("summary", "In short"), ("comparison", "Comparison"), ("attributes", "Attributes"), ("hierarchy", "Hierarchy"),
    ("confusion", "Confusion"), ("classes", "Classes"), ("calibration", "Confidence"), ("clips", "By kind of clip"),
    ("worst", "Worst clips"), ("training", "Training"),
)  # fmt: skip


@dataclass(frozen=True)
class Result:
    """One test as a report shows it: its name, its scores and the content of its ``metrics.json``."""

    name: str
    predictions: Predictions
    summary: dict[str, Any]


def load_result(path: str | os.PathLike, name: str | None = None, space: LabelSpace | None = None) -> Result:
    """Read the folder that a test wrote, or a ``scores.npz`` alone.

    Args:
        path: The folder or file.
        name: What to call it; by default the name of the work folder and the test's folder in it.
        space: What the classes consist of; replaces that of the test, whose figures are then made anew.

    Raises:
        FileNotFoundError: If there are no scores.
        ValueError: If a file is damaged, or ``metrics.json`` belongs to other scores.
    """
    path = Path(path)
    predictions = load_scores(path)
    if space is not None and len(space) == predictions.num_classes:
        predictions = replace(predictions, classes=space.names)
    file = (path if path.is_dir() else path.parent) / "metrics.json"
    stored = _read_metrics(file, predictions) if file.is_file() else None
    summary = stored if stored and space is None else summarise(predictions, space, _train_counts(stored))
    if stored and summary is not stored:
        summary |= {"run": stored.get("run", {}), "evaluated": stored["evaluated"]}
    folder = path if path.is_dir() else path.parent
    return Result(name or f"{folder.resolve().parent.name}/{folder.resolve().name}", predictions, summary)


def _read_metrics(file: Path, predictions: Predictions) -> dict[str, Any]:
    try:
        summary = read_json(file)
        count = summary["evaluated"]["count"]
        top1 = None if predictions.is_multi_label else float(np.mean(predictions.predicted == predictions.labels))
        same = top1 is None or abs(float(summary["accuracy"].get("top1", top1)) - top1) < 1e-9
        _train_counts(summary)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"{file} is no metrics.json of a test: {error!r}") from error
    if count != len(predictions) or not same:
        raise ValueError(f"{file} does not belong to the scores beside it; run the test again")
    return summary


def _train_counts(summary: dict[str, Any] | None) -> list[int] | None:
    rows = (summary or {}).get("per_class", [])
    return [row["train_count"] for row in rows] if rows and "train_count" in rows[0] else None


def find_log(result_path: str | os.PathLike, summary: dict[str, Any]) -> RunLog | None:
    """Return the training log of a tested checkpoint from its work folder, or None where there is none."""
    path = Path(result_path)
    checkpoint = (summary.get("run") or {}).get("checkpoint")
    candidates = [path.parent if path.is_dir() else path.parent.parent]
    candidates += [Path(checkpoint).parent] if checkpoint else []
    for folder in candidates:
        try:
            log = read_log(folder)
        except (OSError, ValueError):
            continue
        if "loss" in log.train:
            return log
    return None


def worst_clips(predictions: Predictions, space: LabelSpace | None, pictures: ClipPictures, count: int) -> list[dict]:
    """Return the errors with the highest confidence, the surest first; clips that could not be loaded are left out.

    Returns:
        ``id``, ``label``, ``predicted``, ``confidence``, ``own`` (probability of the true class), ``differs`` (as
        :func:`mmaction.evaluation.details.confused_pairs`) and ``picture``, or the ``reason`` why there is none.
    """
    chance = as_probabilities(predictions.scores)
    predicted, labels = predictions.predicted, predictions.labels
    wrong = np.flatnonzero((predicted != labels) & ~predictions.broken)
    order = wrong[np.argsort(-chance[wrong, predicted[wrong]], kind="stable")][:count]
    sources = predictions.meta.get("source", np.full(len(predictions), ""))
    clips = []
    for i in order:
        label, guess = int(labels[i]), int(predicted[i])
        names = space.difference(label, guess) if space else ()
        picture, reason = pictures.picture(predictions.ids[i], str(sources[i]))
        clips.append(
            {
                "id": predictions.ids[i],
                "label": label,
                "predicted": guess,
                "confidence": float(chance[i, guess]),
                "own": float(chance[i, label]),
                "differs": [(name, space.table[name][label], space.table[name][guess]) for name in names],
                "picture": picture,
                "reason": reason,
            }
        )
    return clips


def _plots(result: Result, space: LabelSpace | None, logs: Sequence[RunLog]) -> dict[str, Any]:
    """Return the figures of the sections, each a Plotly figure or a list of them."""
    summary, predictions = result.summary, result.predictions
    plots: dict[str, Any] = {"training": figures.training_figure(logs) if logs else None}
    if predictions.is_multi_label:
        return plots
    plots |= {
        "confusion": figures.confusion_figure(predictions, space),
        "classes": figures.class_bars(summary["per_class"]),
        "calibration": figures.calibration_figure(summary["calibration"]),
        "slices": [figures.slice_figure(title, rows) for title, rows in clip_slices(predictions).items()],
        "long_tail": figures.long_tail_figure(summary["per_class"]) if "long_tail" in summary else None,
    }
    if "attributes" in summary:
        entries = summary["attributes"]["all_but_one"]
        bars = [figures.accuracy_bars("Accuracy of each attribute", summary["attributes"]["accuracy"])]
        bars += [figures.offset_bars(n, e["step"], e["offsets"]) for n, e in entries.items() if e.get("offsets")]
        bars += [figures.group_confusion_figure(predictions, space, name) for name in entries]
        plots["attributes"] = bars
    if "hierarchy" in summary:
        bars = [figures.accuracy_bars("Accuracy at each level", summary["hierarchy"]["accuracy"])]
        bars += [figures.group_confusion_figure(predictions, space, name) for name in space.hierarchy]
        plots["hierarchy"] = bars
    return plots


def _html(figure: "Figure", name: str) -> Any:
    from markupsafe import Markup

    # the buttons cover the titles of small figures; dragging zooms with and without them
    zoomable = name.partition("-")[0] in ("confusion", "classes", "long_tail", "training")
    config = {"displaylogo": False, "responsive": True, "displayModeBar": zoomable}
    text = figure.to_html(full_html=False, include_plotlyjs=False, div_id=f"plot-{name}", config=config)
    return Markup(f'<div class="plot">{text}</div>')  # noqa: S704 - written by Plotly, which escapes its data


def _comparisons(results: Sequence[Result]) -> list[dict[str, Any]]:
    if len(results) < 2:
        return []
    names = [result.name for result in results]
    tests = align_all([result.predictions for result in results], names)
    rows = []
    for i, (name, test) in enumerate(zip(names[1:], tests[1:], strict=True)):
        row = compare(tests[0], test)
        title = f"What {name} gains and loses against {names[0]}"
        plot = _html(figures.gain_bars(title, row["classes"]), f"gain-{i}")
        rows.append({"first": names[0], "second": name, "plot": plot, **row})
    return rows


def _facts(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the facts of a run as rows."""
    rows = []
    for name, value in (summary.get("run") or {}).items():
        text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
        rows.append((name, text))
    return rows


def render_report(
    results: Sequence[Result],
    logs: Sequence[RunLog] = (),
    pictures: ClipPictures | None = None,
    num_worst: int = 12,
    title: str | None = None,
) -> str:
    """Return the HTML of a report.

    Args:
        results: The test to explain, then others to compare with it, on the same samples.
        logs: Training logs to draw.
        pictures: Where the pictures of the worst clips come from.
        num_worst: How many of the worst clips to show.
        title: Heading; by default the name of the first result.

    Raises:
        ValueError: If the results are of different samples or classes.
    """
    from jinja2 import Environment
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    result, summary = results[0], results[0].summary
    space = label_space_of(summary)
    comparisons = [] if result.predictions.is_multi_label else _comparisons(results)
    plots = {}
    for name, plot in _plots(result, space, logs).items():
        if isinstance(plot, list):
            plots[name] = [_html(figure, f"{name}-{i}") for i, figure in enumerate(plot)]
        else:
            plots[name] = plot and _html(plot, name)
    worst = []
    if not result.predictions.is_multi_label:
        worst = worst_clips(result.predictions, space, pictures or ClipPictures(), num_worst)
    shown = {"summary": True, "comparison": comparisons, "worst": worst, "clips": plots.get("slices"), **plots}
    environment = Environment(autoescape=True)
    environment.filters["percent"] = lambda value: "-" if value is None else f"{100 * value:.2f} %"
    # "<" cannot stand in JSON inside a script element
    embedded = json.dumps(summary, ensure_ascii=False).replace("<", "\\u003c")
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        title=title or result.name,
        subtitle=f"{summary['num_classes']} classes, {summary['evaluated']['text']} samples",
        summary=summary,
        names=[result.predictions.name(c) for c in range(result.predictions.num_classes)],
        facts=_facts(summary),
        comparisons=comparisons,
        plots=plots,
        worst=worst,
        sections=[(name, text) for name, text in SECTIONS if shown.get(name)],
        summary_json=Markup(embedded),  # noqa: S704 - escaped above
        plotly_js=Markup(get_plotlyjs()),  # noqa: S704 - the library itself
    )


def write_report(
    paths: Sequence[str | os.PathLike],
    out: str | os.PathLike,
    names: Sequence[str] | None = None,
    logs: Sequence[str | os.PathLike] = (),
    annotations: str | os.PathLike | None = None,
    space: LabelSpace | None = None,
    num_worst: int = 12,
    title: str | None = None,
) -> Path:
    """Read tests and write a report about the first, compared with the others.

    Args:
        paths: Folders that tests wrote, or ``scores.npz`` files.
        out: The HTML file.
        names: One name for each test.
        logs: Training logs; by default those in the work folders of the tests, where there are any.
        annotations: Skeleton file for pictures; by default that which was tested.
        space: What the classes consist of, where the test does not say it or to replace it.
        num_worst: How many of the worst clips to show.
        title: Heading.

    Returns:
        ``out``.
    """
    names = names or [None] * len(paths)
    results = [load_result(path, name, space) for path, name in zip(paths, names, strict=True)]
    if logs:
        found = [read_log(log) for log in logs]
    else:
        candidates = (find_log(path, result.summary) for path, result in zip(paths, results, strict=True))
        found = list({log.name: log for log in candidates if log}.values())
    data = (results[0].summary.get("run") or {}).get("data") or {}
    pictures = ClipPictures(annotations or data.get("ann_file"))
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, render_report(results, found, pictures, num_worst, title).encode())
    return out
