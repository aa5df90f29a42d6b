"""Collect what a test finds as a :class:`~mmaction.structures.Result` and write its files."""

import itertools
import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmaction.engine.results.table import render_table
from mmaction.evaluation.functional import independent_probabilities, label_ranks, top_k_predictions
from mmaction.evaluation.metrics import predicted_scores
from mmaction.evaluation.summary import summarize
from mmaction.registry import METRICS
from mmaction.structures.result import METRICS as METRICS_FILE
from mmaction.structures.result import SCORES, Result, missing_reason
from mmaction.structures.scores import as_probabilities, label_to_array, mean_score, to_numpy
from mmaction.utils.files import read_json, write_csv, write_json

PREDICTIONS = "predictions.csv"
FILES = (PREDICTIONS, SCORES, METRICS_FILE)
REPORT = "report.html"  # beside them, made of them
NUM_TOP = 5
PREDICTED = "predicted_"  # before the name of an attribute


@METRICS.register_module()
class ResultWriter(BaseMetric):
    """Write the scores of a test and everything that follows from them into a folder.

    Files: ``predictions.csv`` (id, label, five best classes, facts of the clip), ``scores.npz`` (the whole
    :class:`~mmaction.structures.Result`, for fusion and reports) and ``metrics.json`` (see
    :func:`mmaction.evaluation.summary.summarize`). With several processes the first one writes. The log gets the main
    figures as a table.

    Args:
        out_dir: Folder of the files, made if absent. Files of an earlier test are replaced.
        dataset: The test set, in the order of the samples; its annotations give ids and facts. Without it samples
            are called by their number.
        run: Facts of the run: checkpoint, seed, views and the like; plain values.
        train_counts: Training samples of the classes, for the long-tail view; classes beyond them have none.
        listed: Samples of the official list, where it is known that clips are missing; by default those tested.
        collect_device: ``cpu`` or ``gpu``: where the results of several processes are brought together.

    After the test ``result`` holds the :class:`~mmaction.structures.Result` in the first process.
    """

    default_prefix = "results"

    def __init__(
        self,
        out_dir: str,
        dataset: Any = None,
        run: dict[str, Any] | None = None,
        train_counts: Sequence[int] | None = None,
        listed: int | None = None,
        collect_device: str = "cpu",
    ) -> None:
        super().__init__(collect_device=collect_device)
        self.out_dir = Path(out_dir)
        self.dataset = dataset
        self.run = dict(run or {})
        self.train_counts = train_counts
        self.listed = listed
        self.result: Result | None = None

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the scores, labels and facts of one batch.

        The scores of several modalities are averaged.
        """
        for sample in data_samples:
            reason = missing_reason(sample)
            facts = clip_facts(sample) if reason != "broken" else {}  # else they are of the sample that stood in
            facts |= {reason: 1} if reason else predicted_attributes(sample)
            label = np.atleast_1d(to_numpy(sample["gt_label"]))
            self.results.append((mean_score(predicted_scores(sample)), label, facts))

    def compute_metrics(self, results: list[tuple[np.ndarray, np.ndarray, dict]]) -> dict:
        """Make the result and write the files; returns no figures, those are :class:`AccMetric`'s."""
        scores = np.stack([score for score, _, _ in results])
        labels = _stack_labels([label for _, label, _ in results], scores.shape[1])
        facts = [facts for _, _, facts in results]
        if self.dataset is not None:
            facts = [dataset_facts(self.dataset, i) | fact for i, fact in enumerate(facts)]
        ids = unique_ids([fact.pop("id", None) or f"sample {i}" for i, fact in enumerate(facts)])
        about = self._about_classes(scores.shape[1])
        self.result = Result(ids, labels, scores, meta=_columns(facts), listed=self.listed, run=self.run, **about)
        summary = write_result(self.out_dir, self.result)
        print_log(f"\n{render_table(summary)}", logger="current")
        print_log(f"written to {self.out_dir}: {', '.join(FILES)}", logger="current")
        return {}

    def _about_classes(self, num_classes: int) -> dict[str, Any]:
        """Return what is known of the classes, as arguments of a result; what is of other classes is left out."""
        meta, counts = self.dataset_meta or {}, self.train_counts or ()
        about = {
            "classes": meta.get("classes"),
            "label_space": meta.get("label_space") if hasattr(meta.get("label_space"), "table") else None,
            "train_counts": [*counts, *[0] * (num_classes - len(counts))] if counts else None,
        }
        for name, value in about.items():
            if value and len(value) != num_classes:
                said = f"{name} of the data set ignored: {len(value)} classes, but the scores have {num_classes}"
                print_log(said, "current", logging.WARNING)
        return {name: value for name, value in about.items() if value and len(value) == num_classes}


def write_result(out_dir: str | Path, result: Result) -> dict[str, Any]:
    """Write the three files of a result, remove a report of an earlier one; return the content of ``metrics.json``."""
    folder = Path(out_dir)
    (folder / REPORT).unlink(missing_ok=True)
    write_predictions_csv(folder / PREDICTIONS, result)
    result.save(folder / SCORES)
    summary = summarize(result)
    write_json(folder / METRICS_FILE, summary, allow_nan=False, default=str)
    return summary


def free_folder(folder: str | Path, identity: Any) -> Path:
    """Return ``folder``, or if it holds a result of another ``identity`` the first free of ``folder_2``, ``_3``, ..."""
    folder = Path(folder)
    for number in itertools.count(1):
        place = folder.with_name(f"{folder.name}_{number}") if number > 1 else folder
        if not any((place / name).exists() for name in (SCORES, METRICS_FILE)) or stored_identity(place) == identity:
            break
    return place


def stored_identity(folder: Path) -> Any:
    """Return the identity of the result in a folder, None where its files do not tell it."""
    try:
        return read_json(folder / METRICS_FILE)["run"]["identity"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _stack_labels(labels: list[np.ndarray], num_classes: int) -> np.ndarray:
    """Return labels of shape (N,), or (N, C) where a sample has not exactly one."""
    if all(len(label) == 1 for label in labels):
        return np.concatenate(labels)
    return np.stack([label_to_array(num_classes, label) for label in labels])


def clip_facts(info: Any) -> dict[str, Any]:
    """Return what an annotation or a sample says of its clip.

    Those known of ``frames``, ``width``, ``height`` (pixels of the source) and ``pose_quality`` (mean score of the
    joints of all persons and frames, 0 to 1).
    """
    facts: dict[str, Any] = {}
    if info.get("total_frames") is not None and int(info["total_frames"]) > 0:
        facts["frames"] = int(info["total_frames"])
    shape = info.get("original_shape")
    if shape is not None:
        facts["height"], facts["width"] = (int(size) for size in shape[:2])
    joint_scores = info.get("keypoint_score")
    if joint_scores is not None and np.size(joint_scores):
        facts["pose_quality"] = round(float(np.mean(joint_scores, dtype=np.float64)), 4)
    return facts


def predicted_attributes(sample: Any) -> dict[str, str]:
    """Return a column ``predicted_NAME`` for each attribute that the head predicts beside the classes."""
    return {f"{PREDICTED}{name}": value for name, value in (sample.get("pred_attributes") or {}).items()}


def dataset_facts(dataset: Any, index: int) -> dict[str, Any]:
    """Return ``id``, ``source`` (path of the clip) and the facts of sample ``index`` from its annotation."""
    try:
        info = dataset.get_data_info(index)
    except (OSError, ValueError):  # a skeleton file that is broken: another sample stood in for this one
        info = dataset.annotation(index)
    if info.get("original_shape") is None and info.get("img_shape") is not None:
        info = {**info, "original_shape": info["img_shape"]}
    name = info.get("frame_dir") or info.get("filename")
    names = {"id": sample_id(dataset, info), "source": str(name)} if name else {}
    return {**names, **clip_facts(info)}


def sample_id(dataset: Any, info: Mapping[str, Any]) -> str | None:
    """Return what results call a sample: its clip, without the folder that the data set names for all; None: unnamed.

    ``info`` is the sample's annotation in ``dataset``.
    """
    name = info.get("frame_dir") or info.get("filename")
    roots = [str(root) for root in (getattr(dataset, "data_prefix", None) or {}).values() if root]
    inside = [root for root in roots if str(name).startswith(root.rstrip("/") + "/")]
    return (os.path.relpath(name, inside[0]) if inside else str(name)) if name else None


def unique_ids(names: Sequence[str]) -> list[str]:
    """Return ``names`` with `` #2``, `` #3``, ... after repetitions: a clip may be listed several times."""
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return result


def dataset_ids(dataset: Any) -> list[str]:
    """Return the unique name of each sample of a data set."""
    return unique_ids([sample_id(dataset, dataset.annotation(i)) or f"sample {i}" for i in range(len(dataset))])


def _columns(facts: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Return facts by name; NaN (or an empty string) where a sample lacks one."""
    names = dict.fromkeys(name for fact in facts for name in fact)
    empty = {name: "" if name == "source" or name.startswith(PREDICTED) else np.nan for name in names}
    return {name: np.array([fact.get(name, empty[name]) for fact in facts]) for name in names}


def write_predictions_csv(path: str | Path, result: Result) -> None:
    """Write a row for each sample: id, true class, whether top-1 is right, the five best classes, and the facts.

    Columns: ``id, label, class, correct, rank`` (1 is best), then ``topK, topK_class, topK_score`` for K from 1 to
    ``min(5, C)`` (scores as probabilities), then one for each entry of ``meta``, empty where it is not known. Several
    labels of a sample stand in one cell, separated by blanks; it counts as correct where the best class is one of them,
    and has no rank. A sample without a prediction is not correct; its cells from ``rank`` to the last class are empty
    and the column ``broken`` or ``nobody`` is 1.
    """
    best = top_k_predictions(result.scores, NUM_TOP)
    multi, missing = result.is_multi_label, result.missing
    shown = independent_probabilities(result.scores) if multi else as_probabilities(result.scores)
    shown = np.take_along_axis(shown, best, axis=1)
    ranks = None if multi else label_ranks(result.scores, result.labels) + 1
    header = ["id", "label", "class", "correct", "rank"]
    header += [f"top{k}{part}" for k in range(1, best.shape[1] + 1) for part in ("", "_class", "_score")]
    rows: list[list[Any]] = [[*header, *result.meta]]
    for i, name in enumerate(result.ids):
        labels = (np.flatnonzero(result.labels[i]) if multi else result.labels[i : i + 1]).tolist()
        row: list[Any] = [name, " ".join(map(str, labels)), "; ".join(result.class_name(c) for c in labels)]
        if missing[i]:
            row += [0] + [""] * (1 + 3 * best.shape[1])
        else:
            row += [int(best[i, 0] in labels), "" if ranks is None else ranks[i]]
            for c, p in zip(best[i], shown[i], strict=True):
                row += [c, result.class_name(c), f"{p:.6f}"]
        rows.append([*row, *(_cell(values[i]) for values in result.meta.values())])
    write_csv(path, rows)


def _cell(fact: object) -> object:
    """Return a fact as a table shows it: empty where it is not known, a whole number without a decimal point."""
    if not isinstance(fact, (float, np.floating)):
        return fact
    if np.isnan(fact):
        return ""
    return int(fact) if float(fact).is_integer() else fact
