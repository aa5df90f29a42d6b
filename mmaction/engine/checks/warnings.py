"""Warnings about settings that are legal but probably unintended."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.hooks import CheckpointHook, EarlyStoppingHook
from mmengine.runner import IterBasedTrainLoop, Runner
from torch import nn

from mmaction.engine.hooks.data_hooks import nested_datasets
from mmaction.engine.schedules import schedulers_of
from mmaction.evaluation.metrics import describe_classes
from mmaction.utils.config import type_name
from mmaction.utils.text import class_difference


def class_warnings(datasets: Mapping[str, Any], num_classes: int | None) -> Iterator[str]:
    """Yield what is unusual about the classes of the data sets ``train`` and ``val`` beside the model's outputs."""
    names = {split: class_names(dataset) for split, dataset in datasets.items()}
    counts = {split: _class_counts(dataset) for split, dataset in datasets.items()}
    train, val = names["train"], names.get("val")
    if difference := class_difference(train, val):
        yield f"train and val set do not name the same classes: {difference}"
    if not counts["train"]:
        return
    lacking = sorted(set(counts.get("val", ())) - set(counts["train"]))
    if lacking:
        yield (
            f"the validation set holds classes that the training set has no sample of: "
            f"{describe_classes(lacking, val or train)}; do both lists number the classes alike?"
        )
    highest = max(max(part) for part in counts.values() if part)
    absent = sorted({*range(min(num_classes or 0, highest))} - {*counts["train"], *lacking})
    if absent:
        begins = "; labels count from 0" if absent[0] == 0 else ""
        yield f"the training set has no sample of these classes: {describe_classes(absent, train)}{begins}"
    if num_classes and train and len(train) != num_classes:
        yield f"the model has {num_classes} outputs, and the data set names {len(train)} classes: set num_classes"
    elif num_classes and not train and highest + 1 < num_classes:
        yield (
            f"the model has {num_classes} outputs, and the labels end at {highest}: if these are all classes, set "
            f"num_classes of the cls_head to {highest + 1}"
        )


def class_names(dataset: Any) -> Sequence[str] | None:
    """Return the names of a data set's classes, None if it has none."""
    return (getattr(dataset, "metainfo", None) or {}).get("classes")


def _class_counts(dataset: Any) -> dict[int, int]:
    parts = [part for part in nested_datasets(dataset) if hasattr(part, "ann_file") and hasattr(part, "class_counts")]
    return {label: count for part in parts for label, count in part.class_counts().items()}


def frozen_warning(model: nn.Module) -> str | None:
    """Say that frozen stages keep random weights, where neither ``pretrained`` nor ``init_cfg`` loads any."""
    stages = {name: getattr(part, "frozen_stages", None) for name, part in model.named_modules()}
    frozen = [name for name, last in stages.items() if isinstance(last, int) and last >= 0]
    if not frozen or any(map(_is_pretrained, model.modules())):
        return None
    return (
        f"frozen_stages of {frozen[0]} keeps stages as they are, and they are random: nothing is loaded into them; "
        f"give pretrained or load_from, or set frozen_stages=-1"
    )


def _is_pretrained(module: nn.Module) -> bool:
    settings = getattr(module, "init_cfg", None) or ()
    settings = [settings] if isinstance(settings, Mapping) else settings
    return bool(getattr(module, "pretrained", None)) or any("Pretrained" in type_name(part) for part in settings)


def validation_warning(runner: Runner) -> str | None:
    """Say what needs validations in a run that has none, or that the validations of a run begin after its end."""
    loop = runner.train_loop
    last = runner.max_iters if isinstance(loop, IterBasedTrainLoop) else runner.max_epochs
    if runner.val_loop is not None:
        begin = getattr(loop, "val_begin", 0)
        late = f"train_cfg.val_begin={begin} comes after the end of the training at {last}: nothing is validated"
        return late if begin > last else None
    waiting = [part for part in schedulers_of(runner.param_schedulers) if getattr(part, "need_val_args", False)]
    waiting += [hook for hook in runner.hooks if isinstance(hook, EarlyStoppingHook)]
    if not waiting:
        return None
    names = " and ".join(dict.fromkeys(type(part).__name__ for part in waiting))
    return f"{names} needs validation, but this run has none, so it never acts"


def epoch_warning(runner: Runner) -> str | None:
    """Say what counts epochs in a run by iterations, which is a single one."""
    if not isinstance(runner.train_loop, IterBasedTrainLoop):
        return None
    counting = [
        s for s in schedulers_of(runner.param_schedulers) if s.by_epoch and not getattr(s, "need_val_args", False)
    ]
    counting += [hook for hook in runner.hooks if isinstance(hook, CheckpointHook) and hook.by_epoch]
    if not counting:
        return None
    names = " and ".join(dict.fromkeys(type(part).__name__ for part in counting))
    return f"{names} counts epochs, and a run by iterations is a single one: set by_epoch=False"


def schedule_warnings(runner: Runner) -> Iterator[str]:
    """Yield each schedule of the run that does not end with it."""
    by_iter = isinstance(runner.train_loop, IterBasedTrainLoop)
    length = 0 if by_iter else len(runner.train_dataloader)
    for scheduler in schedulers_of(runner.param_schedulers):
        if getattr(scheduler, "need_val_args", False) or (scheduler.by_epoch and by_iter):
            continue
        total = runner.max_epochs if scheduler.by_epoch else runner.max_iters
        unit = "epoch" if scheduler.by_epoch else "iteration"
        end = _end_of(scheduler)
        last_step = max(getattr(scheduler, "milestones", None) or [0])
        is_warm_up = type(scheduler).__name__.startswith(("Linear", "Constant"))
        tolerance = 1 if scheduler.by_epoch else max(1, length)  # a schedule by iterations may end within an epoch
        if end is not None and end > total + tolerance - 1:
            late = f"{type(scheduler).__name__} ends at {unit} {end}, after the run, which ends at {total}"
            yield f"{late}{_rest(scheduler, total)}; --epochs N scales both the run and its schedule"
        elif end is not None and not is_warm_up and end < total - tolerance + 1:
            yield (
                f"{type(scheduler).__name__} ends at {unit} {end}, before the run, which ends at {total}; --epochs N "
                "scales both the run and its schedule"
            )
        elif last_step >= total:
            yield f"{type(scheduler).__name__} has a step at {unit} {last_step}; the run ends at {total}, before it"


def _end_of(scheduler: Any) -> int | None:
    """Return where a schedule ends, None where it goes on for ever."""
    begin, end = getattr(scheduler, "begin", 0), getattr(scheduler, "end", None)
    period = getattr(scheduler, "T_max", None)
    ends = [value for value in (end, None if period is None else begin + period) if value is not None and value < 1e9]
    # what ends before its period is over never reaches its last value; without an end, a cosine rises again after it
    return int(max(ends)) if ends else None


def _rest(scheduler: Any, total: int) -> str:
    """Say at what share of the learning rate a cosine is cut off."""
    period = getattr(scheduler, "T_max", None)
    if not period or "Cosine" not in type(scheduler).__name__:
        return ""
    share = (1 + math.cos(math.pi * max(0, total - scheduler.begin) / period)) / 2
    return f" at {share:.0%} of the learning rate"
