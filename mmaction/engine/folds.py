"""Parts of a training split that a training does not see: on them weights are found, and features are not memorized."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmengine.config import Config

from mmaction.engine.results.writer import sample_id, unique_ids
from mmaction.preparation.build_list import group_names
from mmaction.registry import DATASETS
from mmaction.utils.config import change_datasets, dataset_config, inner_datasets, unformatted


@dataclass(frozen=True)
class Clips:
    """The clips of a split, in the order of its annotation files."""

    ids: list[str]  # their names, unique
    labels: np.ndarray  # class indices, int64 of shape ``(N,)``
    sizes: list[int]  # how many of them each of the data sets has that the split joins
    groups: list[str] | None = None  # what keeps clips together, such as a person; None: nothing does


def split_clips(cfg: Mapping[str, Any], split: str, group_by: str | None = None) -> Clips:
    """Return the clips of a split, each once, whatever wrappers repeat.

    Args:
        cfg: Config with ``{split}_dataloader``.
        split: ``train``, ``val`` or ``test``.
        group_by: Entry of the annotations that tells the group of a clip, or a regular expression whose first group,
            found in the clip's name, is it: ``_s([0-9]+)``.

    Raises:
        ValueError: If there is no such split, a clip has no group, or not exactly one label.
    """
    dataset = dataset_config(cfg, [split], inner=False)
    if not dataset:
        raise ValueError(f"the config has no {split}_dataloader with a data set")
    parts = [DATASETS.build({**part, "pipeline": []}) for part in inner_datasets(dataset)]
    infos = [(part, part.annotation(i)) for part in parts for i in range(len(part))]
    ids = unique_ids([sample_id(*pair) or f"sample {i}" for i, pair in enumerate(infos)])
    labels = [part.get_cat_ids(i) for part in parts for i in range(len(part))]
    several = next((name for name, label in zip(ids, labels, strict=True) if len(label) != 1), None)
    if several:
        raise ValueError(f"{several} has not exactly one label: parts of equal shares of the classes need one")
    groups = _groups(ids, [info for _, info in infos], group_by) if group_by else None
    return Clips(ids, np.array(labels, dtype=np.int64)[:, 0], [len(part) for part in parts], groups)


def _groups(names: Sequence[str], infos: Sequence[Mapping[str, Any]], group_by: str) -> list[str]:
    if all(group_by in info for info in infos):
        return [str(info[group_by]) for info in infos]
    try:
        found = group_names(names, group_by)
    except ValueError as error:
        keys = ", ".join(key for key, value in infos[0].items() if isinstance(value, str | int))
        raise ValueError(f"{error}; nor is it an entry of the annotations, which have {keys}") from None
    return [found[name] for name in names]


def make_folds(labels: np.ndarray, count: int, seed: int = 0, groups: Sequence[str] | None = None) -> np.ndarray:
    """Return for each clip which of ``count`` folds holds it, int64 of shape ``(N,)``.

    Each fold has about the same share of every class, and all clips of a group are in one fold.

    Raises:
        ValueError: If there are fewer groups, or fewer clips of every class, than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if groups is not None and len(set(groups)) < count:
        raise ValueError(
            f"{count} folds need {count} groups; there are {len(set(groups))}: {', '.join(sorted(set(groups)))}"
        )
    splitter = (StratifiedKFold if groups is None else StratifiedGroupKFold)(count, shuffle=True, random_state=seed)
    folds = np.full(len(labels), -1, dtype=np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of rare classes, which describe_folds names
        for number, (_, held) in enumerate(splitter.split(labels, labels, groups)):
            folds[held] = number
    return folds


def describe_folds(clips: Clips, folds: np.ndarray) -> str:
    """Say how large the folds are, what they keep together, and which classes a training without one of them lacks."""
    sizes = np.bincount(folds)
    said = (
        f"{len(sizes)} folds of {sizes.min()} to {sizes.max()} of {len(folds)} training clips, classes in equal shares"
    )
    said += f", {len(set(clips.groups))} groups kept whole" if clips.groups else ""
    lacking = [str(c) for c in np.unique(clips.labels) if len(set(folds[clips.labels == c])) == 1]
    if lacking:
        said += f"; all clips of the classes {', '.join(lacking)} are in one fold, whose model never sees them"
    return said


def without(cfg: Config, clips: Clips, held: np.ndarray) -> Config:
    """Return a config that trains on the training clips where ``held``, bool ``(N,)``, is false."""
    keep = iter(np.split(~held, np.cumsum(clips.sizes)[:-1]))
    cfg = unformatted(cfg)
    loader = cfg.train_dataloader
    dataset = change_datasets(loader["dataset"], lambda part: _only(part, next(keep)))
    cfg.train_dataloader = {**loader, "dataset": dataset}
    return cfg


def unvalidated(cfg: Config) -> Config:
    """Return a config that trains without validation."""
    cfg = unformatted(cfg)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    return cfg


def held_out(cfg: Config, split: str, clips: Clips, held: np.ndarray) -> Config:
    """Return a config whose ``split``, ``val`` or ``test``, is the training clips where ``held`` is true."""
    return evaluate_on(cfg, split, "train", np.split(held, np.cumsum(clips.sizes)[:-1]))


def evaluate_on(cfg: Config, split: str, source: str, keep: Sequence[np.ndarray] | None = None) -> Config:
    """Return a config whose ``split``, ``val`` or ``test``, is the clips of the split ``source``, each once.

    They go through the pipeline of ``split``. ``keep`` is, for each data set that ``source`` joins, which to take.
    """
    pipeline = dataset_config(cfg, [split, "test", "val"]).get("pipeline")
    changed = {"test_mode": True, **({"pipeline": pipeline} if pipeline is not None else {})}
    parts = [{**part, **changed} for part in inner_datasets(dataset_config(cfg, [source], False))]
    if keep is not None:
        parts = [_only(part, mask) for part, mask in zip(parts, keep, strict=True) if mask.any()]
    cfg = unformatted(cfg)
    dataset = parts[0] if len(parts) == 1 else {"type": "ConcatDataset", "datasets": parts}
    cfg[f"{split}_dataloader"] = {**cfg[f"{split}_dataloader"], "dataset": dataset}
    return cfg


def _only(part: Mapping[str, Any], keep: np.ndarray) -> dict[str, Any]:
    """Return the config of a data set with the clips where ``keep`` is true."""
    before = part.get("indices")
    if isinstance(before, int):
        if before < 0:
            raise ValueError(f"indices={before} of a data set counts from its end; give a list of them")
        before = range(before)
    chosen = np.flatnonzero(keep)
    return {**part, "indices": chosen.tolist() if before is None else [before[i] for i in chosen]}


def shared_clips(cfg: Mapping[str, Any], split: str, other: str = "test") -> list[str]:
    """Return the names of the clips that two splits share."""
    known = set(split_clips(cfg, other).ids)
    return [name for name in split_clips(cfg, split).ids if name in known]
