"""Hooks that notice when the numbers of a run have stopped to mean anything."""

from pathlib import Path
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmaction.engine.device import is_read_now
from mmaction.engine.resume import is_resumed
from mmaction.evaluation.metrics import describe_classes
from mmaction.registry import HOOKS
from mmaction.structures.sample_name import sample_name
from mmaction.structures.scores import label_to_array
from mmaction.utils.cli import ToolStop


def sample_names(data_batch: Any) -> list[str]:
    """Return what identifies each sample of a batch: its file or clip, else its index in the data set."""
    samples = data_batch.get("data_samples", ()) if isinstance(data_batch, dict) else ()
    names = []
    for number, sample in enumerate(samples):
        index = sample.get("sample_idx")
        names.append(sample_name(sample, f"number {number} of the batch" if index is None else index))
    return names


def _has_finite_scores(sample: Any) -> bool:
    """Return whether all scores of a predicted sample, which may be of several modalities, are finite."""
    score = sample.get("pred_score") if hasattr(sample, "get") else None
    parts = score.values() if isinstance(score, dict) else [score]
    return all(bool(part.isfinite().all()) for part in parts if isinstance(part, torch.Tensor))


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Stop at a loss, or a score of a validation, that is NaN or infinite, and before spoilt weights are saved.

    Args:
        late: Whether to look at losses only when they are logged, not after each iteration, which would wait for the
            device. None: on a GPU.
    """

    priority = "HIGHEST"
    _is_training = False
    _of_earlier_run: tuple[str, int] | None = None  # what an earlier run in this folder has written last

    def __init__(self, late: bool | None = None) -> None:
        self.late = get_device() != "cpu" if late is None else late
        self._held: list[tuple[int, dict[str, torch.Tensor], list[str]]] = []

    def before_train(self, runner: Runner) -> None:
        """Note what is not of this run, unless it goes on with an earlier one."""
        self._is_training = True
        self._of_earlier_run = None if is_resumed(runner) else self._last_checkpoint(runner)

    def after_train(self, runner: Runner) -> None:
        """Leave what is validated or tested later to the metrics."""
        self._is_training = False

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Raise ToolStop if the last step has spoilt the weights, although its loss was finite."""
        self._look(runner)
        weights = checkpoint.get("state_dict", {})
        bad = [key for key, value in weights.items() if value.is_floating_point() and not value.isfinite().all()]
        if bad:
            raise ToolStop(
                f"epoch {runner.epoch + 1}: {len(bad)} of {len(weights)} weights have become NaN or infinite, such as "
                f"{bad[0]}; they are not saved.\n{self._advice(runner)}"
            )

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Raise ToolStop if the loss is not finite; names the samples, the last good checkpoint and what to try."""
        losses = {k: v.detach() for k, v in (outputs or {}).items() if "loss" in k and isinstance(v, torch.Tensor)}
        self._held.append((batch_idx, losses, sample_names(data_batch)))
        if not self.late or is_read_now(runner, batch_idx, len(self._held)):
            self._look(runner)

    def _look(self, runner: Runner) -> None:
        """Read the held losses from the device at once; ToolStop at the first that is not finite."""
        held, self._held = self._held, []
        finite = [value.isfinite().all() for _, losses, _ in held for value in losses.values()]
        if not finite or bool(torch.stack(finite).all()):
            return
        for batch_idx, losses, names in held:
            bad = [f"{key} = {value.item()}" for key, value in losses.items() if not value.isfinite().all()]
            if bad:
                raise ToolStop(
                    f"epoch {runner.epoch + 1}, iteration {batch_idx + 1}: {', '.join(bad)}.\n"
                    f"  samples of the batch: {', '.join(names) or 'unknown'}\n{self._advice(runner)}"
                )

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Raise ToolStop if scores are not finite; the newest checkpoint may be what gives such scores."""
        outputs = outputs or ()
        bad = [sample for sample in outputs if self._is_training and not _has_finite_scores(sample)]
        if bad:
            names = ", ".join(sample_names({"data_samples": bad}))
            raise ToolStop(
                f"validation after iteration {runner.iter}: the scores of {len(bad)} of {len(outputs)} samples of a "
                f"batch are NaN or infinite: {names}.\n{self._tips(runner)}"
            )

    @staticmethod
    def _last_checkpoint(runner: Runner) -> tuple[str, int] | None:
        """Return the newest checkpoint of the folder and when it was named."""
        pointer = Path(runner.work_dir, "last_checkpoint")  # written after the checkpoint, unlike MMEngine's last_ckpt
        return (pointer.read_text(), pointer.stat().st_mtime_ns) if pointer.exists() else None

    def _advice(self, runner: Runner) -> str:
        last = self._last_checkpoint(runner)
        name = last[0] if last and last != self._of_earlier_run else ""
        how = f" (with --load-from {name}; --resume keeps the old schedule)" if name else ""
        return f"  last good checkpoint: {name or 'none yet'}\n{self._tips(runner, how)}"

    @staticmethod
    def _tips(runner: Runner, how: str = "") -> str:
        lr = max(value for values in runner.optim_wrapper.get_lr().values() for value in values)
        tips = [f"a learning rate below {lr:.2g}, or a longer warm-up{how}", "optim_wrapper.clip_grad.max_norm=40"]
        precision = getattr(runner.optim_wrapper, "cast_dtype", None)
        if hasattr(runner.optim_wrapper, "loss_scaler") and precision != torch.float32:
            narrow = precision != torch.bfloat16
            tips.append("training without --amp" + narrow * ", or with optim_wrapper.dtype=bfloat16")
        return f"  what to try: {'; '.join(tips)}"


@HOOKS.register_module()
class PredictionHealthHook(Hook):
    """Warn after a validation in which all samples got one class, or some class was never predicted.

    A class that the validation set does not hold is not missed. Samples that could not be loaded are left out.
    """

    def __init__(self) -> None:
        self._counts: torch.Tensor | None = None

    def before_val_epoch(self, runner: Runner) -> None:
        """Forget the last validation."""
        self._counts = None

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Count the predicted and the true classes of a batch."""
        for sample in outputs or ():
            score = sample.get("pred_score")
            if isinstance(score, dict) and score:  # one for each modality
                score = sum(score.values())
            if not isinstance(score, torch.Tensor) or sample.get("gt_label") is None or sample.get("broken"):
                continue
            if self._counts is None:
                self._counts = torch.zeros(2, len(score))  # predicted and true classes
            self._counts[0, int(score.argmax())] += 1
            self._counts[1] += torch.from_numpy(label_to_array(len(score), sample.gt_label.cpu().numpy()))

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Write the warnings."""
        counts = [part for part in all_gather_object(self._counts) if part is not None]  # some may have had no sample
        if not counts:
            return
        predicted, present = sum(counts)
        classes = (getattr(runner.val_dataloader.dataset, "metainfo", None) or {}).get("classes")
        if int((present > 0).sum()) > 1 and int((predicted > 0).sum()) == 1:
            only = describe_classes([int(predicted.argmax())], classes)
            runner.logger.warning(
                f"every validation sample was given class {only}: the model has learnt nothing yet, or its learning "
                f"rate is too high, or its input is constant"
            )
            return
        never = torch.nonzero((present > 0) & (predicted == 0)).flatten().tolist()
        if never:
            runner.logger.warning(
                f"{len(never)} of {int((present > 0).sum())} classes of the validation set were never predicted: "
                f"{describe_classes(never, classes)}"
            )
