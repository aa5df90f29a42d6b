"""Which details a model misses: errors by attribute, by level of the hierarchy and by how common a class is.

All functions take true and predicted class indices of N samples, int64 of shape ``(N,)``. A sample without a prediction
(-1) counts as wrong, but not as an error, because nobody knows its kind.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from mmaction.label_spaces import UNSAID, LabelSpace
from mmaction.structures.scores import as_labels

HEAD_ABOVE, TAIL_BELOW = 100, 20
SHOTS = {"head": "many-shot", "middle": "medium-shot", "tail": "few-shot"}  # what the groups are called
NUM_CONFUSIONS = 10
LEAF = "element"


def plain_attributes(space: LabelSpace) -> list[str]:
    """Return the attributes of ``space`` that are no level of its hierarchy."""
    return [name for name in space.table if name not in space.hierarchy]


def _share(part: int, whole: int) -> str:
    """Return ``part of whole (x %)``."""
    return f"{part} of {whole} ({100 * part / max(whole, 1):.1f} %)"


def _confusions(true: np.ndarray, guess: np.ndarray, values: Sequence[str]) -> list[dict[str, Any]]:
    """Return the commonest pairs of value indices, most common first."""
    pairs = Counter(zip(true.tolist(), guess.tolist(), strict=True))
    common = pairs.most_common(NUM_CONFUSIONS)
    return [{"true": values[t], "predicted": values[p], "count": count} for (t, p), count in common]


def _offsets(true: np.ndarray, guess: np.ndarray, values: Sequence[str]) -> dict[str, Any]:
    """Count signed differences of a numeric attribute in steps of the smallest gap between two of its values."""
    numbers = np.array([float(value) for value in values])
    if len(numbers) < 2:
        return {}
    step = float(np.diff(numbers).min())
    offsets = Counter(np.rint((numbers[guess] - numbers[true]) / step).astype(int).tolist())
    return {"step": step, "offsets": {str(k): offsets[k] for k in sorted(offsets)}}


def attribute_details(labels: np.ndarray, predicted: np.ndarray, space: LabelSpace) -> dict[str, Any]:
    """Measure each attribute of the classes alone, and what the errors have in common.

    Returns:
        ``accuracy``: share of samples whose predicted class has the true value (or one of the two classes does not tell
        it), by attribute. ``errors``: their number. ``wrong_attributes``: how many errors have 0, 1, 2, ... wrong
        attributes. ``all_but_one``: for each attribute how many errors have only that one wrong (``count``), the
        commonest ``confusions`` among them and, for numbers, the ``step`` between neighboring values and ``offsets``,
        the number of errors by signed steps. ``headline``: the same in a sentence. The levels of the hierarchy are left
        out.
    """
    count, known = len(labels), predicted >= 0
    labels, predicted = labels[known], predicted[known]
    wrong = labels != predicted
    groups = {name: space.groups(name) for name in plain_attributes(space)}
    said = {name: np.array([value != UNSAID for value in space.table[name]]) for name in groups}
    missed = {
        name: (group[labels] != group[predicted]) & said[name][labels] & said[name][predicted]
        for name, group in groups.items()
    }
    number = np.sum(list(missed.values()), axis=0)
    all_but_one = {}
    for name, group in groups.items():
        only = missed[name] & (number == 1)
        pair = (group[labels[only]], group[predicted[only]], space.values(name))
        all_but_one[name] = {"count": int(only.sum()), "confusions": _confusions(*pair)}
        if name in space.numeric:
            all_but_one[name] |= _offsets(*pair)
    result = {
        "accuracy": {name: float(np.sum(~miss) / count) for name, miss in missed.items()},
        "errors": int(wrong.sum()),
        "wrong_attributes": {str(k): int(np.sum(number[wrong] == k)) for k in range(len(groups) + 1)},
        "all_but_one": all_but_one,
    }
    return result | {"headline": _attribute_headline(result)}


def _attribute_headline(details: dict[str, Any]) -> str:
    errors, entries = details["errors"], details["all_but_one"]
    if not errors:
        return "No errors."
    single = sum(entry["count"] for entry in entries.values())
    text = f"{_share(single, errors)} errors have all attributes right but one"
    name = max(entries, key=lambda key: entries[key]["count"])
    if not single:
        return text + "."
    text += f"; {_share(entries[name]['count'], errors)} miss only {name}"
    offsets = entries[name].get("offsets")
    if offsets:
        sizes: Counter[int] = Counter()
        for offset, number in offsets.items():
            sizes[abs(int(offset))] += number
        size, count = sizes.most_common(1)[0]
        text += f", most often ({count} times) by {size * entries[name]['step']:g}"
    return text + "."


def hierarchy_details(labels: np.ndarray, predicted: np.ndarray, space: LabelSpace) -> dict[str, Any]:
    """Measure each level of the hierarchy of classes, and at which level the errors leave the right branch.

    Returns:
        ``accuracy`` by level, the class itself last as ``element``; ``errors``; ``lost_at``: how many errors are right
        above a level and wrong there; ``confusions``: for each level above the classes the commonest pairs of groups
        among the errors lost there; ``headline``.
    """
    count, known = len(labels), predicted >= 0
    labels, predicted = labels[known], predicted[known]
    right_above = np.ones(len(labels), dtype=bool)
    accuracy, lost_at, confusions = {}, {}, {}
    for name in (*space.hierarchy, LEAF):
        group = np.arange(len(space)) if name == LEAF else space.groups(name)
        right = group[labels] == group[predicted]
        lost = right_above & ~right
        accuracy[name], lost_at[name] = float(right.sum() / count), int(lost.sum())
        if name != LEAF:
            confusions[name] = _confusions(group[labels[lost]], group[predicted[lost]], space.values(name))
        right_above &= right
    errors = int(np.sum(labels != predicted))
    found = {"accuracy": accuracy, "errors": errors, "lost_at": lost_at, "confusions": confusions}
    return found | {"headline": _hierarchy_headline(errors, lost_at)}


def _hierarchy_headline(errors: int, lost_at: dict[str, int]) -> str:
    if not errors:
        return "No errors."
    levels = list(lost_at)
    parts = [(lost_at[levels[0]], f"have the wrong {levels[0]}")]
    parts += [(lost_at[name], f"have the right {above} but the wrong {name}") for above, name in pairwise(levels)]
    parts.sort(key=lambda part: -part[0])
    return "Of the errors, " + "; ".join(f"{_share(count, errors)} {what}" for count, what in parts if count) + "."


def long_tail_details(
    labels: np.ndarray,
    predicted: np.ndarray,
    train_counts: Sequence[int],
    head_above: int = HEAD_ABOVE,
    tail_below: int = TAIL_BELOW,
) -> dict[str, Any]:
    """Measure classes with many, some and few training samples apart (limits as in Liu et al., CVPR 2019).

    Classes with more training samples than ``head_above`` are the head, classes with fewer than ``tail_below`` the
    tail. Where all classes would be in one group although their counts differ, as in a small set, the limits lie
    between thirds of the classes, ordered by their counts. ``predicted`` is -1 where there is no prediction.

    Returns for ``head``, ``middle`` and ``tail`` the ``classes`` (how many), ``samples``, ``top1`` and ``mean1`` (None
    without samples), and ``rule``; and ``correlation``, Spearman's between training count and class accuracy, None
    where undefined.
    """
    counts = np.asarray(train_counts)
    labels = as_labels(labels, None, len(counts))
    right = labels == predicted
    tested = np.bincount(labels, minlength=len(counts))
    recall = np.bincount(labels, weights=right, minlength=len(counts)) / np.maximum(tested, 1)
    if (
        len(np.unique(counts)) > 1
        and len(np.unique(np.searchsorted([tail_below, head_above + 1], counts, "right"))) == 1
    ):
        tail_below, head_above = (int(np.ceil(limit)) for limit in np.quantile(counts, (1 / 3, 2 / 3)))
        head_above = max(head_above, tail_below)
    groups = {
        "head": (counts > head_above, f"more than {head_above} training samples"),
        "middle": ((counts <= head_above) & (counts >= tail_below), f"{tail_below} to {head_above} training samples"),
        "tail": (counts < tail_below, f"fewer than {tail_below} training samples"),
    }
    result: dict[str, Any] = {}
    for name, (members, rule) in groups.items():
        inside, present = members[labels], members & (tested > 0)
        result[name] = {
            "classes": int(members.sum()),
            "samples": int(inside.sum()),
            "top1": float(right[inside].mean()) if inside.any() else None,
            "mean1": float(recall[present].mean()) if present.any() else None,
            "rule": rule,
        }
    return result | {"correlation": _spearman(counts[tested > 0], recall[tested > 0])}


def _spearman(first: np.ndarray, second: np.ndarray) -> float | None:
    from scipy.stats import spearmanr

    if len(np.unique(first)) < 2 or len(np.unique(second)) < 2:
        return None
    return float(spearmanr(first, second).statistic)


def confused_pairs(
    labels: np.ndarray, predicted: np.ndarray, space: LabelSpace | None = None, count: int = 30
) -> list[dict[str, Any]]:
    """Return the ``count`` pairs of classes that are confused most often.

    Each has ``true``, ``predicted``, ``count``, ``share`` (of the samples of the true class) and ``differs``:
    ``[attribute, true value, predicted value]`` for each attribute of ``space`` in which the classes differ.
    """
    wrong = (labels != predicted) & (predicted >= 0)
    pairs = Counter(zip(labels[wrong].tolist(), predicted[wrong].tolist(), strict=True))
    tested = np.bincount(labels)
    rows = []
    for (true, guess), number in pairs.most_common(count):
        differs = [list(entry) for entry in space.differing_values(true, guess)] if space else []
        share = float(number / tested[true])
        rows.append({"true": true, "predicted": guess, "count": number, "share": share, "differs": differs})
    return rows
