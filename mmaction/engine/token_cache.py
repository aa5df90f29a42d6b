"""Keep the features of a frozen backbone on the disk, so that a head trains on them without the network.

One folder holds the features of one list of clips for one augmentation, named by a hash of all that they depend on:
frozen weights, backbone, preprocessing, pipeline, clips and version. What depends on other things goes elsewhere.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmaction.datasets.transforms.formatting import PackActionInputs
from mmaction.datasets.transforms.tokens import LoadTokens
from mmaction.engine.dist import unwrapped
from mmaction.engine.feature_rows import write_rows
from mmaction.engine.hooks.data_hooks import sources
from mmaction.io.features import FACTS, FeatureWriter
from mmaction.models.backbones.foundation.base import FoundationBackbone
from mmaction.models.preprocess.action import ActionDataPreprocessor
from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.registry import HOOKS
from mmaction.utils.files import read_json
from mmaction.version import __version__

SEED = 0  # of the augmentations, whatever the seed of a run is: many runs share one pass
NOT_IN_KEY = ("pretrained", "frozen", "adapter", "with_cp", "init_cfg")  # the weights' hash tells the first


def check_cacheable(model: Any) -> None:
    """Raise ValueError, with what to do, if the features of a model's backbone change in training."""
    backbone = getattr(model, "backbone", None)
    if not isinstance(model, BaseRecognizer) or not isinstance(backbone, FoundationBackbone):
        raise ValueError(f"--cache keeps the features of a foundation backbone; got {type(backbone).__name__}")
    if not backbone.frozen or backbone.adapter is not None:
        state = f"has the adapter {backbone.adapter['type']}" if backbone.adapter else "learns"
        raise ValueError(f"--cache needs a frozen backbone, but this one {state}: set model.backbone.frozen=True")
    if getattr(backbone, "stages", None) is not None:
        raise ValueError("--cache keeps one kind of features: leave model.backbone.stages out, or --cache")
    prepare = model.data_preprocessor
    if type(prepare) is not ActionDataPreprocessor or prepare.blending is not None:
        raise ValueError("--cache needs the plain ActionDataPreprocessor: kept features cannot be blended as clips are")


def described(step: Any) -> str:
    """Return type and settings of a pipeline's step as text; ValueError if these are not all visible."""
    shown = {key: value for key, value in sorted(vars(step).items()) if key not in ("_rng", "_rng_pid")}
    text = f"{type(step).__module__}.{type(step).__qualname__}({shown})"
    if " at 0x" in text:
        raise ValueError(f"--cache cannot tell the settings of {text}: give its class, or the object in it, a __repr__")
    return text


def clips_hash(dataset: Any) -> str:
    """Return a hash of what the list says of its clips, but their labels, and of the size and time of their files."""
    digest = hashlib.sha256()
    for index in range(len(dataset)):
        info = dataset.annotation(index)
        for key, value in sorted(info.items()):
            if key not in ("label", "sample_idx"):
                array = isinstance(value, (np.ndarray, torch.Tensor))
                digest.update(key.encode() + (np.asarray(value).tobytes() if array else repr(value).encode()))
        path = Path(str(info.get("filename") or info.get("frame_dir") or ""))
        if path.exists():
            digest.update(f"{path.stat().st_size} {path.stat().st_mtime_ns}".encode())
    return digest.hexdigest()


def identity_of(model: Any, dataset: Any, backbone_cfg: Mapping[str, Any], dtype: str) -> dict[str, Any]:
    """Return all that the features of a data set depend on, by name, but the augmentation's number."""
    prepare = model.data_preprocessor
    levels = [getattr(prepare, name).flatten().tolist() for name in ("mean", "std")] if prepare.normalize else None
    return {
        "weights": model.backbone.fingerprint(),
        "backbone": {key: value for key, value in backbone_cfg.items() if key not in NOT_IN_KEY},
        "preprocessing": [levels, prepare.to_rgb, prepare.format_shape],
        "pipeline": [described(step) for step in dataset.pipeline.transforms],
        "clips": clips_hash(dataset),
        "precision": dtype,
        "version": __version__,
    }


@dataclass
class Pass:
    """The features of a data set in one augmentation: where they are, or shall be, and how far they have come."""

    dataset: Any
    draw: int
    writer: FeatureWriter

    @classmethod
    def of(cls, root: Path, dataset: Any, draw: int, identity: Mapping[str, Any]) -> "Pass":
        """Open the folder that belongs to ``identity``; say what differs where there are only others."""
        parts = json.loads(json.dumps({**identity, "draw": draw}, default=str))
        folder = root / hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
        others = [read_json(path).get("identity") or {} for path in root.glob(f"*/{FACTS}")]
        others = [other for other in others if other.get("draw") == draw]
        if not folder.exists() and others:
            differing = ([key for key in parts if other.get(key) != parts[key]] for other in others)
            nearest = min(differing, key=len)
            print_log(
                f"{root} holds features of another {', '.join(nearest)}; new ones are made in {folder}", "current"
            )
        return cls(dataset, draw, FeatureWriter(folder, len(dataset), parts))


@torch.no_grad()
def features_of(model: Any, batch: Any, dtype: str) -> list[dict[str, np.ndarray]]:
    """Return the rows of a batch: ``tokens`` (views, ...) of each sample; 0 and ``missing`` of one not loaded."""
    data = model.data_preprocessor(batch, False)
    views, count = model.flatten_views(data["inputs"])
    tokens = model.run_backbone(views)
    if not isinstance(tokens, torch.Tensor):
        raise ValueError("--cache keeps one tensor of features; set out='map', 'tokens' or 'pooled' in the backbone")
    tokens = tokens.unflatten(0, (-1, count)).cpu().numpy()
    with np.errstate(over="ignore"):
        kept = tokens.astype(dtype)
    if not np.isfinite(kept).all():
        raise ValueError(f"features up to {np.abs(tokens).max():.3g} do not fit into {dtype}: --cache-dtype float32")
    lost = [bool(sample.get("broken")) for sample in data["data_samples"]]
    return [{"tokens": row * (not bad), "missing": np.array(bad)} for row, bad in zip(kept, lost, strict=True)]


def write_pass(model: Any, part: Pass, loader: DataLoader, dtype: str, title: str) -> None:
    """Write the features that ``part`` lacks, with batch size and workers of ``loader``."""
    dataset = part.dataset
    before = dataset.seed, dataset.epoch
    dataset.seed = SEED
    dataset.set_epoch(part.draw)
    try:
        facts = {"network": model.backbone.source_name}
        rows_of = partial(features_of, model, dtype=dtype)
        write_rows(part.writer, dataset, rows_of, loader.batch_size, loader.num_workers, title, facts)
    finally:
        dataset.seed = before[0]
        dataset.set_epoch(before[1])


@HOOKS.register_module()
class TokenCacheHook(Hook):
    """Make the features of a frozen backbone once, keep them, and train and test the head on them.

    The checkpoints are as without it. Features are made in the backbone's ``dtype``, without the mixed precision of
    the optimizer's wrapper.

    Args:
        folder: Where they are kept; runs with the same network, clips and pipeline share them.
        views: How many augmentations of the training clips are kept: epoch e sees number e modulo ``views``, drawn as
            with seed 0. With as many as epochs, training sees what it would see without the cache.
        dtype: ``float16`` or ``float32``, in which they are kept.

    Raises:
        ValueError: When a run begins with a backbone that is not frozen, too little room on the disk, or in several
            processes while something is still to be made.
    """

    priority = "LOW"  # after the checks of the data, which read the pipeline

    def __init__(self, folder: str, views: int = 1, dtype: str = "float16") -> None:
        if views < 1 or dtype not in ("float16", "float32"):
            raise ValueError(f"TokenCacheHook: {views=} is 1 or more, and {dtype=} float16 or float32")
        self.folder, self.views, self.dtype = Path(folder), views, dtype
        self._swapped: set[int] = set()  # loaders

    def before_train(self, runner: Runner) -> None:
        """Take features in place of the clips of training and validation."""
        loaders = {"train": runner.train_dataloader}
        if runner.val_loop is not None:
            loaders["val"] = runner.val_dataloader
        self._swap(runner, loaders)

    def before_val(self, runner: Runner) -> None:
        """Take features in place of the clips of validation."""
        self._swap(runner, {"val": runner.val_dataloader})

    def before_test(self, runner: Runner) -> None:
        """Take features in place of the clips of a test."""
        self._swap(runner, {"test": runner.test_dataloader})

    def _swap(self, runner: Runner, loaders: Mapping[str, DataLoader]) -> None:
        loaders = {split: loader for split, loader in loaders.items() if id(loader) not in self._swapped}
        if not loaders:
            return
        model: Any = unwrapped(runner.model)
        check_cacheable(model)
        self._take_features(model, False)
        parts: dict[int, list[Pass]] = {}
        owners: dict[int, tuple[str, DataLoader]] = {}
        for split, loader in loaders.items():
            for dataset in sources(loader.dataset):
                check_pack(dataset)
                identity = identity_of(model, dataset, runner.cfg.model.backbone, self.dtype)
                draws = range(self.views if split == "train" else 1)
                parts[id(dataset)] = [Pass.of(self.folder, dataset, draw, identity) for draw in draws]
                owners[id(dataset)] = split, loader
            self._swapped.add(id(loader))
        todo = [(part, *owners[key]) for key, row in parts.items() for part in row if not part.writer.finished]
        self._announce(model, [part for part, _, _ in todo])
        for part, split, loader in todo:
            write_pass(model, part, loader, self.dtype, f"features of {split}, view {part.draw + 1}")
        for row in parts.values():
            steps = row[0].dataset.pipeline.transforms
            steps[:] = [LoadTokens([str(part.writer.folder) for part in row]), steps[-1]]
        ndim = row[0].dataset[0]["inputs"].ndim
        self._take_features(model, True, ("views", *["features"] * (ndim - 1)))
        splits = ", ".join(loaders)
        print_log(f"{splits}: features of {model.backbone.source_name} in {self.dtype}, from {self.folder}", "current")

    def _announce(self, model: Any, todo: list[Pass]) -> None:
        """Say how large the features to be made are; ValueError if there is no room for them."""
        if not todo:
            return
        if get_world_size() > 1:
            raise ValueError("--cache: make the features in one process first, then train in several")
        sizes = {}
        for dataset in {id(part.dataset): part.dataset for part in todo}.values():
            row = features_of(model, pseudo_collate([dataset[0]]), self.dtype)[0]["tokens"]
            sizes[id(dataset)] = row.nbytes
        need = sum(sizes[id(part.dataset)] * (len(part.dataset) - part.writer.done) for part in todo)
        free = shutil.disk_usage(self.folder).free
        clips = sum(len(part.dataset) - part.writer.done for part in todo)
        room = f"{need / 2**20:.1f} MiB in {self.folder} ({free / 2**30:.1f} GiB free)"
        said = f"features of {clips} clips and views, {room}"
        if need > free:
            raise ValueError(f"--cache: no room for {said}: keep fewer views, or name another folder")
        print_log(said, "current", logging.INFO)

    @staticmethod
    def _take_features(model: Any, takes: bool, layout: tuple[str, ...] = ()) -> None:
        """Let the model take features in place of clips, or clips again; the network goes to the CPU meanwhile."""
        model.data_preprocessor.takes_features = model.backbone.takes_features = takes
        model.sample_layout = layout if takes else type(model).sample_layout
        if get_world_size() == 1:
            device = "cpu" if takes else model.data_preprocessor.device
            model.backbone.network.to(device)


def check_pack(dataset: Any) -> None:
    """Raise ValueError if a pipeline does not end by packing one input."""
    last = dataset.pipeline.transforms[-1] if dataset.pipeline.transforms else None
    if type(last) is not PackActionInputs or last.collect_keys is not None:
        raise ValueError(
            f"--cache needs pipelines that end with PackActionInputs of one input; got {type(last).__name__}"
        )
