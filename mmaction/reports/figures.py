"""The figures of a report, drawn by Plotly: figures in, numbers untouched."""

import textwrap
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np

from mmaction.evaluation import confusion_matrix
from mmaction.evaluation.summary import CALIBRATION_BINS
from mmaction.label_spaces import LabelSpace
from mmaction.structures import Result

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


INK, BLUE, ORANGE, GREEN, RED = "#1f2937", "#2563eb", "#ea580c", "#16a34a", "#dc2626"
# shares of errors are small: the scale spends most of its colors below 20 %
SHARES = [[0, "#eef4ff"], [0.02, "#c7dbff"], [0.08, "#8fb6ff"], [0.2, "#4f86f7"], [0.5, "#1d4ed8"], [1, "#0b1f5c"]]
LABEL_WIDTH = 30


def _figure(title: str, height: int = 380, **layout: Any) -> "Figure":
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.update_layout(
        title={"text": title, "font": {"size": 15}, "x": 0.01},
        height=height,
        template="plotly_white",
        font={"family": "system-ui, sans-serif", "size": 12, "color": INK},
        margin={"l": 60, "r": 20, "t": 48, "b": 50},
        **layout,
    )
    return figure


def short_names(names: Sequence[str], width: int = 2 * LABEL_WIDTH) -> list[str]:
    """Return the names, each of at most ``width`` characters: long ones lose their middle.

    Names that would then look alike keep the words in which they differ, and lose others.
    """
    short = [_without_middle(name, width) for name in names]
    alike = defaultdict(set)
    for name, label in zip(names, short, strict=True):
        alike[label].add(name)
    return [_told_apart(name, sorted(alike[label]), width) for name, label in zip(names, short, strict=True)]


def _without_middle(text: str, width: int) -> str:
    start = 2 * (width - 1) // 5
    return text if len(text) <= width else f"{text[:start]}…{text[len(text) - width + 1 + start :]}"


def _told_apart(name: str, alike: Sequence[str], width: int) -> str:
    """Return a name cut so that what tells it from the names that look ``alike`` stays."""
    if len(alike) == 1:
        return _without_middle(name, width)
    words, others = name.split(), [other.split() for other in alike]
    first = _shared(others)
    last = len(words) - min(_shared([other[::-1] for other in others]), len(words) - first)
    head, own, tail = (" ".join(part) for part in (words[:first], words[first:last], words[last:]))
    left = max(width - len(own) - 2, 16)
    tail = _without_middle(tail, max(left - len(head), left // 2))
    return " ".join(filter(None, (_without_middle(head, max(left - len(tail), 8)), own, tail)))[:width]


def _shared(sentences: Sequence[Sequence[str]]) -> int:
    """Return with how many words all sentences begin alike."""
    return sum(1 for _ in takewhile(lambda words: len(set(words)) == 1, zip(*sentences, strict=False)))


def class_labels(indices: Sequence[int], names: Sequence[str]) -> list[str]:
    """Return what axes call classes: index and short name, in two lines where one is too short."""
    labels = (f"{index} {name}" for index, name in zip(indices, short_names(names), strict=True))
    return ["<br>".join(textwrap.wrap(label, LABEL_WIDTH + 4, break_on_hyphens=False)) for label in labels]


def hierarchy_order(space: LabelSpace | None, num_classes: int) -> np.ndarray:
    """Return the classes in the order of the hierarchy (or, without one, of the attributes), then of their index."""
    if space is None:
        return np.arange(num_classes)
    names = space.hierarchy or tuple(space.table)
    return np.lexsort([np.arange(num_classes), *(space.groups(name) for name in reversed(names))])


def _group_spans(space: LabelSpace | None, order: np.ndarray) -> list[tuple[int, int]]:
    """Return first and last position of each group of the finest level (or first attribute) in ``order``."""
    if space is None or not space.table:
        return []
    name = space.hierarchy[-1] if space.hierarchy else next(iter(space.table))
    ends = np.flatnonzero(np.diff(space.groups(name)[order], append=-1))
    return list(zip([0, *(ends[:-1] + 1)], ends, strict=True))


def _confusions(result: Result, groups: np.ndarray) -> np.ndarray:
    """Count how often each group of classes was taken for each; a sample without a prediction for none."""
    present = ~result.missing
    true, guess = groups[result.labels[present]], groups[result.predicted[present]]
    return confusion_matrix(guess, true, num_classes=groups.max() + 1)


def confusion_figure(result: Result) -> "Figure":
    """Return the confusion matrix, rows true and summing to 1; empty cells stay white, groups are framed.

    The axes are categories, so that Plotly shows as many class names as fit and more when zoomed in.
    """
    space = result.label_space
    order = hierarchy_order(space, result.num_classes)
    counts = _confusions(result, np.arange(result.num_classes))[np.ix_(order, order)]
    shares = (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)).astype(np.float32)
    shares[counts == 0] = np.nan
    names = [f"{c} {result.class_name(c)}" for c in order]
    labels = class_labels(order.tolist(), [result.class_name(c) for c in order])
    full = np.full(counts.shape, "", object)
    for i, j in np.argwhere(counts):
        full[i, j] = f"true {names[i]}<br>predicted {names[j]}"
    figure = _figure("Rows: true class, columns: predicted class", min(1000, 360 + 34 * len(labels)))
    figure.add_heatmap(
        z=shares,
        x=labels,
        y=labels,
        customdata=counts.astype(np.uint16 if counts.max() < 2**16 else np.uint32),
        text=full,
        colorscale=SHARES,
        zmin=0,
        zmax=1,
        hoverongaps=False,
        colorbar={"title": "share", "thickness": 12, "tickformat": ".0%"},
        hovertemplate="%{text}<br>%{customdata} samples, %{z:.1%} of the class<extra></extra>",
    )
    for start, end in _group_spans(space, order):
        box = {"x0": start - 0.5, "x1": end + 0.5, "y0": start - 0.5, "y1": end + 0.5}
        figure.add_shape(type="rect", **box, line={"color": ORANGE, "width": 1})
    axis = {"type": "category", "showgrid": False, "tickfont": {"size": 9}, "automargin": True}
    figure.update_xaxes(**axis, tickangle=-60, constrain="domain")
    figure.update_yaxes(**axis, autorange="reversed", scaleanchor="x", constrain="domain")
    return figure


def group_confusion_figure(result: Result, name: str) -> "Figure":
    """Return the confusion matrix of the values of one attribute or level, with shares written into the cells."""
    assert result.label_space is not None
    groups, values = result.label_space.groups(name), result.label_space.values(name)
    counts = _confusions(result, groups)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    text = np.where(counts > 0, np.char.mod("%.0f", 100 * shares), "")
    figure = _figure(f"{name}: true (rows) against predicted, % of the row", 190 + 26 * len(values))
    template = "true %{y}<br>predicted %{x}<br>%{customdata} samples, %{z:.1%}<extra></extra>"
    figure.add_heatmap(
        z=shares, x=values, y=values, text=text, texttemplate="%{text}", customdata=counts, colorscale=SHARES,
        zmin=0, zmax=1, showscale=False, hovertemplate=template, xgap=1, ygap=1,
    )  # fmt: skip
    figure.update_xaxes(type="category", automargin=True)
    figure.update_yaxes(type="category", autorange="reversed", automargin=True)
    return figure


def accuracy_bars(title: str, values: Mapping[str, float]) -> "Figure":
    """Return a bar for each named accuracy."""
    figure = _figure(title, 110 + 42 * len(values))
    text = [f"{value:.1%}" for value in values.values()]
    figure.add_bar(x=list(values.values()), y=list(values), orientation="h", text=text, marker_color=BLUE)
    figure.update_xaxes(range=[0, 1.02], tickformat=".0%")
    figure.update_yaxes(autorange="reversed", automargin=True)
    return figure


def offset_bars(name: str, step: float, offsets: Mapping[str, int]) -> "Figure":
    """Return how many errors miss a numeric attribute by how much (predicted minus true)."""
    figure = _figure(f"{name}: predicted minus true, errors that miss nothing else", 300)
    figure.add_bar(x=[int(k) * step for k in offsets], y=list(offsets.values()), marker_color=ORANGE)
    figure.update_xaxes(title=f"difference ({name})", dtick=step)
    figure.update_yaxes(title="errors")
    return figure


def class_bars(rows: Sequence[dict[str, Any]]) -> "Figure":
    """Return the accuracy (or F1) of every class with samples, the worst first; hovering shows the counts."""
    measure = "f1" if "f1" in rows[0] else "accuracy"
    rows = sorted((row for row in rows if row["count"]), key=lambda row: (row[measure], row["class"]))
    figure = _figure(f"{measure.capitalize()} of each class, the worst first", 420)
    hover = [
        f"{row['class']} {row['name']}<br>{row[measure]:.1%} of {row['count']} samples"
        + (f"<br>{row['train_count']} training samples" if "train_count" in row else "")
        for row in rows
    ]
    labels = class_labels([row["class"] for row in rows], [row["name"] for row in rows])
    values = [row[measure] for row in rows]
    figure.add_bar(x=labels, y=values, hovertext=hover, hoverinfo="text", marker_color=BLUE)
    figure.update_xaxes(type="category", tickangle=-60, tickfont={"size": 9}, automargin=True)
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    return figure


def long_tail_figure(rows: Sequence[dict[str, Any]]) -> "Figure":
    """Return the accuracy of each class over its number of training samples."""
    rows = [row for row in rows if row["count"]]
    figure = _figure("Class accuracy over training samples")
    figure.add_scatter(
        x=[max(row["train_count"], 0.5) for row in rows],
        y=[row["accuracy"] for row in rows],
        mode="markers",
        marker={"color": BLUE, "opacity": 0.6, "size": 7},
        hovertext=[f"{row['class']} {row['name']}<br>{row['train_count']} training samples" for row in rows],
        hovertemplate="%{hovertext}<br>%{y:.1%}<extra></extra>",
    )
    figure.update_xaxes(type="log", title="training samples")
    figure.update_yaxes(range=[-0.02, 1.05], tickformat=".0%", title="accuracy")
    return figure


def calibration_figure(calibration: dict[str, Any]) -> "Figure":
    """Return the reliability curve and how many samples each confidence has."""
    bins = calibration["bins"]
    confidence, accuracy, count = ([row[name] for row in bins] for name in ("confidence", "accuracy", "count"))
    error = f"ECE {calibration['ece']:.2%}" if bins else "no samples"
    figure = _figure(f"Reliability ({error})", 440, showlegend=False)
    figure.set_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.06)
    diagonal = {"mode": "lines", "line": {"color": "#9ca3af", "dash": "dash"}, "hoverinfo": "skip"}
    figure.add_scatter(x=[0, 1], y=[0, 1], **diagonal, row=1, col=1)
    figure.add_scatter(x=confidence, y=accuracy, mode="lines+markers", line={"color": BLUE}, row=1, col=1)
    figure.add_bar(x=confidence, y=count, marker_color="#93c5fd", width=0.8 / CALIBRATION_BINS, row=2, col=1)
    figure.update_yaxes(title="accuracy", range=[0, 1.02], tickformat=".0%", row=1, col=1)
    figure.update_yaxes(title="samples", row=2, col=1)
    figure.update_xaxes(title="confidence of the prediction", range=[0, 1.02], tickformat=".0%", row=2, col=1)
    return figure


def slice_figure(title: str, rows: Sequence[dict[str, Any]]) -> "Figure":
    """Return the accuracy in ranges of a quantity with its 95 % interval."""
    names = [f"{r['low']:.4g} to {r['high']:.4g}" if r["low"] != r["high"] else f"{r['low']:.4g}" for r in rows]
    figure = _figure(f"Accuracy by {title}", 320)
    above = [row["interval"][1] - row["accuracy"] for row in rows]
    below = [row["accuracy"] - row["interval"][0] for row in rows]
    error = {"type": "data", "array": above, "arrayminus": below, "symmetric": False}
    hover = [f"{row['accuracy']:.1%} of {row['count']} samples" for row in rows]
    mode = {"mode": "lines+markers", "line": {"color": BLUE}, "hoverinfo": "text"}
    figure.add_scatter(x=names, y=[row["accuracy"] for row in rows], error_y=error, hovertext=hover, **mode)
    figure.update_xaxes(type="category", title=title)
    figure.update_yaxes(tickformat=".0%", range=[0, 1.02])
    return figure


def gain_bars(title: str, rows: Sequence[dict[str, Any]], count: int = 15) -> "Figure":
    """Return the classes that gain and lose most right samples from one run to another."""
    changed = [row for row in rows if row["gained"]]
    shown = changed if len(changed) <= 2 * count else [*changed[:count], *changed[-count:]]
    figure = _figure(title, 140 + 20 * len(shown))
    names = class_labels([row["class"] for row in shown], [row["name"] for row in shown])
    hover = [
        f"{row['class']} {row['name']}<br>{row['first']:.1%} to {row['second']:.1%} of {row['count']} samples"
        for row in shown
    ]
    colors = [GREEN if row["gained"] > 0 else RED for row in shown]
    bar = {"orientation": "h", "marker_color": colors, "hovertext": hover, "hoverinfo": "text"}
    figure.add_bar(x=[row["gained"] for row in shown], y=names, **bar)
    figure.update_xaxes(title="samples more (or fewer) that are right")
    figure.update_yaxes(type="category", autorange="reversed", automargin=True)
    return figure
