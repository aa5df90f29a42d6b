"""Choose how a data set is sampled and trained on, and say why."""

import os
from dataclasses import dataclass, field, replace

import numpy as np

from mmaction.preparation.recipe_data import Data
from mmaction.preparation.recipe_nets import FINETUNE, FROM_NOTHING, NETS, PIPELINES, Net
from mmaction.skeletons import get_layout

FRAMES = (8, 16, 24, 32, 48, 64)
SIZES = (64, 112, 160, 224)


@dataclass
class DataRecipe:
    """What is chosen for a data set, and why."""

    name: str
    net: Net
    data: Data
    frames: int
    size: int
    batch: int
    devices: int
    weights: str
    workers: int
    pipeline: str = ""
    reasons: list[str] = field(default_factory=list)

    @property
    def lr(self) -> float:
        """Learning rate, by the linear rule."""
        return float(f"{self.net.lr * self.batch * self.devices / self.net.batch:.3g}")


def choose(
    name: str,
    data: Data,
    frames: int | None = None,
    weights: str | None = None,
    gpus: int = 0,
    batch: int | None = None,
) -> DataRecipe:
    """Choose sampling, size, batch, learning rate and schedule for a network.

    Args:
        name: A row of :data:`NETS`.
        data: From :func:`read_data`.
        frames: Frames of a clip; None: chosen by the lengths of the clips.
        weights: File or address to start from, ``none``; None: the published weights of the network, if any.
        gpus: Number of GPUs; 0: the CPU.
        batch: Clips of a step on each device; None: chosen.

    Raises:
        ValueError: If the network does not take such data, or a number does not fit it.
    """
    net, start = _net(name, data, weights)
    if frames is not None and (frames < 1 or frames % net.multiple):
        raise ValueError(f"{name} takes a multiple of {net.multiple} frames from 1 on; got {frames}")
    pipeline = _pipeline(name, data) if data.kind == "skeleton" else ""
    reasons = [
        f"{data.counts['train']} clips of {data.classes} classes to train on, {data.counts['val']} to validate on"
    ]
    frames = _frames(net, data, frames, reasons)
    size = _size(net, data, reasons)
    reasons.append(_start(net, start))
    devices = max(gpus, 1)
    why = ", as asked"
    if not batch:
        batch = max(2, min(net.batch, data.counts["train"] // (8 * devices)))
        why = f", fewer than {net.batch} so that an epoch has steps"
    workers = max(1, min(8, (os.cpu_count() or 2) // devices)) if gpus else 2
    recipe = DataRecipe(name, net, data, frames, size, batch, devices, start, workers, pipeline, reasons)
    said = f"batch: {batch} clips on each of {devices} {'GPU' if gpus else 'CPU'}"
    reasons.append(said if batch == net.batch else said + why)
    reasons.append(f"learning rate: {recipe.lr:g}, in proportion to {net.lr:g} for {net.batch} clips")
    reasons.append(
        "precision: mixed, as such networks are trained; optim_wrapper.type=OptimWrapper for float32"
        if net.is_mixed
        else "precision: float32; --amp trains in mixed precision, which is faster on a GPU"
    )
    return recipe


def _net(name: str, data: Data, weights: str | None) -> tuple[Net, str]:
    """Return the network, with the schedule that fits what it starts from, and that: a file, an address or nothing."""
    net = NETS[name]
    if net.kind != data.kind:
        fitting = ", ".join(key for key, row in NETS.items() if row.kind == data.kind)
        raise ValueError(f"{name} takes {net.kind}s, and {data.root} holds {data.kind}s; for these: {fitting}")
    start = net.weights if weights is None else "" if weights == "none" else weights
    if net.is_frozen and not start:
        raise ValueError(f"{name} is frozen, and nothing without weights; leave --weights out, or name a file")
    if net.kind == "video" and bool(start) != bool(net.weights):
        net = replace(net, **(FINETUNE if start else FROM_NOTHING))
    return net, start


def _pipeline(name: str, data: Data) -> str:
    layout, joints, dims = data.layout
    known = PIPELINES[name]
    found = known.get((get_layout(layout).name, dims)) or known.get((None, dims))
    if not found:
        takes = ", ".join(f"{name or 'any joints'} in {number}D" for name, number in known)
        raise ValueError(
            f"{name} is prepared for {takes}; these are {joints} joints ({layout}) in {dims}D; "
            "stgcn++-light and ctrgcn-light take any, posec3d-light any in 2D"
        )
    return found


def _frames(net: Net, data: Data, frames: int | None, reasons: list[str]) -> int:
    low, median, high = np.percentile(data.lengths, [10, 50, 90])
    spread = f"80 % of the clips have {low:.0f} to {high:.0f} frames, {median:.0f} in the median"
    if data.kind == "skeleton":
        reasons.append(f"sampling: {net.frames} frames spread over the whole clip; {spread}")
        return net.frames
    if frames is None:
        fitting = [n for n in FRAMES if n <= min(net.frames, median) and n % net.multiple == 0]
        frames = max(fitting, default=net.multiple * max(1, int(median) // net.multiple))
    note = "; shorter clips repeat frames in place" if low < frames else ""
    reasons.append(f"sampling: one frame from each of {frames} equal parts of the whole clip, as {spread}{note}")
    if median > 10 * 25:
        reasons.append(
            f"long clips: a frame is taken every {median / frames:.0f}; where the action is short, cut the clips to it"
        )
    reasons.append("views in testing: 2 places in the parts x 3 crops; equal ones run once")
    return frames


def _size(net: Net, data: Data, reasons: list[str]) -> int:
    if data.kind == "skeleton":
        return net.size
    if net.is_fixed:
        reasons.append(f"size: {net.size} pixels, which the network is built for; the frames have {data.edge}")
        return net.size
    fitting = [size for size in SIZES if size <= net.size and size <= data.edge]
    size = max(fitting, default=SIZES[0])
    why = (
        f"as {net.size} is what the network was made for"
        if size == net.size
        else f"as frames of {data.edge} hold no more"
    )
    reasons.append(f"size: {size} pixels, {why}")
    return size


def _start(net: Net, start: str) -> str:
    passes = f" x {net.times} passes" if net.times > 1 else ""
    how = f"{net.epochs} epochs{passes}; train.py --epochs N scales the schedule"
    if start:
        return f"start: {start}; {how}"
    few = "; with few videos a network of this size learns them by heart, and weights help" if net.weights else ""
    return f"start: from nothing, {how}{few}"
