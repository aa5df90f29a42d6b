"""Metrics that the Runner calls: they collect scores and labels and hand them to the functions of this package."""

import copy
import inspect
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmaction.evaluation import functional
from mmaction.registry import METRICS
from mmaction.structures.result import missing_reason
from mmaction.structures.scores import as_labels, as_scores, label_to_array, mean_score, to_numpy
from mmaction.utils.attributes import ReadableArguments
from mmaction.utils.cli import suggest
from mmaction.utils.text import first_few

DEFAULT_METRICS = ("top_k_accuracy", "mean_class_accuracy")


def _top_k(
    scores: np.ndarray, labels: Sequence[np.ndarray], missing: np.ndarray, topk: int | Sequence[int] = (1, 5)
) -> dict[str, float]:
    every = functional.check_topk(topk)
    values = functional.top_k_accuracy(scores, single_labels(labels, scores.shape[1]), every, missing)
    return {f"top{k}": value for k, value in zip(every, values, strict=True)}


def _mean_class(scores: np.ndarray, labels: Sequence[np.ndarray], missing: np.ndarray) -> dict[str, float]:
    return {"mean1": functional.mean_class_accuracy(scores, single_labels(labels, scores.shape[1]), missing)}


def _multi_label(name: str) -> Callable[..., dict[str, float]]:
    def measure(scores: np.ndarray, labels: Sequence[np.ndarray], missing: np.ndarray) -> dict[str, float]:
        return {name: getattr(functional, name)(scores, _targets(labels, scores.shape[1]), missing)}

    return measure


def _targets(labels: Sequence[np.ndarray], num_classes: int) -> np.ndarray:
    """Return 0 or 1 for each sample and class, ``(N, C)``."""
    return np.stack([label_to_array(num_classes, label) for label in labels])


def _f1(
    scores: np.ndarray, labels: Sequence[np.ndarray], missing: np.ndarray, threshold: float = 0.5
) -> dict[str, float]:
    return functional.mean_f1(scores, _targets(labels, scores.shape[1]), threshold, missing)


MEASURES: dict[str, Callable[..., dict[str, float]]] = {
    "top_k_accuracy": _top_k,
    "mean_class_accuracy": _mean_class,
    "mean_average_precision": _multi_label("mean_average_precision"),
    "mmit_mean_average_precision": _multi_label("mmit_mean_average_precision"),
    "multi_label_f1": _f1,
}


def check_metric_names(names: str | Sequence[str]) -> tuple[str, ...]:
    """Return ``names`` as a tuple; ValueError, with the known ones and the closest match, for another name."""
    names = (names,) if isinstance(names, str) else tuple(names)
    for name in names:
        if name not in MEASURES:
            raise ValueError(f"unknown metric {name!r}{suggest(name, MEASURES, 1)}; known: {', '.join(MEASURES)}")
    return names


def single_labels(labels: Sequence[np.ndarray], num_classes: int) -> np.ndarray:
    """Return the only label of each sample, int64 of shape ``(N,)``; ValueError if it has none or several.

    A label is class indices, or 0 or 1 for each of the ``num_classes`` classes.
    """
    every = [label if len(label) == 1 else np.flatnonzero(label_to_array(num_classes, label)) for label in labels]
    for index, label in enumerate(every):
        if len(label) != 1:
            raise ValueError(
                f"sample {index} has {len(label)} labels, but accuracy needs exactly one for each sample; for "
                "multi-label data use metric_list=('mean_average_precision', 'multi_label_f1')"
            )
    return np.array([label[0] for label in every], dtype=np.int64)


def describe_classes(indices: Sequence[int], classes: Sequence[str] | None, limit: int = 10) -> str:
    """Return class indices with their names, where ``classes`` has them; at most ``limit``, then a count."""
    return first_few((f"{i} ({classes[i]})" if classes and i < len(classes) else i for i in indices), limit)


@METRICS.register_module()
class AccMetric(ReadableArguments, BaseMetric):
    """Accuracy of classification, or average precision for samples with several labels.

    With the default list the results are ``acc/top1``, ``acc/top5`` and ``acc/mean1`` (mean class accuracy), in [0, 1].
    A class without samples in the ground truth is left out of ``mean1``; the log names such classes once.

    A model that returns a dict of scores, one for each modality, gets each result once for every entry
    (``acc/rgb_top1``, ...) and, when the entries are ``rgb`` and ``pose``, for the sums with the weights 1:1, 2:1 and
    1:2 (``acc/RGBPose_1:1_top1``, ...).

    Args:
        metric_list: One name or several of ``top_k_accuracy``, ``mean_class_accuracy``, ``mean_average_precision``,
            ``mmit_mean_average_precision`` and ``multi_label_f1`` (``macro_f1`` and ``micro_f1`` of the classes whose
            score is at least the option ``threshold``, by default 0.5).
        collect_device: ``cpu`` or ``gpu``: where the results of several processes are brought together.
        metric_options: Arguments of a measure by its name, such as ``dict(top_k_accuracy=dict(topk=(1, 5)))``.
        prefix: Stands before the names of the results instead of ``acc``.

    Raises:
        ValueError: If a name in ``metric_list`` or ``metric_options`` is unknown, or an option of a measure is.
    """

    default_prefix = "acc"

    def __init__(
        self,
        metric_list: str | tuple[str, ...] = DEFAULT_METRICS,
        collect_device: str = "cpu",
        metric_options: dict[str, dict] | None = None,
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.metrics = check_metric_names(metric_list)
        self.metric_options = copy.deepcopy(metric_options or {"top_k_accuracy": {"topk": (1, 5)}})
        for name in check_metric_names(tuple(self.metric_options)):
            self._check_options(name, self.metric_options[name])
        self._absent_reported = False

    @staticmethod
    def _check_options(name: str, options: dict[str, Any]) -> None:
        known = list(inspect.signature(MEASURES[name]).parameters)[3:]  # after scores, labels, missing
        for option in options:
            if option not in known:
                hint = f"known: {', '.join(known)}" if known else "it has none"
                raise ValueError(f"metric_options: {name} has no option {option!r}; {hint}")
        if "topk" in options:
            functional.check_topk(options["topk"])

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep ``gt_label`` ``(L,)`` and ``pred_score`` ``(C,)``, or a dict of these, of each sample of a batch."""
        for sample in data_samples:
            score = predicted_scores(sample)
            arrays = {name: to_numpy(s) for name, s in score.items()} if isinstance(score, dict) else to_numpy(score)
            label, missing = np.atleast_1d(to_numpy(sample["gt_label"])), missing_reason(sample)
            self.results.append({"pred": arrays, "label": label, "missing": missing})

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Return the results over all samples by name, without prefix."""
        labels = [result["label"] for result in results]
        missing = [result["missing"] is not None for result in results]
        for reason, count in Counter(result["missing"] for result in results if result["missing"]).items():
            what = {"broken": "could not be loaded", "nobody": "show nobody: no joint is seen in them"}[reason]
            print_log(f"{count} of {len(results)} samples {what}; they count as wrong", "current", logging.WARNING)
        preds = [result["pred"] for result in results]
        # a plug-in's calculate may take two arguments, as MMAction2's does
        rest = (missing,) if "missing" in inspect.signature(self.calculate).parameters else ()
        if not isinstance(preds[0], dict):
            return self.calculate(preds, labels, *rest)
        parts = {name: np.stack([pred[name] for pred in preds]) for name in preds[0]}
        if {"rgb", "pose"} <= parts.keys():
            for rgb, pose in ((1, 1), (2, 1), (1, 2)):
                parts[f"RGBPose_{rgb}:{pose}"] = rgb * parts["rgb"] + pose * parts["pose"]
        values = {name: self.calculate(part, labels, *rest) for name, part in parts.items()}
        return {f"{name}_{key}": value for name, part in values.items() for key, value in part.items()}

    def calculate(
        self,
        preds: Sequence[np.ndarray] | np.ndarray,
        labels: Sequence[np.ndarray | int],
        missing: Sequence[bool] | None = None,
    ) -> dict[str, float]:
        """Return the results for N samples; those ``missing``, which have no prediction, count as wrong.

        Args:
            preds: Scores, N arrays of shape ``(C,)``.
            labels: N class indices, or arrays of them.
            missing: N times True or False; None: none is.
        """
        wrong = np.zeros(len(labels), bool) if missing is None else np.asarray(missing, bool)
        scores = as_scores(np.stack([np.asarray(pred) for pred in preds]))
        targets = [np.atleast_1d(label) for label in labels]
        values = self._measure(scores, targets, wrong)
        if "mean_class_accuracy" in self.metrics:
            self._report_absent(scores.shape[1], targets)
        return values

    def result_names(self) -> list[str]:
        """Return the names of the results, with prefix, of a model that returns one score for each class."""
        made_up = [np.array([0]), np.array([1])]
        return [f"{self.prefix}/{name}" for name in self._measure(np.eye(2), made_up, np.zeros(2, bool))]

    def _measure(self, scores: np.ndarray, labels: Sequence[np.ndarray], missing: np.ndarray) -> dict[str, float]:
        values: dict[str, float] = {}
        for name in self.metrics:
            values.update(MEASURES[name](scores, labels, missing, **self.metric_options.get(name, {})))
        return values

    def _report_absent(self, num_classes: int, labels: Sequence[np.ndarray]) -> None:
        """Name, once, the classes that the mean class accuracy leaves out."""
        absent = np.setdiff1d(np.arange(num_classes), np.concatenate(labels)).tolist()
        if not absent or self._absent_reported:
            return
        self._absent_reported = True
        classes = (self.dataset_meta or {}).get("classes")
        print_log(
            f"{len(absent)} of {num_classes} classes have no sample here and are left out of the mean class accuracy: "
            f"{describe_classes(absent, classes)}",
            logger="current",
        )


@METRICS.register_module()
class ConfusionMatrix(BaseMetric):
    """The confusion matrix of a test: int64 tensor ``confusion_matrix/result``, rows true, columns predicted.

    Args:
        num_classes: Rows and columns. By default the length of the scores or, where the model gives only labels,
            the highest class index plus one.
        collect_device: ``cpu`` or ``gpu``: where the results of several processes are brought together.
        prefix: Stands before the name of the result instead of ``confusion_matrix``.
    """

    default_prefix = "confusion_matrix"

    def __init__(self, num_classes: int | None = None, collect_device: str = "cpu", prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.num_classes = num_classes

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the true and the predicted class of each sample, the latter from ``pred_score`` where it is there.

        The scores of several modalities are averaged.
        """
        for sample in data_samples:
            label, score = np.atleast_1d(to_numpy(sample["gt_label"])), sample.get("pred_score")
            if score is not None:
                score = as_scores(mean_score(score)[None])
                predicted, length = int(score.argmax()), score.shape[1]
            else:
                predicted, length = int(to_numpy(sample["pred_label"]).reshape(-1)[0]), 0
            real = single_labels([label], length or self.num_classes or len(label))[0]
            self.results.append((predicted, int(real), length))

    def compute_metrics(self, results: list[tuple[int, int, int]]) -> dict[str, torch.Tensor]:
        """Return ``result``: the matrix over all samples."""
        predicted, real, length = np.array(results, dtype=np.int64).T
        num_classes = self.num_classes or max(int(length.max()), int(max(predicted.max(), real.max())) + 1)
        return {"result": self.calculate(predicted, real, num_classes)}

    @staticmethod
    def calculate(pred: Any, target: Any, num_classes: int | None = None) -> torch.Tensor:
        """Return the confusion matrix, int64 ``(num_classes, num_classes)``.

        Args:
            pred: Class indices, shape ``(N,)``, or scores, shape ``(N, C)``.
            target: True class indices, shape ``(N,)``.
            num_classes: Rows and columns. By default C, or the highest class index plus one.
        """
        pred, target = to_numpy(pred), as_labels(to_numpy(target))
        if pred.ndim == 2 and pred.shape[1] > 1:
            num_classes = num_classes or pred.shape[1]
            pred = as_scores(pred).argmax(axis=1)
        pred = as_labels(pred)
        num_classes = num_classes or int(max(pred.max(), target.max())) + 1
        return torch.from_numpy(functional.confusion_matrix(pred, target, num_classes=num_classes))


def predicted_scores(sample: Mapping[str, Any]) -> Any:
    """Return ``pred_score`` of a sample; ValueError if the model returned none."""
    if sample.get("pred_score") is None:
        raise ValueError("the model returned no pred_score to measure (features are not: test_cfg.feature_extraction)")
    return sample["pred_score"]
