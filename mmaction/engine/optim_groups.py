"""Learning rates and weight decays by layer."""

from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmaction.registry import OPTIM_WRAPPER_CONSTRUCTORS


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class TSMOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """The parameter groups of TSM (Lin et al., ICCV 2019), as factors of the config's learning rate and weight decay.

    | parameters | learning rate | weight decay |
    | --- | --- | --- |
    | weights of the first convolution and the others | 1 | 1 |
    | biases of convolutions | 2 | 0 |
    | batch norms | 1 | 0 |
    | weight of the classifier | 5 with ``paramwise_cfg.fc_lr5``, else 1 | 1 |
    | bias of the classifier | 10 with ``paramwise_cfg.fc_lr5``, else 2 | 0 |
    """

    def add_params(self, params: list[dict], model: nn.Module, **kwargs: object) -> None:
        """Write the groups into ``params``, each once, empty ones left out."""
        fc_lr5 = bool(self.paramwise_cfg.get("fc_lr5"))
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, module in model.named_modules():
            for kind, parameter in module.named_parameters(recurse=False):
                if parameter.requires_grad:
                    groups.setdefault(self._factors(name, module, kind, fc_lr5), []).append(parameter)
        for (lr, decay), members in groups.items():
            params.append({"params": members, "lr": lr * self.base_lr, "weight_decay": decay * (self.base_wd or 0.0)})

    @staticmethod
    def _factors(name: str, module: nn.Module, kind: str, fc_lr5: bool) -> tuple[float, float]:
        """Return the factors of learning rate and weight decay of the parameter ``kind`` of ``module``."""
        if isinstance(module, (_BatchNorm, nn.GroupNorm)):
            return 1.0, 0.0
        if isinstance(module, nn.Linear) and fc_lr5:
            return (10.0, 0.0) if kind == "bias" else (5.0, 1.0)
        if isinstance(module, (nn.Linear, nn.modules.conv._ConvNd)):  # as _BatchNorm: the one base of all kinds
            return (2.0, 0.0) if kind == "bias" else (1.0, 1.0)
        raise ValueError(
            f"TSMOptimWrapperConstructor knows convolutions, linear layers and norms; {name} is a "
            f"{type(module).__name__}; use another constructor for this model"
        )
