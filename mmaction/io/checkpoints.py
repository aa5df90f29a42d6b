"""Read checkpoints without running code from them, load their weights and say what was loaded and what was not."""

import logging
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import numpy as np
from mmengine.logging import HistoryBuffer, print_log

from mmaction.io.downloads import download, hub_folder
from mmaction.io.foreign_checkpoints import convert, name_of_others
from mmaction.io.pickles import load_pickle
from mmaction.utils.cli import needs, suggest_file
from mmaction.utils.text import first_few

if TYPE_CHECKING:
    import torch
    from torch import nn

HEAD_PREFIX = "cls_head."
FROZEN_HASH = "frozen_sha256"
"""Name of the tensor that stands for the frozen ones of a network, where a checkpoint leaves those out."""
# below this share of matching tensors a checkpoint is taken for one of another architecture
MIN_MATCH = 0.5
_WRAPPER_PREFIXES = re.compile(r"^(module\.|_orig_mod\.|model\.(?=backbone\.|cls_head\.))+")
_NAMES_SHOWN = 4
_OLD_FORMAT = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # PyTorch's magic number, pickled


_trusting: ContextVar[bool] = ContextVar("trust_checkpoint", default=False)


class RefusedCheckpointError(ValueError):
    """A checkpoint that names objects which could run code, without the user's word for it."""


@contextmanager
def trusting(trust: bool) -> Iterator[None]:
    """Let :func:`read_checkpoint` build any object inside the block, for readers that a config cannot reach."""
    token = _trusting.set(trust)
    try:
        yield
    finally:
        _trusting.reset(token)


def _history_statistics(owner: type, name: str) -> Any:
    """Stand in for ``getattr`` in checkpoints, where a log buffer names its statistics; any other use is refused."""
    if owner is HistoryBuffer and name in ("min", "max", "current", "mean"):
        return getattr(HistoryBuffer, name)
    raise UnpicklingError(f"getattr({owner!r}, {name!r}) is not part of a checkpoint")


def _harmless_globals() -> list[Any]:
    """Return what checkpoints of MMEngine hold beside tensors: log buffers, numpy arrays and scalars."""
    core = np._core if hasattr(np, "_core") else np.core  # pickles name the functions by these private places
    functions = {"_reconstruct": core.multiarray._reconstruct, "scalar": core.multiarray.scalar}
    named = [(f, f"numpy.{home}.multiarray.{name}") for name, f in functions.items() for home in ("core", "_core")]
    dtypes = {type(np.dtype(kind)) for kind in "?bBhHiIlLqQefdgFDSUO"}
    return [HistoryBuffer, slice, np.ndarray, np.dtype, *dtypes, (_history_statistics, "builtins.getattr"), *named]


def local_path(source: str | Path) -> Path:
    """Return the file behind ``source``, a path or a web address; the latter is downloaded once and cached.

    FileNotFoundError names close matches; ConnectionError if a download fails, ValueError if its content is wrong.
    """
    source = str(source)
    if source.startswith(("http://", "https://")):
        address = urlparse(source)
        # files of the Hugging Face hub all have the same few names
        name = (
            address.path.strip("/").replace("/", "--")
            if "huggingface.co" in address.netloc
            else Path(address.path).name
        )
        return download(source, hub_folder() / name)
    path = Path(source).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        inside = ", ".join(sorted(near.name for near in path.glob("*.pth"))[:5]) or "no *.pth in it"
        raise FileNotFoundError(f"checkpoint {path} is a folder ({inside}); name a file")
    raise FileNotFoundError(f"checkpoint {path} does not exist{suggest_file(path, '*.pth')}")


def _is_plain(value: Any) -> bool:
    """Return whether ``value`` is made of numbers, strings and containers alone."""
    if isinstance(value, dict):
        return all(_is_plain(item) for item in value.values())
    if isinstance(value, (list, tuple, set)):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (str, bool, int, float))


def plain_part(entries: dict[str, Any]) -> dict[str, Any]:
    """Return the entries that hold no objects, such as a label space: checkpoints are read without building any."""
    return {key: value for key, value in entries.items() if _is_plain(value)}


def read_checkpoint(
    source: str | Path, map_location: "str | torch.device | Any" = "cpu", trust: bool = False, mmap: bool = False
) -> dict[str, Any]:
    """Return the contents of a checkpoint.

    Only tensors, containers, numbers, strings, numpy arrays and MMEngine's log buffers are built. A plain pickle, the
    format of Caffe2's models, is read as annotations are.

    Args:
        source: A path or a web address.
        map_location: Where the tensors go, as in :func:`torch.load`.
        trust: Also build any other object that the file names, which runs code of the file's author; so does a
            surrounding :func:`trusting`.
        mmap: Read each tensor when it is used, not now, unless the file has PyTorch's old format.

    Raises:
        FileNotFoundError, ConnectionError: As :func:`local_path`.
        ValueError: If the file is damaged, is no checkpoint, or names other objects while ``trust`` is False (then a
            :class:`RefusedCheckpointError`).
    """
    import torch

    path, trust = local_path(source), trust or _trusting.get()
    try:
        if is_zip := is_archive(path):
            _refuse_compressed(path)
        if path.suffix == ".safetensors":
            with needs(f"to read {path} install safetensors: pip install .[foundation]"):
                from safetensors.torch import load_file
            content = load_file(path)
        elif _is_plain_pickle(path):
            content = load_pickle(path)
        else:
            with torch.serialization.safe_globals(_harmless_globals()):
                content = torch.load(path, map_location=map_location, weights_only=True, mmap=mmap and is_zip)
    except UnpicklingError as error:
        foreign = re.findall(r"GLOBAL ([\w.]+) (?:was not an allowed|whose module)", str(error))
        if foreign and trust:
            try:  # only on the user's word
                content = torch.load(path, map_location=map_location, weights_only=False)
            except Exception as fault:  # whatever the code raises
                raise ValueError(f"checkpoint {path} cannot be built: {type(fault).__name__}: {fault}") from fault
        elif foreign:
            raise RefusedCheckpointError(
                f"checkpoint {path} is refused: it holds {foreign[0]}, which is no weight and could run code. If you "
                f"know who made the file and trust them, pass --trust-checkpoint (or trust_checkpoint=True)"
            ) from error
        else:
            raise ValueError(f"checkpoint {path} is damaged or no checkpoint: {_damage(path, error)}") from error
    except (PermissionError, ImportError):
        raise
    except Exception as error:  # damaged bytes make PyTorch raise anything
        raise ValueError(f"checkpoint {path} is damaged or no checkpoint: {_damage(path, error)}") from error
    if not isinstance(content, Mapping):
        raise ValueError(f"checkpoint {path}: expected a dict with a state_dict, got {type(content).__name__}")
    return dict(content)


def _is_plain_pickle(path: Path) -> bool:
    """Return whether ``path`` begins as a pickle does, but not with the magic number of PyTorch's old format."""
    start = _start(path)
    return start[:1] == b"\x80" and start[2:] != _OLD_FORMAT[2:]


def _start(path: str | Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(len(_OLD_FORMAT))


def is_archive(path: str | Path) -> bool:
    """Return whether ``path`` begins as the zip archives do that PyTorch writes since 1.6."""
    return _start(path).startswith(b"PK\x03\x04")


def _refuse_compressed(path: Path) -> None:
    """Raise BadZipFile for a file that takes a thousand times its size when it is read."""
    with zipfile.ZipFile(path) as archive:
        packed = [part.filename for part in archive.infolist() if part.compress_type != zipfile.ZIP_STORED]
    if packed:
        raise zipfile.BadZipFile(f"its part {packed[0][:100]} is compressed, which PyTorch never does")


def _damage(path: Path, error: Exception) -> str:
    """Say why a file cannot be loaded, for which PyTorch has raised ``error``."""
    start = _start(path)
    if start[:1] not in b"P\x80":  # of a zip archive or of a pickle
        return f"it starts with {start!r}, as no checkpoint does"
    says_why = isinstance(error, (UnpicklingError, RuntimeError, EOFError, OSError, zipfile.BadZipFile))
    return _first_line(error) if says_why else "its content is nothing that PyTorch has written"


def _first_line(error: BaseException) -> str:
    text = str(error).rpartition("WeightsUnpickler error:")[2].strip().splitlines()  # the rest is advice of PyTorch's
    return text[0][:200] if text else type(error).__name__


def is_intact(path: str | Path) -> str | None:
    """Return None if the checkpoint file ``path`` is whole by its check sums, else what is wrong with it.

    PyTorch's old format has none; such a file is whole if it can be read.
    """
    try:
        if _start(path) == _OLD_FORMAT:
            return None
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        return f"its part {damaged} has a wrong check sum" if damaged else None
    except (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, ValueError, RuntimeError) as error:
        return _first_line(error)


def model_weights(
    checkpoint: Mapping[str, Any], source: str | Path = "checkpoint", rename: bool = True
) -> "dict[str, torch.Tensor]":
    """Return the weights in ``checkpoint`` under the names that our models use; ValueError if there are none.

    Files of MMAction2 0.x and 1.x keep them as ``state_dict``, others are a plain state dict. Prefixes that a
    distributed or compiled model adds are taken off. Weights of PySlowFast (``model_state``, or ``blobs`` of Caffe2),
    PyTorchVideo and torchvision's video networks, and V-JEPA 2 with its probe, are renamed unless ``rename`` is False,
    and the log says what a config must set for them; ValueError names a network of these projects that cannot be built
    here.
    """
    import torch

    key = next((key for key in ("state_dict", "model_state", "blobs") if key in checkpoint), None)
    state = checkpoint if key is None else checkpoint[key]
    if not isinstance(state, Mapping):
        raise ValueError(f"{source} holds no weights: its {key} is a {type(state).__name__}, not a dict of tensors")
    if key == "blobs":
        state = {k: torch.from_numpy(v) for k, v in state.items() if isinstance(v, np.ndarray) and v.dtype.kind == "f"}
    weights = {
        _WRAPPER_PREFIXES.sub("", str(key)): value for key, value in state.items() if isinstance(value, torch.Tensor)
    }
    if not weights:
        raise ValueError(f"{source} holds no weights: its entries are {first_few(checkpoint, 8)}")
    try:
        converted = convert(weights) if rename else None
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error
    if converted is None:
        return weights
    said = "; ".join(converted.notes)
    print_log(f"{source} is {converted.source}. The weights do not say the rest: {said}", "current", logging.WARNING)
    return converted.weights


@dataclass
class LoadReport:
    """What became of each tensor when ``source`` was loaded; ``dropped`` has the shapes in the file and the model."""

    source: str
    loaded: list[str] = field(default_factory=list)
    dropped: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many tensors the model has."""
        return len(self.loaded) + len(self.dropped) + len(self.missing)

    @property
    def has_no_head(self) -> bool:
        """Whether the file lacks every tensor of the model's head, and the model has one."""
        known = " ".join(["", *self.loaded, *self.dropped, *self.unexpected])
        return any(k.startswith(HEAD_PREFIX) for k in self.missing) and f" {HEAD_PREFIX}" not in known

    def lines(self) -> list[str]:
        """Return the report, one entry a line, the first names of each kind."""
        text = [f"{self.source}: {len(self.loaded)} of {self.total} tensors loaded"]
        if self.has_no_head:
            text.append("  the file holds a backbone alone: the head starts from scratch")
        text += [
            f"  dropped     {key}: {shapes[0]} in the file, {shapes[1]} in the model; it starts from scratch"
            for key, shapes in self.dropped.items()
        ]
        for name, keys, why in (
            ("missing", self.missing, "not in the file; it starts from scratch"),
            ("unexpected", self.unexpected, "in the file, not in the model; ignored"),
        ):
            if keys:
                text.append(f"  {name:<11} {first_few(keys, _NAMES_SHOWN)}: {why}")
        return text


def load_weights(model: "nn.Module", weights: "Mapping[str, torch.Tensor]", source: str, strict: bool) -> LoadReport:
    """Copy ``weights`` (see :func:`model_weights`) into ``model``, or into its backbone if they are a backbone's.

    ``strict`` serves tests and resumption: ValueError unless every tensor is there and fits. False serves fine-tuning:
    a head of another class count is dropped, missing tensors keep their initial values; ValueError for another
    architecture. ``source`` names the origin in messages.
    """
    own = model.state_dict()
    weights = _with_frozen(model, weights, source)
    if not own.keys() & weights.keys():
        of_backbone = {f"backbone.{key}": value for key, value in weights.items()}
        weights = of_backbone if own.keys() & of_backbone.keys() else weights
    for name, part in model.named_modules():
        if hasattr(part, "fit_weights"):  # such as a head that takes its classes from a checkpoint of more
            weights = part.fit_weights(weights, f"{name}." if name else "")
    report = LoadReport(source)
    for key, value in own.items():
        if key not in weights:
            if not key.endswith("num_batches_tracked"):
                report.missing.append(key)
        elif weights[key].shape == value.shape:
            report.loaded.append(key)
        else:
            report.dropped[key] = (tuple(weights[key].shape), tuple(value.shape))
    report.unexpected = [key for key in weights if key not in own]
    _refuse_other_architecture(report, name_of_others(weights))
    if strict and (report.dropped or report.missing):
        raise ValueError(
            "the checkpoint does not fit the model of the config; use the config it was trained with (a head of "
            "another class count: set num_classes)\n" + "\n".join(report.lines())
        )
    model.load_state_dict({key: weights[key] for key in report.loaded}, strict=False)
    return report


def _with_frozen(
    model: "nn.Module", weights: "Mapping[str, torch.Tensor]", source: str
) -> "Mapping[str, torch.Tensor]":
    """Return ``weights`` with the frozen tensors that the file gives by their hash alone; ValueError for others."""
    for key in [key for key in weights if key.rpartition(".")[2] == FROZEN_HASH]:
        name = key.rpartition(".")[0]
        part: Any = dict(model.named_modules()).get(name)
        if not hasattr(part, "completed"):
            raise ValueError(f"{source} leaves out a frozen {name or 'model'}, and the config's model has none there")
        rest = {k: value for k, value in weights.items() if k != key}
        own = part.completed(bytes(weights[key].tolist()).hex(), source)
        weights = {**rest, **{f"{name}.{k}": value for k, value in own.items()}}
    return weights


def _refuse_other_architecture(report: LoadReport, name: str | None) -> None:
    """Raise ValueError unless most tensors match and every shape outside the head and the first layer does."""
    body = [key for key in report.dropped if not key.startswith(HEAD_PREFIX)]
    if len(body) == 1 and _has_other_input(*report.dropped[body[0]]):
        body = []
    if not body and len(report.loaded) >= MIN_MATCH * report.total:
        return
    detail = f"it has {', '.join(report.unexpected[:3]) or 'nothing more'}; it lacks {', '.join(report.missing[:3])}"
    if body:
        shown = {key: report.dropped[key] for key in body[:_NAMES_SHOWN]}
        shapes = "; ".join(f"{key}: {stored}, the model {own}" for key, (stored, own) in shown.items())
        detail = f"{len(body)} shapes differ ({shapes})"
    raise ValueError(
        f"{report.source} is a checkpoint of another architecture{f', {name}' * bool(name)}: {len(report.loaded)} "
        f"of {report.total} tensors of the model are in it with the same shape. {detail}. Weights of an image network "
        f"go into backbone.pretrained"
    )


def _has_other_input(stored: tuple[int, ...], own: tuple[int, ...]) -> bool:
    """Return whether two convolutions differ in their input channels alone, as first layers for other joints do."""
    return len(stored) == len(own) >= 4 and stored[:1] + stored[2:] == own[:1] + own[2:]


def log_report(report: LoadReport, logger: logging.Logger) -> None:
    """Write ``report`` to the log, as a warning if something was not loaded."""
    complete = not (report.dropped or report.missing or report.unexpected)
    logger.log(logging.INFO if complete else logging.WARNING, "\n".join(report.lines()))
