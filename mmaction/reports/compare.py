"""Compare tests of two models on the same samples."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmaction.evaluation.functional import class_recall
from mmaction.io.names import match_names
from mmaction.structures import Result
from mmaction.utils.text import class_difference


def align(result: Result, ids: Sequence[str], name: str = "this result") -> Result:
    """Return the samples with these ids, in this order; ValueError, which calls the test ``name``, if one is missing.

    Ids are matched as :func:`mmaction.io.names.match_names` says.
    """
    return result.select(match_names(result.ids, ids, name, "compare or fuse tests of the same list"))


def align_all(tests: Sequence[Result], names: Sequence[str]) -> list[Result]:
    """Return tests with the samples of the first, in its order; ValueError if samples, classes or labels disagree.

    The log says where classes have other names, or the same in another order: numbers count.
    """
    first = tests[0]
    aligned = [first]
    for test, name in zip(tests[1:], names[1:], strict=True):
        if len(test) != len(first):
            raise ValueError(f"{name} has {len(test)} samples, {names[0]} has {len(first)}; test both on the same list")
        if test.num_classes != first.num_classes:
            raise ValueError(f"{name} has {test.num_classes} classes, {names[0]} has {first.num_classes}")
        if difference := class_difference(first.classes, test.classes):
            print_log(
                f"{names[0]} and {name} name their classes differently, and labels count; the names are those of "
                f"{names[0]}: {difference}",
                logger="current",
                level=logging.WARNING,
            )
        test = align(test, first.ids, name)
        wrong = np.flatnonzero((test.labels != first.labels).reshape(len(first), -1).any(axis=1))
        if wrong.size:
            raise ValueError(
                f"{name} and {names[0]} disagree on the label of {wrong.size} samples, the first is "
                f"{first.ids[wrong[0]]!r}: the lists are of different versions"
            )
        aligned.append(test)
    return aligned


def mcnemar(first_right: np.ndarray, second_right: np.ndarray) -> dict[str, Any]:
    """Test exactly whether two models, right where the arguments ``(N,)`` are true, differ (McNemar, 1947).

    Returns ``only_first`` and ``only_second`` (samples that one alone gets right), ``both``, ``neither`` and
    ``p_value``: the two-sided binomial probability of a split at least as uneven if the models were equally good; 1
    where they never differ.
    """
    from scipy.stats import binomtest

    first, second = np.asarray(first_right, bool), np.asarray(second_right, bool)
    cells = {"only_first": first & ~second, "only_second": second & ~first, "both": first & second}
    counts = {name: int(cell.sum()) for name, cell in (cells | {"neither": ~first & ~second}).items()}
    differ = counts["only_first"] + counts["only_second"]
    return counts | {"p_value": float(binomtest(counts["only_second"], differ).pvalue) if differ else 1.0}


def compare(first: Result, second: Result) -> dict[str, Any]:
    """Return what the second test changes against the first, both aligned.

    ``top1``: the two accuracies; ``difference``; ``mcnemar``; ``classes``: for each class with samples its ``class``,
    ``count``, both accuracies, the ``gain`` and ``gained`` (samples more that are right), the largest first.
    """
    right = [test.predicted == test.labels for test in (first, second)]
    parts = [class_recall(test.labels, test.predicted, test.num_classes) for test in (first, second)]
    (before, counts), (after, _) = parts
    gains = after - before
    gained = np.rint(np.nan_to_num(gains) * counts).astype(int)
    order = np.argsort(-gained, kind="stable")
    rows = [
        {
            "class": int(c),
            "name": first.class_name(c),
            "count": int(counts[c]),
            "first": float(before[c]),
            "second": float(after[c]),
            "gain": float(gains[c]),
            "gained": int(gained[c]),
        }
        for c in order
        if counts[c]
    ]
    top1 = [float(part.mean()) for part in right]
    return {"top1": top1, "difference": top1[1] - top1[0], "mcnemar": mcnemar(*right), "classes": rows}
