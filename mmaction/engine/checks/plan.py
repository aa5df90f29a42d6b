"""Say before training what will happen, and find the mistakes that would show hours later."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_gather_object, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner

from mmaction.datasets.plausible import check_skeletons
from mmaction.engine.checks.joints import check_channels, check_joints, pipelines_of, test_pipelines
from mmaction.engine.checks.warnings import (
    class_warnings,
    epoch_warning,
    frozen_warning,
    schedule_warnings,
    validation_warning,
)
from mmaction.engine.dist import unwrapped
from mmaction.engine.hooks.data_hooks import nested_datasets, sources
from mmaction.engine.pretrained import pretrained_parts
from mmaction.engine.resume import replaceable_checkpoints
from mmaction.engine.sharding import MMFullyShardedDataParallel
from mmaction.models.layers import trained_parts
from mmaction.registry import HOOKS
from mmaction.structures.sample_name import outside_classes, sample_name
from mmaction.utils.config import base_batch_size, dataset_config, type_name
from mmaction.utils.config_keys import unread_keys

# a learning rate within this factor of the linear rule is taken as meant for the batch
LR_TOLERANCE = 2.0
CROPS = {"ThreeCrop": 3, "TenCrop": 10}
SINGLE_LABEL_METRICS = ("top_k_accuracy", "mean_class_accuracy")
MAX_FILES_CHECKED = 20_000


def repetitions(dataset: Any) -> int:
    """Return how often one epoch passes over each sample: the product of all ``RepeatDataset`` factors."""
    times = 1
    for part in nested_datasets(dataset):
        times *= int(getattr(part, "times", 1))
    return times


def views_of(pipeline: list[dict[str, Any]]) -> tuple[int, int, int]:
    """Return clips, crops and heatmap copies of one sample in a test pipeline; their product is the views."""
    clips = crops = copies = 1
    for step in pipeline:
        kind = type_name(step)
        if "Sample" in kind and "num_clips" in step:
            clips *= int(step["num_clips"])
        crops *= CROPS.get(kind, 1)
        copies *= 2 if step.get("double") else 1
    return clips, crops, copies


def check_labels(dataset: Any, num_classes: int, split: str) -> None:
    """Check the labels of ``dataset`` against the outputs of the model.

    Raises:
        ValueError: Naming the file, the first wrong sample and its label.
    """
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
    """Check that head, loss and metrics are for samples of several labels where the data are.

    Args:
        datasets: By split.
        model: Its head may not say what it is for.
        evaluators: By split, as far as they are built.

    Raises:
        ValueError: Naming the setting that does not fit.
    """
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


def check_batches(loader: Any, split: str) -> None:
    """Check that ``drop_last`` leaves something to train on, and nothing out of what is measured.

    Raises:
        ValueError: If it does not.
    """
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
    """Check that an epoch has as many iterations in each process; one with more would wait for ever for the others.

    Raises:
        ValueError: If it has not.
    """
    lengths = all_gather_object(len(loader))
    if len(set(lengths)) > 1:
        raise ValueError(
            f"train_dataloader: an epoch has {', '.join(map(str, lengths))} iterations in processes 0 to "
            f"{len(lengths) - 1}, and it must be the same number; leave out sampler.round_up=False"
        )


def sample_path(dataset: Any, index: int) -> str:
    """Return the file or clip of a sample."""
    info = dataset.get_data_info(index)
    return sample_name(info, index)


def reads_files(dataset: Any) -> bool:
    """Return whether a file or folder belongs to each sample: not to skeletons, unless the pipeline opens videos."""
    steps = getattr(getattr(dataset, "pipeline", None), "transforms", ())
    opens_videos = any("filename" in getattr(step, "reads", ()) for step in steps)
    return opens_videos or getattr(dataset, "modality", "Pose") != "Pose"


def missing_files(dataset: Any) -> tuple[list[str], int]:
    """Look for the video files or frame folders of ``dataset``.

    Returns:
        The paths that do not exist, and how many were looked for; of very long lists, a part evenly spread.
    """
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


def check_files(dataset: Any, split: str, max_share: float) -> str | None:
    """Return a warning where a few files are missing.

    Raises:
        FileNotFoundError: If the share of missing files is above ``max_share``, or all are missing.
    """
    missing, checked = missing_files(dataset)
    if not missing:
        return None
    shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
    text = f"{split} set: {len(missing)} of {checked} files looked for do not exist ({shown})"
    if len(missing) == checked:
        raise FileNotFoundError(f"{text}. Check data_root and data_prefix")
    if len(missing) > max_share * checked:
        raise FileNotFoundError(
            f"{text}. Check data_root and data_prefix, remove them from the annotation file, or allow more with "
            f"default_hooks.preflight.max_share"
        )
    return text if split == "train" else f"{text}; they count as wrong"


def _num_classes(model: torch.nn.Module) -> int | None:
    """Return how many outputs the head of a model has, where it tells."""
    count = getattr(getattr(model, "cls_head", None), "num_classes", None)
    return int(count) if count else None


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

        Raises:
            ValueError: If a label has no output in the model, or batches are lost or missing (:func:`check_batches`,
                :func:`check_common_length`).
            FileNotFoundError: If too many files are missing.
        """
        loaders = {"train": runner.train_dataloader}
        if not isinstance(runner.train_loop, IterBasedTrainLoop):
            check_common_length(runner.train_dataloader)
        if runner.val_loop is not None:
            loaders["val"] = runner.val_dataloader
        model, warnings = self._check(runner, loaders, self.max_share)
        rows = [*self._data_rows(loaders), *self._view_rows(runner), *self._step_rows(runner)]
        warnings += [self._lr_warning(runner), self._replacing_warning(runner)]
        warnings += [validation_warning(runner), epoch_warning(runner), *schedule_warnings(runner)]
        warnings += class_warnings({split: loader.dataset for split, loader in loaders.items()}, _num_classes(model))
        if getattr(runner, "load_report", None) is None:
            warnings.append(frozen_warning(model))
        unread = [("not read", key) for key in unread_keys(runner.cfg, runner.cfg.filename)]
        self._write(runner, [*rows, *self._model_rows(runner, model), *unread], warnings)

    def before_test(self, runner: Runner) -> None:
        """Check the test data and write what is tested.

        Raises:
            ValueError: If a label has no output in the model, or samples would be left out.
            FileNotFoundError: If all files are missing.
        """
        loaders = {"test": runner.test_dataloader}
        model, warnings = self._check(runner, loaders, 1.0)
        rows = [*self._data_rows(loaders), *self._view_rows(runner), *self._model_rows(runner, model)]
        self._write(runner, rows, warnings)

    @staticmethod
    def _check(runner: Runner, loaders: dict[str, Any], max_share: float) -> tuple[torch.nn.Module, list[str | None]]:
        """Check batches, labels and files; return the model without its wrapper and warnings."""
        for split, loader in loaders.items():
            check_batches(loader, split)
        model = unwrapped(runner.model)
        if num_classes := _num_classes(model):
            for split, loader in loaders.items():
                check_labels(loader.dataset, num_classes, split)
        warnings = [check_files(loader.dataset, split, max_share) for split, loader in loaders.items()]
        for split, loader in loaders.items():
            for part in sources(loader.dataset):
                warnings += check_skeletons(part, split) if getattr(part, "modality", "") == "Pose" else []
        pipelines = [part for split, loader in loaders.items() for part in pipelines_of(split, loader.dataset)]
        if "test" not in loaders:
            unbuilt, problem = test_pipelines(dataset_config(runner.cfg, ["test"], inner=False), pipelines)
            pipelines += unbuilt
            warnings.append(problem)
        loops = (
            {"val": runner.val_loop} if "val" in loaders else {"test": runner.test_loop} if "test" in loaders else {}
        )
        evaluators = {split: getattr(loop, "evaluator", None) for split, loop in loops.items()}
        check_several_labels({split: loader.dataset for split, loader in loaders.items()}, model, evaluators)
        check_joints(pipelines, model)
        check_channels(pipelines, model)
        return model, warnings

    @staticmethod
    def _write(runner: Runner, rows: list[tuple[str, str]], warnings: list[str | None]) -> None:
        runner.logger.info("plan of this run\n" + "\n".join(f"  {name:<10} {text}" for name, text in rows))
        for warning in filter(None, warnings):
            runner.logger.warning(warning)

    @staticmethod
    def _data_rows(loaders: dict[str, Any]) -> Iterator[tuple[str, str]]:
        for split, loader in loaders.items():
            counts = [part.class_counts() for part in sources(loader.dataset) if hasattr(part, "class_counts")]
            classes = len(set().union(*counts)) if counts else 0
            unique = sum(len(part) for part in sources(loader.dataset))
            files = ", ".join(dict.fromkeys(str(getattr(part, "ann_file", "?")) for part in sources(loader.dataset)))
            yield split, f"{unique} samples of {classes} classes from {files}"

    def _view_rows(self, runner: Runner) -> Iterator[tuple[str, str]]:
        if pipeline := self._test_pipeline(runner):
            clips, crops, copies = views_of(pipeline)
            parts = [f"{clips} clips", f"{crops} crops"] + (["2 sides"] if copies > 1 else [])
            yield "views", f"{clips * crops * copies} per test sample ({' x '.join(parts)})"

    @staticmethod
    def _test_pipeline(runner: Runner) -> list[dict[str, Any]]:
        return [step for step in dataset_config(runner.cfg, ["test"]).get("pipeline") or () if isinstance(step, dict)]

    def _step_rows(self, runner: Runner) -> Iterator[tuple[str, str]]:
        yield self._length_row(runner)
        factors = f"{runner.train_dataloader.batch_size} x {get_world_size()} process(es)"
        if hasattr(runner, "effective_batch"):
            summed = runner.accumulation()
            yield "batch", f"{runner.effective_batch()} = {factors}" + (f" x {summed} summed" if summed > 1 else "")
        lr = self._lr(runner)
        base = base_batch_size(runner.cfg)
        meant = f", chosen for a batch of {base}" if base else ""
        scaled = " (scaled to this batch)" if (runner.auto_scale_lr or {}).get("enable") else ""
        precision = "mixed" if hasattr(runner.optim_wrapper, "loss_scaler") else "float32"
        yield "optimizer", f"{type(runner.optim_wrapper.optimizer).__name__}, learning rate {lr:.4g}{scaled}{meant}"
        sharded = (
            ", parameters in parts over the processes" if isinstance(runner.model, MMFullyShardedDataParallel) else ""
        )
        yield "device", f"{next(runner.model.parameters()).device.type}, {precision} precision{sharded}"

    @staticmethod
    def _length_row(runner: Runner) -> tuple[str, str]:
        """Return how long the training is, and how often it passes over the data."""
        times, length = repetitions(runner.train_dataloader.dataset), len(runner.train_dataloader)
        if isinstance(runner.train_loop, IterBasedTrainLoop):
            return "iterations", f"{runner.max_iters}, {runner.max_iters * times / length:.3g} passes over the data"
        text = f"{runner.max_epochs} of {length} iterations"
        if times > 1:
            text += f", each passing {times} times over the data: {runner.max_epochs * times} passes"
        return "epochs", text

    @staticmethod
    def _lr(runner: Runner) -> float:
        """Return the highest learning rate before any scheduler changes it, or that of a cycle."""
        groups = runner.optim_wrapper.optimizer.param_groups
        return max(group.get("max_lr", group.get("initial_lr", group["lr"])) for group in groups)

    def _lr_warning(self, runner: Runner) -> str | None:
        base = base_batch_size(runner.cfg)
        if not base or not hasattr(runner, "effective_batch") or (runner.auto_scale_lr or {}).get("enable"):
            return None
        ratio = runner.effective_batch() / base
        if 1 / LR_TOLERANCE <= ratio <= LR_TOLERANCE:
            return None
        lr = self._lr(runner)
        return (
            f"the learning rate {lr:.4g} is meant for a batch of {base}, this run has {runner.effective_batch()}; the "
            f"linear rule gives {lr * ratio:.4g}: pass --auto-scale-lr, or set optim_wrapper.optimizer.lr"
        )

    @staticmethod
    def _replacing_warning(runner: Runner) -> str | None:
        earlier = [] if runner._resume else replaceable_checkpoints(runner.cfg)
        if not earlier:
            return None
        return (
            f"{earlier[0].parent} holds checkpoints of an earlier run, which this one replaces as it goes; "
            "--resume goes on with it, another --work-dir keeps them"
        )

    @staticmethod
    def _model_rows(runner: Runner, model: torch.nn.Module) -> Iterator[tuple[str, str]]:
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
