"""Run a network over many views in chunks that fit into memory.

A batch of views is a tensor (V, ...) or, for several modalities, a dict of such tensors; so is the network's output,
which may be a tuple as well, of stages or pathways.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

Views = torch.Tensor | dict[str, torch.Tensor]

FREE_SHARE = 0.5  # of the free memory, what one chunk may take
# A residual block keeps its input and its shortcut beside the layer at work; on the CPU 2.3 times the largest layer
# were needed for TSM and I3D, 4.4 times for SlowFast.
LAYERS_ALIVE = 5
# More at once is no faster on a CPU (8 views of PoseC3D, 1, 2, 4 or 8 at a time: 1.02 to 1.11 s on 2 cores).
CPU_BUDGET = 2**30  # bytes
PROBED = 1000  # values of a view that tell whether it may equal another
ASSUMED_FREE = 2**30  # bytes, where the system tells nothing


def num_views(views: Views) -> int:
    """Return V."""
    return len(next(iter(views.values()))) if isinstance(views, dict) else len(views)


def take(views: Views, start: int, stop: int) -> Views:
    """Return the views from ``start`` up to ``stop``, without a copy."""
    if isinstance(views, dict):
        return {key: value[start:stop] for key, value in views.items()}
    return views[start:stop]


def tensors_in(output: Any) -> list[torch.Tensor]:
    """Return the tensors of what a network gave: one, or one for each stage, pathway or modality."""
    if isinstance(output, torch.Tensor):
        return [output]
    return [tensor for part in (output.values() if isinstance(output, dict) else output) for tensor in tensors_in(part)]


def distinct(views: Views, unit: int = 1) -> tuple[Views, torch.Tensor | None]:
    """Return the views without repetitions, and for each unit of the given ones the distinct unit that equals it.

    A unit is ``unit`` views that belong together. A few values of each tell which may be equal; these are compared
    whole. None in place of the second: all differ.
    """
    parts = list(views.values()) if isinstance(views, dict) else [views]
    rows = [part.reshape(len(part) // unit, -1) for part in parts]
    some = torch.cat([row[:, :: max(row.shape[1] // PROBED, 1)].float() for row in rows], dim=1)
    alike = torch.unique(some, dim=0, return_inverse=True)[1].tolist()
    first: list[int] = []
    places: list[int] = []
    for index, group in enumerate(alike):
        seen = (at for at, k in enumerate(first) if alike[k] == group and all(r[k].equal(r[index]) for r in rows))
        places.append(next(seen, len(first)))
        if places[-1] == len(first):
            first.append(index)
    if len(first) == len(places):
        return views, None
    kept = [part.unflatten(0, (-1, unit))[first].flatten(0, 1) for part in parts]
    return dict(zip(views, kept, strict=True)) if isinstance(views, dict) else kept[0], torch.tensor(places)


def spread(output: Any, places: torch.Tensor) -> Any:
    """Return what distinct units gave, for each of the units that `distinct` was given; the inverse of it."""
    if isinstance(output, dict):
        return {key: spread(value, places) for key, value in output.items()}
    if isinstance(output, (tuple, list)):
        return tuple(spread(part, places) for part in output)
    return output.unflatten(0, (int(places.max()) + 1, -1))[places.to(output.device)].flatten(0, 1)


def join(chunks: list[Any]) -> Any:
    """Concatenate what the chunks gave."""
    if len(chunks) == 1:
        return chunks[0]
    if isinstance(chunks[0], dict):
        return {key: join([chunk[key] for chunk in chunks]) for key in chunks[0]}
    if isinstance(chunks[0], (tuple, list)):
        return tuple(join(list(parts)) for parts in zip(*chunks, strict=True))
    return torch.cat(chunks)


class ViewMemory:
    """What a network made of the views of the last calls, so that a view which several calls share goes through once.

    Args:
        calls: For how many calls a view is remembered that none of them has.
    """

    def __init__(self, calls: int) -> None:
        self._calls, self._call = calls, 0
        self._known: dict[bytes, tuple[int, Any]] = {}  # the last call that had a view, and what it gave
        self.computed = 0  # units that went through the network

    def __call__(self, function: Callable[[Views], Any], views: Views, unit: int = 1) -> Any:
        """Return what ``function(views)`` returns, which has one row for each unit of ``unit`` views."""
        parts = [part.unflatten(0, (-1, unit)) for part in (views.values() if isinstance(views, dict) else [views])]
        keys = [_digest([part[index] for part in parts]) for index in range(len(parts[0]))]
        fresh = [index for index, key in enumerate(keys) if key not in self._known and keys.index(key) == index]
        if fresh:
            chosen = [part[fresh].flatten(0, 1) for part in parts]
            output = function(dict(zip(views, chosen, strict=True)) if isinstance(views, dict) else chosen[0])
            self.computed += len(fresh)
            for row, index in enumerate(fresh):
                picked = _unit_of(output, row, len(fresh))
                self._known[keys[index]] = (self._call, picked)
        self._known |= {key: (self._call, self._known[key][1]) for key in keys}
        self._known = {key: item for key, item in self._known.items() if item[0] > self._call - self._calls}
        self._call += 1
        return join([self._known[key][1] for key in keys])


def _digest(parts: list[torch.Tensor]) -> bytes:
    """Return a fingerprint of the content of tensors."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(f"{part.dtype}{tuple(part.shape)}".encode())
        digest.update(part.detach().contiguous().cpu().flatten().view(torch.uint8).numpy().tobytes())
    return digest.digest()


def _unit_of(output: Any, index: int, count: int) -> Any:
    """Return the rows of one of ``count`` units."""
    if isinstance(output, dict):
        return {key: _unit_of(value, index, count) for key, value in output.items()}
    if isinstance(output, (tuple, list)):
        return tuple(_unit_of(part, index, count) for part in output)
    return output.unflatten(0, (count, -1))[index].clone()


class ChunkedRunner:
    """Apply a network to views in chunks of a size that the caller gives, or that follows from the free memory.

    Where no size is given, the first chunk is one unit of views, and the largest input and output of a layer is noted
    on the way. ``LAYERS_ALIVE`` times as much is taken as the need of a unit, for inputs of that shape from then on,
    and chunks are as large as ``chunk_budget`` allows.
    """

    def __init__(self) -> None:
        self._bytes_per_unit: dict[tuple, int] = {}

    def __call__(
        self,
        function: Callable[[Views], Views],
        views: Views,
        network: nn.Module,
        unit: int = 1,
        max_views: int | None = None,
    ) -> Views:
        """Return what ``function(views)`` returns, computed in chunks.

        ``function`` gives a tensor or a dict of tensors, with one row for each view (or for each n-th), and runs
        ``network``, whose layers tell the need of memory. Chunks are multiples of ``unit``, the number of views that
        belong together, such as the frames of a TSM clip. ``max_views`` is the largest chunk; None: from the free
        memory.
        """
        if max_views is not None:
            return _run(function, views, 0, max(max_views // unit, 1) * unit, [])
        done = []
        key = _kind(views)
        if key not in self._bytes_per_unit:
            with watch_layers(network) as peak:
                done.append(function(take(views, 0, unit)))
            self._bytes_per_unit[key] = max(peak[0], 1) * LAYERS_ALIVE
        units = chunk_budget(key[0][2]) // self._bytes_per_unit[key]
        return _run(function, views, len(done) * unit, max(units, 1) * unit, done)


def _run(function: Callable[[Views], Views], views: Views, start: int, size: int, done: list[Views]) -> Views:
    """Return ``done`` and the results of the views from ``start`` on, ``size`` at a time, joined."""
    chunks = [function(take(views, begin, begin + size)) for begin in range(start, num_views(views), size)]
    return join(done + chunks)


def _kind(views: Views) -> tuple:
    """Return what the need of a view depends on: shape, dtype and device of each modality."""
    tensors = views.values() if isinstance(views, dict) else [views]
    return tuple((tuple(x.shape[1:]), x.dtype, x.device) for x in tensors)


@contextmanager
def watch_layers(network: nn.Module) -> Iterator[list[int]]:
    """Yield a list of one number: the largest count of bytes that a layer of ``network`` read and returned."""
    peak = [0]

    def note(_module: nn.Module, inputs: tuple, output: object) -> None:
        peak[0] = max(peak[0], _tensor_bytes(inputs) + _tensor_bytes(output))

    handles = [module.register_forward_hook(note) for module in network.modules()]
    try:
        yield peak
    finally:
        for handle in handles:
            handle.remove()


def _tensor_bytes(value: object) -> int:
    if isinstance(value, torch.Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, dict):
        value = tuple(value.values())
    return sum(_tensor_bytes(item) for item in value) if isinstance(value, (tuple, list)) else 0


def chunk_budget(device: torch.device) -> int:
    """Return the bytes that one chunk may take: a share of the free memory, on a CPU at most ``CPU_BUDGET``."""
    budget = int(free_memory(device) * FREE_SHARE)
    return min(budget, CPU_BUDGET) if device.type == "cpu" else budget


def free_memory(device: torch.device) -> int:
    """Return the bytes that a computation on ``device`` can still take.

    On a CUDA device: what the driver has free and what PyTorch holds without using it. On the CPU: the smaller of the
    available memory of the machine and of its control group (a container's limit).
    """
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    known = [value for value in (_available_memory(), _cgroup_memory()) if value is not None]
    return min(known, default=ASSUMED_FREE)


def _available_memory(meminfo: str = "/proc/meminfo") -> int | None:
    if os.path.exists(meminfo):
        for line in Path(meminfo).read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _cgroup_memory(folder: str = "/sys/fs/cgroup") -> int | None:
    limit, used = Path(folder, "memory.max"), Path(folder, "memory.current")
    if not (limit.exists() and used.exists()):
        return None
    text = limit.read_text().strip()
    return None if text == "max" else max(int(text) - int(used.read_text()), 0)
