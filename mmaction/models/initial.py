"""Initial weights as ``init_cfg`` describes them, read from checkpoints without running code, in any scope."""

from typing import Any

from mmengine.model import BaseModule, initialize
from mmengine.registry import DefaultScope
from torch import nn

InitCfg = dict[str, Any] | list[dict[str, Any]]


def init_from_cfg(module: nn.Module, init_cfg: InitCfg) -> None:
    """Set the weights of ``module`` as MMEngine's ``init_cfg`` describes.

    Names are looked up in this package first, whatever scope is the default one, so that ``Pretrained`` is always the
    reader of checkpoints that runs no code from them.
    """
    with DefaultScope.overwrite_default_scope("mmaction"):
        initialize(module, init_cfg)


class SafeInit(BaseModule):
    """MMEngine's ``BaseModule``, whose ``init_cfg`` is read likewise."""

    def init_weights(self) -> None:
        """Set the initial weights of the module and of those in it."""
        with DefaultScope.overwrite_default_scope("mmaction"):
            super().init_weights()
