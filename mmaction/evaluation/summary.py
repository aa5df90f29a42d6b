"""The figures of one test run, as plain values for ``metrics.json``: what is measured and how sure it is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mmaction.evaluation import details, functional
from mmaction.evaluation.predictions import Predictions, as_probabilities
from mmaction.label_spaces import LabelSpace

BOOTSTRAP_REPEATS = 2000
CALIBRATION_BINS = 15


def bootstrap_intervals(
    ranks: ArrayLike, labels: ArrayLike, num_classes: int, topk: Sequence[int] = (1, 5), seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return 95 % confidence intervals of top-k and mean class accuracy by the percentile bootstrap.

    Samples are drawn N out of N with replacement, 2000 times. Only the number of samples in each cell (true class,
    smallest k that is right) matters, so the draws are taken from one multinomial distribution over the cells.

    Args:
        ranks: Rank of the true class, 0 is best, shape ``(N,)``.
        labels: True classes, shape ``(N,)``.
        num_classes: C.
        topk: The k of top-k accuracy, rising.
        seed: Of the random generator.

    Returns:
        ``top1``, ..., ``mean1``: lower and upper bound.
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
    """Compare the confidence of the predicted class with how often it is right.

    Args:
        scores: Shape ``(N, C)``; scores that are no probabilities go through a softmax first.
        labels: Shape ``(N,)``.
        bins: Confidence bins of equal width over (0, 1].

    Returns:
        ``ece``, the expected calibration error (Guo et al., ICML 2017, eq. 3), in [0, 1]; ``mean_confidence``; and
        ``bins``, for each bin that has samples its ``count``, ``confidence`` and ``accuracy``. Without any sample the
        first two are None.
    """
    if not len(scores):
        return {"ece": None, "mean_confidence": None, "bins": []}
    chance = as_probabilities(scores)
    confidence = chance.max(axis=1)
    right = chance.argmax(axis=1) == functional.as_labels(labels, *chance.shape)
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    rows = []
    for i in np.unique(index):
        chosen = index == i
        rows.append(
            {
                "count": int(chosen.sum()),
                "confidence": float(confidence[chosen].mean()),
                "accuracy": float(right[chosen].mean()),
            }
        )
    ece = sum(row["count"] * abs(row["confidence"] - row["accuracy"]) for row in rows) / len(right)
    return {"ece": float(ece), "mean_confidence": float(confidence.mean()), "bins": rows}


def per_class_rows(
    predictions: Predictions, space: LabelSpace | None = None, train_counts: Sequence[int] | None = None
) -> list[dict[str, Any]]:
    """Return for each class its ``class`` index, ``name``, ``count``, ``predicted`` (how often) and ``accuracy``.

    The accuracy of a class without samples is None. With a label space there are also ``attributes``, with training
    counts ``train_count``.
    """
    accuracy, counts = functional.per_class_accuracy(predictions.scores, predictions.labels)
    predicted = np.bincount(predictions.predicted[~predictions.broken], minlength=predictions.num_classes)
    rows: list[dict[str, Any]] = []
    for c in range(predictions.num_classes):
        row = {
            "class": c,
            "name": predictions.name(c),
            "count": int(counts[c]),
            "predicted": int(predicted[c]),
            "accuracy": float(accuracy[c]) if counts[c] else None,
        }
        if space is not None:
            row["attributes"] = space.attributes(c)
        if train_counts is not None:
            row["train_count"] = int(train_counts[c])
        rows.append(row)
    return rows


def label_space_of(summary: dict[str, Any]) -> LabelSpace | None:
    """Return the label space that a summary was made with, or None."""
    facts, rows = summary.get("label_space"), summary.get("per_class")
    if not facts or not rows:
        return None
    table = {name: tuple(row["attributes"][name] for row in rows) for name in rows[0]["attributes"]}
    names = tuple(row["name"] for row in rows)
    return LabelSpace(facts["title"], names, table, tuple(facts["hierarchy"]), tuple(facts["numeric"]))


def summarise(
    predictions: Predictions,
    space: LabelSpace | None = None,
    train_counts: Sequence[int] | None = None,
    listed: int | None = None,
    topk: Sequence[int] = (1, 5),
) -> dict[str, Any]:
    """Return the figures of a test as plain values (dict, list, float, int, str, None).

    Args:
        predictions: Scores and labels.
        space: What the classes consist of.
        train_counts: Training samples of every class.
        listed: How many samples the official list has, where the data set knows that clips are missing.
        topk: The k of top-k accuracy, rising.

    Returns:
        ``headline`` (sentences), ``evaluated`` (``count``, ``listed``, ``text``, and ``broken``: how many could not be
        loaded and count as wrong), ``accuracy`` (``top1``, ..., ``mean1``), ``confidence_95`` (an interval for each),
        ``absent_classes``, ``calibration``, ``confused_pairs``, ``per_class``; with ``space`` also ``label_space``
        and, as far as it has them, ``attributes`` and ``hierarchy``; with ``train_counts`` ``long_tail``. For samples
        with several labels only ``headline``, ``evaluated`` and ``accuracy`` (``mean_average_precision`` and
        ``mmit_mean_average_precision``, None where nothing is labelled).

    Raises:
        ValueError: If the label space or the training counts have another number of classes than the scores.
    """
    for what, size in (("the label space", space), ("train_counts", train_counts)):
        if size is not None and len(size) != predictions.num_classes:
            raise ValueError(f"{what} has {len(size)} classes, the scores have {predictions.num_classes}")
    count, listed = len(predictions), len(predictions) if listed is None else listed
    facts: dict[str, Any] = {
        "evaluated": {
            "count": count,
            "listed": listed,
            "text": f"{count} of {listed}",
            "broken": int(predictions.broken.sum()),
        },
        "num_classes": predictions.num_classes,
    }
    facts |= _multi_label(predictions) if predictions.is_multi_label else _single_label(predictions, topk)
    if not predictions.is_multi_label:
        facts |= _details(predictions, space, train_counts)
        facts["per_class"] = per_class_rows(predictions, space, train_counts)
    return {"headline": headline(facts), **facts}


def _multi_label(predictions: Predictions) -> dict[str, Any]:
    names = ("mean_average_precision", "mmit_mean_average_precision")
    values = {
        name: getattr(functional, name)(predictions.scores, predictions.labels, predictions.broken) for name in names
    }
    return {"accuracy": {name: None if np.isnan(value) else value for name, value in values.items()}}


def _single_label(predictions: Predictions, topk: Sequence[int]) -> dict[str, Any]:
    scores, labels = predictions.scores, predictions.labels
    ranks = functional.label_ranks(scores, labels, predictions.broken)
    accuracy = {f"top{k}": float(np.mean(ranks < k)) for k in topk}
    accuracy["mean1"] = functional.mean_class_accuracy(scores, labels)
    intervals = bootstrap_intervals(ranks, labels, predictions.num_classes, topk)
    return {
        "accuracy": accuracy,
        "confidence_95": {name: list(interval) for name, interval in intervals.items()},
        "absent_classes": np.setdiff1d(np.arange(predictions.num_classes), labels).tolist(),
        "calibration": calibration(scores[~predictions.broken], labels[~predictions.broken]),
    }


def _details(predictions: Predictions, space: LabelSpace | None, train_counts: Sequence[int] | None) -> dict[str, Any]:
    labels, predicted, broken = predictions.labels, predictions.predicted, predictions.broken
    facts: dict[str, Any] = {}
    if space is not None:
        facts["label_space"] = {
            "title": space.title,
            "hierarchy": list(space.hierarchy),
            "numeric": list(space.numeric),
        }
        if details.plain_attributes(space):
            facts["attributes"] = details.attribute_details(labels, predicted, space, broken)
        if space.hierarchy:
            facts["hierarchy"] = details.hierarchy_details(labels, predicted, space, broken)
    if train_counts is not None:
        facts["long_tail"] = details.long_tail_details(labels, predicted, train_counts)
    return facts | {"confused_pairs": details.confused_pairs(labels, predicted, space, broken=broken)}


def headline(facts: dict[str, Any]) -> list[str]:
    """Return what a reader should know first, as sentences."""
    parts = []
    for name, value in facts["accuracy"].items():
        low, high = facts.get("confidence_95", {}).get(name, (None, None))
        interval = f" (95 % interval {100 * low:.1f} to {100 * high:.1f})" if low is not None else ""
        parts.append(f"{name} {100 * value:.2f} %{interval}" if value is not None else f"{name} not defined")
    lines = [f"{', '.join(parts)}, on {facts['evaluated']['text']} samples."]
    if broken := facts["evaluated"]["broken"]:
        lines.append(f"{broken} of them could not be loaded and count as wrong; what is said of errors omits them.")
    lines += [facts[name]["headline"] for name in ("attributes", "hierarchy") if name in facts]
    if facts.get("absent_classes"):
        lines.append(f"{len(facts['absent_classes'])} of {facts['num_classes']} classes have no sample here.")
    return lines
