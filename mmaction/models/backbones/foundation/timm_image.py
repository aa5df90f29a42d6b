"""Any image network of timm, for frames."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mmaction.models.backbones.foundation.base import FoundationBackbone, is_file, need, read_weights
from mmaction.models.backbones.foundation.timm_names import with_timm_names
from mmaction.models.cpu import prepare
from mmaction.registry import MODELS
from mmaction.utils.cli import suggest


@MODELS.register_module()
class TimmImage(FoundationBackbone):
    """An image network of timm in ``Recognizer2D``: a vision transformer (CLIP, SigLIP 2, DINOv2 and 3, EVA) or a CNN.

    Args:
        model: timm's name of the network, with or without the tag of its weights
            (``vit_base_patch16_clip_224.openai``).
        pretrained: ``timm`` for the weights that timm publishes for ``model``; a hub id (``timm/NAME``), a file, an
            address, or None.
        num_segments: Frames of a clip, where an adapter looks at several.
        img_size: Height and width of the frames, where the network is built for one size (transformers); None: its
            own. Positions are interpolated.
        stages: Numbers of the stages whose maps (V, C, h, w) are given, from 0 on, as a list for a neck such as
            ``PoseReader``; None: what ``out`` says of the last one.
        model_kwargs: Further arguments of ``timm.create_model``, such as ``drop_path_rate`` or ``embed_dim``.
        kwargs: ``frozen``, ``adapter``, ``dtype``, ``with_cp`` and ``out`` of ``FoundationBackbone``.

    Raises:
        ValueError: For a name that timm does not know (close ones are named), weights of another network, or frames of
            another size.
        ImportError: Without timm.
    """

    def __init__(
        self,
        model: str,
        pretrained: str | None = None,
        num_segments: int = 1,
        img_size: int | None = None,
        stages: Sequence[int] | None = None,
        model_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pretrained=pretrained, **kwargs)
        timm = need("timm")
        if not timm.is_model(model):
            known = timm.list_models()
            raise ValueError(f"TimmImage: timm {timm.__version__} has no model {model!r}{suggest(model, known)}")
        self.model, self.num_segments, self.img_size = model, num_segments, img_size
        self.stages = None if stages is None else list(stages)
        self.model_kwargs = dict(model_kwargs or {})
        if img_size is not None:
            self.model_kwargs["img_size"] = img_size
        try:
            self.network = timm.create_model(model, num_classes=0, **self.model_kwargs)
        except TypeError as error:
            raise ValueError(f"TimmImage: {model} cannot be built with {self.model_kwargs}: {error}") from error
        if self.with_cp:
            self.network.set_grad_checkpointing(True)
        self.finish()

    @property
    def source_name(self) -> str:
        """Name of the network."""
        return f"timm's {self.model}"

    def features(self, x: torch.Tensor) -> torch.Tensor | list[torch.Tensor]:
        """Return the map, tokens or pooled vectors of frames (V, C, H, W), or the maps of ``stages``."""
        x = x if self.grid else prepare(x)
        if self.stages is not None:
            maps: list[torch.Tensor] = self.network.forward_intermediates(
                x, indices=self.stages, stop_early=True, intermediates_only=True
            )
            return maps
        tokens = self.network.forward_features(x)
        if self.out == "pooled":
            return self.network.forward_head(tokens, pre_logits=True)
        if self.grid is None:  # a CNN, or a hierarchical transformer with channels last
            is_last = getattr(self.network, "output_fmt", "NCHW") == "NHWC"
            tokens = tokens.permute(0, 3, 1, 2) if is_last and tokens.ndim == 4 else tokens
            return tokens if self.out == "map" else tokens.flatten(2).transpose(1, 2)
        if self.out == "tokens":
            return tokens
        prefix = getattr(self.network, "num_prefix_tokens", 0)
        return tokens[:, prefix:].transpose(1, 2).unflatten(2, self.grid)

    @property
    def grid(self) -> tuple[int, int] | None:
        """Rows and columns of the tokens of a frame; None of a CNN, whose map follows the frame."""
        size = getattr(getattr(self.network, "patch_embed", None), "grid_size", None)
        return None if size is None else tuple(size)

    def input_statistics(self) -> tuple[list[float], list[float], str]:
        """Return timm's mean and standard deviation of the network's weights, in gray levels."""
        cfg = self.network.pretrained_cfg
        mean, std = ([255 * value for value in cfg[key]] for key in ("mean", "std"))
        return mean, std, f"timm's pretrained_cfg of {self.model}"

    def check_input(self, x: torch.Tensor) -> None:
        """Raise ValueError for frames of another size than the transformer is built for."""
        size = getattr(getattr(self.network, "patch_embed", None), "img_size", None)
        if x.ndim != 4:
            raise ValueError(f"TimmImage takes frames (V, C, H, W), in Recognizer2D; got shape {tuple(x.shape)}")
        if size is not None and tuple(x.shape[-2:]) != tuple(size):
            got = " x ".join(map(str, x.shape[-2:]))
            raise ValueError(
                f"{self.source_name} is built for frames of {size[0]} x {size[1]}, the pipeline gives {got}: "
                "set img_size in the backbone, or the crop in the pipeline"
            )

    def read_pretrained(self, source: str) -> dict[str, torch.Tensor]:
        """Return the weights from timm's hub, a folder, a file or an address, fitted by timm to the size of frames."""
        timm = need("timm")
        name, overlay = self.model, None
        if is_file(source):
            overlay = {"state_dict": self._named(source)}
        elif Path(source).is_dir():
            name = f"local-dir:{source}"
        elif source != "timm":
            name = f"hf-hub:{source}"
        try:
            with _recorded() as results:
                loaded = timm.create_model(
                    name, pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay, **self.model_kwargs
                )
        except Exception as error:  # whatever the hub or a foreign state dict makes timm raise
            what = "does not fit" if overlay else "could not be fetched for"
            raise ValueError(
                f"pretrained={source!r} {what} {self.source_name} ({type(error).__name__}: {str(error)[:300]}). "
                "Without network, fetch the file elsewhere and set pretrained to its path"
            ) from error
        missing = {key for result in results for key in result.missing_keys}
        return {key: value for key, value in loaded.state_dict().items() if key not in missing}

    def _named(self, source: str) -> dict[str, torch.Tensor]:
        try:
            return with_timm_names(read_weights(source), self.network)
        except ValueError as error:
            raise ValueError(f"pretrained={source!r} does not fit {self.source_name}: {error}") from error


@contextmanager
def _recorded() -> Iterator[list[Any]]:
    """Yield a list of what each loading of a state dict inside the block returns; timm keeps it for itself."""
    results: list[Any] = []
    load = nn.Module.load_state_dict

    def load_and_record(*args: Any, **kwargs: Any) -> Any:
        results.append(load(*args, **kwargs))
        return results[-1]

    nn.Module.load_state_dict = load_and_record  # type: ignore[method-assign]
    try:
        yield results
    finally:
        nn.Module.load_state_dict = load  # type: ignore[method-assign]
