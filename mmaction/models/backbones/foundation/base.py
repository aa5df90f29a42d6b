"""What the backbones of other libraries share: where weights come from, what stays frozen, which input they take."""

import hashlib
import importlib
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import nn

from mmaction.io.checkpoints import FROZEN_HASH, model_weights, read_checkpoint
from mmaction.io.suffixes import WEIGHT_SUFFIXES
from mmaction.models.backbones.foundation.adapters import build_adapter
from mmaction.models.inflate import note_source
from mmaction.models.initial import InitCfg, init_from_cfg
from mmaction.utils.attributes import ReadableArguments
from mmaction.utils.cli import needs
from mmaction.utils.text import first_few

OUTPUTS = ("map", "tokens", "pooled")
DTYPES = {None: None, "float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
Weights = Mapping[str, torch.Tensor]


def need(package: str) -> ModuleType:
    """Import an optional package; ImportError says how to get it."""
    with needs(f"this network needs the package {package.partition('.')[0]}: pip install .[foundation]"):
        return importlib.import_module(package)


def is_file(source: str) -> bool:
    """Return whether ``source`` is a web address or a file, not a folder or a name on a hub."""
    return source.startswith(("http://", "https://")) or Path(source).expanduser().is_file()


def read_weights(source: str) -> dict[str, torch.Tensor]:
    """Return the weights in a file or at a web address, as they are named there."""
    return model_weights(read_checkpoint(source), source, rename=False)


def interpolate_positions(value: torch.Tensor, old: Sequence[int], new: Sequence[int]) -> torch.Tensor | None:
    """Bring position embeddings (1, prefix + prod(old), C) to a grid ``new`` of as many axes; None if they are none.

    What stands before the grid, such as the position of a class token, is kept. Bicubic in space, else linear.
    """
    prefix = value.shape[1] - math.prod(old) if value.ndim == 3 and len(value) == 1 else -1
    if prefix < 0 or len(old) != len(new):
        return None
    mode = {1: "linear", 2: "bicubic", 3: "trilinear"}[len(old)]
    grid = value[:, prefix:].transpose(1, 2).unflatten(2, tuple(old)).float()
    grid = nn.functional.interpolate(grid, tuple(new), mode=mode, align_corners=False)
    return torch.cat([value[:, :prefix], grid.flatten(2).transpose(1, 2).to(value)], dim=1)


class FoundationBackbone(ReadableArguments, BaseModule):
    """A network of another library, ``self.network``, whole, frozen, or frozen with adapters.

    Args:
        pretrained: Where the weights come from; None leaves them at random. They are read by :meth:`init_weights`, or
            when a checkpoint is loaded that leaves them out.
        frozen: Whether the network keeps its weights: no gradients, always in evaluation mode.
        adapter: Config of an adapter (``type``: STAdapter, AIM, DifferenceAdapter, LoRA, TemporalShift), put into a
            network whose own weights then stay frozen, but for ``TemporalShift``, which has none.
        dtype: Precision of a frozen network's computation, ``bfloat16`` or ``float32``; None: bfloat16 on a CUDA
            device that has it, float32 elsewhere. Features leave in float32.
        with_cp: Whether activations are computed again in the backward pass, which saves memory.
        out: ``map`` (V, C, t, h, w), or (V, C, h, w) of images; ``tokens`` (V, prefix + t*h*w, C), those of no place
            (class token, registers) first; ``pooled`` (V, C), the network's own pooled vector.
    """

    network: Any
    takes_features = False  # whether it is given its own features, as they were kept, and passes them on

    def __init__(
        self,
        pretrained: str | None = None,
        frozen: bool = False,
        adapter: dict[str, Any] | None = None,
        dtype: str | None = None,
        with_cp: bool = False,
        out: str = "map",
        init_cfg: InitCfg | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        name = type(self).__name__
        if out not in OUTPUTS:
            raise ValueError(f"{name}: out must be one of {OUTPUTS}; got {out!r}")
        if dtype not in DTYPES:
            raise ValueError(f"{name}: dtype must be one of {tuple(DTYPES)}; got {dtype!r}")
        if pretrained is not None and not isinstance(pretrained, str):
            raise TypeError(f"{name}: pretrained must be a hub id, a folder, a file, an address or None; {pretrained=}")
        self.pretrained, self.frozen, self.adapter, self.with_cp = pretrained, frozen, adapter, with_cp
        self.dtype, self.out = dtype, out
        self._is_loaded = False
        self.source_hash = ""

    # -- set by a subclass ---------------------------------------------------------------------------------------------
    @property
    def source_name(self) -> str:
        """What the network is called where it comes from."""
        raise NotImplementedError

    def input_statistics(self) -> tuple[list[float], list[float], str]:
        """Return mean and standard deviation of the input in gray levels, and where they are read from."""
        raise NotImplementedError

    def read_pretrained(self, source: str) -> dict[str, torch.Tensor]:
        """Return the weights of ``source`` under the names and in the shapes of ``self.network``."""
        raise NotImplementedError

    def features(self, x: torch.Tensor) -> torch.Tensor | list[torch.Tensor]:
        """Return what ``out`` says of prepared input, or a list of maps."""
        raise NotImplementedError

    # -- frozen and tuned ----------------------------------------------------------------------------------------------
    def finish(self) -> None:
        """Insert the adapter and freeze; a subclass calls it when ``self.network`` is there."""
        if self.adapter is not None:
            tunes_all = build_adapter(self.network, dict(self.adapter), getattr(self, "num_segments", 1))
            self.frozen = self.frozen or not tunes_all
        if self.frozen:
            tuned = self.tuned_names()
            for name, parameter in self.network.named_parameters():
                parameter.requires_grad_(name in tuned)
        self.train()

    def tuned_modules(self) -> Iterator[nn.Module]:
        """Yield the modules that an adapter has added."""
        return (module for module in self.network.modules() if getattr(module, "is_adapter", False))

    def tuned_names(self) -> set[str]:
        """Return the names, in the network, of the parameters and buffers that an adapter has added."""
        starts = tuple(f"{n}." for n, m in self.network.named_modules() if getattr(m, "is_adapter", False))
        return {name for name in self.network.state_dict() if name.startswith(starts)} if starts else set()

    def frozen_tensors(self) -> dict[str, torch.Tensor]:
        """Return the tensors that training leaves alone, by their name here; {} unless ``frozen``."""
        if not self.frozen:
            return {}
        tuned, state = self.tuned_names(), self.network.state_dict()
        return {f"network.{name}": value for name, value in state.items() if name not in tuned}

    def fingerprint(self) -> str:
        """Return the SHA-256 of the frozen tensors as 64 digits; "" where there are none."""
        tensors, digest = self.frozen_tensors(), hashlib.sha256()
        for name in sorted(tensors):
            value = tensors[name].detach().cpu().contiguous()
            digest.update(f"{name}{tuple(value.shape)}".encode())
            digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
        return digest.hexdigest() if tensors else ""

    def replaceable(self) -> dict[str, torch.Tensor]:
        """Return the frozen tensors that a checkpoint may leave out: they are as ``pretrained`` gives them."""
        is_source = self.source_hash != "" and self.fingerprint() == self.source_hash
        return self.frozen_tensors() if is_source else {}

    def completed(self, stored_hash: str, where: str) -> dict[str, torch.Tensor]:
        """Return the frozen tensors for a checkpoint that leaves them out; ValueError if it means others."""
        self.load_pretrained()
        own = self.fingerprint()
        if own == stored_hash:
            return self.frozen_tensors()
        state = "has pretrained=None" if self.pretrained is None else f"loads {self.pretrained!r}"
        raise ValueError(
            f"{where} holds tuned weights alone, for a frozen {self.source_name} with the hash {stored_hash[:16]}; "
            f"this backbone {state}, with the hash {own[:16] or 'none'}. Set pretrained (and adapter) as "
            "in the config of that training"
        )

    # -- weights -------------------------------------------------------------------------------------------------------
    def init_weights(self) -> None:
        """Load ``pretrained``, if that is given and not done yet."""
        if self.pretrained is None and self.frozen:
            print_log(f"{self.source_name} is frozen at random weights: set pretrained", "current", logging.WARNING)
        if self.init_cfg is not None:
            init_from_cfg(self, self.init_cfg)
        self.load_pretrained()

    def load_pretrained(self) -> None:
        """Load ``pretrained`` once; ValueError if it is of another network, FileNotFoundError for a missing file."""
        if self.pretrained is None or self._is_loaded:
            return
        if Path(self.pretrained).suffix in WEIGHT_SUFFIXES and not is_file(self.pretrained):
            raise FileNotFoundError(f"pretrained={self.pretrained!r} of {self.source_name}: there is no such file here")
        weights = self.read_pretrained(self.pretrained)
        own = {name: value for name, value in self.network.state_dict().items() if name not in self.tuned_names()}
        weights = {self._place(name, own): value for name, value in weights.items()}
        wrong = [
            f"{name}: {tuple(weights[name].shape)} there, {tuple(value.shape)} here"
            for name, value in own.items()
            if name in weights and weights[name].shape != value.shape
        ]
        missing = [name for name in own if name not in weights and not name.endswith("num_batches_tracked")]
        if wrong or missing:
            what = f"shapes differ ({first_few(wrong, 3)})" if wrong else f"it lacks {first_few(missing, 3)}"
            raise ValueError(f"pretrained={self.pretrained!r} does not fit {self.source_name}: {what}")
        self.network.load_state_dict({name: weights[name] for name in own if name in weights}, strict=False)
        self._is_loaded = True
        self.source_hash = self.fingerprint()
        note_source(self, self.pretrained, len(own), len(own))
        extra = [name for name in weights if name not in own]
        said = f"; not used: {first_few(extra, 3)}" if extra else ""
        print_log(f"{self.pretrained}: {len(own)} tensors loaded into {self.source_name}{said}", "current")

    def _place(self, name: str, own: Weights) -> str:
        """Return the name of a weight in the network, where LoRA wraps layers."""
        if name in own:
            return name
        if not hasattr(self, "_plain"):
            self._plain = {key.replace(".base_layer.", "."): key for key in own}
        return self._plain.get(name, name)

    # -- running -------------------------------------------------------------------------------------------------------
    def train(self, mode: bool = True) -> "FoundationBackbone":
        """Switch between training and evaluation; a frozen network stays in evaluation, its adapters switch."""
        super().train(mode)
        if self.frozen:
            self.network.eval()
            for module in self.tuned_modules():
                module.train(mode)
        return self

    def forward(self, x: torch.Tensor) -> torch.Tensor | list[torch.Tensor]:
        """Return the features of clips (V, C, T, H, W), or of frames (V, C, H, W)."""
        if self.takes_features:
            return x
        self.check_input(x)
        with ExitStack() as stack:
            for context in self._contexts(x):
                stack.enter_context(context)
            features = self.features(x)
        if not self.frozen:
            return features
        return features.float() if isinstance(features, torch.Tensor) else [part.float() for part in features]

    def check_input(self, x: torch.Tensor) -> None:
        """Raise ValueError, with what to do, if the network cannot take ``x``."""

    def _contexts(self, x: torch.Tensor) -> Iterator[AbstractContextManager]:
        if not self.frozen:
            return
        dtype = DTYPES[self.dtype]
        if dtype is None and x.is_cuda and torch.cuda.is_bf16_supported():
            dtype = torch.bfloat16
        if dtype is not None:
            yield torch.autocast(x.device.type, dtype, enabled=dtype is not torch.float32)
        if self.adapter is None:
            yield torch.no_grad()


def without_replaceable(model: nn.Module, state: dict[str, torch.Tensor]) -> dict[str, str]:
    """Take out of ``state`` the frozen tensors that their source gives again; return backbone and hash of each part.

    The hash takes their place in ``state``, so that the weights can only be loaded onto the same ones.
    """
    named = {}
    for name, part in model.named_modules():
        tensors = part.replaceable() if isinstance(part, FoundationBackbone) else {}
        if not tensors:
            continue
        prefix = f"{name}." if name else ""
        for key in tensors:
            state.pop(prefix + key, None)
        state[prefix + FROZEN_HASH] = torch.frombuffer(bytearray.fromhex(part.source_hash), dtype=torch.uint8)
        named[name] = f"{part.source_name} from {part.pretrained} (SHA-256 {part.source_hash})"
    return named
