"""Video networks of torchvision, for clips."""

from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from mmaction.models.backbones.foundation.base import FoundationBackbone, is_file, read_weights
from mmaction.registry import MODELS
from mmaction.utils.cli import suggest


@MODELS.register_module()
class TorchvisionVideo(FoundationBackbone):
    """A video network of torchvision in ``Recognizer3D``: MViT v2, Video Swin, S3D, R(2+1)D-18 and the like.

    Args:
        model: torchvision's name: ``mvit_v2_s``, ``swin3d_t``, ``swin3d_s``, ``swin3d_b``, ``s3d``, ``r2plus1d_18``.
        pretrained: torchvision's name of weights (``KINETICS400_V1``, ``DEFAULT``), a file, an address, or None.
        model_kwargs: Further arguments of torchvision's constructor, such as ``stochastic_depth_prob``.
        kwargs: ``frozen``, ``dtype``, ``with_cp`` and ``out`` of ``FoundationBackbone``.

    Clips may have any length and size, but for MViT v1.

    Raises:
        ValueError: For a name that torchvision does not know (close ones are named), or weights of another network.
    """

    def __init__(
        self,
        model: str,
        pretrained: str | None = None,
        model_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pretrained=pretrained, **kwargs)
        from torchvision.models import get_model, list_models, video

        if model not in (known := list_models(video)):
            raise ValueError(
                f"TorchvisionVideo: no model {model!r}{suggest(model, known)}; known are {', '.join(known)}"
            )
        if self.adapter is not None and self.adapter.get("type") != "LoRA":
            raise ValueError("TorchvisionVideo sees whole clips: of the adapters it takes LoRA alone")
        self.model = model
        self.model_kwargs = dict(model_kwargs or {})
        try:
            self.network = get_model(model, weights=None, **self.model_kwargs)
        except TypeError as error:
            raise ValueError(f"TorchvisionVideo: {model} cannot be built with {self.model_kwargs}: {error}") from error
        self._drop_classifier()
        self.finish()

    def _drop_classifier(self) -> None:
        """Leave out the last layer, which no feature passes."""
        for name in ("head", "fc", "classifier"):
            if hasattr(self.network, name):
                setattr(self.network, name, nn.Identity())

    @property
    def source_name(self) -> str:
        """Name of the network."""
        return f"torchvision's {self.model}"

    def _published(self, name: str) -> Any:
        from torchvision.models import get_model_weights

        known = get_model_weights(self.model)
        if name not in known.__members__:
            hint = suggest(name, known.__members__)
            raise ValueError(
                f"pretrained={name!r} is neither a file nor weights of {self.source_name}{hint}; torchvision has "
                f"{', '.join(known.__members__)}"
            )
        return known[name]

    def input_statistics(self) -> tuple[list[float], list[float], str]:
        """Return mean and standard deviation in gray levels, of the transforms of torchvision's weights."""
        named = self.pretrained is not None and not is_file(self.pretrained)
        weights = self._published(self.pretrained if named and self.pretrained else "DEFAULT")
        transforms = weights.transforms()
        mean, std = ([255 * float(value) for value in values] for values in (transforms.mean, transforms.std))
        return mean, std, f"the transforms of torchvision's {type(weights).__name__}.{weights.name}"

    def check_input(self, x: torch.Tensor) -> None:
        """Raise ValueError for clips that the network cannot take."""
        if x.ndim != 5:
            raise ValueError(f"TorchvisionVideo takes clips (V, C, T, H, W), in Recognizer3D; got {tuple(x.shape)}")
        positions = getattr(self.network, "pos_encoding", None)  # absolute ones: MViT v1 alone
        if getattr(positions, "spatial_pos", None) is not None and self._grid(x) != self._built_for():
            t, h, w = self._built_for()
            raise ValueError(
                f"{self.source_name} is built for {2 * t} frames of {4 * h} x {4 * w}, the pipeline gives {x.shape[2]} "
                f"frames of {x.shape[3]} x {x.shape[4]}: change clip_len and the crop, or take mvit_v2_s"
            )

    def _built_for(self) -> tuple[int, int, int]:
        positions = self.network.pos_encoding
        return int(positions.temporal_size), *positions.spatial_size

    def _grid(self, x: torch.Tensor) -> tuple[int, int, int]:
        """Return the grid of MViT's first tokens: patches of 7 x 7 x 3 pixels, 4 pixels and 2 frames apart."""
        return (x.shape[2] + 1) // 2, (x.shape[3] + 3) // 4, (x.shape[4] + 3) // 4

    def read_pretrained(self, source: str) -> dict[str, torch.Tensor]:
        """Return the weights of a name, a file or an address."""
        return read_weights(source if is_file(source) else self._published(source).url)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Return the map, tokens or pooled vectors of clips (V, C, T, H, W)."""
        network = self.network
        if hasattr(network, "pos_encoding"):  # MViT
            tokens, t, h, w = self._mvit(x)
            if self.out == "pooled":
                return tokens[:, 0]
            return tokens if self.out == "tokens" else tokens[:, 1:].transpose(1, 2).unflatten(2, (t, h, w))
        if hasattr(network, "patch_embed"):  # Swin
            y = network.pos_drop(network.patch_embed(x))
            for stage in network.features:
                y = self._run(stage, y)
            y = network.norm(y).permute(0, 4, 1, 2, 3)
        elif hasattr(network, "features"):  # S3D
            y = self._run(network.features, x)
        else:
            y = network.stem(x)
            for name in ("layer1", "layer2", "layer3", "layer4"):
                y = self._run(getattr(network, name), y)
        if self.out == "map":
            return y
        return y.flatten(2).mean(dim=2) if self.out == "pooled" else y.flatten(2).transpose(1, 2)

    def _mvit(self, x: torch.Tensor) -> tuple[torch.Tensor, int, int, int]:
        network = self.network
        y = network.pos_encoding(network.conv_proj(x).flatten(2).transpose(1, 2))
        thw = self._grid(x)  # to which the blocks interpolate their relative positions
        for block in network.blocks:
            y, thw = self._run(block, y, thw)
        return network.norm(y), *thw

    def _run(self, module: nn.Module, *args: Any) -> Any:
        """Run ``module``, again in the backward pass if ``with_cp``."""
        keeps = not (self.with_cp and self.training and torch.is_grad_enabled())
        return module(*args) if keeps else checkpoint(module, *args, use_reentrant=False)
