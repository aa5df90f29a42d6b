"""Video transformers of the library transformers, for clips."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import torch

from mmaction.models.backbones.foundation.base import (
    FoundationBackbone,
    interpolate_positions,
    is_file,
    need,
    read_weights,
)
from mmaction.registry import MODELS
from mmaction.utils.cli import suggest

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PROCESSORS = ("video_preprocessor_config.json", "preprocessor_config.json", "processor_config.json")


class Family(NamedTuple):
    """How one kind of model names its input and its sizes, and the input of its published weights."""

    frames: str = "num_frames"
    size: str = "image_size"
    argument: str = "pixel_values"
    options: dict[str, Any] = {}  # noqa: RUF012 (of the call)
    parts: dict[str, Any] = {}  # noqa: RUF012 (of the constructor)
    prefix: int = 0  # tokens before the tokens of places
    statistics: tuple[tuple[float, ...], tuple[float, ...]] = IMAGENET


FAMILIES = {
    "videomae": Family(),
    "vjepa2": Family("frames_per_clip", "crop_size", "pixel_values_videos", {"skip_predictor": True}),
    "timesformer": Family(prefix=1, statistics=((0.45,) * 3, (0.225,) * 3)),
    "vivit": Family(
        parts={"add_pooling_layer": False}, prefix=1, statistics=((0.75,) * 3, (0.25,) * 3)
    ),  # its processor subtracts 1 before it normalizes
    "videoprism_vision_model": Family(argument="pixel_values_videos", statistics=((0.0,) * 3, (1.0,) * 3)),
}


@MODELS.register_module()
class TransformersVideo(FoundationBackbone):
    """A video transformer of transformers in ``Recognizer3D``: VideoMAE, V-JEPA 2, TimeSformer, ViViT or VideoPrism.

    Args:
        pretrained: Hub id (``MCG-NJU/videomae-base``), folder, file or address of the weights; None: random.
        config: The model's configuration as a dict with ``model_type``; None: read from ``pretrained``. With both, the
            network is built without the hub and the weights must fit.
        num_frames: Frames of a clip; None: as configured. Learned positions are interpolated to another number.
        img_size: Height and width of the frames; None: as configured. Likewise.
        attn_implementation: ``sdpa``, ``eager`` or ``flash_attention_2``; None: the library's choice.
        kwargs: ``frozen``, ``adapter`` (LoRA), ``dtype``, ``with_cp`` and ``out`` of ``FoundationBackbone``.

    Raises:
        ValueError: For a model type that is not known (close ones are named), weights of another network, or clips of
            another length or size.
        ImportError: Without transformers.
    """

    def __init__(
        self,
        pretrained: str | None = None,
        config: dict[str, Any] | None = None,
        num_frames: int | None = None,
        img_size: int | None = None,
        attn_implementation: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pretrained=pretrained, **kwargs)
        if config is None and (pretrained is None or is_file(pretrained)):
            raise ValueError(
                "TransformersVideo needs config (a dict with model_type), or a hub id or folder to read it"
            )
        self.own_config = self._read_config(str(pretrained)) if config is None else self._make_config(dict(config))
        self.family = FAMILIES[self.own_config.model_type]
        if self.adapter is not None and self.adapter.get("type") != "LoRA":
            raise ValueError("TransformersVideo sees whole clips: of the adapters it takes LoRA alone")
        changes = {self.family.frames: num_frames, self.family.size: img_size}
        fields = self.own_config.to_dict() | {name: value for name, value in changes.items() if value is not None}
        self.model_config = type(self.own_config).from_dict(fields)
        self.network = self._build(self.model_config, attn_implementation)
        if self.with_cp:
            self.recompute(self.network)
        self._fit_fixed_positions()
        self.finish()

    # -- building ------------------------------------------------------------------------------------------------------
    @staticmethod
    def _make_config(fields: dict[str, Any]) -> Any:
        transformers = need("transformers")
        kind = str(fields.pop("model_type", None))
        kind = "videoprism_vision_model" if kind == "videoprism" else kind
        if kind not in FAMILIES:
            hint = suggest(kind, FAMILIES)
            raise ValueError(f"TransformersVideo: unknown model_type {kind!r}{hint}; known are {', '.join(FAMILIES)}")
        try:
            return transformers.CONFIG_MAPPING[kind](**fields)
        except KeyError as error:
            raise ImportError(f"transformers {transformers.__version__} has no {kind}; install a newer one") from error

    @classmethod
    def _read_config(cls, source: str) -> Any:
        transformers = need("transformers")
        try:
            fields = transformers.PreTrainedConfig.get_config_dict(source)[0]
        except OSError as error:
            raise _unreachable(source) from error
        fields = fields.get("vision_config", fields) if fields.get("model_type") == "videoprism" else fields
        return cls._make_config(fields)

    @staticmethod
    def _class(config: Any) -> Any:
        transformers = need("transformers")
        if config.model_type == "videoprism_vision_model":
            return transformers.VideoPrismVisionModel
        return transformers.MODEL_MAPPING[type(config)]

    def _build(self, config: Any, attention: str | None) -> Any:
        options = self.family.parts | ({"attn_implementation": attention} if attention else {})
        try:
            network = self._class(config)._from_config(config, **options)
        except (ValueError, ImportError) as error:
            raise ValueError(f"TransformersVideo: {config.model_type} cannot be built: {error}") from error
        if hasattr(network, "predictor"):  # of V-JEPA 2, which only its training uses
            del network.predictor
        return network

    def _fit_fixed_positions(self) -> None:
        """Interpolate the fixed positions of VideoMAE, which are no part of its weights."""
        old, new = self.grid_of(self.own_config), self.grid
        if self.own_config.model_type == "videomae" and old != new:
            from transformers.models.videomae.modeling_videomae import get_sinusoid_encoding_table

            table = get_sinusoid_encoding_table(old[0] * old[1] * old[2], self.own_config.hidden_size)
            self.network.embeddings.position_embeddings = interpolate_positions(table, old, new)

    @staticmethod
    def recompute(network: Any) -> None:
        """Let a network of the library compute activations again in the backward pass."""
        enable = "activation_checkpointing_enable"  # its name from version 5 on
        getattr(network, enable, network.gradient_checkpointing_enable)()

    # -- what it is ----------------------------------------------------------------------------------------------------
    @property
    def source_name(self) -> str:
        """Name of the network."""
        return f"transformers' {self.model_config.model_type}"

    def grid_of(self, config: Any) -> tuple[int, int, int]:
        """Return how many tokens a clip has along time, height and width."""
        frames, size = getattr(config, self.family.frames), getattr(config, self.family.size)
        tube = getattr(config, "tubelet_size", 1)
        patch = getattr(config, "patch_size", None)
        tube = (tube, patch, patch) if isinstance(tube, int) else tuple(tube)
        return frames // tube[0], size // tube[1], size // tube[2]

    @property
    def grid(self) -> tuple[int, int, int]:
        """How many tokens a clip has along time, height and width."""
        return self.grid_of(self.model_config)

    def input_statistics(self) -> tuple[list[float], list[float], str]:
        """Return mean and deviation in gray levels, of the processor beside ``pretrained`` or of published models."""
        mean, std = self.family.statistics
        source, scale, offset = f"the published models of {self.source_name}", 1 / 255, 0.0
        if self.pretrained is not None and not is_file(self.pretrained):
            name, fields = self._processor() or (None, {})
            source = f"{name} of {self.pretrained}" if name else f"{source} ({self.pretrained} has no processor)"
            if name:
                plain = ((0.0,) * 3, (1.0,) * 3)
                mean, std = (fields[f"image_{key}"] for key in ("mean", "std")) if fields["do_normalize"] else plain
                scale, offset = fields.get("rescale_factor", scale), 1.0 if fields.get("offset") else 0.0
                scale = scale if fields.get("do_rescale", True) else 1.0
        levels = [(value + offset) / scale for value in mean], [value / scale for value in std]
        return [round(value, 4) for value in levels[0]], [round(value, 4) for value in levels[1]], source

    def _processor(self) -> tuple[str, dict[str, Any]] | None:
        from transformers.utils import cached_file

        for name in PROCESSORS:
            with suppress(OSError, json.JSONDecodeError):
                path = cached_file(str(self.pretrained), name, _raise_exceptions_for_missing_entries=False)
                if path is not None:
                    with open(path, encoding="utf-8") as file:
                        fields = json.load(file)
                    fields = fields.get("video_processor", fields.get("image_processor", fields))
                    fields.setdefault("do_normalize", "image_mean" in fields)
                    if "image_mean" in fields or "do_rescale" in fields:
                        return name, fields
        return None

    def check_input(self, x: torch.Tensor) -> None:
        """Raise ValueError for clips of another length or size than the network is built for."""
        frames, size = getattr(self.model_config, self.family.frames), getattr(self.model_config, self.family.size)
        if x.ndim != 5:
            raise ValueError(f"TransformersVideo takes clips (V, C, T, H, W), in Recognizer3D; got {tuple(x.shape)}")
        if tuple(x.shape[2:]) != (frames, size, size):
            got = f"{x.shape[2]} frames of {x.shape[3]} x {x.shape[4]}"
            raise ValueError(
                f"{self.source_name} is built for {frames} frames of {size} x {size}, the pipeline gives {got}: set "
                "num_frames and img_size in the backbone, or clip_len and the crop in the pipeline"
            )

    # -- weights and running -------------------------------------------------------------------------------------------
    def read_pretrained(self, source: str) -> dict[str, torch.Tensor]:
        """Return the weights of ``source``, read by the library, with positions interpolated to this network's grid."""
        config, known = self.own_config, dict(self.family.parts)
        if is_file(source):
            known["state_dict"] = read_weights(source)
        else:
            with suppress(ConnectionError):
                config = self._read_config(source)
        try:
            with _quiet():
                loaded, info = self._class(config).from_pretrained(
                    None if is_file(source) else source, config=config, output_loading_info=True, **known
                )
        except OSError as error:
            raise _unreachable(source) from error
        except RuntimeError as error:
            raise ValueError(f"pretrained={source!r} does not fit {self.source_name}: {str(error)[:300]}") from error
        missing = {name for name in info["missing_keys"] if not name.startswith("predictor.")}
        weights = {name: value for name, value in loaded.state_dict().items() if name not in missing}
        old, own = self.grid_of(config), self.network.state_dict()
        for name, value in weights.items():
            if "position_embeddings" in name or "time_embeddings" in name:
                target = own[name].shape
                grids = ((old, self.grid), (old[1:], self.grid[1:]), (old[:1], self.grid[:1]))
                fits = (fitted for grid in grids if (fitted := self._fit(value, grid[0], grid[1], target)) is not None)
                weights[name] = value if value.shape == target else next(fits, value)
        return {name: value for name, value in weights.items() if not name.startswith("predictor.")}

    @staticmethod
    def _fit(value: torch.Tensor, old: tuple, new: tuple, target: torch.Size) -> torch.Tensor | None:
        fitted = interpolate_positions(value, old, new)
        return fitted if fitted is not None and fitted.shape == target else None

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Return the map, tokens or pooled vectors of clips (V, C, T, H, W)."""
        tokens = self.network(**{self.family.argument: x.transpose(1, 2)}, **self.family.options).last_hidden_state
        prefix, (t, h, w) = self.family.prefix, self.grid
        if self.model_config.model_type == "timesformer":  # frames of a place follow each other there
            tokens = self._in_order(tokens, x.shape[0])
        if self.out == "pooled":
            return tokens[:, 0] if prefix else tokens.mean(dim=1)
        return tokens if self.out == "tokens" else tokens[:, prefix:].transpose(1, 2).unflatten(2, (t, h, w))

    def _in_order(self, tokens: torch.Tensor, clips: int) -> torch.Tensor:
        """Return TimeSformer's tokens with the places of a frame beside each other."""
        t, h, w = self.grid
        if self.model_config.attention_type == "space_only":  # each frame is a sample of its own
            frames = tokens.unflatten(0, (clips, t))
            return torch.cat([frames[:, :, :1].mean(dim=1), frames[:, :, 1:].flatten(1, 2)], dim=1)
        places = tokens[:, 1:].unflatten(1, (h * w, t)).transpose(1, 2).flatten(1, 2)
        return torch.cat([tokens[:, :1], places], dim=1)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library from reporting what :meth:`FoundationBackbone.load_pretrained` reports."""
    logging = need("transformers").logging
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _unreachable(source: str) -> ConnectionError:
    return ConnectionError(
        f"pretrained={source!r} is no folder, and the Hugging Face hub could not give it. Check the name; without "
        f"network, fetch it elsewhere (hf download {source} --local-dir DIR) and set pretrained=DIR"
    )
