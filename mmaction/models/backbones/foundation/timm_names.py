"""Weights of other projects under timm's names."""

import re
from collections.abc import Mapping
from typing import Any

import torch

_PARTS = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_SQUEEZE = {"_se_reduce": "se.conv_reduce", "_se_expand": "se.conv_expand"}
_EXPANDED = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2"}
_EXPANDED |= {"_project_conv": "conv_pwl", "_bn2": "bn3", **_SQUEEZE}
_PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2", **_SQUEEZE}


def with_timm_names(weights: Mapping[str, torch.Tensor], network: Any) -> dict[str, torch.Tensor]:
    """Return ``weights`` of an EfficientNet in the layout of the package efficientnet_pytorch under timm's names.

    There all blocks stand in one row, ``_blocks.N``; timm counts them in each stage of ``network``. Other weights are
    returned as they are. ValueError names a weight that has no counterpart.
    """
    if "_conv_stem.weight" not in weights:
        return dict(weights)
    places = [f"{s}.{b}" for s, stage in enumerate(getattr(network, "blocks", ())) for b in range(len(stage))]
    expanded = {name.split(".")[1] for name in weights if "._expand_conv." in name}
    renamed = {}
    for name, value in weights.items():
        match = re.fullmatch(r"(?:_blocks\.(\d+)\.)?(_\w+)\.(\w+)", name)
        number, part, kind = match.groups() if match else (None, "", "")
        table = _PARTS if number is None else _EXPANDED if number in expanded else _PLAIN
        if part not in table or int(number or 0) >= len(places):
            raise ValueError(f"it looks like an EfficientNet of efficientnet_pytorch, but {name} has no place here")
        block = "" if number is None else f"blocks.{places[int(number)]}."
        renamed[f"{block}{table[part]}.{kind}"] = value
    return renamed
