"""One HTML file that explains the result of a test: no network, no other files."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from mmaction.evaluation import summarize
from mmaction.evaluation.details import SHOTS
from mmaction.evaluation.slices import clip_slices
from mmaction.label_spaces import LabelSpace, describe_difference
from mmaction.reports import figures
from mmaction.reports.clip_pictures import ClipPictures
from mmaction.reports.compare import align_all, compare
from mmaction.reports.curves import RunLog, plot_curves, read_log
from mmaction.structures import Result
from mmaction.structures.scores import as_probabilities
from mmaction.utils.files import write_atomically
from mmaction.visualization.pages import figure_uri, render_page

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TEMPLATE = Path(__file__).with_name("report.html")
SECTIONS = (
    ("summary", "In short"), ("comparison", "Comparison"), ("attributes", "Attributes"), ("hierarchy", "Hierarchy"),
    ("confusion", "Confusion"), ("classes", "Classes"), ("calibration", "Confidence"), ("clips", "By kind of clip"),
    ("worst", "Worst clips"), ("training", "Training"),
)  # fmt: skip


def result_name(path: str | Path) -> str:
    """Return what to call a result: the names of the work folder and of the test's folder in it."""
    folder = (Path(path) if Path(path).is_dir() else Path(path).parent).resolve()
    return f"{folder.parent.name}/{folder.name}"


def find_log(result_path: str | Path, run: Mapping[str, Any]) -> RunLog | None:
    """Return the training log of a tested checkpoint from its work folder, or None where there is none."""
    path = Path(result_path)
    checkpoint = run.get("checkpoint")
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


def worst_clips(result: Result, pictures: ClipPictures, count: int) -> list[dict]:
    """Return the errors with the highest confidence, the surest first; clips without a prediction are left out.

    Each has ``id``, ``label``, ``predicted``, ``confidence``, ``own`` (probability of the true class), ``differs`` (as
    :func:`mmaction.evaluation.details.confused_pairs`) and ``picture``, or the ``reason`` why there is none.
    """
    chance, space = as_probabilities(result.scores), result.label_space
    predicted, labels = result.predicted, result.labels
    wrong = np.flatnonzero((predicted != labels) & ~result.missing)
    order = wrong[np.argsort(-chance[wrong, predicted[wrong]], kind="stable")][:count]
    sources = result.meta.get("source", np.full(len(result), ""))
    clips = []
    for i in order:
        label, guess = int(labels[i]), int(predicted[i])
        picture, reason = pictures.picture(result.ids[i], str(sources[i]))
        classes = {"label": label, "predicted": guess}
        chances = {"confidence": float(chance[i, guess]), "own": float(chance[i, label])}
        differs = space.differing_values(label, guess) if space else []
        shown = {"differs": differs, "picture": picture, "reason": reason}
        clips.append({"id": result.ids[i], **classes, **chances, **shown})
    return clips


def clip_link(source: str, folder: Path | None) -> str:
    """Return the address of a clip's file for a page in ``folder``; empty where it is not on this machine."""
    there = folder is not None and source and Path(source).is_file()
    return quote(Path(os.path.relpath(source, folder)).as_posix()) if there else ""


def confusion_cells(result: Result, folder: Path | None = None) -> dict[str, Any]:
    """Return what a click on the confusion matrix shows: the ``order`` of the classes, and the ``clips``.

    A clip is its true and its predicted class, id, confidence in percent, and address for a page in ``folder``; the
    surest come first.
    """
    chance, guesses = as_probabilities(result.scores), result.predicted
    confidence = chance[np.arange(len(result)), guesses]
    sources = result.meta.get("source", np.full(len(result), ""))
    rows = [
        [int(result.labels[i]), int(guesses[i]), result.ids[i], round(100 * float(confidence[i])),
         clip_link(str(sources[i]), folder)]
        for i in np.argsort(-confidence, kind="stable") if not result.missing[i]
    ]  # fmt: skip
    return {"order": figures.hierarchy_order(result.label_space, result.num_classes).tolist(), "clips": rows}


def _plots(result: Result, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of the sections, each a Plotly figure or a list of them."""
    plots: dict[str, Any] = {"classes": figures.class_bars(summary["per_class"])}
    if result.is_multi_label:
        return plots
    plots |= {
        "confusion": figures.confusion_figure(result),
        "calibration": figures.calibration_figure(summary["calibration"]),
        "slices": [figures.slice_figure(title, rows) for title, rows in clip_slices(result).items()],
        "long_tail": figures.long_tail_figure(summary["per_class"]) if "long_tail" in summary else None,
    }
    if "attributes" in summary:
        entries = summary["attributes"]["all_but_one"]
        bars = [figures.accuracy_bars("Accuracy of each attribute", summary["attributes"]["accuracy"])]
        bars += [figures.offset_bars(n, e["step"], e["offsets"]) for n, e in entries.items() if e.get("offsets")]
        plots["attributes"] = bars + [figures.group_confusion_figure(result, name) for name in entries]
    if "hierarchy" in summary:
        bars = [figures.accuracy_bars("Accuracy at each level", summary["hierarchy"]["accuracy"])]
        levels = summary["label_space"]["hierarchy"]
        plots["hierarchy"] = bars + [figures.group_confusion_figure(result, name) for name in levels]
    return plots


def _html(figure: "Figure", name: str) -> Any:
    from markupsafe import Markup

    # the buttons cover the titles of small figures; dragging zooms with and without them
    zoomable = name.partition("-")[0] in ("confusion", "classes", "long_tail")
    config = {"displaylogo": False, "responsive": True, "displayModeBar": zoomable}
    text = figure.to_html(full_html=False, include_plotlyjs=False, div_id=f"plot-{name}", config=config)
    return Markup(f'<div class="plot{" wide" if zoomable else ""}">{text}</div>')  # noqa: S704 - written by Plotly, which escapes its data


def _comparisons(results: Sequence[Result], names: Sequence[str]) -> list[dict[str, Any]]:
    if len(results) < 2:
        return []
    first, *others = align_all(results, names)
    rows = []
    for i, (name, test) in enumerate(zip(names[1:], others, strict=True)):
        pair = [(names[0], first), (name, test)]
        (before, old), (after, new) = reversed(pair) if "fused" in first.run else pair  # a fusion shows what it gains
        row = compare(old, new)
        title = f"What {after} gains and loses against {before}"
        plot = _html(figures.gain_bars(title, row["classes"]), f"gain-{i}")
        rows.append({"first": before, "second": after, "plot": plot, **row})
    return rows


def _facts(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the facts of a run as rows."""
    return [(n, json.dumps(v, ensure_ascii=False) if isinstance(v, dict | list) else str(v)) for n, v in run.items()]


def render_report(
    results: Sequence[Result],
    names: Sequence[str],
    logs: Sequence[RunLog] = (),
    pictures: ClipPictures | None = None,
    num_worst: int = 12,
    title: str | None = None,
    folder: Path | None = None,
    place: str = "",
) -> str:
    """Return the HTML of a report on the first of ``results`` on the same samples, compared with the others.

    Each result has one of ``names``. ``pictures`` gives the pictures of the ``num_worst`` worst clips; the heading is
    by default the name of the first result. The page lies in ``folder``, from which it links to clips, and says how to
    browse the first result, which lies at ``place``.
    """
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    result, summary = results[0], summarize(results[0])
    comparisons = [] if result.is_multi_label else _comparisons(results, names)
    plots = {}
    for name, plot in _plots(result, summary).items():
        if isinstance(plot, list):
            plots[name] = [_html(figure, f"{name}-{i}") for i, figure in enumerate(plot)]
        else:
            plots[name] = plot and _html(plot, name)
    worst = [] if result.is_multi_label else worst_clips(result, pictures or ClipPictures(), num_worst)
    shown = {
        "summary": True,
        "comparison": comparisons,
        "worst": worst,
        "clips": plots.get("slices"),
        "training": logs,
        **plots,
    }
    return render_page(
        TEMPLATE,
        title or names[0],
        subtitle=f"{summary['num_classes']} classes, {summary['evaluated']['text']} samples",
        summary=summary,
        names=[result.class_name(c) for c in range(result.num_classes)],
        facts=_facts(result.run),
        shots=SHOTS,
        comparisons=comparisons,
        plots=plots,
        training=figure_uri(plot_curves(logs)) if logs else "",
        logs=[log.name for log in logs],
        worst=worst,
        difference=describe_difference,
        sections=[(name, text) for name, text in SECTIONS if shown.get(name)],
        cells=None if result.is_multi_label else confusion_cells(result, folder),
        view=f"mmaction view {place}" if place else "",
        plotly_js=Markup(get_plotlyjs()),  # noqa: S704 - the library itself
    )


def write_report(
    paths: Sequence[str | Path],
    out: str | Path,
    names: Sequence[str] | None = None,
    logs: Sequence[str | Path] = (),
    annotations: str | Path | None = None,
    space: LabelSpace | None = None,
    num_worst: int = 12,
    title: str | None = None,
) -> Path:
    """Read tests and write a report about the first, compared with the others, into the HTML file ``out``; return it.

    ``paths`` are folders that tests wrote, or ``scores.npz`` files. By default the logs in the work folders of the
    tests are drawn, and the pictures show the skeletons that were tested (``annotations`` names others). ``space`` says
    what the classes consist of, where the test does not say it or to replace it.
    """
    results = [Result.load(path) for path in paths]
    if space is not None:
        results = [replace(result, label_space=space, classes=space.names) for result in results]
    if logs:
        found = [read_log(log) for log in logs]
    else:
        candidates = [find_log(path, result.run) for path, result in zip(paths, results, strict=True)]
        found = [log for i, log in enumerate(candidates) if log and log not in candidates[:i]]
    data = results[0].run.get("data") or {}
    pictures = ClipPictures(annotations or data.get("ann_file"))
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    page = render_report(
        results,
        names or [result_name(path) for path in paths],
        found,
        pictures,
        num_worst,
        title,
        out.parent,
        str(paths[0]),
    )
    write_atomically(out, page.encode())
    return out
