"""Keep what a run remembers of its losses and times short."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmaction.registry import HOOKS


@HOOKS.register_module()
class HistoryHook(Hook):
    """Forget the oldest values behind the running means of the log.

    MMEngine keeps up to a million values of each loss, learning rate and time, copies all of them in each iteration to
    add one, and writes them into every checkpoint. The hook keeps ``length`` of each, an epoch if the log processor
    asks for means with ``window_size="epoch"``, and everything with ``window_size="global"``.
    """

    def __init__(self, length: int = 10_000) -> None:
        if length < 1:
            raise ValueError(f"length: expected 1 or more, got {length}")
        self.length = length

    def before_train(self, runner: Runner) -> None:
        """Forget the times of the run that is gone on with: it may have stood still, or on another machine."""
        for name in ("train/time", "train/data_time"):
            runner.message_hub.log_scalars.pop(name, None)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Set the limit, every now and then, as new values appear in the course of a run."""
        if batch_idx % 100:
            return
        windows = [entry.get("window_size") for entry in runner.log_processor.custom_cfg]
        if "global" in windows:
            return
        epoch = len(runner.train_dataloader) if "epoch" in windows else 0
        wanted = [window for window in windows if isinstance(window, int)]
        limit = max(self.length, epoch, runner.log_processor.window_size, *wanted)
        for buffer in runner.message_hub.log_scalars.values():
            buffer.max_length = limit
