"""Names of types that plug-ins import."""

from typing import TypeAlias

import torch
from mmengine.config import ConfigDict
from mmengine.structures import BaseDataElement

ConfigType: TypeAlias = ConfigDict | dict
OptConfigType = ConfigType | None
MultiConfig = ConfigType | list[ConfigType]
OptMultiConfig = MultiConfig | None

SampleList = list[BaseDataElement]
OptSampleList = SampleList | None

ForwardResults = dict[str, torch.Tensor] | list[BaseDataElement] | tuple[torch.Tensor] | torch.Tensor
"""What a recognizer returns in mode ``loss``, ``predict`` or ``tensor``."""
