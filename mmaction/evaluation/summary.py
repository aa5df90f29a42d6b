"""The figures of one test run, as plain values for ``metrics.json``: what is measured and how sure it is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mmaction.evaluation import details, functional
from mmaction.structures.result import MISSING, Result
from mmaction.structures.scores import as_labels, as_probabilities

BOOTSTRAP_REPEATS = 2000
CALIBRATION_BINS = 15
TOPK = (1, 5)
THRESHOLD = 0.5  # from which a class counts as predicted where a sample may have several


def bootstrap_intervals(
    ranks: ArrayLike, labels: ArrayLike, num_classes: int, topk: Sequence[int] = (1, 5), seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return 95 % confidence intervals of top-k and mean class accuracy (``mean1``) by the percentile bootstrap.

    ``ranks`` ``(N,)`` are the ranks of the true classes ``labels``, 0 is best; ``topk`` is rising. Samples are drawn N
    out of N with replacement, 2000 times. Only the number of samples in each cell (true class, smallest k that is
    right) matters, so the draws are taken from one multinomial distribution over the cells.
    """
    limits = sorted({1, *topk})
    band = np.searchsorted(limits, np.asarray(ranks), side="right")  # 0 where top-1 is right, then the next k, ...
    cells = np.bincount(np.asarray(labels) * (len(limits) + 1) + band, minlength=num_classes * (len(limits) + 1))
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(cells.sum(), cells / cells.sum(), size=BOOTSTRAP_REPEATS)
    draws = draws.reshape(BOOTSTRAP_REPEATS, num_classes, len(limits) + 1)
    hits = draws.cumsum(axis=2)
    values = {f"top{k}": hits[:, :, limits.index(k)].sum(axis=1) / cells.sum() for k in topk}
    count = hits[:, :, -1]
    recall = np.divide(hits[:, :, 0], count, out=np.zeros(count.shape), where=count > 0)
    values["mean1"] = recall.sum(axis=1) / (count > 0).sum(axis=1)
    return {name: tuple(np.percentile(value, (2.5, 97.5)).tolist()) for name, value in values.items()}


def calibration(scores: ArrayLike, labels: ArrayLike, bins: int = CALIBRATION_BINS) -> dict[str, Any]:
    """Compare the confidence of the predicted class with how often it is right, in ``bins`` of equal width over (0, 1].

    Returns ``ece``, the expected calibration error (Guo et al., ICML 2017, eq. 3), in [0, 1]; ``mean_confidence``; and
    ``bins``, for each bin that has samples its ``count``, ``confidence`` and ``accuracy``. Without any sample the first
    two are None.
    """
    scores = np.asarray(scores)
    if not len(scores):
        return {"ece": None, "mean_confidence": None, "bins": []}
    chance = as_probabilities(scores)
    confidence = chance.max(axis=1)
    right = chance.argmax(axis=1) == as_labels(labels, *chance.shape)
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    rows = []
    for i in np.unique(index):
        chosen = index == i
        means = {"confidence": float(confidence[chosen].mean()), "accuracy": float(right[chosen].mean())}
        rows.append({"count": int(chosen.sum()), **means})
    ece = sum(row["count"] * abs(row["confidence"] - row["accuracy"]) for row in rows) / len(right)
    return {"ece": float(ece), "mean_confidence": float(confidence.mean()), "bins": rows}


def per_class_rows(result: Result) -> list[dict[str, Any]]:
    """Return for each class its ``class`` index, ``name``, ``count``, ``predicted`` (how often) and ``accuracy``.

    With a label space there are also ``attributes``, with training counts ``train_count``. For samples with several
    labels ``f1`` at the ``threshold`` replaces the accuracy, and ``best_f1`` at ``best_threshold`` is the highest that
    any threshold gives on these samples. Measures of a class without samples are None.
    """
    measured = _f1_columns(result) if result.is_multi_label else _accuracy_columns(result)
    rows: list[dict[str, Any]] = []
    for c in range(result.num_classes):
        row = {"class": c, "name": result.class_name(c), **{name: values[c] for name, values in measured.items()}}
        if result.label_space is not None:
            row["attributes"] = result.label_space.attributes(c)
        if result.train_counts is not None:
            row["train_count"] = int(result.train_counts[c])
        rows.append(row)
    return rows


def _accuracy_columns(result: Result) -> dict[str, list]:
    recall, counts = functional.class_recall(result.labels, result.predicted, result.num_classes)
    predicted = np.bincount(result.predicted[~result.missing], minlength=result.num_classes)
    return {"count": counts.tolist(), "predicted": predicted.tolist(), "accuracy": _none_for_nan(recall)}


def _f1_columns(result: Result) -> dict[str, list]:
    chance, present = functional.independent_probabilities(result.scores), ~result.missing[:, None]
    f1, _ = functional.f1_scores(result.scores, result.labels, THRESHOLD, result.missing)
    best = [_best_threshold(chance[:, c] * present[:, 0], result.labels[:, c]) for c in range(result.num_classes)]
    return {
        "count": result.labels.sum(axis=0).tolist(),
        "predicted": ((chance >= THRESHOLD) & present).sum(axis=0).tolist(),
        "threshold": [THRESHOLD] * result.num_classes,
        "f1": _none_for_nan(f1),
        "best_f1": [value for value, _ in best],
        "best_threshold": [threshold for _, threshold in best],
    }


def _best_threshold(chance: np.ndarray, labels: np.ndarray) -> tuple[float | None, float | None]:
    """Return the highest F1 of one class over all thresholds, and the threshold; None where it has no sample."""
    from sklearn.metrics import precision_recall_curve

    if not labels.any():
        return None, None
    precision, recall, thresholds = precision_recall_curve(labels, chance)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = int(f1[:-1].argmax())  # the last point, recall 0, has no threshold
    return float(f1[best]), float(thresholds[best])


def _none_for_nan(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def summarize(result: Result) -> dict[str, Any]:
    """Return the figures of a test as plain values (dict, list, float, int, str, None).

    Returns:
        ``headline`` (sentences), ``evaluated`` (``count``, ``listed``, ``text``; ``broken``, ``nobody``: how many could
        not be loaded, or show no person, and count as wrong), ``accuracy`` (``top1``, ..., ``mean1``),
        ``confidence_95`` (an interval for each), ``absent_classes``, ``calibration``, ``confused_pairs``,
        ``per_class``, ``run``; with a label space also ``label_space`` and, as far as it has them, ``attributes`` and
        ``hierarchy``; with training counts ``long_tail``. For samples with several labels only ``headline``,
        ``evaluated``, ``accuracy`` (average precisions and F1, None where nothing is labeled), ``per_class`` and
        ``run``.
    """
    count, listed = len(result), result.listed or len(result)
    missing = {name: int(result.column(name).sum()) for name in MISSING}
    facts: dict[str, Any] = {
        "evaluated": {"count": count, "listed": listed, "text": f"{count} of {listed}", **missing},
        "num_classes": result.num_classes,
    }
    facts |= _multi_label(result) if result.is_multi_label else {**_single_label(result), **_details(result)}
    facts |= {"per_class": per_class_rows(result), "run": dict(result.run)}
    return {"headline": headline(facts), **facts}


def _multi_label(result: Result) -> dict[str, Any]:
    scores, labels, missing = result.scores, result.labels, result.missing
    values = {
        "mean_average_precision": functional.mean_average_precision(scores, labels, missing),
        "mmit_mean_average_precision": functional.mmit_mean_average_precision(scores, labels, missing),
        **functional.mean_f1(scores, labels, THRESHOLD, missing),
    }
    return {"accuracy": {name: None if np.isnan(value) else value for name, value in values.items()}}


def _single_label(result: Result) -> dict[str, Any]:
    labels, present = result.labels, ~result.missing
    ranks = functional.label_ranks(result.scores, labels, result.missing)
    recall, counts = functional.class_recall(labels, result.predicted, result.num_classes)
    accuracy = {f"top{k}": float(np.mean(ranks < k)) for k in TOPK}
    accuracy["mean1"] = float(np.nanmean(recall))
    intervals = bootstrap_intervals(ranks, labels, result.num_classes, TOPK)
    return {
        "accuracy": accuracy,
        "confidence_95": {name: list(interval) for name, interval in intervals.items()},
        "absent_classes": np.flatnonzero(counts == 0).tolist(),
        "calibration": calibration(result.scores[present], labels[present]),
    }


def _details(result: Result) -> dict[str, Any]:
    labels, predicted, space = result.labels, result.predicted, result.label_space
    facts: dict[str, Any] = {}
    if space is not None:
        lists = {"hierarchy": list(space.hierarchy), "numeric": list(space.numeric)}
        facts["label_space"] = {"title": space.title, **lists}
        if details.plain_attributes(space):
            facts["attributes"] = details.attribute_details(labels, predicted, space)
        if space.hierarchy:
            facts["hierarchy"] = details.hierarchy_details(labels, predicted, space)
    if result.train_counts is not None:
        facts["long_tail"] = details.long_tail_details(labels, predicted, result.train_counts)
    return facts | {"confused_pairs": details.confused_pairs(labels, predicted, space)}


def headline(facts: dict[str, Any]) -> list[str]:
    """Return what a reader should know first, as sentences."""
    parts = []
    for name, value in facts["accuracy"].items():
        low, high = facts.get("confidence_95", {}).get(name, (None, None))
        interval = f" (95 % interval {100 * low:.1f} to {100 * high:.1f})" if low is not None else ""
        parts.append(f"{name} {100 * value:.2f} %{interval}" if value is not None else f"{name} not defined")
    lines = [f"{', '.join(parts)}, on {facts['evaluated']['text']} samples."]
    reasons = {"broken": "could not be loaded", "nobody": "show nobody (their skeletons have no person)"}
    for name, reason in reasons.items():
        if count := facts["evaluated"][name]:
            lines.append(f"{count} of them {reason} and count as wrong; what is said of errors leaves them out.")
    lines += [facts[name]["headline"] for name in ("hierarchy", "attributes") if name in facts]
    if facts.get("absent_classes"):
        lines.append(f"{len(facts['absent_classes'])} of {facts['num_classes']} classes have no sample here.")
    return lines
