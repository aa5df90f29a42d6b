"""What was tested: the facts that a result needs to be trusted and repeated, and the training counts of its classes."""

import logging
import platform
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper

from mmaction.engine.checks.plan import views_of
from mmaction.engine.results.writer import ResultWriter, free_folder
from mmaction.io.downloads import file_sha256
from mmaction.preparation.manifest import Coverage, coverage
from mmaction.registry import DATASETS
from mmaction.utils.config import dataset_config, inner_datasets
from mmaction.version import __version__


def attach_result_writer(runner: Any, out_dir: str | Path, **run: Any) -> ResultWriter:
    """Let ``runner.test()`` write ``predictions.csv``, ``scores.npz`` and ``metrics.json``.

    Args:
        runner: An MMEngine runner with a test set, before its test.
        out_dir: Folder of the files. One that holds a test of other weights, data or views is left as it is: then they
            go to the next free of ``out_dir_2``, ``out_dir_3``, ..., and the log says so.
        **run: Further facts for ``metrics.json`` under ``run``, such as ``views="10 clips x 3 crops"``.

    Returns:
        The writer; its ``out_dir`` is the folder, and after the test its ``summary`` holds the content of
        ``metrics.json`` (both in the first process).

    Raises:
        ValueError: If the test loader shuffles.
    """
    loop = runner.test_loop
    if getattr(loop.dataloader.sampler, "shuffle", False):
        raise ValueError(
            "test_dataloader.sampler.shuffle is True, but the result files name the samples by their order in the test "
            "set; set it to False, which changes no figure"
        )
    dataset = loop.dataloader.dataset
    facts = run_facts(runner, dataset) if is_main_process() else {}
    writer = ResultWriter(str(out_dir), dataset, {**facts, **run}, collect_device="gpu")  # sent, as our Evaluator does
    if is_main_process():
        writer.out_dir = free_folder(out_dir, writer.run, _subject)
        if writer.out_dir != Path(out_dir):
            said = f"{out_dir} holds the results of another test; those of this one go to {writer.out_dir}"
            print_log(said, logger="current", level=logging.WARNING)
        writer.train_counts = training_counts(runner.cfg, _num_classes(runner, dataset))
        found = _coverage(dataset)
        writer.listed = found.listed if found else None
    loop.evaluator.metrics.insert(0, writer)  # before what may fail, as a dump on a full disk
    writer.dataset_meta = getattr(dataset, "metainfo", None)
    return writer


def _num_classes(runner: Any, dataset: Any) -> int | None:
    """Return how many classes the test set has, or else the model, where either tells."""
    classes = (getattr(dataset, "metainfo", None) or {}).get("classes") or ()
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    head = getattr(model, "cls_head", None)
    return len(classes) or getattr(dataset, "num_classes", None) or getattr(head, "num_classes", None)


def _subject(run: Mapping[str, Any]) -> tuple:
    """Return what was tested: weights and annotations by their content, and how many views."""
    return run.get("checkpoint_sha256"), run.get("views"), _annotations(run.get("data"))


def _annotations(data: Any) -> list:
    if not isinstance(data, Mapping):
        return []
    parts = [_annotations(part) for part in data.get("parts") or ()]
    return parts or [data.get("ann_sha256") or data.get("ann_file"), data.get("split")]


def _coverage(dataset: Any) -> Coverage | None:
    """Return how much of the official list a prepared one holds, where a manifest beside it tells."""
    path = getattr(dataset, "ann_file", None)
    try:
        return coverage(path) if path and "://" not in str(path) else None
    except ValueError as error:  # a damaged file beside the list is no reason to lose a test
        print_log(str(error), logger="current", level=logging.WARNING)
        return None


def run_facts(runner: Any, dataset: Any) -> dict[str, Any]:
    """Return config, checkpoint with its SHA-256, seed, data version and software of a run, as plain values."""
    checkpoint = getattr(runner, "_load_from", None)
    pipeline = dataset_config(runner.cfg).get("pipeline", [])
    return {
        "config": runner.cfg.filename,
        "checkpoint": checkpoint,
        "checkpoint_sha256": _sha256(checkpoint),
        "seed": runner.seed,
        "views": dict(zip(("clips", "crops", "heatmap_copies"), views_of(pipeline), strict=True)),
        "data": data_facts(dataset),
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
        "ann_sha256": _sha256(ann_file),
        "split": getattr(dataset, "split", None),
        "label_space": getattr(space, "title", None),
        "coverage": str(found) if found else None,
    }


def _sha256(path: Any) -> str | None:
    return file_sha256(path) if path and Path(str(path)).is_file() else None


def training_counts(cfg: Mapping[str, Any], num_classes: int | None) -> list[int] | None:
    """Return how many training samples each class has, from the training set that a config names.

    Repetitions of a sample do not count. Where the training set cannot be read (its files may be on another machine)
    the log says why and the result is None; so it is where the number of classes is unknown.
    """
    loader = cfg.get("train_dataloader")
    if not loader or not num_classes:
        return None
    try:
        parts = (DATASETS.build({**part, "pipeline": []}) for part in inner_datasets(loader["dataset"]))
        counts = sum((part.class_counts() for part in parts), Counter())
        if not counts:
            raise ValueError("it is no config of a data set with samples")
    except (OSError, ValueError, KeyError, TypeError) as error:
        print_log(f"no long-tail figures, because the training set cannot be read: {error}", logger="current")
        return None
    if max(counts) >= num_classes:
        print_log(f"no long-tail figures: the training set has class {max(counts)}, the test set {num_classes} classes")
        return None
    return [counts[c] for c in range(num_classes)]
