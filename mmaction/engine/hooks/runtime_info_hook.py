"""Hand the losses of an iteration to the log without waiting for the device."""

from collections import deque
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.hooks import RuntimeInfoHook as PlainRuntimeInfoHook
from mmengine.runner import Runner

from mmaction.engine.device import is_read_now
from mmaction.engine.optim import wrappers
from mmaction.registry import HOOKS


@HOOKS.register_module()
class RuntimeInfoHook(PlainRuntimeInfoHook):
    """MMEngine's hook for epoch, learning rate and losses; losses stay on the GPU until they are logged.

    Args:
        late: Whether to read losses and norms of gradients only when they are logged, not after each iteration. None:
            on a GPU.
    """

    def __init__(self, late: bool | None = None) -> None:
        self.late = get_device() != "cpu" if late is None else late
        self._held: list[dict[str, Any]] = []

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Keep the losses of the iteration, and hand over what is to be logged."""
        self._held.append({key: _detached(value) for key, value in (outputs or {}).items()})
        if not self.late or is_read_now(runner, batch_idx, len(self._held)):
            self._hand_over(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Let the checkpoint hold the whole history."""
        if self._held:
            self._hand_over(runner)
            checkpoint["message_hub"] = runner.message_hub.state_dict()

    def before_val(self, runner: Runner) -> None:
        """Hand over the losses before the figures of the validation."""
        self._hand_over(runner)
        super().before_val(runner)

    def _hand_over(self, runner: Runner) -> None:
        """Write all held values into the history, read from the device at once."""
        held, self._held = self._held, []
        norms: list[tuple[str, torch.Tensor]] = []
        for wrapper in wrappers(runner.optim_wrapper):
            late: deque[tuple[str, torch.Tensor]] = getattr(wrapper, "late_norms", deque())
            norms += late
            late.clear()
        rows = [*norms, *(item for values in held for item in values.items())]
        tensors = [value.reshape(()).float() for _, value in rows if isinstance(value, torch.Tensor)]
        read = iter(torch.stack(tensors).tolist() if tensors else [])
        for key, value in rows:
            runner.message_hub.update_scalar(f"train/{key}", next(read) if isinstance(value, torch.Tensor) else value)


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, torch.Tensor) else value
