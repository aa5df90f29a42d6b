"""Fixtures of the tests of networks."""

from collections.abc import Callable

import pytest
import torch
from torch import nn


@pytest.fixture
def randomise_norms() -> Callable[[nn.Module], nn.Module]:
    """A function that gives every batch norm of a network statistics and weights that are not the identity."""

    def randomize(module: nn.Module) -> nn.Module:
        generator = torch.Generator().manual_seed(0)
        for norm in module.modules():
            if isinstance(norm, nn.modules.batchnorm._BatchNorm):
                norm.running_mean.normal_(0, 0.3, generator=generator)
                norm.running_var.uniform_(0.5, 2, generator=generator)
                nn.init.normal_(norm.weight, 1, 0.2, generator=generator)
                nn.init.normal_(norm.bias, 0, 0.2, generator=generator)
        return module

    return randomize


@pytest.fixture
def hostile_checkpoint(tmp_path) -> str:
    """A checkpoint with an object whose pickle would run code when it is read."""

    class Surprise:
        def __reduce__(self) -> tuple:
            return pytest.fail, ("the checkpoint ran code",)

    torch.save({"state_dict": {}, "note": Surprise()}, tmp_path / "net.pth")
    return str(tmp_path / "net.pth")
