"""``init_cfg=dict(type="Pretrained", ...)`` by the reader of checkpoints that runs no code from them."""

from typing import Any

from mmengine.logging import MMLogger
from torch import nn

from mmaction.io.checkpoints import load_weights, log_report, model_weights, read_checkpoint
from mmaction.models.inflate import address_of, note_source
from mmaction.registry import WEIGHT_INITIALIZERS


@WEIGHT_INITIALIZERS.register_module(name="Pretrained")
class PretrainedInit:
    """Load the weights of a module from a checkpoint.

    Args:
        checkpoint: A path, a web address, or ``torchvision://NAME`` for the weights that torchvision publishes.
        prefix: Take the weights under this name in the file, as ``backbone`` of a whole model.
        map_location: Where the tensors go, as in :func:`torch.load`.

    Raises:
        ValueError: When called, if the file has no weights under ``prefix``, or they are of another architecture.
    """

    def __init__(self, checkpoint: str, prefix: str | None = None, map_location: Any = None) -> None:
        self.checkpoint = checkpoint
        self.prefix = prefix
        self.map_location = map_location

    def __call__(self, module: nn.Module) -> None:
        """Load the weights into ``module`` and log what was loaded."""
        content = read_checkpoint(address_of(self.checkpoint), self.map_location or "cpu")
        weights = model_weights(content, self.checkpoint)
        if self.prefix:
            start = self.prefix.rstrip(".") + "."
            weights = {key[len(start) :]: value for key, value in weights.items() if key.startswith(start)}
            if not weights:
                raise ValueError(f"{self.checkpoint} has no weights under {start!r}, the prefix of init_cfg")
        report = load_weights(module, weights, self.checkpoint, strict=False)
        note_source(module, self.checkpoint, len(report.loaded), report.total)
        log_report(report, MMLogger.get_current_instance())


def pretrained_parts(model: nn.Module) -> dict[str, str]:
    """Return the name of each part of ``model`` that ``pretrained`` or ``init_cfg`` filled, and from where."""
    return {
        name or "model": str(part.weights_from) for name, part in model.named_modules() if hasattr(part, "weights_from")
    }
