"""Write a config for a data set: look at its clips, choose how they are sampled and trained on, and say why."""

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mmaction.io.annotations import read_annotation_file
from mmaction.io.file_list import read_file_list, resolve_name
from mmaction.io.video import open_video
from mmaction.label_spaces import LABEL_MAP, read_label_map
from mmaction.preparation.build_list import VAL_SPLITS, build_lists, find_clips
from mmaction.preparation.recipe_nets import FINETUNE, FROM_NOTHING, NETS, PIPELINES, TOLD, Net
from mmaction.skeletons import AUTO, choose_layout, get_layout
from mmaction.utils.text import first_few

LOOKED_AT = 50  # clips that are opened to learn lengths and sizes
FRAMES = (8, 16, 24, 32, 48, 64)
SIZES = (64, 112, 160, 224)
MOST_PERSONS = 2  # whom a graph network sees, as in the published configs
ATTRIBUTES = "classes.csv"
SPLITS = ("train", "val", "test")


@dataclass
class Data:
    """What is known of a data set."""

    kind: str  # video or skeleton
    root: str  # folder of the videos, or the skeleton file
    lists: dict[str, str]  # lists of clips by split (videos), or names of the splits (skeletons): train, val
    counts: dict[str, int]  # clips by split
    classes: int
    lengths: list[int]  # frames of the clips that were looked at
    edge: int = 0  # short edge of the frames in pixels, the median; 0 where it is unknown
    layout: tuple[str, int, int] = ("", 0, 0)  # layout (name or file), joints and dimensions of skeletons
    persons: int = 1  # most of a skeleton clip
    label_space: str = ""  # CSV of classes with attributes that lies beside the lists, or empty
    notes: list[str] = field(default_factory=list)  # sentences for the user


def read_data(
    path: Path, val: Path | None = None, videos: Path | None = None, overwrite: bool = False, layout: str = AUTO
) -> Data:
    """Look at a data set.

    Args:
        path: Folder of videos in folders of classes, a list of clips to train on, or a skeleton pickle.
        val: List of clips to validate on, with a list.
        videos: Folder of the videos that the lists name; None: the folder of the list.
        overwrite: Whether lists that lie beside a folder of videos are made anew.
        layout: Of skeletons: a name, a file that describes one, or ``auto``: the first with so many joints.

    Raises:
        FileNotFoundError, ValueError: If there is none, or it cannot be used; the message says what to do.
    """
    if path.is_dir():
        return _read_folder(path, overwrite)
    if not path.is_file():
        raise FileNotFoundError(f"no folder of videos, list of clips or skeleton file at {path}")
    if path.suffix == ".pkl":
        return _read_skeletons(path, layout)
    if val is None:
        raise ValueError(f"{path} lists clips to train on; name the list to validate on, too: --val LIST")
    return _read_lists({"train": path, "val": val}, videos or path.parent, [])


def _read_folder(path: Path, overwrite: bool) -> Data:
    folder = path.parent if path.name else path.resolve().parent
    lists = {name: folder / f"{name}.txt" for name in ("train", "val")}
    if all(file.is_file() for file in lists.values()) and not overwrite:
        notes = [f"took the lists {lists['train']} and {lists['val']}, which were there"]
        held_out = [file for file in [folder / "test.txt"] if file.is_file()]
        listed = [line.name for file in [*lists.values(), *held_out] for line in read_file_list(str(file))]
        if unlisted := sorted(find_clips(path, "videos")[0].keys() - map(os.path.normpath, listed)):
            notes.append(f"no list holds {len(unlisted)} videos: {first_few(unlisted)}; --overwrite makes new lists")
        return _read_lists(lists, path, notes)
    targets, _, said = build_lists(path, folder, overwrite=overwrite)
    if "val" not in targets:
        raise ValueError(f"{path} has no clips to validate on; see {folder}")
    said.append(
        "the split into training and validation is the folders' own, or random by class (seed 0, 20 %): clips of "
        "one recording may be on both sides; build_file_list.py --group keeps them together"
    )
    return _read_lists(targets, path, said)


def _read_lists(lists: dict[str, Path], root: Path, notes: list[str]) -> Data:
    read = {name: read_file_list(str(lists[name])) for name in ("train", "val")}
    labels = Counter(line.labels[0] for line in read["train"])
    names = lists["train"].with_name(LABEL_MAP)
    classes = max([*labels, *(line.labels[0] for line in read["val"])]) + 1
    if names.is_file():
        classes = max(classes, len(read_label_map(names)))
    lengths, edges, broken = _look([line.name for line in read["train"]], root)
    looked = f"looked at {len(lengths)} of {len(read['train'])} clips to train on"
    notes.append(f"{looked}; {len(broken)} cannot be read: {first_few(broken)}" if broken else looked)
    if absent := sorted({*range(classes)} - {*labels}):
        notes.append(f"{len(absent)} of {classes} classes have no clip to train on: {first_few(absent)}")
    space = lists["train"].with_name(ATTRIBUTES)
    return Data(
        "video",
        str(root),
        {name: str(file) for name, file in lists.items()},
        {name: len(lines) for name, lines in read.items()},
        classes,
        lengths,
        int(np.median(edges)),
        label_space=str(space) if space.is_file() else "",
        notes=notes,
    )


def _look(names: Sequence[str], root: Path) -> tuple[list[int], list[int], list[str]]:
    """Return frames and short edges of some clips, evenly spread, and the names of those that cannot be read."""
    lengths, edges, broken, reason = [], [], [], ""
    for index in np.unique(np.linspace(0, len(names) - 1, LOOKED_AT).astype(int)):
        try:
            reader = open_video(resolve_name(names[index], str(root)))
            edges.append(min(reader.info.shape))
            lengths.append(reader.num_frames)
        except (ValueError, OSError) as error:
            reason = reason or str(error)
            broken.append(names[index])
    if not lengths:
        raise ValueError(f"none of {len(broken)} clips below {root} can be read: {first_few(broken)}; {reason}")
    return lengths, edges, broken


def _read_skeletons(path: Path, layout: str) -> Data:
    annotations, splits = read_annotation_file(path)
    splits = splits if isinstance(splits, dict) else {}
    train, val = _find_splits(path, list(splits))
    by_name = {str(info.get("frame_dir", info.get("filename"))): info for info in annotations}
    used = [by_name[name] for name in splits[train] if name in by_name]
    if not used:
        raise ValueError(f"{path}: the split {train} names no clip that has an annotation")
    shape = np.shape(used[0]["keypoint"])
    joints, dims = shape[-2], 2 if "img_shape" in used[0] else shape[-1]
    notes: list[str] = []
    found = choose_layout(layout, joints, say=lambda text: notes.append(f"{text}; --layout names or describes another"))
    layout = found.name if layout == AUTO else layout
    skeletons = (info["keypoint"] for info in used if np.ndim(info["keypoint"]) == 4)
    persons = max((int(np.any(part, axis=(1, 2, 3)).sum()) for part in skeletons), default=1)
    if persons > MOST_PERSONS:
        notes.append(f"clips show up to {persons} persons; a graph network sees {MOST_PERSONS} (num_person)")
    sizes = [min(info["img_shape"]) for info in used[:: max(len(used) // LOOKED_AT, 1)] if "img_shape" in info]
    return Data(
        "skeleton",
        str(path),
        {"train": train, "val": val},
        {"train": len(splits[train]), "val": len(splits[val])},
        max(int(info["label"]) for info in annotations) + 1,
        [int(info["total_frames"]) for info in used],
        int(np.median(sizes)) if sizes else 0,
        (layout, joints, dims),
        persons,
        notes=notes,
    )


def _find_splits(path: Path, names: Sequence[str]) -> tuple[str, str]:
    """Return the split to train on, and the one to validate on that belongs to it: ``xsub_val`` to ``xsub_train``."""
    train = next((name for name in names if "train" in name), "")
    family = train.replace("train", "").strip("_")
    others = [name for name in names if name != train and family in name]
    val = next((name for name in others if name.strip("0123456789_").endswith(VAL_SPLITS)), "")
    if not train or not val:
        raise ValueError(
            f"{path} needs a split to train on and one to validate on; it has {', '.join(names) or 'none'}: "
            "tools/data/skeleton/split.py writes them"
        )
    return train, val


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
    net = NETS[name]
    if net.kind != data.kind:
        fitting = ", ".join(key for key, row in NETS.items() if row.kind == data.kind)
        raise ValueError(f"{name} takes {net.kind}s, and {data.root} holds {data.kind}s; for these: {fitting}")
    if frames is not None and (frames < 1 or frames % net.multiple):
        raise ValueError(f"{name} takes a multiple of {net.multiple} frames from 1 on; got {frames}")
    pipeline = _pipeline(name, data) if data.kind == "skeleton" else ""
    reasons = [
        f"{data.counts['train']} clips of {data.classes} classes to train on, {data.counts['val']} to validate on"
    ]
    frames = _frames(net, data, frames, reasons)
    size = _size(net, data, reasons)
    start = net.weights if weights is None else "" if weights == "none" else weights
    if net.is_frozen and not start:
        raise ValueError(f"{name} is frozen, and nothing without weights; leave --weights out, or name a file")
    if data.kind == "video" and bool(start) != bool(net.weights):
        net = replace(net, **(FINETUNE if start else FROM_NOTHING))
    reasons.append(_start(net, start))
    devices = max(gpus, 1)
    chosen = batch or max(2, min(net.batch, data.counts["train"] // (8 * devices)))
    workers = max(1, min(8, (os.cpu_count() or 2) // devices)) if gpus else 2
    recipe = DataRecipe(name, net, data, frames, size, chosen, devices, start, workers, pipeline, reasons)
    why = ", as asked" if batch else f", fewer than {net.batch} so that an epoch has steps"
    why = "" if chosen == net.batch else why
    reasons.append(f"batch: {chosen} clips on each of {devices} {'GPU' if gpus else 'CPU'}{why}")
    reasons.append(f"learning rate: {recipe.lr:g}, in proportion to {net.lr:g} for {net.batch} clips")
    reasons.append(
        "precision: mixed, as such networks are trained; optim_wrapper.type=OptimWrapper for float32"
        if net.is_mixed
        else "precision: float32; --amp trains in mixed precision, which is faster on a GPU"
    )
    return recipe


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


def leaf(recipe: DataRecipe) -> str:
    """Return the text of the config."""
    net, data = recipe.net, recipe.data
    bases = [f"models/{net.model}", f"datasets/{net.data or 'pose'}", f"schedules/{net.schedule}"]
    if recipe.pipeline:
        bases.insert(2, f"pipelines/{recipe.pipeline}")
    named = "".join(f'    "mmaction::_base_/{base}.py",\n' for base in bases)
    model = net.changes.replace("{frames}", str(recipe.frames))
    model = model.replace("{pretrained}", _quoted(recipe.weights) if recipe.weights else "None")
    start = _quoted(recipe.weights) if recipe.weights and net.source == "load_from" else None
    told = TOLD.get(recipe.pipeline, {})
    persons = str(min(max(data.persons, 1), MOST_PERSONS)) if told else str(MOST_PERSONS)
    model = model.replace("{persons}", persons)
    steps = [f'set_steps(_base_, "{step}", {what})' for step, what in told.items()]
    steps = ["from mmaction.utils.config import set_steps\n", *steps, ""] if told else []
    settings = "\n".join(steps).replace("{persons}", persons)
    clips = f"{data.counts['train']} clips to train on and {data.counts['val']} to validate on"
    devices = recipe.batch * recipe.devices
    opening = "\n    " if "\n" in net.optim else ""
    return f"""_base_ = [
{named}    "mmaction::_base_/default_runtime.py",
]

# {recipe.name} for {clips}.
{_variables(data)}
{settings}{model}
load_from = {start}

{_loaders(recipe)}
# For {recipe.devices} x {recipe.batch} clips; pass --auto-scale-lr where the batch is another.
optim_wrapper = dict({opening}optimizer=dict(lr={recipe.lr:g}){net.optim})
auto_scale_lr = dict(enable=False, base_batch_size={devices})
default_hooks = dict(checkpoint=dict(max_keep_ckpts=3))
"""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _variables(data: Data) -> str:
    if data.kind == "skeleton":
        layout, joints, _ = data.layout
        return f"""ann_file = {_quoted(data.root)}
ann_file_train = ann_file_val = ann_file_test = ann_file
train_split, val_split = {_quoted(data.lists["train"])}, {_quoted(data.lists["val"])}
layout, num_joints = {_quoted(layout)}, {joints}
num_classes = {data.classes}
"""
    space = f"label_space={_quoted(data.label_space)}" if data.label_space else ""
    return f"""data_root = {_quoted(data.root)}
ann_file_train = {_quoted(data.lists["train"])}
ann_file_val = ann_file_test = {_quoted(data.lists["val"])}
metainfo = dict({space})
num_classes = {data.classes}
"""


def _loaders(recipe: DataRecipe) -> str:
    if recipe.data.kind == "skeleton":
        head, same = "", "num_classes=num_classes"
        extra = {name: f"split={name.replace('test', 'val')}_split, pipeline=_base_.{name}_pipeline" for name in SPLITS}
    else:
        (head, pipeline), same = _sizes(recipe), "data_prefix=dict(video=data_root), metainfo=metainfo"
        extra = {name: pipeline.format(name) for name in SPLITS}
    sets = {
        name: f"dict({', '.join(filter(None, [f'ann_file=ann_file_{name}', extra[name], '**clips']))})"
        for name in SPLITS
    }
    if recipe.data.kind == "skeleton":
        sets["train"] = f"dict(times={recipe.net.times}, dataset={sets['train']})"
    sizes = {"train": f"batch_size={recipe.batch}, ", "val": f"batch_size={recipe.batch}, ", "test": ""}
    lines = [
        f"{name}_dataloader = dict({sizes[name]}num_workers={recipe.workers}, dataset={sets[name]})" for name in SPLITS
    ]
    return "\n".join([f"{head}clips = dict({same})", *lines, ""])


def _sizes(recipe: DataRecipe) -> tuple[str, str]:
    """Return the lines that change frames and size in the pipelines, and how a loader takes them: nothing to change."""
    (frames, size), new = recipe.net.data_size, (recipe.frames, recipe.size)
    if new == (frames, size):
        return "", ""
    old_edge, edge = size * 8 // 7, recipe.size * 8 // 7
    changes = {frames: recipe.frames, old_edge: edge, size: recipe.size}
    pairs = {(-1, old_edge): (-1, edge), (size, size): (recipe.size, recipe.size)}
    line = "{0}_pipeline = [{{k: _sizes.get(v, v) for k, v in step.items()}} for step in _base_.{0}_pipeline]\n"
    lines = "".join(line.format(name) for name in SPLITS)
    told = f"# {new[0]} frames of {new[1]} pixels in place of {frames} of {size}."
    return f"{told}\n_sizes = {changes | pairs}\n{lines}", "pipeline={0}_pipeline"
