"""Samples that cannot be loaded: replaced and listed in training, counted as wrong in testing."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import master_only
from mmengine.evaluator import BaseMetric
from mmengine.evaluator import Evaluator as PlainEvaluator
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmaction.evaluation.functional import label_to_array
from mmaction.registry import EVALUATOR, HOOKS
from mmaction.utils.cli import ToolStop
from mmaction.utils.files import write_atomically

LIST_NAME = "broken_samples.csv"


def broken_samples(data_batch: Any) -> list[tuple[str, str]]:
    """Return the name and the fault of each sample of a batch that could not be loaded.

    The data set notes them as ``broken`` in the meta information of the sample that stands in.
    """
    samples = data_batch.get("data_samples", ()) if isinstance(data_batch, dict) else ()
    return [tuple(sample.get("broken")) for sample in samples if sample.get("broken")]


def score_as_wrong(score: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Return scores of the same shape that rank the true classes last: 0 for them, an equal share for the others.

    Args:
        score: Of every class, shape ``(C,)``.
        label: Class indices, or 0 or 1 for each class.
    """
    wrong = torch.full_like(score, 1 / max(1, len(score) - 1))
    wrong[torch.from_numpy(label_to_array(len(score), label.cpu().numpy())).bool()] = 0
    return wrong


@EVALUATOR.register_module()
class Evaluator(PlainEvaluator):
    """MMEngine's evaluator; a broken sample counts as wrong, whatever the sample that stood in for it scored.

    The results of several processes are sent, not exchanged through a folder that all machines would have to share.

    Raises:
        TypeError: If a metric is neither one nor the config of one.
    """

    def __init__(self, metrics: Any) -> None:
        super().__init__(metrics)
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
            score = sample.get("pred_score")
            if not sample.get("broken") or score is None:
                continue
            if isinstance(score, dict):  # of several modalities
                sample.set_pred_score({name: score_as_wrong(part, sample.gt_label) for name, part in score.items()})
            else:
                wrong = score_as_wrong(score, sample.gt_label)
                sample.set_pred_score(wrong).set_pred_label(wrong.argmax())
        super().process(data_samples, data_batch)


@HOOKS.register_module()
class BrokenSamplesHook(Hook):
    """Name each sample that could not be loaded once in the log and list them all in ``broken_samples.csv``.

    Args:
        max_share: Share of the training set, in [0, 1], above which the run stops.
    """

    def __init__(self, max_share: float = 0.01) -> None:
        if not 0 <= max_share <= 1:
            raise ValueError(f"BrokenSamplesHook: max_share is a share in [0, 1], got {max_share}")
        self.max_share = max_share
        self._found: dict[tuple[str, str], str] = {}

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """List the broken samples of a batch.

        Raises:
            ToolStop: If more than ``max_share`` of the training set is broken.
        """
        if not self._add(runner, "train", data_batch):
            return
        size = len(runner.train_dataloader.dataset)
        count = sum(split == "train" for split, _ in self._found)
        if count > self.max_share * size:
            raise ToolStop(
                f"{count} of {size} training samples cannot be loaded, more than {self.max_share:.1%}; they are listed "
                f"in {Path(runner.work_dir) / LIST_NAME}. Repair or remove them, or allow more with "
                f"default_hooks.broken_samples.max_share"
            )

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """List the broken samples of a validation batch."""
        self._add(runner, "val", data_batch)

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """List the broken samples of a test batch."""
        self._add(runner, "test", data_batch)

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Say how many samples were counted as wrong for being broken."""
        if count := sum(split == "test" for split, _ in self._found):
            runner.logger.warning(
                f"{count} of {len(runner.test_dataloader.dataset)} test samples could not be loaded and count as "
                f"wrong; they are listed in {Path(runner.work_dir) / LIST_NAME}"
            )

    def _add(self, runner: Runner, split: str, data_batch: Any) -> bool:
        """Note the broken samples of a batch; return whether one of them is new."""
        new = {(split, name): fault for name, fault in broken_samples(data_batch)}
        new = {key: fault for key, fault in new.items() if key not in self._found}
        for (_, name), fault in new.items():
            action = "another sample stands in" if split == "train" else "it counts as wrong"
            runner.logger.warning(f"cannot load {name}: {fault}; {action}")
        self._found.update(new)
        if new:
            self._write(Path(runner.work_dir))
        return bool(new)

    @master_only
    def _write(self, folder: Path) -> None:
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(("split", "sample", "fault"))
        rows.writerows((split, name, fault) for (split, name), fault in self._found.items())
        write_atomically(folder / LIST_NAME, text.getvalue().encode())
