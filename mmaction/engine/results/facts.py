"""What was tested: the facts that a result needs to be trusted and repeated, and the training counts of its classes."""

import hashlib
import json
import logging
import platform
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmaction.engine.checks.views import views_of
from mmaction.engine.hooks.checkpoint_hook import CLASS_COUNTS
from mmaction.engine.hooks.data_hooks import class_counts
from mmaction.engine.results.writer import ResultWriter, free_folder, stored_identity
from mmaction.io.downloads import file_sha256, sha256_if_there
from mmaction.io.features import FACTS
from mmaction.preparation.manifest import Coverage, coverage
from mmaction.registry import DATASETS, HOOKS
from mmaction.utils.config import dataset_config, inner_datasets
from mmaction.version import __version__

TRAINED_BY = (
    "model", "data_preprocessor", "train_dataloader", "val_dataloader", "train_cfg", "optim_wrapper",
    "param_scheduler", "randomness", "custom_hooks", "load_from",
)  # fmt: skip
SPEED_OPTIONS = ("batch_size", "num_workers", "persistent_workers", "pin_memory", "prefetch_factor", "timeout")


@HOOKS.register_module()
class ResultHook(Hook):
    """Tell each :class:`ResultWriter` among the metrics of a test what is tested, before the test begins.

    Where its ``out_dir`` holds the result of another test (see :func:`identity`), that stays: the files then go to the
    first free of ``out_dir_2``, ``out_dir_3``, ..., and the log says what differs.

    Args:
        checkpoint: What the user called the checkpoint, such as a web address; by default its file.
    """

    def __init__(self, checkpoint: str | None = None) -> None:
        self.checkpoint = checkpoint
        self._class_counts: list[int] | None = None

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Keep the training samples of each class, which our checkpoints hold."""
        self._class_counts = (checkpoint.get("meta") or {}).get(CLASS_COUNTS)

    def before_test(self, runner: Runner) -> None:
        """Tell the writers; ValueError where the test loader shuffles, so that nobody knows which sample is which."""
        writers = [metric for metric in runner.test_evaluator.metrics if isinstance(metric, ResultWriter)]
        loader = runner.test_dataloader
        if writers and getattr(loader.sampler, "shuffle", False):
            raise ValueError(
                "test_dataloader.sampler.shuffle is True, but the result files name the samples by their order in the "
                "test set; set it to False, which changes no figure"
            )
        for writer in writers:
            writer.dataset = loader.dataset
            if is_main_process():
                self._tell(writer, runner)

    def _tell(self, writer: ResultWriter, runner: Runner) -> None:
        writer.run = run_facts(runner, writer.dataset, self.checkpoint)
        wanted, mine = writer.out_dir, writer.run["identity"]
        writer.out_dir = free_folder(wanted, mine)
        if writer.out_dir != wanted:
            different = _difference(stored_identity(wanted), mine)
            said = f"{wanted} holds the result of another test ({different}); this one goes to {writer.out_dir}"
            print_log(said, logger="current", level=logging.WARNING)
        writer.train_counts = self._class_counts or training_counts(runner.cfg)
        found = _coverage(writer.dataset)
        writer.listed = found.listed if found else None


def identity(cfg: Mapping[str, Any], checkpoint_sha256: str | None) -> dict[str, str | None]:
    """Return what the scores of a test depend on, as one hash for each part.

    Parts: ``checkpoint``, ``model``, ``data`` (the test set with its pipeline; an annotation file counts by its
    content, wherever it lies) and ``run`` (test loop, seed and hooks). How fast data is loaded does not count.
    """
    loader = {key: value for key, value in (cfg.get("test_dataloader") or {}).items() if key not in SPEED_OPTIONS}
    loop = {key: cfg.get(key) for key in ("test_cfg", "randomness", "custom_hooks")}
    parts = {"model": _network(cfg), "data": _by_content(loader), "run": loop}
    return {"checkpoint": checkpoint_sha256, **{name: _hash(part) for name, part in parts.items()}}


def _network(cfg: Mapping[str, Any]) -> dict[str, Any]:
    return {key: cfg.get(key) for key in ("model", "data_preprocessor")}


def clip_identity(cfg: Mapping[str, Any], pipeline: Any) -> dict[str, str]:
    """Return what the scores of a clip depend on beside the weights, as hashes: ``model`` and test ``pipeline``."""
    return {"model": _hash(_network(cfg)), "pipeline": _hash(pipeline)}


def training_identity(cfg: Mapping[str, Any], options: Any = None) -> str:
    """Return a hash of what a training depends on: parts of its config, files of it by content, and options."""
    content = {key: _by_content(cfg.get(key)) for key in TRAINED_BY}
    content["load_from"] = sha256_if_there(cfg.get("load_from")) or cfg.get("load_from")
    for key in ("train_dataloader", "val_dataloader"):
        loader = content[key] or {}
        content[key] = {name: loader[name] for name in loader if name == "batch_size" or name not in SPEED_OPTIONS}
    return _hash([content, options])


def _by_content(part: Any) -> Any:
    """Return a config in which the hash of an annotation file, or of features' facts, stands for its path."""
    if isinstance(part, Mapping):
        named = {key: _by_content(value) for key, value in part.items()}
        path = Path(part.get("data_root") or "", str(part.get("ann_file") or ""))
        if path.is_file():
            named["ann_file"] = file_sha256(path)
            if not part.get("data_prefix"):  # else the root says which videos are read
                named.pop("data_root", None)
        if part.get("type") == "FeatureDataset":  # these facts name the data and the checkpoint
            facts = {name: Path(part.get("data_root") or "", place, FACTS) for name, place in part["experts"].items()}
            named["experts"] = {name: file_sha256(path) for name, path in facts.items() if path.is_file()}
        return named
    return [_by_content(item) for item in part] if isinstance(part, list | tuple) else part


def _hash(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _difference(stored: Any, current: Mapping[str, Any]) -> str:
    """Say in which parts two identities differ."""
    if not isinstance(stored, Mapping):
        return "its files do not name it"
    return "other " + ", ".join(name for name in current if stored.get(name) != current[name])


def _coverage(dataset: Any) -> Coverage | None:
    """Return how much of the official list a prepared one holds, where a manifest beside it tells."""
    path = getattr(dataset, "ann_file", None)
    try:
        return coverage(path) if path and "://" not in str(path) else None
    except ValueError as error:  # a damaged file beside the list is no reason to lose a test
        print_log(str(error), logger="current", level=logging.WARNING)
        return None


def run_facts(runner: Any, dataset: Any, checkpoint: str | None = None) -> dict[str, Any]:
    """Return config, checkpoint with its SHA-256, seed, data version and software of a run, as plain values."""
    file = runner.cfg.get("load_from") or runner.cfg.model.get("file")  # of an exported model
    sha256 = sha256_if_there(file)
    views = views_of(dataset_config(runner.cfg).get("pipeline", []))
    return {
        "config": runner.cfg.filename,
        "checkpoint": checkpoint or file,
        "checkpoint_sha256": sha256,
        "seed": runner.seed,
        "views": dict(zip(("clips", "crops", "heatmap_copies"), views, strict=True)),
        "data": data_facts(dataset),
        "identity": identity(runner.cfg, sha256),
        "processes": get_world_size(),
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "software": {"mmaction": __version__, "torch": torch.__version__, "python": platform.python_version()},
    }


def data_facts(dataset: Any) -> dict[str, Any]:
    """Return the annotation file, its SHA-256, the label space and 'N of M' of a data set."""
    parts = getattr(dataset, "datasets", None)
    if parts:
        return {"parts": [data_facts(part) for part in parts]}
    if getattr(dataset, "dataset", None) is not None:
        return data_facts(dataset.dataset)
    space = (getattr(dataset, "metainfo", None) or {}).get("label_space")
    found, ann_file = _coverage(dataset), getattr(dataset, "ann_file", None)
    return {
        "type": type(dataset).__name__,
        "ann_file": ann_file,
        "ann_sha256": sha256_if_there(ann_file),
        "split": getattr(dataset, "split", None),
        "label_space": getattr(space, "title", None),
        "coverage": str(found) if found else None,
    }


def training_counts(cfg: Mapping[str, Any]) -> list[int] | None:
    """Return the training samples of each class for a checkpoint that does not hold them, from the config's files.

    The log says that they are counted anew. Where they cannot be read (they may be on another machine), it says why and
    the result is None.
    """
    loader = cfg.get("train_dataloader")
    if not loader:
        return None
    try:
        parts = [DATASETS.build({**part, "pipeline": []}) for part in inner_datasets(loader["dataset"])]
        counts = class_counts(SimpleNamespace(datasets=parts))
        if not counts:
            raise ValueError("it is no config of a data set with samples")
    except (OSError, ValueError, KeyError, TypeError) as error:
        print_log(f"no long-tail figures, because the training set cannot be read: {error}", logger="current")
        return None
    said = "the checkpoint does not hold the training samples of each class; they are counted in the config's"
    print_log(f"{said} training set", logger="current")
    return counts
