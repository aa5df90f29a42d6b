"""How a skeleton model bears damaged skeletons, and which joints it looks at."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from mmaction.evaluation.functional import mean_class_accuracy
from mmaction.evaluation.slices import wilson_interval
from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.probes.perturb import LEVELS, MEANING, Perturb, hidden_joint, perturbation
from mmaction.probes.predict import build_test_set, predict_scores
from mmaction.skeletons import Layout
from mmaction.structures.scores import as_probabilities

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def robustness(
    model: BaseRecognizer,
    layout: Layout,
    indices: Sequence[int],
    levels: Mapping[str, Sequence[float]] | None = None,
    seed: int = 0,
    batch_size: int = 8,
    workers: int = 0,
) -> dict[str, Any]:
    """Test a model on the samples ``indices`` of its test set, whose skeletons are damaged.

    ``layout`` tells left from right. ``levels`` are the levels of severity for each kind of damage, by default
    :data:`mmaction.probes.perturb.LEVELS`; ``seed`` decides the damage.

    Returns ``samples``, ``clean`` (accuracy without damage), and for each kind a list of ``level``, ``top1``, ``mean1``
    and ``interval`` (95 % of top1).
    """
    levels = levels or LEVELS
    steps = [(kind, level) for kind, values in levels.items() for level in values]
    measured: dict[tuple[str, float], dict[str, Any]] = {}
    clean: dict[str, Any] | None = None
    for kind, level in tqdm(steps, desc="levels"):
        if level == 0 and clean is not None:
            measured[kind, level] = clean
            continue
        dataset = build_test_set(model.cfg, [perturbation(kind, level, layout.flip_order, seed)])
        scores, labels = predict_scores(model, dataset, indices, batch_size, workers, f"{kind} {level:g}")
        hits = int(np.sum(scores.argmax(axis=1) == labels))
        measured[kind, level] = {
            "level": level,
            "top1": hits / len(labels),
            "mean1": mean_class_accuracy(scores, labels),
            "interval": list(wilson_interval(hits, len(labels))),
        }
        clean = measured[kind, level] if level == 0 else clean
    curves = {kind: [measured[kind, level] for level in values] for kind, values in levels.items()}
    return {"samples": len(indices), "seed": seed, "clean": clean and clean["top1"], "curves": curves}


def plot_robustness(results: Mapping[str, dict[str, Any]]) -> "Figure":
    """Return accuracy over severity, a panel for each kind of damage, a line for each model by its name."""
    from matplotlib.figure import Figure

    kinds = list(next(iter(results.values()))["curves"])
    figure = Figure(figsize=(4.2 * len(kinds), 3.8), layout="constrained")
    axes = figure.subplots(1, len(kinds), squeeze=False, sharey=True)[0]
    for axis, kind in zip(axes, kinds, strict=True):
        for name, result in results.items():
            rows = result["curves"][kind]
            top1 = np.array([row["top1"] for row in rows])
            error = np.abs(np.array([row["interval"] for row in rows]).T - top1)
            axis.errorbar([row["level"] for row in rows], top1, error, marker="o", capsize=3, label=name)
        axis.set_title(kind.replace("_", " "))
        axis.set_xlabel(MEANING.get(kind, "level"))
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("top-1 accuracy")
    axes[0].set_ylim(0, 1.02)
    axes[0].legend(fontsize=8)
    return figure


def joint_importance(
    model: BaseRecognizer, layout: Layout, indices: Sequence[int], batch_size: int = 8, workers: int = 0
) -> dict[str, Any]:
    """Measure what each joint is worth to a model: what is lost where it is never seen.

    It works for every skeleton model, since it changes the annotation and not the network; arguments as
    :func:`robustness`.

    Returns ``samples``, ``top1`` with all joints, and ``joints``: ``joint``, ``drop`` (mean fall of the true class's
    probability, may be negative), ``top1_drop``; in the order of the layout.
    """

    def measure(steps: Sequence[Perturb], title: str) -> tuple[float, float]:
        scores, labels = predict_scores(model, build_test_set(model.cfg, steps), indices, batch_size, workers, title)
        own = as_probabilities(scores)[np.arange(len(labels)), labels]
        return float(own.mean()), float(np.mean(scores.argmax(axis=1) == labels))

    chance, top1 = measure((), "all joints")
    rows = []
    for index, name in enumerate(tqdm(layout.joints, desc="joints")):
        without = measure([Perturb(partial(hidden_joint, joints=(index,)), seed=None)], name)
        rows.append({"joint": name, "drop": chance - without[0], "top1_drop": top1 - without[1]})
    return {"samples": len(indices), "top1": top1, "probability": chance, "joints": rows}


def plot_importance(result: Mapping[str, Any], layout: Layout) -> "Figure":
    """Return a bar for each joint, the most important first, colored by the side of the body."""
    from matplotlib.figure import Figure

    rows = sorted(result["joints"], key=lambda row: row["drop"])
    left = {layout.joints[i] for i in layout.left_joints}
    right = {layout.joints[i] for i in layout.right_joints}
    colors = dict.fromkeys(left, "#0099e6") | dict.fromkeys(right, "#ea8c00")
    bars = [colors.get(row["joint"], "#6b7280") for row in rows]
    figure = Figure(figsize=(6.5, 1 + 0.24 * len(rows)), layout="constrained")
    axis = figure.subplots()
    axis.barh([row["joint"] for row in rows], [row["drop"] for row in rows], color=bars)
    axis.set_xlabel("fall of the true class's probability without the joint")
    axis.set_title(f"Joint importance, {result['samples']} clips (blue left, orange right)")
    axis.grid(alpha=0.3, axis="x")
    return figure
