"""Preparation of batches of several modalities."""

from collections.abc import Mapping
from typing import Any

from mmengine.model import BaseDataPreprocessor
from torch import nn

from mmaction.registry import MODELS
from mmaction.utils.attributes import ReadableArguments


@MODELS.register_module()
class MultiModalDataPreprocessor(ReadableArguments, BaseDataPreprocessor):
    """One preprocessor for each modality.

    Args:
        preprocessors: Configs by modality, e.g. ``dict(imgs=dict(type='ActionDataPreprocessor', ...),
            heatmap_imgs=dict(type='ActionDataPreprocessor'))``.

    Raises:
        ValueError: If one of them blends: the others would not know of it.
    """

    def __init__(self, preprocessors: Mapping[str, dict]) -> None:
        super().__init__(non_blocking=True)
        self.preprocessors = nn.ModuleDict({name: MODELS.build(config) for name, config in preprocessors.items()})
        for name, preprocessor in self.preprocessors.items():
            if getattr(preprocessor, "blending", None) is not None:
                raise ValueError(f"preprocessors[{name!r}]: blending of one modality alone is not possible; remove it")

    def forward(self, data: Mapping[str, Any], training: bool = False) -> dict[str, Any]:
        """Return a batch whose ``inputs`` are a dict from modality to tensor (N, clips, ...).

        ``data`` has ``inputs``, a dict from modality to the list of its samples, and perhaps ``data_samples``.
        ValueError for a modality without a preprocessor.
        """
        inputs = data["inputs"]
        if set(inputs) != set(self.preprocessors):
            raise ValueError(
                f"the pipeline gives the modalities {sorted(inputs)}, the preprocessors are for "
                f"{sorted(self.preprocessors)}; make PackActionInputs(collect_keys=...) and preprocessors agree"
            )
        batches = {
            name: self.preprocessors[name]({**data, "inputs": inputs[name]}, training)["inputs"] for name in inputs
        }
        return {"inputs": batches, "data_samples": data.get("data_samples")}
