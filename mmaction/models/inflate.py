"""Initial weights from a checkpoint: renamed from torchvision's scheme and inflated from 2D to 3D where needed.

Weights are inflated as for I3D (Carreira and Zisserman, CVPR 2017, section 2.4.1): a 2D kernel repeated over time and
divided by its new length answers a still clip as the 2D network answers its frame.
"""

import re
from collections.abc import Mapping

import torch
from mmengine.logging import print_log
from torch import nn

from mmaction.io.checkpoints import model_weights, read_checkpoint
from mmaction.utils.cli import suggest

Weights = Mapping[str, torch.Tensor]
TORCHVISION = "torchvision://"
WRAPPERS = re.compile(r"(?<=\.)(net|block)\.")
"""Levels that wrappers around a layer add to the names in it."""

_TORCHVISION_NAMES = [
    (r"^(conv1|bn1)\.", lambda m: f"conv1.{m[1].rstrip('1')}."),
    (r"^(layer\d+\.\d+\.)(conv|bn)(\d)\.", lambda m: f"{m[1]}conv{m[3]}.{m[2]}."),
    (r"^(layer\d+\.\d+\.downsample)\.([01])\.", lambda m: f"{m[1]}.{'conv' if m[2] == '0' else 'bn'}."),
]


def from_torchvision(weights: Weights) -> dict[str, torch.Tensor]:
    """Return ``weights`` under our names (``layer1.0.bn2.bias`` becomes ``layer1.0.conv2.bn.bias``), without ``fc.*``.

    Weights that already have our names are returned as they are.
    """
    if not any(re.match(r"(bn1|layer\d+\.\d+\.bn\d)\.", name) for name in weights):
        return dict(weights)
    renamed = {}
    for name, value in weights.items():
        if name.startswith("fc."):
            continue
        for pattern, replacement in _TORCHVISION_NAMES:
            new_name, count = re.subn(pattern, replacement, name)
            if count:
                break
        renamed[new_name] = value
    return renamed


def inflate_weight(weight: torch.Tensor, shape: torch.Size) -> torch.Tensor | None:
    """Return a convolution's ``weight`` ``(C_out, C_in, H, W)`` in ``shape`` ``(C_out, C_in', T, H, W)``, or None.

    The kernel is repeated over time and divided by its length. Input channels that ``shape`` has and ``weight`` lacks
    (lateral connections) get zeros; where ``weight`` reads RGB and the network other input, each channel gets the mean
    over the 3 channels of ``weight``.
    """
    out_channels, in_channels, *size = weight.shape
    if len(shape) != 5 or shape[0] != out_channels or list(shape[3:]) != size:
        return None
    if in_channels == 3 and shape[1] != 3:
        weight = weight.mean(dim=1, keepdim=True).expand(-1, shape[1], -1, -1)
    elif shape[1] > in_channels:
        weight = nn.functional.pad(weight, (0, 0, 0, 0, 0, shape[1] - in_channels))
    elif shape[1] < in_channels:
        return None
    return weight.unsqueeze(2).expand(shape) / shape[2]


def select_weights(weights: Weights, target: Weights, inflate: bool) -> dict[str, torch.Tensor]:
    """Return the ``weights`` that ``target`` has as well, 2D kernels inflated to 3D ones if ``inflate``.

    ValueError if no name agrees, or a tensor cannot take the target's shape.
    """
    selected = {}
    for name, value in weights.items():
        if name not in target:
            continue
        shape = target[name].shape
        new = inflate_weight(value, shape) if inflate and value.ndim == 4 and len(shape) == 5 else value
        if new is None or new.shape != shape:
            raise ValueError(f"{name} has shape {tuple(value.shape)}, but the network has {tuple(shape)}")
        selected[name] = new
    if not selected:
        raise ValueError(
            f"it holds {', '.join(list(weights)[:3])}, ..., the network {', '.join(list(target)[:3])}, ..."
        )
    return selected


def read_weights(source: str) -> dict[str, torch.Tensor]:
    """Return the weights of ``torchvision://NAME``, a web address or a file, without the prefix ``backbone.``."""
    source = address_of(source)
    weights = model_weights(read_checkpoint(source), source)
    backbone = {name.removeprefix("backbone."): v for name, v in weights.items() if name.startswith("backbone.")}
    return backbone or weights


def address_of(source: str) -> str:
    """Return ``source``, but for ``torchvision://NAME`` where torchvision keeps its first published weights of NAME."""
    if not source.startswith(TORCHVISION):
        return source
    from torchvision.models import get_model_weights, list_models

    name = source.removeprefix(TORCHVISION)
    if name not in list_models():
        raise ValueError(f"pretrained={source!r}: no such model{suggest(name, list_models())}")
    return next(iter(get_model_weights(name))).url


def note_source(module: nn.Module, source: str, loaded: int, total: int) -> None:
    """Note in ``module.weights_from`` where its initial weights come from, for the plan of a run."""
    module.weights_from = f"{source} ({loaded} of {total} tensors)"  # type: ignore[assignment]


def load_pretrained(module: nn.Module, source: str, inflate: bool) -> None:
    """Load ``source`` into ``module`` and log which of its tensors stay as they were.

    Wrappers around layers (temporal shift, non-local) are seen through: the checkpoint need not have them.

    Args:
        module: The network.
        source: ``torchvision://resnet50`` (the first weights that torchvision published), a web address, or a file.
        inflate: Whether 2D kernels are inflated. Otherwise shapes must agree.

    Raises:
        FileNotFoundError, ConnectionError: If the file is not there.
        ValueError: If torchvision has no such model, nothing in the checkpoint fits, or a shape disagrees.
    """
    names = {WRAPPERS.sub("", name): name for name in module.state_dict()}
    target = {plain: module.state_dict()[name] for plain, name in names.items()}
    weights = {WRAPPERS.sub("", name): value for name, value in from_torchvision(read_weights(source)).items()}
    try:
        fitting = select_weights(weights, target, inflate)
    except ValueError as error:
        raise ValueError(f"pretrained={source!r} does not fit {type(module).__name__}: {error}") from error
    module.load_state_dict({names[plain]: value for plain, value in fitting.items()}, strict=False)
    note_source(module, source, len(fitting), len(target))
    missing = [name for plain, name in names.items() if plain not in fitting and not name.endswith("_tracked")]
    print_log(
        f"{source}: {len(fitting)} tensors loaded into {type(module).__name__}; "
        f"left at their initial values: {', '.join(missing) or 'none'}",
        logger="current",
    )
