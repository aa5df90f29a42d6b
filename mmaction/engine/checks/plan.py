"""Say before training what will happen, and find the mistakes that would show hours later."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner

from mmaction.datasets.plausible import check_skeletons
from mmaction.engine.checks.data import (
    check_batches,
    check_common_length,
    check_experts,
    check_files,
    check_labels,
    check_several_labels,
    listing_warnings,
)
from mmaction.engine.checks.joints import check_channels, check_joints, mirror_warning, pipelines_of, test_pipelines
from mmaction.engine.checks.skeletons import check_space, skeleton_warnings
from mmaction.engine.checks.steps import pipelines_warning
from mmaction.engine.checks.views import views_of
from mmaction.engine.checks.warnings import (
    class_warnings,
    epoch_warning,
    frozen_warning,
    schedule_warnings,
    validation_warning,
)
from mmaction.engine.device import has_bfloat16
from mmaction.engine.dist import unwrapped
from mmaction.engine.hooks.data_hooks import nested_datasets, sources
from mmaction.engine.pretrained import pretrained_parts
from mmaction.engine.resume import is_resumed, replaceable_checkpoints
from mmaction.engine.sharding import MMFullyShardedDataParallel
from mmaction.models.layers import trained_parts
from mmaction.registry import HOOKS
from mmaction.utils.config import base_batch_size, dataset_config
from mmaction.utils.config_keys import unread_keys

# a learning rate within this factor of the linear rule is taken as meant for the batch
LR_TOLERANCE = 2.0
Rows = Iterator[tuple[str, str]]


@HOOKS.register_module()
class PreflightHook(Hook):
    """Write a short plan of the run to the log before the first iteration, and stop at mistakes in the data.

    Args:
        max_share: Share of missing files, in [0, 1], above which a training does not start. A test is refused only
            where all are missing.
    """

    def __init__(self, max_share: float = 0.01) -> None:
        self.max_share = max_share

    def before_train(self, runner: Runner) -> None:
        """Check the data and write the plan.

        ValueError if labels, batches, joints or channels do not fit the model or the run; FileNotFoundError if too many
        files are missing.
        """
        loaders, loops = {"train": runner.train_dataloader}, {}
        if not isinstance(runner.train_loop, IterBasedTrainLoop):
            check_common_length(runner.train_dataloader)
        if runner.val_loop is not None:
            loaders["val"], loops["val"] = runner.val_dataloader, runner.val_loop
        warnings = check_data(runner, loaders, loops, self.max_share)
        model = unwrapped(runner.model)
        warnings += [lr_warning(runner), replacing_warning(runner), validation_warning(runner), epoch_warning(runner)]
        warnings += [] if is_resumed(runner) else schedule_warnings(runner)  # that run's own schedule was named before
        warnings.append(pipelines_warning(runner.cfg))
        warnings += class_warnings({split: part.dataset for split, part in loaders.items()}, num_classes_of(model))
        if getattr(runner, "load_report", None) is None:
            warnings.append(frozen_warning(model))
        rows = [*data_rows(loaders), *view_rows(runner), *step_rows(runner), *model_rows(runner, model)]
        rows += [("not read", key) for key in unread_keys(runner.cfg, runner.cfg.filename)]
        write_plan(runner, rows, warnings)

    def before_test(self, runner: Runner) -> None:
        """Check the test data and write what is tested.

        ValueError if labels, joints or channels do not fit the model, or samples would be left out; FileNotFoundError
        if all files are missing.
        """
        loaders = {"test": runner.test_dataloader}
        warnings = check_data(runner, loaders, {"test": runner.test_loop}, 1.0)
        rows = [*data_rows(loaders), *view_rows(runner), *model_rows(runner, unwrapped(runner.model))]
        write_plan(runner, rows, warnings)


def check_data(runner: Runner, loaders: dict[str, Any], loops: dict[str, Any], max_share: float) -> list[str | None]:
    """Check batches, labels, files and skeletons of the data sets; return warnings."""
    for split, loader in loaders.items():
        check_batches(loader, split)
    model, datasets = unwrapped(runner.model), {split: loader.dataset for split, loader in loaders.items()}
    if num_classes := num_classes_of(model):
        for split, dataset in datasets.items():
            check_labels(dataset, num_classes, split)
    warnings = [check_files(dataset, split, max_share) for split, dataset in datasets.items()]
    sets = {split: sources(dataset) for split, dataset in datasets.items()}
    for split, parts in sets.items():
        for part in parts:
            warnings += check_skeletons(part, split) if getattr(part, "modality", "") == "Pose" else []
    pipelines = [part for split, dataset in datasets.items() for part in pipelines_of(split, dataset)]
    if "test" not in loaders:
        unbuilt, problem = test_pipelines(dataset_config(runner.cfg, ["test"], inner=False), pipelines)
        built = [part for parts in sets.values() for part in parts]
        sets["test"] = [pipeline.dataset for pipeline in unbuilt if pipeline.dataset not in built]
        pipelines += unbuilt
        warnings.append(problem)
    warnings += listing_warnings(sets)
    check_several_labels(datasets, model, {split: getattr(loop, "evaluator", None) for split, loop in loops.items()})
    check_experts(datasets, model)
    check_joints(pipelines, model)
    check_space(pipelines)
    check_channels(pipelines, model)
    return [*warnings, *skeleton_warnings(pipelines, model), mirror_warning(pipelines)]


def num_classes_of(model: torch.nn.Module) -> int | None:
    """Return how many outputs the head of a model has, where it tells."""
    count = getattr(getattr(model, "cls_head", None), "num_classes", None)
    return int(count) if count else None


def write_plan(runner: Runner, rows: list[tuple[str, str]], warnings: list[str | None]) -> None:
    """Write the plan and the warnings to the log."""
    runner.logger.info("plan of this run\n" + "\n".join(f"  {name:<10} {text}" for name, text in rows))
    for warning in filter(None, warnings):
        runner.logger.warning(warning)


def data_rows(loaders: dict[str, Any]) -> Rows:
    """Yield samples, classes and files of each data set."""
    for split, loader in loaders.items():
        parts = list(sources(loader.dataset))
        classes = set().union(*(part.class_counts() for part in parts if hasattr(part, "class_counts")))
        files = ", ".join(dict.fromkeys(str(getattr(part, "ann_file", "?")) for part in parts))
        yield split, f"{sum(map(len, parts))} samples of {len(classes)} classes from {files}"


def view_rows(runner: Runner) -> Rows:
    """Yield the views of a test sample."""
    if pipeline := dataset_config(runner.cfg, ["test"]).get("pipeline"):
        clips, crops, copies = views_of(pipeline)
        sides = " x 2 sides" if copies > 1 else ""
        yield "views", f"{clips * crops * copies} per test sample ({clips} clips x {crops} crops{sides})"


def step_rows(runner: Runner) -> Rows:
    """Yield length, batch, optimizer and device of a training."""
    yield length_row(runner)
    if hasattr(runner, "effective_batch"):
        factors = f"{runner.train_dataloader.batch_size} x {get_world_size()} process(es)"
        summed = runner.accumulation()
        yield "batch", f"{runner.effective_batch()} = {factors}" + (f" x {summed} summed" if summed > 1 else "")
    base = base_batch_size(runner.cfg)
    meant = f", chosen for a batch of {base}" if base else ""
    scaled = " (scaled to this batch)" if (runner.auto_scale_lr or {}).get("enable") else ""
    name = type(runner.optim_wrapper.optimizer).__name__
    yield "optimizer", f"{name}, learning rate {highest_lr(runner):.4g}{scaled}{meant}"
    is_sharded = isinstance(runner.model, MMFullyShardedDataParallel)
    parts = ", parameters in parts over the processes" if is_sharded else ""
    yield "device", f"{next(runner.model.parameters()).device.type}, {precision_of(runner)}{parts}"


def precision_of(runner: Runner) -> str:
    """Return in which precision a training computes."""
    if hasattr(runner.optim_wrapper, "loss_scaler"):
        dtype = runner.optim_wrapper.cast_dtype or torch.float16
        if dtype == torch.float32:
            return "float32 precision (not mixed: this CPU does not compute in bfloat16)"
        is_emulated = get_device() == "cpu" and not has_bfloat16("cpu")
        slow = " (this CPU emulates it, many times slower than float32)" if is_emulated else ""
        return f"mixed precision with {str(dtype).removeprefix('torch.')}{slow}"
    tf32 = torch.cuda.is_available() and torch.backends.cudnn.allow_tf32
    return "float32 precision" + (" (products in TF32; tf32=False in the config for all bits)" if tf32 else "")


def length_row(runner: Runner) -> tuple[str, str]:
    """Return how long the training is, and how often it passes over the data."""
    times, length = 1, len(runner.train_dataloader)
    for part in nested_datasets(runner.train_dataloader.dataset):
        times *= int(getattr(part, "times", 1))
    if isinstance(runner.train_loop, IterBasedTrainLoop):
        return "iterations", f"{runner.max_iters}, {runner.max_iters * times / length:.3g} passes over the data"
    text = f"{runner.max_epochs} of {length} iterations"
    if times > 1:
        text += f", each passing {times} times over the data: {runner.max_epochs * times} passes"
    return "epochs", text


def highest_lr(runner: Runner) -> float:
    """Return the highest learning rate before any scheduler changes it, or the peak of a cycle."""
    groups = runner.optim_wrapper.optimizer.param_groups
    return max(group.get("max_lr", group.get("initial_lr", group["lr"])) for group in groups)


def lr_warning(runner: Runner) -> str | None:
    """Say that the learning rate is meant for another batch."""
    base = base_batch_size(runner.cfg)
    if not base or not hasattr(runner, "effective_batch") or (runner.auto_scale_lr or {}).get("enable"):
        return None
    ratio = runner.effective_batch() / base
    if 1 / LR_TOLERANCE <= ratio <= LR_TOLERANCE:
        return None
    lr = highest_lr(runner)
    return (
        f"the learning rate {lr:.4g} is meant for a batch of {base}, this run has {runner.effective_batch()}; the "
        f"linear rule gives {lr * ratio:.4g}: pass --auto-scale-lr, or set optim_wrapper.optimizer.lr"
    )


def replacing_warning(runner: Runner) -> str | None:
    """Say that a run replaces the checkpoints of an earlier one."""
    earlier = [] if is_resumed(runner) else replaceable_checkpoints(runner.cfg)
    if not earlier:
        return None
    return (
        f"{earlier[0].parent} holds checkpoints of an earlier run, which this one replaces as it goes; "
        "--resume goes on with it, another --work-dir keeps them"
    )


def model_rows(runner: Runner, model: torch.nn.Module) -> Rows:
    """Yield network, initial weights, what is trained, and where results go."""
    total = sum(p.numel() for p in model.parameters())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    frozen = f", {(total - trained) / 1e6:.2f} M of them frozen" if trained < total else ""
    names = [type(part).__name__ for part in (model, getattr(model, "backbone", None)) if part is not None]
    yield "model", f"{' with '.join(names)}, {total / 1e6:.2f} M parameters{frozen}"
    report = getattr(runner, "load_report", None)
    parts = [f"{name} from {source}" for name, source in pretrained_parts(model).items()]
    yield "weights", report.lines()[0] if report else ", ".join(parts) or "initial values"
    if trained < total:
        yield "trained", ", ".join(trained_parts(model)) or "nothing"
    yield "output", os.path.relpath(Path(runner.work_dir))
