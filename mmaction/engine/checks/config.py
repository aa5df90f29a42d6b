"""Mistakes in a config that would show late, or in an error of a library that does not name the entry."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config

from mmaction.engine.checks.arguments import check_arguments
from mmaction.engine.checks.views import views_of
from mmaction.registry import METRICS
from mmaction.utils.cli import suggest
from mmaction.utils.config import inner_datasets, scheduler_configs, type_name

NEEDED = {
    "training": ("train_dataloader", "train_cfg", "optim_wrapper"),
    "testing": ("test_dataloader", "test_cfg", "test_evaluator"),
}


def check_config(cfg: Config, purpose: str) -> None:
    """Check a config before anything is built from it.

    Args:
        cfg: The config; an evaluator that is the bare name of a metric becomes the metric's config.
        purpose: ``training`` or ``testing``.

    Raises:
        ValueError: If a part is missing, a value is out of range, or ``save_best`` or a ``monitor`` names what is not
            measured.
        TypeError, KeyError: If the learning rate is no number, or as :func:`check_arguments`.
    """
    missing = [name for name in NEEDED[purpose] if cfg.get(name) is None]
    if missing:
        raise ValueError(
            f"config {cfg.filename or ''} has no {', '.join(missing)}: {purpose} needs {', '.join(NEEDED[purpose])}"
        )
    for key in ("val_evaluator", "test_evaluator"):
        if isinstance(cfg.get(key), str):
            cfg[key] = {"type": cfg[key]}
    check_arguments(cfg)
    level = cfg.get("log_level", "INFO")
    if isinstance(level, str) and not isinstance(logging.getLevelName(level), int):
        raise ValueError(f"log_level={level!r}: expected DEBUG, INFO, WARNING, ERROR or CRITICAL")
    _check_segments(cfg, ("train", "val") if purpose == "training" else ("test",))
    if purpose == "training":
        _check_length(cfg)
        _check_lr(cfg)
        _check_monitored(cfg)


def metric_configs(evaluator: Any) -> list[Any]:
    """Return the metrics of an evaluator's config, which is one metric, several, or ``dict(metrics=...)``."""
    if isinstance(evaluator, Mapping) and "metrics" in evaluator:
        evaluator = evaluator["metrics"]
    return list(evaluator) if isinstance(evaluator, (list, tuple)) else [evaluator]


def annotation_files(cfg: Config) -> list[str]:
    """Return the annotation files of all data sets that ``cfg`` names, also below wrappers."""
    loaders = (cfg.get(f"{split}_dataloader") for split in ("train", "val", "test"))
    found = [loader.get("dataset") for loader in loaders if isinstance(loader, Mapping)]
    parts = [part for dataset in found for part in inner_datasets(dataset)]
    return [os.path.join(part.get("data_root") or "", part["ann_file"]) for part in parts if part.get("ann_file")]


def _check_segments(cfg: Config, splits: Sequence[str]) -> None:
    """Check that samples hold whole clips of a network that mixes the frames of a clip, in training exactly one."""
    model = cfg.get("model") or {}
    owners = [(f"model.{key}", model.get(key) or {}) for key in ("backbone", "cls_head")]
    stated = {place: part.get("num_segments", 8) for place, part in owners if "TSM" in type_name(part)}
    if "model.backbone" not in stated:
        return
    for split in splits:
        loader = cfg.get(f"{split}_dataloader")
        for dataset in inner_datasets(loader.get("dataset")) if isinstance(loader, Mapping) else ():
            pipeline = dataset.get("pipeline") or ()
            clips, crops, _ = views_of(pipeline)
            lengths = [step.get("clip_len", 1) for step in pipeline if "Sample" in type_name(step)]
            frames = clips * (lengths[0] if lengths else 1)
            for place, segments in stated.items():
                if frames != segments if split == "train" else frames * crops % segments:
                    raise ValueError(
                        f"{split}_dataloader: its samples have {frames * crops} frames, and {place}.num_segments is "
                        f"{segments}: set num_clips of SampleFrames, or clip_len of UniformSample, and num_segments of "
                        "backbone and head to one number"
                    )


def _check_length(cfg: Config) -> None:
    for key in ("max_epochs", "max_iters", "val_interval"):
        length = cfg.train_cfg.get(key) if isinstance(cfg.train_cfg, Mapping) else None
        if length is not None and (not isinstance(length, (int, float)) or length < 1 or length % 1):
            hint = "; --no-validate trains without validations" if key == "val_interval" else ""
            raise ValueError(f"train_cfg.{key}: expected a whole number of at least 1, got {length!r}{hint}")


def _check_lr(cfg: Config) -> None:
    optimizer = cfg.optim_wrapper.get("optimizer") if isinstance(cfg.optim_wrapper, Mapping) else None
    lr = optimizer.get("lr") if isinstance(optimizer, Mapping) else None
    if isinstance(lr, (str, list, tuple)):
        raise TypeError(f"optim_wrapper.optimizer.lr: expected a number such as 0.01, got {lr!r}")


def _check_monitored(cfg: Config) -> None:
    """Look for what is to be watched among the results of the validation, where the metrics tell their names."""
    monitored = list(_monitored(cfg))
    if not monitored or cfg.get("val_evaluator") is None:
        return
    known: list[str] = []
    for config in metric_configs(cfg.val_evaluator):
        kind = config.get("type") if isinstance(config, Mapping) else None
        if not hasattr(METRICS.get(kind) if isinstance(kind, str) else kind, "result_names"):
            return
        known += METRICS.build(dict(config)).result_names()
    for place, key in monitored:
        if not any(_is_result(key, name) for name in known):
            raise ValueError(
                f"{place}: the validation measures no {key!r}{suggest(key, known)}; it measures {', '.join(known)}"
            )


def _monitored(cfg: Config) -> Iterator[tuple[str, str]]:
    """Yield each place of ``cfg`` that names a result of the validation, and the name."""
    best = ((cfg.get("default_hooks") or {}).get("checkpoint") or {}).get("save_best")
    keys = [best] if isinstance(best, str) else list(best or ())
    yield from (("default_hooks.checkpoint.save_best", key) for key in keys if keys != ["auto"])
    for scheduler in scheduler_configs(cfg.get("param_scheduler")):
        if type_name(scheduler).startswith("ReduceOnPlateau"):
            yield f"{type_name(scheduler)}.monitor", scheduler.get("monitor", "loss")
    for hook in [*(cfg.get("default_hooks") or {}).values(), *(cfg.get("custom_hooks") or ())]:
        if isinstance(hook, Mapping) and type_name(hook) == "EarlyStoppingHook" and hook.get("monitor"):
            yield "EarlyStoppingHook.monitor", hook["monitor"]


def _is_result(key: str, name: str) -> bool:
    """Return whether ``key`` is ``name``, or the same for one modality: ``acc/rgb_top1`` for ``acc/top1``."""
    prefix, _, rest = name.rpartition("/")
    return key == name or (key.startswith(f"{prefix}/") and key.endswith(f"_{rest}"))
