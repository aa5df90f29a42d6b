"""Wrappers of optimizers: mixed precision for any device, and norms of gradients that nobody waits for."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.optim import AmpOptimWrapper as GpuAmpOptimWrapper
from mmengine.optim import OptimWrapper as MMOptimWrapper
from mmengine.optim import OptimWrapperDict
from torch import nn
from torch.distributed.tensor import DTensor

from mmaction.engine.device import has_bfloat16
from mmaction.registry import OPTIM_WRAPPERS, OPTIMIZERS
from mmaction.utils.config import scheduler_configs, type_name


@OPTIMIZERS.register_module("Adafactor")
def adafactor(params: Any, **options: Any) -> torch.optim.Optimizer:
    """Return the Adafactor of transformers, which is imported here because that takes seconds."""
    from transformers import Adafactor

    return Adafactor(params, **options)


class LateNorms(MMOptimWrapper):
    """Clips gradients without reading their norm, for which MMEngine's wrappers wait.

    ``late_norms`` holds the norms, with their names, until
    :class:`~mmaction.engine.hooks.runtime_info_hook.RuntimeInfoHook` hands them to the log.
    """

    def _clip_grad(self) -> None:  # MMEngine has no public place between the norm and its reading
        params = [p for group in self.optimizer.param_groups for p in group["params"]]
        params = [p for p in params if p.requires_grad and p.grad is not None]
        norm = self.clip_func(params, **self.clip_grad_kwargs) if params else None
        if isinstance(norm, DTensor):  # of a model in parts
            norm = norm.full_tensor()
        if norm is not None:  # clipping by value has none
            self.__dict__.setdefault("late_norms", deque(maxlen=1000)).append((self.grad_name, norm.detach()))


@OPTIM_WRAPPERS.register_module()
class OptimWrapper(LateNorms):
    """MMEngine's wrapper of one optimizer in float32."""


@OPTIM_WRAPPERS.register_module()
class AmpOptimWrapper(LateNorms, GpuAmpOptimWrapper):
    """MMEngine's wrapper for automatic mixed precision, which also trains on the CPU.

    bfloat16 is taken where the device computes in it: a CPU with AVX-512, and a GPU from NVIDIA's Ampere on. It has
    the exponents of float32, so that gradients do not underflow and the loss is not scaled. Other GPUs take float16
    with a scaler, other CPUs float32.

    Args:
        loss_scale: ``"dynamic"``, a constant, or a dict of :class:`torch.amp.GradScaler` arguments; for float16 alone.
        dtype: ``"float16"``, ``"bfloat16"`` or None for the device's default. A CPU does not take float16.
        use_fsdp: Use the scaler of sharded models.
        **kwargs: Arguments of :class:`mmengine.optim.OptimWrapper`.
    """

    cast_dtype: torch.dtype | None

    def __init__(
        self,
        loss_scale: str | float | dict[str, Any] = "dynamic",
        dtype: str | torch.dtype | None = None,
        use_fsdp: bool = False,
        **kwargs: Any,
    ) -> None:
        if get_device() != "cpu":
            if dtype is None and get_device() == "cuda" and has_bfloat16("cuda"):
                dtype = "bfloat16"
            super().__init__(loss_scale=loss_scale, dtype=dtype, use_fsdp=use_fsdp, **kwargs)
            if self.cast_dtype == torch.bfloat16:
                self.loss_scaler = torch.amp.GradScaler(get_device(), enabled=False)
            return
        if isinstance(dtype, str) and dtype not in self.valid_dtypes:
            raise ValueError(f"AmpOptimWrapper: dtype is one of {', '.join(self.valid_dtypes)}, got {dtype!r}")
        MMOptimWrapper.__init__(self, **kwargs)
        self._scale_update_param = None  # which update_params of MMEngine's wrapper reads
        self.loss_scaler = torch.amp.GradScaler("cpu", enabled=False)
        is_mixed = has_bfloat16("cpu") or dtype in ("bfloat16", torch.bfloat16)
        self.cast_dtype = torch.bfloat16 if is_mixed else torch.float32

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Compute the block in ``cast_dtype``."""
        kind = MMOptimWrapper if self.cast_dtype == torch.float32 else GpuAmpOptimWrapper
        with kind.optim_context(self, model):
            yield

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the optimizer's state, and the scaler's where both the file and this device have one."""
        state = dict(state_dict)  # the caller's dict stays whole
        if not state.get("loss_scaler"):  # written on a CPU
            state.pop("loss_scaler", None)
        super().load_state_dict(state)


def wrappers(wrapper: MMOptimWrapper | OptimWrapperDict) -> list[MMOptimWrapper]:
    """Return the wrappers of the single optimizers."""
    return list(wrapper.values()) if isinstance(wrapper, OptimWrapperDict) else [wrapper]


def base_rates(wrapper: MMOptimWrapper | OptimWrapperDict) -> list[float]:
    """Return for each group of parameters the learning rate from which the schedule starts."""
    groups = [group for part in wrappers(wrapper) for group in part.optimizer.param_groups]
    return [float(group.get("initial_lr", group["lr"])) for group in groups]


def peak_of_cycle(schedulers: Any) -> float | None:
    """Return the highest learning rate of a ``OneCycleLR`` among the configs of schedules; None if there is none."""
    cycles = [config for config in scheduler_configs(schedulers) if type_name(config) == "OneCycleLR"]
    return max((float(config["eta_max"]) for config in cycles if "eta_max" in config), default=None)


def check_optimizer(wrapper: MMOptimWrapper | OptimWrapperDict, states: dict[str, Any], source: str) -> None:
    """Raise ValueError if the optimizers of checkpoint ``source`` and ours both have settings that the other lacks.

    So it does where they have another number of groups of parameters, as with another ``paramwise_cfg``.
    """
    parts = [states.get(name) for name in wrapper] if isinstance(wrapper, OptimWrapperDict) else [states]
    for optimizer, state in zip((part.optimizer for part in wrappers(wrapper)), parts, strict=True):
        groups = (state or {}).get("param_groups", ())
        if groups and len(groups) != len(optimizer.param_groups):
            raise ValueError(
                f"{source} has {len(groups)} groups of parameters with settings of their own, and the config gives the "
                f"optimizer {len(optimizer.param_groups)}; go on with the paramwise_cfg and the frozen parts of that "
                "run, or start from its weights (--load-from)"
            )
        stored = {key for group in groups for key in group}
        settings = {key for group in optimizer.param_groups for key in group}
        unknown = sorted(key for key in stored - settings if not key.startswith(("initial_", "max_", "min_", "param")))
        if unknown and settings - stored:
            raise ValueError(
                f"{source} is of a run with another optimizer than {type(optimizer).__name__}: it holds "
                f"{', '.join(unknown)}; go on with the optimizer of that run, or start from its weights (--load-from)"
            )
