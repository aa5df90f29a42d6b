"""Mixed precision that also works on the CPU, and what wrappers of optimizers hold."""

from typing import Any

import torch
from mmengine.device import get_device
from mmengine.optim import AmpOptimWrapper as GpuAmpOptimWrapper
from mmengine.optim import OptimWrapper, OptimWrapperDict

from mmaction.registry import OPTIM_WRAPPERS
from mmaction.utils.config import scheduler_configs, type_name


@OPTIM_WRAPPERS.register_module()
class AmpOptimWrapper(GpuAmpOptimWrapper):
    """MMEngine's wrapper for automatic mixed precision, which also trains on the CPU.

    On the CPU the forward pass runs under bfloat16 autocast and the loss is not scaled: bfloat16 has the exponents of
    float32, so gradients do not underflow. On other devices nothing changes: ``dtype`` float16 by default, with a
    scaler.

    Args:
        loss_scale: ``"dynamic"``, a constant, or a dict of :class:`torch.amp.GradScaler` arguments; unused on the CPU.
        dtype: ``"float16"``, ``"bfloat16"`` or None for the device's default; the CPU always takes bfloat16.
        use_fsdp: Use the scaler of sharded models.
        **kwargs: Arguments of :class:`mmengine.optim.OptimWrapper`.
    """

    def __init__(
        self,
        loss_scale: str | float | dict[str, Any] = "dynamic",
        dtype: str | torch.dtype | None = None,
        use_fsdp: bool = False,
        **kwargs: Any,
    ) -> None:
        if get_device() != "cpu":
            super().__init__(loss_scale=loss_scale, dtype=dtype, use_fsdp=use_fsdp, **kwargs)
            return
        if isinstance(dtype, str) and dtype not in self.valid_dtypes:
            raise ValueError(f"AmpOptimWrapper: dtype is one of {', '.join(self.valid_dtypes)}, got {dtype!r}")
        OptimWrapper.__init__(self, **kwargs)
        self._scale_update_param = None  # which update_params of MMEngine's wrapper reads
        self.loss_scaler = torch.amp.GradScaler("cpu", enabled=False)
        self.cast_dtype = torch.bfloat16

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the optimizer's state, and the scaler's where both the file and this device have one."""
        state = dict(state_dict)  # the caller's dict stays whole
        if not state.get("loss_scaler"):  # written on a CPU
            state.pop("loss_scaler", None)
        super().load_state_dict(state)


def wrappers(wrapper: OptimWrapper | OptimWrapperDict) -> list[OptimWrapper]:
    """Return the wrappers of the single optimizers."""
    return list(wrapper.values()) if isinstance(wrapper, OptimWrapperDict) else [wrapper]


def base_rates(wrapper: OptimWrapper | OptimWrapperDict) -> list[float]:
    """Return for each group of parameters the learning rate from which the schedule starts."""
    groups = [group for part in wrappers(wrapper) for group in part.optimizer.param_groups]
    return [float(group.get("initial_lr", group["lr"])) for group in groups]


def peak_of_cycle(schedulers: Any) -> float | None:
    """Return the highest learning rate of a ``OneCycleLR`` among the configs of schedules; None if there is none."""
    cycles = [config for config in scheduler_configs(schedulers) if type_name(config) == "OneCycleLR"]
    return max((float(config["eta_max"]) for config in cycles if "eta_max" in config), default=None)


def check_optimizer(wrapper: OptimWrapper | OptimWrapperDict, states: dict[str, Any], source: str) -> None:
    """Raise ValueError if the optimizers of checkpoint ``source`` and ours both have settings that the other lacks."""
    parts = [states.get(name) for name in wrapper] if isinstance(wrapper, OptimWrapperDict) else [states]
    for optimizer, state in zip((part.optimizer for part in wrappers(wrapper)), parts, strict=True):
        stored = {key for group in (state or {}).get("param_groups", ()) for key in group}
        settings = {key for group in optimizer.param_groups for key in group}
        unknown = sorted(key for key in stored - settings if not key.startswith(("initial_", "max_", "min_", "param")))
        if unknown and settings - stored:
            raise ValueError(
                f"{source} is of a run with another optimizer than {type(optimizer).__name__}: it holds "
                f"{', '.join(unknown)}; go on with the optimizer of that run, or start from its weights (--load-from)"
            )
