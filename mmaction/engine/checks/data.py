"""Do the labels, batches and files of the data sets fit the model and the run?"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from mmengine.dist import all_gather_object

from mmaction.engine.hooks.data_hooks import sources
from mmaction.structures.sample_name import outside_classes, sample_name
from mmaction.utils.text import first_few

SINGLE_LABEL_METRICS = ("top_k_accuracy", "mean_class_accuracy")
MAX_FILES_CHECKED = 20_000
SPLITS = {"val": "validation"}


def check_labels(dataset: Any, num_classes: int, split: str) -> None:
    """Compare the labels with the outputs of the model; ValueError names the first sample with a wrong one."""
    for part in sources(dataset):
        counts = part.class_counts() if hasattr(part, "class_counts") else {}
        if all(0 <= label < num_classes for label in counts):
            continue
        for index in range(len(part)):
            wrong = [label for label in part.get_cat_ids(index) if outside_classes(label, num_classes)]
            if wrong:
                more = f", or set num_classes of the cls_head to {max(counts) + 1}" if wrong[0] > 0 else ""
                raise ValueError(
                    f"{split} set {part.ann_file}, sample {index} ({sample_path(part, index)}): "
                    f"{outside_classes(wrong[0], num_classes)} of the model; correct the label{more}"
                )


def check_several_labels(datasets: Mapping[str, Any], model: torch.nn.Module, evaluators: Mapping[str, Any]) -> None:
    """Raise ValueError where samples have several labels, and the head, the loss or a metric is for one."""
    head = getattr(model, "cls_head", None)
    for split, dataset in datasets.items():
        if head is None or not any(getattr(part, "multi_class", False) for part in sources(dataset)):
            continue
        place = f"the {split} set has multi_class=True (several labels a sample)"
        if not getattr(head, "multi_class", True):
            raise ValueError(f"{place}, and the head has not: set model.cls_head.multi_class=True")
        if type(getattr(head, "loss_cls", None)).__name__ == "CrossEntropyLoss":
            raise ValueError(
                f"{place}; the classes of CrossEntropyLoss exclude each other: set model.cls_head.loss_cls to "
                "dict(type='BCELossWithLogits')"
            )
        for metric in getattr(evaluators.get(split), "metrics", ()):
            single = [name for name in getattr(metric, "metrics", ()) if name in SINGLE_LABEL_METRICS]
            if type(metric).__name__ == "ConfusionMatrix" or single:
                raise ValueError(
                    f"{place}; {', '.join(single) or 'ConfusionMatrix'} is for one label: set {split}_evaluator to "
                    "dict(type='AccMetric', metric_list=('mean_average_precision', 'multi_label_f1'))"
                )


def check_experts(datasets: Mapping[str, Any], model: torch.nn.Module) -> None:
    """Raise ValueError where data sets of features have other experts than the model, or of other checkpoints."""
    wanted = getattr(getattr(model, "backbone", None), "in_channels", None)
    known: dict[str, tuple[str, str]] = {}
    for split, dataset in datasets.items():
        for part in sources(dataset):
            widths = getattr(part, "widths", None)
            if widths is not None and isinstance(wanted, Mapping) and list(widths.items()) != list(wanted.items()):
                raise ValueError(
                    f"the {split} set has the experts {widths} (length of their features), and the model "
                    f"{dict(wanted)} (backbone.in_channels): both must name the same, in one order"
                )
            for name, basis in getattr(part, "bases", {}).items():
                first, other = known.setdefault(name, (split, basis))
                if other != basis:
                    raise ValueError(
                        f"expert {name}: the features of the {split} set come from another checkpoint than in the "
                        f"{first} set, so that they mean something else; extract both with one checkpoint"
                    )


def check_batches(loader: Any, split: str) -> None:
    """Raise ValueError if ``drop_last`` leaves nothing to train on, or something out of what is measured."""
    count, batch = len(loader.sampler), loader.batch_size
    if split == "train" and len(loader) == 0:
        raise ValueError(
            f"train_dataloader: drop_last=True leaves no batch of {batch} to train on, as each process has {count} "
            f"samples; lower batch_size to {count} or less, or set drop_last=False"
        )
    if split != "train" and loader.drop_last and count % batch:
        raise ValueError(
            f"{split}_dataloader: drop_last=True would leave {count % batch} of {count} samples of a process out of "
            f"the figures; set drop_last=False"
        )


def check_common_length(loader: Any) -> None:
    """Raise ValueError if an epoch is longer in one process, which would wait for ever for the others."""
    lengths = all_gather_object(len(loader))
    if len(set(lengths)) > 1:
        raise ValueError(
            f"train_dataloader: an epoch has {', '.join(map(str, lengths))} iterations in processes 0 to "
            f"{len(lengths) - 1}, and it must be the same number; leave out sampler.round_up=False"
        )


def sample_path(dataset: Any, index: int) -> str:
    """Return the file or clip of a sample."""
    return sample_name(dataset.get_data_info(index), index)


def reads_files(dataset: Any) -> bool:
    """Return whether a file or folder belongs to each sample: not to skeletons, unless the pipeline opens videos."""
    steps = getattr(getattr(dataset, "pipeline", None), "transforms", ())
    opens_videos = any("filename" in getattr(step, "reads", ()) for step in steps)
    return opens_videos or getattr(dataset, "modality", "Pose") not in ("Pose", "Feature")


def missing_files(dataset: Any) -> tuple[list[str], int]:
    """Return the video files or frame folders that do not exist, and how many were looked for, evenly spread."""
    missing: list[str] = []
    checked = 0
    for part in sources(dataset):
        if not (hasattr(part, "get_data_info") and reads_files(part)):
            continue
        for index in range(0, len(part), -(-len(part) // MAX_FILES_CHECKED)):
            path = sample_path(part, index)
            checked += 1
            if "://" not in path and not os.path.exists(path):
                missing.append(path)
    return missing, checked


def listing_warnings(sets: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """Yield which files a set lists with two labels, and which are to train on and in another set too.

    ``sets`` holds for each split the data sets that read annotations. Clips that two other sets share are said once.
    """
    listed: dict[str, dict[Any, list[int]]] = {}
    for split, parts in sets.items():
        listed[split], differing = {}, {}
        for part in parts:
            is_list = getattr(part, "modality", "Pose") != "Pose" and hasattr(part, "annotation")
            for index in range(len(part) if is_list else 0):
                info = part.annotation(index)
                if name := sample_name(info, ""):
                    clip, labels = (os.path.abspath(name), info.get("offset")), part.get_cat_ids(index)
                    if listed[split].setdefault(clip, labels) != labels:
                        differing[clip] = f"{name} ({listed[split][clip]} and {labels})"
        if differing:
            named = first_few([*differing.values()], 3)
            yield f"{split} set: {len(differing)} clips are listed with different labels: {named}; correct the list"
    train = listed.pop("train", {}).keys()
    told: list[set[Any]] = []
    for split, clips in listed.items():
        shared = train & clips.keys()
        if shared and shared not in told:
            told.append(shared)
            named = first_few(sorted(os.path.relpath(name) for name, _ in shared), 3)
            yield (
                f"{len(shared)} clips are in the training and in the {SPLITS.get(split, split)} set, so that the "
                f"figures are too high: {named}; take them out of one list"
            )


def check_files(dataset: Any, split: str, max_share: float) -> str | None:
    """Return a warning where files are missing; FileNotFoundError where all are, or a share above ``max_share``."""
    missing, checked = missing_files(dataset)
    if not missing:
        return None
    text = f"{split} set: {len(missing)} of {checked} files looked for do not exist ({first_few(missing, 3)})"
    if len(missing) == checked:
        raise FileNotFoundError(f"{text}. Check data_root and data_prefix")
    if len(missing) > max_share * checked:
        raise FileNotFoundError(
            f"{text}. Check data_root and data_prefix, remove them from the annotation file, or allow more with "
            f"default_hooks.preflight.max_share"
        )
    return text if split == "train" else f"{text}; they count as wrong"
