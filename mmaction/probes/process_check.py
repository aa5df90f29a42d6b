"""What each process of :func:`mmaction.probes.gpu_checks.check_processes` does; ``torchrun`` starts it."""

import copy
import os
import sys
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import distributed as dist
from torch import nn

from mmaction.engine.sharding import MMFullyShardedDataParallel


class _Net(BaseModel):
    """Two layers that learn to give nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 8))

    def forward(self, inputs: torch.Tensor, data_samples: Any = None, mode: str = "loss") -> dict[str, torch.Tensor]:
        """Return the loss."""
        return {"loss": self.layers(inputs).square().mean()}


def main() -> None:
    """Add up a tensor over all processes and compare a sharded step with a whole one; print what was found."""
    kind, rank = sys.argv[1], int(os.environ["LOCAL_RANK"])
    device = torch.device(kind, rank) if kind == "cuda" else torch.device("cpu")
    if kind == "cuda":
        torch.cuda.set_device(device)
    backend = "nccl" if kind == "cuda" else "gloo"
    dist.init_process_group(backend)
    count = dist.get_world_size()
    numbers = torch.full((1000,), float(dist.get_rank() + 1), device=device)
    dist.all_reduce(numbers)
    if not numbers.eq(count * (count + 1) / 2).all():
        raise ArithmeticError(f"{backend}: the sum over {count} process(es) is {numbers[0].item()}")
    torch.manual_seed(0)
    net, inputs = _Net().to(device), torch.rand(4, 32).to(device)
    sharded = MMFullyShardedDataParallel(copy.deepcopy(net))
    states = []
    for model in (net, sharded):
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
        model(inputs, mode="loss")["loss"].backward()
        optimizer.step()
        states.append({key: value.cpu() for key, value in getattr(model, "module", model).state_dict().items()})
    largest = max((value - states[1][key]).abs().max().item() for key, value in states[0].items())
    if largest > 1e-5:
        raise ArithmeticError(f"a sharded step differs by {largest:.1e}")
    if dist.get_rank() == 0:
        print(f"{backend} with {count} process(es), a sharded step differs by {largest:.1e} (at most 1e-05)")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
