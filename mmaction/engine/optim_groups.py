"""Learning rates and weight decays by layer."""

import re
from abc import abstractmethod
from collections.abc import Iterator
from math import prod

from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmaction.registry import OPTIM_WRAPPER_CONSTRUCTORS

Factors = tuple[float, float]  # of the config's learning rate and weight decay


class _ByFactors(DefaultOptimWrapperConstructor):
    """One group of parameters for all that have the same factors."""

    @abstractmethod
    def factors(self, model: nn.Module) -> Iterator[tuple[nn.Parameter, Factors]]:
        """Yield the parameters of a model that are trained, each once, with their factors."""

    def add_params(self, params: list[dict], model: nn.Module, **kwargs: object) -> None:
        """Write the groups into ``params``."""
        groups: dict[Factors, list[nn.Parameter]] = {}
        for parameter, factors in self.factors(model):
            groups.setdefault(factors, []).append(parameter)
        for (lr, decay), members in groups.items():
            params.append({"params": members, "lr": lr * self.base_lr, "weight_decay": decay * (self.base_wd or 0.0)})


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class TSMOptimWrapperConstructor(_ByFactors):
    """The parameter groups of TSM (Lin et al., ICCV 2019), as factors of the config's learning rate and weight decay.

    | parameters | learning rate | weight decay |
    | --- | --- | --- |
    | weights of the first convolution and the others | 1 | 1 |
    | biases of convolutions | 2 | 0 |
    | batch norms | 1 | 0 |
    | weight of the classifier | 5 with ``paramwise_cfg.fc_lr5``, else 1 | 1 |
    | bias of the classifier | 10 with ``paramwise_cfg.fc_lr5``, else 2 | 0 |
    """

    def factors(self, model: nn.Module) -> Iterator[tuple[nn.Parameter, Factors]]:
        """Yield the parameters with their factors; ValueError for a layer that is none of these."""
        fc_lr5 = bool(self.paramwise_cfg.get("fc_lr5"))
        for name, module in model.named_modules():
            for kind, parameter in module.named_parameters(recurse=False):
                if parameter.requires_grad:
                    yield parameter, self._factors(name, module, kind, fc_lr5)

    @staticmethod
    def _factors(name: str, module: nn.Module, kind: str, fc_lr5: bool) -> Factors:
        """Return the factors of the parameter ``kind`` of ``module``."""
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


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class SwinOptimWrapperConstructor(_ByFactors):
    """Factors of learning rate and weight decay by parts of a parameter's name, as Video Swin's recipes give them.

    ``paramwise_cfg`` maps a part of a name to ``dict(lr_mult=..., decay_mult=...)``, each 1 where it is left out. The
    factors of all parts that a name holds are multiplied.
    """

    def factors(self, model: nn.Module) -> Iterator[tuple[nn.Parameter, Factors]]:
        """Yield the parameters with their factors; ValueError for another form of ``paramwise_cfg``."""
        rules = self.paramwise_cfg
        for part, rule in rules.items():
            if not isinstance(rule, dict) or not set(rule) <= {"lr_mult", "decay_mult"}:
                raise ValueError(f"paramwise_cfg.{part}: expected dict(lr_mult=..., decay_mult=...); got {rule!r}")
        for name, parameter in model.named_parameters():
            found = [rule for part, rule in rules.items() if part in name]
            lr, decay = (prod(rule.get(key, 1.0) for rule in found) for key in ("lr_mult", "decay_mult"))
            if parameter.requires_grad:
                yield parameter, (lr, decay)


NUMBERED = re.compile(r"(?:layer|block|stage|gcn)s?[._]?(\d+)|conv(\d+)[ab]\b")


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LearningRateDecayOptimizerConstructor(_ByFactors):
    """Learning rates that fall from the head down to the first layer, for fine-tuning (Bao et al., "BEiT", ICLR 2022).

    With L numbered layers (blocks of a transformer, stages of a residual network) layer l of 1 to L learns with
    ``decay_rate ** (L + 1 - l)`` times the rate of the config, what comes before them with ``decay_rate ** (L + 1)``,
    and what is outside the backbone with the whole rate. Vectors (biases, norms) and tokens get no weight decay.

    ``paramwise_cfg`` holds ``decay_rate``, in (0, 1]; ``num_layers``, if given, must be L. ``decay_type`` is read for
    compatibility: the numbers in the names decide.
    """

    def factors(self, model: nn.Module) -> Iterator[tuple[nn.Parameter, Factors]]:
        """Yield the parameters with their factors; ValueError for a wrong ``decay_rate`` or ``num_layers``."""
        rate = self.paramwise_cfg.get("decay_rate")
        if rate is None or not 0 < rate <= 1:
            raise ValueError(f"paramwise_cfg.decay_rate must lie in (0, 1]; got {rate}")
        layer_of = {name: _layer_number(name) for name, _ in model.named_parameters()}
        numbers = sorted({number for number in layer_of.values() if number is not None})
        wanted = self.paramwise_cfg.get("num_layers", len(numbers))
        if not numbers or wanted != len(numbers):
            raise ValueError(
                f"paramwise_cfg.num_layers={wanted}, but the names of the backbone number {len(numbers)} layers; leave "
                "it out, or set rates by paramwise_cfg.custom_keys with the default constructor"
            )
        for name, parameter in model.named_parameters():
            number = layer_of[name]
            above = 0 if "backbone." not in name else len(numbers) + 1
            above = above if number is None else len(numbers) - numbers.index(number)
            decays = parameter.ndim > 1 and not name.endswith(("token", "pos_embed", "position_embedding"))
            if parameter.requires_grad:
                yield parameter, (rate**above, float(decays))


def _layer_number(name: str) -> int | None:
    """Return the number of the backbone's layer that a parameter belongs to, None before the first and outside."""
    _, backbone, inner = name.partition("backbone.")
    found = NUMBERED.search(inner)
    return int(found[1] or found[2]) if backbone and found else None
