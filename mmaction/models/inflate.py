"""Initial weights from a checkpoint: renamed from torchvision's scheme and inflated from 2D to 3D where needed.

Inflation is that of I3D (Carreira and Zisserman, CVPR 2017, section 2.4.1): a 2D kernel repeated over time and divided
by its new length answers a still clip as the 2D network answers its frame.
"""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from mmengine.logging import print_log
from torch import nn

Weights = Mapping[str, torch.Tensor]
TORCHVISION = "torchvision://"

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
    """Return a convolution's 2D ``weight`` in the 3D ``shape``, or None where it cannot fit.

    The kernel is repeated over time and divided by its length. Input channels that ``shape`` has beyond those of
    ``weight`` (lateral connections) get zeros; where the network reads other input than RGB (the 3 channels of
    ``weight``), each channel gets the mean over those of ``weight``.

    Args:
        weight: Shape ``(C_out, C_in, H, W)``.
        shape: ``(C_out, C_in', T, H, W)``.
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


def inflate_weights(weights: Weights, target: Weights) -> dict[str, torch.Tensor]:
    """Return those of ``weights`` that ``target`` has as well, with 2D kernels inflated to its 3D ones.

    Args:
        weights: State dict of a 2D or 3D network, under our names.
        target: State dict of the 3D network, for its names and shapes.

    Raises:
        ValueError: If a tensor of the same name cannot take the target's shape.
    """
    inflated = {}
    for name, value in weights.items():
        if name not in target:
            continue
        shape = target[name].shape
        new = inflate_weight(value, shape) if value.ndim == 4 and len(shape) == 5 else value
        if new is None or new.shape != shape:
            raise ValueError(f"{name} has shape {tuple(value.shape)}, which does not fit the network's {tuple(shape)}")
        inflated[name] = new
    return inflated


def load_weights(source: str) -> dict[str, torch.Tensor]:
    """Return the state dict of a checkpoint, without the prefix ``backbone.`` of whole recognizers.

    Args:
        source: ``torchvision://resnet50`` (torchvision's default weights of that model), a URL, or a local file.

    Raises:
        FileNotFoundError: If a local file is not there.
        ValueError: If torchvision has no such model.
    """
    if source.startswith(TORCHVISION):
        source = _torchvision_url(source.removeprefix(TORCHVISION))
    if "://" in source:
        checkpoint = torch.hub.load_state_dict_from_url(source, map_location="cpu", check_hash=True, weights_only=True)
    elif Path(source).is_file():
        checkpoint = torch.load(source, map_location="cpu", weights_only=True)
    else:
        raise FileNotFoundError(f"pretrained={source!r} is no file; give a path, a URL or torchvision://NAME")
    weights = checkpoint.get("state_dict", checkpoint)
    backbone = {name.removeprefix("backbone."): v for name, v in weights.items() if name.startswith("backbone.")}
    return backbone or dict(weights)


def _torchvision_url(name: str) -> str:
    """Return where torchvision keeps its first published weights of the model ``name``."""
    from torchvision.models import get_model_weights, list_models

    if name not in list_models():
        close = difflib.get_close_matches(name, list_models(), n=3)
        raise ValueError(f"torchvision has no model {name!r}; close names: {', '.join(close) or 'none'}")
    return next(iter(get_model_weights(name))).url


def load_pretrained(module: nn.Module, source: str, inflate: bool) -> None:
    """Load ``source`` into ``module`` and log what was left out on either side.

    Args:
        module: The network.
        source: What :func:`load_weights` takes.
        inflate: Whether 2D kernels are inflated. Otherwise shapes must agree.

    Raises:
        ValueError: If nothing in the checkpoint fits, or a shape disagrees.
    """
    target = module.state_dict()
    weights = from_torchvision(load_weights(source))
    fitting = inflate_weights(weights, target) if inflate else {k: v for k, v in weights.items() if k in target}
    wrong = [name for name, value in fitting.items() if value.shape != target[name].shape]
    if not fitting or wrong:
        why = f"{wrong[0]} has another shape" if wrong else f"it has {', '.join(list(weights)[:3])}, ..."
        raise ValueError(f"pretrained={source!r} does not fit {type(module).__name__}: {why}")
    module.load_state_dict(fitting, strict=False)
    missing = [name for name in target if name not in fitting and not name.endswith("num_batches_tracked")]
    print_log(
        f"Loaded {len(fitting)} of {len(target)} tensors from {source}; "
        f"left as they were: {', '.join(missing) or 'none'}",
        logger="current",
    )
