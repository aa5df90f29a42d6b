"""Where the clips of a data set are listed: found in a config or given as paths."""

import inspect
import os.path
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmaction.datasets.base import BaseActionDataset
from mmaction.datasets.pose import PoseDataset
from mmaction.datasets.rawframe import RawframeDataset
from mmaction.datasets.video import VideoDataset
from mmaction.io.annotations import is_evaluated_with
from mmaction.io.names import checked_template
from mmaction.label_spaces import load_label_space, names_beside, with_label_space
from mmaction.preparation.skeleton.files import AnnotationFile
from mmaction.registry import DATASETS
from mmaction.skeletons import AUTO, Layout, get_layout, layout_of_config
from mmaction.utils.config import inner_datasets, type_name

_KINDS: dict[type[BaseActionDataset], str] = {VideoDataset: "video", RawframeDataset: "frames", PoseDataset: "pose"}


@dataclass(frozen=True)
class Split:
    """One split of a data set."""

    name: str  # train, val, test, or the split's name in an annotation file
    kind: str  # video, frames (folders of frames) or pose
    ann_file: Path
    root: Path | None = None  # folder of the clips; for pose, the videos to compare with, or None
    pose_split: str | None = None  # split of the annotation file, None for all of it
    num_classes: int | None = None  # class count against which labels are checked, None if unknown
    model_classes: int | None = None
    classes: tuple[str, ...] = ()
    flips: bool = False  # whether the pipeline mirrors clips and keeps their labels
    multi_class: bool = False
    delimiter: str = " "  # what separates name and label in the list
    layout: str | Layout = AUTO
    with_offset: bool = False  # whether the list states where in its folder of frames a clip starts
    filename_tmpl: str | None = None  # name of the image of a frame, None if unknown
    start_index: int = 1  # index of the first image
    is_flow: bool = False
    # folder of one pickle per clip, where the annotation file holds only names and labels (Kinetics)
    skeletons: Path | None = None

    @property
    def in_memory(self) -> bool:
        """Whether the annotation file holds all that is examined."""
        return self.kind == "pose" and not self.root and not self.skeletons

    @property
    def trains(self) -> bool:
        """Whether the split is for training."""
        return "train" in self.name

    def is_evaluated_with(self, other: "Split") -> bool:
        """Whether this split trains what ``other`` evaluates, going by their names."""
        return is_evaluated_with(self.name, other.name)


def splits_of_config(cfg: Mapping) -> list[Split]:
    """Return the splits of a config's data loaders; a test split that is the val split is named once."""
    splits: list[Split] = []
    layout = layout_of_config(cfg) or AUTO
    head = (cfg.get("model") or {}).get("cls_head") or {}
    model_classes = head.get("num_classes") if isinstance(head, Mapping) else None
    for name in ("train", "val", "test"):
        loader = cfg.get(f"{name}_dataloader") or {}
        for dataset in inner_datasets(loader.get("dataset")):
            split = _split_of_dataset(name, dataset, model_classes, layout)
            known = {(s.ann_file, s.root, s.pose_split) for s in splits}
            if name != "test" or (split.ann_file, split.root, split.pose_split) not in known:
                splits.append(split)
    if not splits:
        raise ValueError("the config has no train_dataloader, val_dataloader or test_dataloader with a data set")
    return splits


def _class_of(dataset: Mapping) -> Any:
    """Return the class of a data set, or what is registered under its name."""
    return dataset["type"] if isinstance(dataset.get("type"), type) else DATASETS.get(type_name(dataset))


def _kind_of(name: str, dataset: Mapping) -> str:
    """Return what a data set holds that reads its list as one of ours does, also where its class is another."""
    kind = _class_of(dataset)
    for known, held in _KINDS.items():
        if isinstance(kind, type) and issubclass(kind, known) and kind.load_data_list is known.load_data_list:
            return held
    names = ", ".join(known.__name__ for known in _KINDS)
    told = f"{name}_dataloader: {type_name(dataset)!r} cannot be examined"
    raise ValueError(f"{told}, only {names} and what reads lists as they do")


def _split_of_dataset(name: str, dataset: Mapping, model_classes: int | None, layout: str | Layout) -> Split:
    kind = _kind_of(name, dataset)
    base = dataset.get("data_root") or ""
    ann_file = Path(os.path.join(base, dataset["ann_file"]))
    folders = {key: Path(base, value) for key, value in (dataset.get("data_prefix") or {}).items() if value}
    classes = tuple(with_label_space(dataset.get("metainfo"), ann_file).get("classes") or ())
    return Split(
        name,
        kind,
        ann_file,
        None if kind == "pose" else next(iter(folders.values()), Path(base)),
        pose_split=dataset.get("split"),
        num_classes=dataset.get("num_classes") or len(classes) or model_classes,
        model_classes=model_classes,
        classes=classes,
        flips=any(_mirrors(step) for step in dataset.get("pipeline") or ()),
        multi_class=bool(dataset.get("multi_class")),
        delimiter=dataset.get("delimiter", Split.delimiter),
        layout=layout,
        with_offset=bool(dataset.get("with_offset")),
        filename_tmpl=_template(dataset) if kind == "frames" else None,
        start_index=dataset.get("start_index", Split.start_index),
        is_flow=dataset.get("modality") == "Flow",
        skeletons=folders.get("skeleton") if kind == "pose" else None,
    )


def _template(dataset: Mapping) -> str | None:
    """Return the name of the images of a data set of frames, None where its class may name them in a way of its own."""
    kind = _class_of(dataset)
    if any(getattr(kind, name) is not getattr(RawframeDataset, name) for name in ("__init__", "get_data_info")):
        return None
    template = dataset.get("filename_tmpl", inspect.signature(RawframeDataset).parameters["filename_tmpl"].default)
    return checked_template(template, dataset.get("modality", "RGB"))


def _mirrors(step: object) -> bool:
    """Whether a transform mirrors clips without changing their label."""
    if not isinstance(step, Mapping):
        return False
    name = type_name(step)
    if name == "TorchVisionWrapper" and "HorizontalFlip" in str(step.get("op")):
        return True
    return name in ("Flip", "PoseFlip", "MMFlip") and step.get("flip_ratio", 0.5) > 0 and not step.get("flip_label_map")


def splits_of_paths(
    paths: Iterable[Path],
    *,
    videos: Path | None = None,
    num_classes: int | None = None,
    label_space: str | None = None,
    flips: bool = False,
    layout: str | Layout = AUTO,
) -> list[Split]:
    """Return the splits of lists (``train.txt``), named after their split, and of annotation files.

    The videos are by default in ``videos`` beside a list, else in its folder; ``num_classes`` by default the number of
    names in ``label_space`` or in a ``label_map.txt`` beside the file. ``flips`` says whether training will mirror
    clips.
    """
    layout = layout if layout == AUTO else get_layout(layout)
    splits = []
    for path in paths:
        classes = load_label_space(label_space).names if label_space else names_beside(path)
        if path.suffix == ".pkl":
            names = AnnotationFile.read(path).splits or (None,)
            found = [Split(name or path.stem, "pose", path, videos, pose_split=name) for name in names]
        else:
            beside = path.parent / "videos"
            found = [Split(path.stem, "video", path, videos or (beside if beside.is_dir() else path.parent))]
        known = num_classes or len(classes) or None
        splits += [replace(split, num_classes=known, classes=classes, flips=flips, layout=layout) for split in found]
    return splits
