"""Parameters, gradients and states of the optimizer in parts, one in each process, by PyTorch's ``fully_shard``.

Hooks on the state dicts of model and optimizer let checkpoints hold whole tensors, as without sharding.
(``torch.distributed.checkpoint.state_dict`` would name the states of an optimizer in another way.)
"""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from mmengine.device import get_device
from mmengine.dist import get_world_size, is_distributed, is_main_process
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, FullyShardedDataParallel, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from mmaction.registry import FUNCTIONS, MODEL_WRAPPERS
from mmaction.utils.cli import suggest
from mmaction.utils.config import type_name

RESHARD_AFTER_FORWARD = {"FULL_SHARD": True, "SHARD_GRAD_OP": False}
# arguments of PyTorch's first FSDP that change speed alone, or ask for what fully_shard does anyway
NOT_NEEDED = ("use_orig_params", "sync_module_states", "limit_all_gathers", "forward_prefetch", "backward_prefetch",
              "device_id")  # fmt: skip


def residual_blocks(model: nn.Module) -> list[nn.Module]:
    """Return the blocks of the backbone: elements of sequences that have layers of their own, outer ones alone."""
    found: list[nn.Module] = []

    def collect(module: nn.Module) -> None:
        in_sequence = isinstance(module, (nn.Sequential, nn.ModuleList))
        for child in module.children():
            is_sequence = isinstance(child, (nn.Sequential, nn.ModuleList))
            has_layers = next(child.children(), None) is not None and next(child.parameters(), None) is not None
            if in_sequence and has_layers and not is_sequence:
                found.append(child)
            else:
                collect(child)

    collect(getattr(model, "backbone", model))
    return found


def chosen_by(policy: Callable[..., bool], model: nn.Module) -> list[nn.Module]:
    """Return the modules inside ``model`` that a policy of PyTorch's first FSDP picks, inner ones first."""
    found: list[nn.Module] = []

    def collect(module: nn.Module) -> int:
        """Return how many parameters of ``module`` are picked."""
        numel = sum(parameter.numel() for parameter in module.parameters())
        if not policy(module=module, recurse=True, nonwrapped_numel=numel):
            return 0
        picked = sum(collect(child) for child in module.children())
        if module is model or not policy(module=module, recurse=False, nonwrapped_numel=numel - picked):
            return picked
        found.append(module)
        return numel

    collect(model)
    return found


def _policy(spec: str | dict[str, Any] | Callable[..., bool] | None) -> Callable[[nn.Module], list[nn.Module]]:
    """Return the function from a model to its parts that ``auto_wrap_policy`` names."""
    if spec is None:
        return residual_blocks
    if not callable(spec):
        spec = {"type": spec} if isinstance(spec, str) else dict(spec)
        function = FUNCTIONS.get(spec.pop("type"))
        if function is None:
            raise KeyError(
                "model_wrapper_cfg: auto_wrap_policy is a function of the registry FUNCTIONS or a full name such as "
                "torch.distributed.fsdp.wrap.size_based_auto_wrap_policy; leave it out for one part per residual block"
            )
        spec = partial(function, **spec)
    return partial(chosen_by, spec)


def _check_arguments(arguments: Mapping[str, Any]) -> None:
    """Check the arguments that MMEngine's class takes and ``fully_shard`` lacks; log those that are not needed.

    TypeError where there is no such argument, ValueError where one asks for what is not done; None asks for nothing.
    """
    known = inspect.signature(FullyShardedDataParallel).parameters
    for name, value in arguments.items():
        if name not in known:
            known_here = ["sharding_strategy", "auto_wrap_policy"]
            raise TypeError(f"model_wrapper_cfg: there is no argument {name!r}{suggest(name, known_here)}")
        if value is not None and name not in NOT_NEEDED:
            raise ValueError(
                f"model_wrapper_cfg: {name}={value!r} cannot be honored; leave it out. For mixed precision pass --amp, "
                f"which keeps batch norms in float32; docs/scale.md names other ways to save memory"
            )
    if ignored := [name for name in arguments if name in NOT_NEEDED]:
        print_log(f"model_wrapper_cfg: {', '.join(ignored)} not needed here, ignored", logger="current")


def _whole(value: Any, in_first_alone: bool = False) -> Any:
    """Return the whole of a tensor in parts, on the CPU; anything else as it is. Every process must call it.

    With ``in_first_alone`` the processes but the first get their part.
    """
    if not isinstance(value, DTensor):
        return value
    whole = value.full_tensor()
    return value.to_local() if in_first_alone and not is_main_process() else whole.cpu()


def _in_parts(value: Any, like: torch.Tensor) -> Any:
    """Divide a whole tensor as ``like`` is divided, if ``like`` is and has its shape; else return ``value``."""
    is_whole = isinstance(value, torch.Tensor) and not isinstance(value, DTensor)
    if not isinstance(like, DTensor) or not is_whole or value.shape != like.shape:
        return value
    return distribute_tensor(value.detach(), like.device_mesh, like.placements)


def save_whole(module: nn.Module) -> None:
    """Let the state dict of ``module`` hold whole tensors, on the CPU; every process must ask for it when one does."""

    def gather(_module: nn.Module, state: dict[str, Any], prefix: str, _metadata: Any) -> None:
        for key in [key for key in state if key.startswith(prefix)]:
            state[key] = _whole(state[key])

    module.register_state_dict_post_hook(gather)


def load_whole(module: nn.Module) -> None:
    """Let ``module``, whose parameters are in parts at this time, load state dicts of whole tensors."""
    layout = dict(module.named_parameters())

    def split(_module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
        for name, part in layout.items():
            if prefix + name in state:
                state[prefix + name] = _in_parts(state[prefix + name], part)

    module.register_load_state_dict_pre_hook(split)


def optimizer_in_whole(optimizer: torch.optim.Optimizer) -> None:
    """Let the state dict of ``optimizer`` hold whole tensors, in process 0 alone, and let it load such."""

    def gather(_optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> dict[str, Any]:
        entries = state["state"].items()
        whole = {key: {name: _whole(v, in_first_alone=True) for name, v in entry.items()} for key, entry in entries}
        return {**state, "state": whole}

    def split(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> dict[str, Any]:
        ids = [key for group in state["param_groups"] for key in group["params"]]
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        like = dict(zip(ids, parameters, strict=False))  # other lengths are PyTorch's to complain about
        parts = {
            key: {name: _in_parts(value, like[key]) if key in like else value for name, value in entry.items()}
            for key, entry in state["state"].items()
        }
        return {**state, "state": parts}

    optimizer.register_state_dict_post_hook(gather)
    optimizer.register_load_state_dict_pre_hook(split)


def parts_of(module: nn.Module) -> nn.Module:
    """Return a module that holds the parameters, in parts, and buffers of ``module`` and, unlike it, can be copied."""
    parts = nn.Module()
    for name, parameter in module.named_parameters(recurse=False):
        parts.register_parameter(name, parameter)
    for name, buffer in module.named_buffers(recurse=False):  # nothing public tells which are persistent
        parts.register_buffer(name, buffer, persistent=name not in module._non_persistent_buffers_set)
    for name, child in module.named_children():
        parts.add_module(name, parts_of(child))
    return parts


@MODEL_WRAPPERS.register_module()
class MMFullyShardedDataParallel(nn.Module):
    """Train a model whose parameters, gradients and optimizer states are divided among the processes.

    The parameters of a residual block are gathered when the block is computed and given up again afterwards. In
    evaluation mode all are gathered once, when the mode is set, so that processes may then compute different amounts.
    Buffers, such as the statistics of batch norms, are whole in each process, as with DistributedDataParallel.

    The optimizer must be built after this.

    Args:
        module: Changed in place; all processes start with the weights of process 0.
        sharding_strategy: ``FULL_SHARD``, or ``SHARD_GRAD_OP`` to keep gathered parameters until the backward pass:
            fewer transfers, more memory.
        auto_wrap_policy: What is gathered at a time: None for the residual blocks of the backbone, or a policy of
            :mod:`torch.distributed.fsdp.wrap`, as a function, its full name, or a dict of ``type`` and arguments. What
            it does not pick is one more part, gathered all the time.
        **others: Further arguments of MMEngine's class of this name: those that are not needed are ignored, others
            raise ValueError.

    Raises:
        RuntimeError: If there is no process group.
    """

    def __init__(
        self,
        module: BaseModel,
        sharding_strategy: str | Any = "FULL_SHARD",
        auto_wrap_policy: str | dict[str, Any] | Callable[..., bool] | None = None,
        **others: Any,
    ) -> None:
        super().__init__()
        _check_arguments(others)
        strategy = getattr(sharding_strategy, "name", sharding_strategy) or "FULL_SHARD"
        if strategy not in RESHARD_AFTER_FORWARD:
            raise ValueError(
                f"model_wrapper_cfg: sharding_strategy is {' or '.join(RESHARD_AFTER_FORWARD)}, got {strategy!r}; "
                f"to shard nothing, leave out model_wrapper_cfg"
            )
        if not is_distributed():
            raise RuntimeError("MMFullyShardedDataParallel needs a process group; start the run with a launcher")
        self._reshard = RESHARD_AFTER_FORWARD[strategy]
        units = _policy(auto_wrap_policy)(module)
        mesh = init_device_mesh(get_device(), (get_world_size(),))
        for tensor in [*module.parameters(), *module.buffers()]:
            dist.broadcast(tensor.data, 0)
        for unit in units:
            fully_shard(unit, mesh=mesh, reshard_after_forward=self._reshard)
        fully_shard(module, mesh=mesh)
        self.module = module
        self._units = tuple(units)
        save_whole(module)
        load_whole(module)

    def train(self, mode: bool = True) -> "MMFullyShardedDataParallel":
        """Set the mode: all parameters are gathered for evaluation and given up again for training."""
        for unit in (*self._units, self.module):
            assert isinstance(unit, FSDPModule)  # fully_shard gives modules this class
            unit.reshard() if mode else unit.unshard()
            if unit is not self.module:
                unit.set_reshard_after_forward(mode and self._reshard, recurse=False)
        return super().train(mode)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the model."""
        return self.module(*args, **kwargs)

    def train_step(self, data: Any, optim_wrapper: OptimWrapper) -> dict[str, torch.Tensor]:
        """Train on one batch and return the losses."""
        return self.module.train_step(data, optim_wrapper)

    def val_step(self, data: Any) -> list[Any]:
        """Return the predictions for one batch of validation."""
        return self.module.val_step(data)

    def test_step(self, data: Any) -> list[Any]:
        """Return the predictions for one batch of testing."""
        return self.module.test_step(data)


def is_sharding(model_wrapper_cfg: Mapping[str, Any] | None) -> bool:
    """Return whether a config asks for sharding, under the name that MMEngine's own class has too."""
    return type_name(model_wrapper_cfg or {}) == MMFullyShardedDataParallel.__name__
