"""Samples that cannot be loaded: replaced and listed in training, counted as wrong in testing."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_gather_object, is_distributed, is_main_process, master_only
from mmengine.evaluator import BaseMetric
from mmengine.evaluator import Evaluator as PlainEvaluator
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmaction.engine.dist import any_process, sum_over_processes
from mmaction.engine.hooks.data_hooks import sources
from mmaction.engine.resume import is_resumed
from mmaction.registry import EVALUATOR, HOOKS
from mmaction.structures.result import missing_reason
from mmaction.structures.scores import label_to_array
from mmaction.utils.cli import ToolStop
from mmaction.utils.files import read_text, write_csv

LIST_NAME = "broken_samples.csv"
COLUMNS = ("split", "sample", "fault")
EXCHANGE_ITERS = 20  # between two exchanges of the processes in training
Faults = dict[tuple[str, str], str]  # the fault of each broken sample, by split and name
Entries = dict[tuple[str, str, int], str]  # and by its index: a name can be listed several times


def count_samples(dataset: Any) -> int:
    """Return how many different samples a data set has, however often it repeats them."""
    return sum(len(part) for part in sources(dataset))


def read_list(path: Path) -> Faults:
    """Return the entries of a list of broken samples, none if there is no such file; other rows are left out."""
    if not path.is_file():
        return {}
    rows = csv.reader(io.StringIO(read_text(path)))
    return {(row[0], row[1]): row[2] for row in rows if len(row) == len(COLUMNS) and tuple(row) != COLUMNS}


def broken_samples(data_batch: Any) -> list[tuple[str, str, int]]:
    """Return name, fault and index, which the data set notes as ``broken``, of samples that could not be loaded."""
    samples = data_batch.get("data_samples", ()) if isinstance(data_batch, dict) else ()
    return [tuple(sample.get("broken")) for sample in samples if sample.get("broken")]


def _by_name(entries: Entries) -> Faults:
    return {(split, name): fault for (split, name, _), fault in entries.items()}


def score_as_wrong(score: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Return scores (classes,) that rank the true classes last: 0 for them, an equal share for the others."""
    wrong = torch.full_like(score, 1 / max(1, len(score) - 1))
    wrong[torch.from_numpy(label_to_array(len(score), label.cpu().numpy())).bool()] = 0
    return wrong


def count_as_wrong(sample: Any) -> None:
    """Give a predicted sample that could not be loaded, or shows nobody, scores that are wrong."""
    score = sample.get("pred_score")
    if missing_reason(sample) is None or score is None:
        return
    if isinstance(score, dict):  # of several modalities
        sample.set_pred_score({name: score_as_wrong(part, sample.gt_label) for name, part in score.items()})
    else:
        wrong = score_as_wrong(score, sample.gt_label)
        sample.set_pred_score(wrong).set_pred_label(wrong.argmax())


@EVALUATOR.register_module()
class Evaluator(PlainEvaluator):
    """MMEngine's evaluator; a sample that is broken or shows nobody counts as wrong, whatever the model scored.

    The results of several processes are sent, not exchanged through a folder that all machines would have to share.

    Samples that carry a ``loss``, as in a validation, add ``val_loss``, the mean over samples that could be
    loaded, to the results: ``save_best="val_loss"`` and ``EarlyStoppingHook(monitor="val_loss")`` look at it.

    Raises:
        TypeError: If a metric is neither one nor the config of one.
    """

    def __init__(self, metrics: Any) -> None:
        super().__init__(metrics)
        self._loss = torch.zeros(2, dtype=torch.float64)  # sum and number of samples
        for metric in self.metrics:
            if not isinstance(metric, BaseMetric):
                raise TypeError(
                    f"val_evaluator and test_evaluator hold metrics, such as dict(type='AccMetric'); got {metric!r}. "
                    "--cfg-options cannot give a list of dicts: pass test_evaluator.type=AccMetric"
                )
            if metric.collect_dir is None:
                metric.collect_device = "gpu"  # what MMEngine calls sending; it works on the CPU as well

    def process(self, data_samples: Sequence[Any], data_batch: Any | None = None) -> None:
        """Hand the predictions of a batch to the metrics."""
        for sample in data_samples:
            count_as_wrong(sample)
            if (loss := sample.get("loss")) is not None and missing_reason(sample) is None:
                self._loss += torch.tensor([loss, 1.0])
        super().process(data_samples, data_batch)

    def evaluate(self, size: int) -> dict[str, Any]:
        """Return the results over all ``size`` samples, and begin anew."""
        results = super().evaluate(size)
        total, count = sum_over_processes(self._loss.float()).tolist()
        self._loss = torch.zeros(2, dtype=torch.float64)
        return {**results, "val_loss": total / count} if count else results


@HOOKS.register_module()
class BrokenSamplesHook(Hook):
    """Name each sample that could not be loaded once in the log and list them all in ``broken_samples.csv``.

    A file that is listed several times is named once, and each of its entries counts.

    The processes of a distributed run exchange what they found every 20 iterations and at the end of each epoch,
    validation and test. A resumed run and a test add to the list of the run before; a new one begins it anew.

    Args:
        max_share: Share of the training set, in [0, 1], above which the run stops.
    """

    def __init__(self, max_share: float = 0.01) -> None:
        if not 0 <= max_share <= 1:
            raise ValueError(f"BrokenSamplesHook: max_share is a share in [0, 1], got {max_share}")
        self.max_share = max_share
        self._found: Entries = {}
        self._untold: Entries = {}
        self._listed: Faults | None = None

    def before_train(self, runner: Runner) -> None:
        """Begin the list anew, unless the run is resumed."""
        if not is_resumed(runner):
            self._listed = {}
            if is_main_process():
                Path(runner.work_dir, LIST_NAME).unlink(missing_ok=True)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """List the broken samples of a batch; ToolStop where they are more than ``max_share`` of the training set."""
        is_new = self._add(runner, "train", data_batch)
        if is_distributed():
            is_new = self.every_n_train_iters(runner, EXCHANGE_ITERS) and self._exchange(runner)
        if is_new:
            self._check_share(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """List what the other processes found, with the same limit."""
        if self._exchange(runner):
            self._check_share(runner)

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """List the broken samples of a validation batch."""
        self._add(runner, "val", data_batch)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """List what the other processes found."""
        self._exchange(runner)

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """List the broken samples of a test batch."""
        self._add(runner, "test", data_batch)

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Say how many samples were counted as wrong for being broken."""
        self._exchange(runner)
        if count := self._count("test"):
            runner.logger.warning(
                f"{count} of {count_samples(runner.test_dataloader.dataset)} test samples could not be loaded and "
                f"count as wrong; they are listed in {Path(runner.work_dir) / LIST_NAME}"
            )

    def _count(self, split: str) -> int:
        return sum(found_in == split for found_in, _, _ in self._found)

    def _check_share(self, runner: Runner) -> None:
        size, count = count_samples(runner.train_dataloader.dataset), self._count("train")
        if count > self.max_share * size:
            raise ToolStop(
                f"{count} of {size} training samples cannot be loaded, more than {self.max_share:.1%}; they are listed "
                f"in {Path(runner.work_dir) / LIST_NAME}. Repair or remove them, or allow more with "
                f"default_hooks.broken_samples.max_share"
            )

    def _add(self, runner: Runner, split: str, data_batch: Any) -> bool:
        """Note the broken samples of a batch; return whether one of them is new."""
        new = self._note(runner, {(split, name, index): fault for name, fault, index in broken_samples(data_batch)})
        if is_distributed():
            self._untold.update(new)
        return bool(new)

    def _exchange(self, runner: Runner) -> bool:
        """Note what the processes have found since they did so last, in which all take part; return if there is any."""
        (is_any,) = any_process(bool(self._untold))
        if is_any:
            for entries in all_gather_object(self._untold):
                self._note(runner, entries)
            self._untold = {}
        return is_any

    def _note(self, runner: Runner, entries: Entries) -> Entries:
        """Log and list the entries that are new, each name once, and return them."""
        new = {key: fault for key, fault in entries.items() if key not in self._found}
        if not new:
            return new
        named = _by_name(self._found)
        for (split, name), fault in _by_name(new).items():
            if (split, name) not in named:
                action = "another sample stands in" if split == "train" else "it counts as wrong"
                runner.logger.warning(f"cannot load {name}: {fault}; {action}")
        self._found.update(new)
        self._write(Path(runner.work_dir) / LIST_NAME)
        return new

    @master_only
    def _write(self, path: Path) -> None:
        if self._listed is None:
            self._listed = read_list(path)
        listed = {**self._listed, **_by_name(self._found)}
        write_csv(path, [COLUMNS, *((split, name, fault) for (split, name), fault in listed.items())])
