"""Start the processes of a distributed run, on machines without a GPU too."""

import atexit
import gc
import os
import subprocess
import time
import warnings
from datetime import timedelta
from typing import Any, cast

import torch
import torch.distributed as dist
from mmengine.device import get_device
from mmengine.dist import is_distributed
from mmengine.model import MMDistributedDataParallel, is_model_wrapper
from torch import nn

# the variables in which each launcher tells a process its place: rank, number of processes, rank on this machine
_PLACE = {
    "pytorch": ("RANK", "WORLD_SIZE", "LOCAL_RANK"),
    "slurm": ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
    "mpi": ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
}
_HOW = {
    "pytorch": "start it with `torchrun --nproc_per_node=N tools/train.py ... --launcher pytorch`",
    "slurm": "start it with `srun` (see tools/slurm_train.sh)",
    "mpi": "start it with `mpirun`",
}


def check_launcher(launcher: str) -> None:
    """Check that ``launcher`` has told this process its place; else ValueError with the command that starts it."""
    missing = [name for name in _PLACE.get(launcher, ()) if name not in os.environ]
    if missing:
        raise ValueError(f"--launcher {launcher}: the variable {missing[0]} is not set; {_HOW[launcher]}")


def start_gloo(launcher: str, dist_cfg: dict[str, Any]) -> None:
    """Set the variables of torchrun under every launcher, and connect the processes through gloo if there is no GPU.

    With a GPU MMEngine connects them through NCCL. ``timeout`` (seconds) and ``port`` of ``dist_cfg`` are used.
    """
    if launcher == "none" or is_distributed():
        return
    check_launcher(launcher)
    for ours, theirs in zip(_PLACE["pytorch"], _PLACE[launcher], strict=True):
        os.environ[ours] = os.environ[theirs]  # MMEngine chooses the GPU by LOCAL_RANK under every launcher
    os.environ.setdefault("MASTER_PORT", str(dist_cfg.get("port") or 29500))
    if "MASTER_ADDR" not in os.environ:
        os.environ["MASTER_ADDR"] = _first_host(launcher)
    if get_device() == "cpu":
        dist.init_process_group("gloo", timeout=timedelta(seconds=float(dist_cfg.get("timeout") or 1800)))
        atexit.register(leave_group)


def leave_group() -> None:
    """Wait for gloo's threads, which free tensors late: one that needs Python when it has ended aborts the process."""
    if dist.is_initialized():
        dist.destroy_process_group()
    gc.collect()  # the wrapped model, which holds the group too
    time.sleep(0.1)  # PyTorch's caches hold the group of a sharded model, whose threads go on: let them finish


def _first_host(launcher: str) -> str:
    """Return the machine of rank 0; ValueError if the launcher does not tell it."""
    if launcher == "slurm":
        nodes = os.environ.get("SLURM_STEP_NODELIST") or os.environ.get("SLURM_NODELIST", "")
        try:
            command = ["scontrol", "show", "hostnames", nodes]
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0]
        except (OSError, subprocess.CalledProcessError, IndexError) as error:
            raise ValueError(
                f"--launcher slurm: `scontrol show hostnames {nodes}` does not name the machine of process 0 "
                f"({error}); set MASTER_ADDR to its name or address"
            ) from error
    world_size = os.environ["WORLD_SIZE"]
    if launcher == "mpi" and os.environ.get("OMPI_COMM_WORLD_LOCAL_SIZE", world_size) != world_size:
        raise ValueError(
            "--launcher mpi: the processes are on several machines; set MASTER_ADDR to the name or address of "
            "the machine of process 0 (`mpirun -x MASTER_ADDR=...`)"
        )
    return "127.0.0.1"


def unwrapped(model: nn.Module) -> nn.Module:
    """Return ``model`` without the wrapper that a distributed run puts around it."""
    return cast(nn.Module, model.module) if is_model_wrapper(model) else model


def any_process(*flags: bool) -> list[bool]:
    """Return for each flag whether it is set in any process; every process must ask."""
    return (sum_over_processes(torch.tensor(flags, dtype=torch.int64)) > 0).tolist()


def refuse_sync_bn_on_cpu(model: nn.Module, sync_bn: str | None) -> None:
    """Raise ValueError if a batch norm shares its statistics between processes: there are only GPU kernels for it."""
    if sync_bn or any(isinstance(module, nn.SyncBatchNorm) for module in model.modules()):
        raise ValueError(
            "batch norms share their statistics between processes on GPUs only; on the CPU leave out sync_bn and use "
            "norm_cfg.type='BN3d' (or 'BN2d') instead of 'SyncBN'"
        )


def wrap_on_cpu(model: nn.Module, find_unused_parameters: bool, **kwargs: Any) -> MMDistributedDataParallel:
    """Return ``model`` in MMEngine's data-parallel wrapper, without the device ids that only GPUs have."""
    # a kernel of one element has the same order in either memory format, but PyTorch compares the strides
    warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
    with warnings.catch_warnings():  # the argument is renamed in PyTorch 2.14, older versions know only this name
        warnings.simplefilter("ignore", FutureWarning)
        return MMDistributedDataParallel(
            module=model, broadcast_buffers=False, find_unused_parameters=find_unused_parameters, **kwargs
        )


def sum_over_processes(counts: torch.Tensor) -> torch.Tensor:
    """Return the sum of ``counts`` over all processes, ``counts`` itself in a single one."""
    if is_distributed():
        counts = counts.to(get_device())
        dist.all_reduce(counts)
    return counts.cpu()
