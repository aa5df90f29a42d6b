"""Write what a test found: ``predictions.csv``, ``scores.npz``, ``metrics.json`` and a table for the terminal."""

import io
import itertools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmaction.evaluation.functional import label_to_array
from mmaction.evaluation.metrics import mean_score, predicted_scores, to_numpy
from mmaction.evaluation.predictions import Predictions, save_scores, write_predictions_csv
from mmaction.evaluation.summary import summarise
from mmaction.registry import METRICS
from mmaction.utils.files import read_json, write_atomically

NUM_WORST = 5
NUMBERS = ("samples", "weight")
FILES = ("predictions.csv", "scores.npz", "metrics.json")
REPORT = "report.html"  # beside them, made of them


@METRICS.register_module()
class ResultWriter(BaseMetric):
    """Write the scores of a test and everything that follows from them into a folder.

    Files: ``predictions.csv`` (id, label, five best classes, facts of the clip), ``scores.npz`` (all scores, for
    fusion and reports) and ``metrics.json`` (see :func:`mmaction.evaluation.summary.summarise`; besides, ``run`` says
    what was evaluated). With several processes the first one writes. The log gets the main figures as a table.

    Args:
        out_dir: Folder of the files, made if absent. Files of an earlier test are replaced.
        dataset: The test set, in the order of the samples; its annotations give ids and facts. Without it samples
            are called by their number.
        run: Facts to keep in ``metrics.json`` under ``run``: checkpoint, seed, views and the like; plain values.
        train_counts: Training samples of every class, for the long-tail view.
        listed: Samples of the official list, where it is known that clips are missing; by default those tested.
        topk: The k of top-k accuracy, rising.
        collect_device: ``cpu`` or ``gpu``: where the results of several processes are brought together.
    """

    default_prefix = "results"

    def __init__(
        self,
        out_dir: str,
        dataset: Any = None,
        run: dict[str, Any] | None = None,
        train_counts: Sequence[int] | None = None,
        listed: int | None = None,
        topk: Sequence[int] = (1, 5),
        collect_device: str = "cpu",
    ) -> None:
        super().__init__(collect_device=collect_device)
        self.out_dir = Path(out_dir)
        self.dataset = dataset
        self.run = dict(run or {})
        self.train_counts = train_counts
        self.listed = listed
        self.topk = tuple(topk)
        self.summary: dict[str, Any] | None = None

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the scores, labels and facts of one batch.

        The scores of several modalities are averaged.
        """
        for sample in data_samples:
            score = mean_score(predicted_scores(sample))
            # what stood in for a broken sample says nothing of it
            facts = {"broken": 1} if sample.get("broken") else clip_facts(sample)
            self.results.append((score, np.atleast_1d(to_numpy(sample["gt_label"])), facts))

    def compute_metrics(self, results: list[tuple[np.ndarray, np.ndarray, dict]]) -> dict:
        """Write the files; returns no figures, those are :class:`AccMetric`'s."""
        scores = np.stack([score for score, _, _ in results])
        labels = _stack_labels([label for _, label, _ in results], scores.shape[1])
        facts = [facts for _, _, facts in results]
        if self.dataset is not None:
            facts = [dataset_facts(self.dataset, i) | fact for i, fact in enumerate(facts)]
        meta = self.dataset_meta or {}
        classes = meta.get("classes") or ()
        ids = unique_ids([fact.pop("id", None) or f"sample {i}" for i, fact in enumerate(facts)])
        names = classes if len(classes) == scores.shape[1] else ()
        predictions = Predictions(ids, labels, scores, names, _columns(facts))
        space = meta.get("label_space")
        space = space if hasattr(space, "table") and len(space) == scores.shape[1] else None
        counts = self.train_counts
        counts = counts if counts is not None and len(counts) == scores.shape[1] else None
        self.summary = summarise(predictions, space, counts, self.listed, self.topk)
        self.summary["run"] = self.run
        write_results(self.out_dir, predictions, self.summary)
        print_log(f"\n{render_table(self.summary)}", logger="current")
        print_log(f"written to {self.out_dir}: {', '.join(FILES)}", logger="current")
        return {}


def write_results(out_dir: str | os.PathLike, predictions: Predictions, summary: dict[str, Any]) -> None:
    """Write the three files of a test into ``out_dir``, made if absent, and remove a report of earlier ones."""
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / REPORT).unlink(missing_ok=True)
    write_predictions_csv(folder / FILES[0], predictions)
    save_scores(folder / FILES[1], predictions)
    text = json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False, default=str)
    write_atomically(folder / FILES[2], f"{text}\n".encode())


def free_folder(folder: str | os.PathLike, run: Mapping[str, Any], subject: Callable[[Mapping[str, Any]], Any]) -> Path:
    """Return where results can be written without replacing those of something else.

    Args:
        folder: The folder wanted.
        run: Facts of the results to write, which will stand in ``metrics.json`` under ``run``.
        subject: Returns, of such facts, what the results are of.

    Returns:
        ``folder``, or where it has results of another subject, the next of ``folder_2``, ``folder_3``, ... without.
    """
    folder = Path(folder)
    for number in itertools.count(1):
        place = folder.with_name(f"{folder.name}_{number}") if number > 1 else folder
        file = place / FILES[2]
        if not file.exists() or subject(_stored_run(file)) == subject(run):
            break
    return place


def _stored_run(file: Path) -> Mapping[str, Any]:
    """Return the facts of the run that wrote a ``metrics.json``, none where they cannot be read."""
    try:
        return dict(read_json(file)["run"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _stack_labels(labels: list[np.ndarray], num_classes: int) -> np.ndarray:
    """Return labels of shape (N,), or (N, C) where a sample has not exactly one."""
    if all(len(label) == 1 for label in labels):
        return np.concatenate(labels)
    return np.stack([label_to_array(num_classes, label) for label in labels])


def clip_facts(info: dict[str, Any]) -> dict[str, Any]:
    """Return what an annotation or a sample says of its clip.

    Returns:
        Those known of ``frames``, ``width``, ``height`` (pixels of the source) and ``pose_quality`` (mean score of
        the joints of all persons and frames, 0 to 1).
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


def dataset_facts(dataset: Any, index: int) -> dict[str, Any]:
    """Return ``id``, ``source`` (path of the clip) and the facts of sample ``index`` from its annotation."""
    try:
        info = dataset.get_data_info(index)
    except (OSError, ValueError):  # a skeleton file that is broken: another sample stood in for this one
        info = dataset.annotation(index)
    if info.get("original_shape") is None and info.get("img_shape") is not None:
        info = {**info, "original_shape": info["img_shape"]}
    name = info.get("frame_dir") or info.get("filename")
    if not name:
        return clip_facts(info)
    roots = [str(root) for root in (getattr(dataset, "data_prefix", None) or {}).values() if root]
    inside = [root for root in roots if str(name).startswith(root.rstrip("/") + "/")]
    identity = os.path.relpath(name, inside[0]) if inside else str(name)
    return {"id": identity, "source": str(name), **clip_facts(info)}


def unique_ids(names: Sequence[str]) -> list[str]:
    """Return ``names`` with `` #2``, `` #3``, ... after repetitions: a clip may be listed several times."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return result


def _columns(facts: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Return facts by name; NaN (or an empty string) where a sample lacks one."""
    names = dict.fromkeys(name for fact in facts for name in fact)
    return {name: np.array([fact.get(name, "" if name == "source" else np.nan) for fact in facts]) for name in names}


def render_table(summary: dict[str, Any]) -> str:
    """Return the main figures as text: accuracy with intervals, details, the worst classes."""

    def percent(value: float | None) -> str:
        return "-" if value is None else f"{100 * value:.2f}"

    intervals = summary.get("confidence_95", {})
    rows = [
        (name, percent(value), " to ".join(percent(bound) for bound in intervals.get(name, ())))
        for name, value in summary["accuracy"].items()
    ]
    for part in ("attributes", "hierarchy"):
        rows += [(name, percent(value), "") for name, value in summary.get(part, {}).get("accuracy", {}).items()]
    for name in ("head", "middle", "tail") if "long_tail" in summary else ():
        group = summary["long_tail"][name]
        if group["classes"]:
            rows.append((f"{name}, mean1", percent(group["mean1"]), f"{group['classes']} classes: {group['rule']}"))
    text = text_table(f"Result on {summary['evaluated']['text']} samples", ("measure", "%", "95 % interval"), rows)
    tested = [row for row in summary.get("per_class", ()) if row["count"]]
    worst = sorted(tested, key=lambda row: row["accuracy"])[:NUM_WORST]
    if worst and worst[0]["accuracy"] < 1:
        rows = [(f"{row['class']} {row['name']}", percent(row["accuracy"]), str(row["count"])) for row in worst]
        text += text_table("Worst classes", ("class", "%", "samples"), rows)
    return text + "".join(f"- {line}\n" for line in summary["headline"])


def text_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], width: int = 110) -> str:
    """Return a table for the terminal, without colours; columns of numbers are flush right."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for column in header:
        table.add_column(column, justify="right" if column[-1:] == "%" or column in NUMBERS else "left")
    for row in rows:
        table.add_row(*map(escape, row))
    console = Console(file=io.StringIO(), width=width, no_color=True)
    console.print(table)
    return f"{title}\n" + "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().rstrip().splitlines()) + "\n"
