"""What a checkpoint says of its training, compared with what a test, an application or a resumed run is about to do."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from mmengine.config import Config

from mmaction.engine.checks.steps import changed_arguments, one_sided, plain, steps_of
from mmaction.engine.hooks.checkpoint_hook import LISTS
from mmaction.engine.hooks.data_hooks import class_counts, list_hashes, sources
from mmaction.engine.results.facts import SPEED_OPTIONS
from mmaction.utils.config import type_name
from mmaction.utils.config_text import config_of_text
from mmaction.utils.streams import feats_of
from mmaction.utils.text import class_difference, first_few

COMPARED = ("model", "data_preprocessor", "train_dataloader", "optim_wrapper", "custom_hooks")
# Where files lie, how fast they are read, what begins or ends a training: without effect, or named elsewhere.
FREE_KEYS = {"ann_file", "data_root", "data_prefix", "experts", "pretrained", "init_cfg", "checkpoint", "lr"}
FREE_KEYS |= {"io_backend", "num_threads", "test_cfg", "average_clips", *SPEED_OPTIONS} - {"batch_size"}
LONGEST = 60  # letters of a value that is shown
PREPROCESSING = {"mean": None, "std": None, "to_rgb": False}


def check_input(cfg: Config, meta: Mapping[str, Any], source: str) -> str | None:
    """Say that the network will see another input than the checkpoint with ``meta`` was trained for.

    Colors, normalization and the arguments of the steps that both test pipelines have are compared, except how many
    views are taken and how files are read. None if nothing differs, or if the checkpoint carries no config to compare.
    ValueError where a network that learned one stream of a skeleton would see another.
    """
    learned = _learned_config(meta, source)
    if learned is None:
        return None
    _check_stream(cfg, learned, source)
    found = [*_preprocessing_changes(cfg, learned), *_step_changes(cfg, learned)]
    if not found:
        return None
    return (
        f"{source} was trained for another input than the config gives, so that scores may be wrong: "
        f"{first_few(found, 4)}. The config beside the checkpoint gives its own"
    )


def classes_warning(named: Sequence[str] | None, owner: str, meta: Mapping[str, Any], source: str) -> str | None:
    """Say that a checkpoint with ``meta`` learned other classes, or in another order, than ``owner`` names."""
    difference = class_difference((meta.get("dataset_meta") or {}).get("classes"), named)
    if difference is None:
        return None
    said = f"{source} has not learned the classes that {owner} names, so that labels and figures may be wrong"
    return f"{said}: {difference}"


def samples_warning(dataset: Any, meta: Mapping[str, Any], source: str) -> str | None:
    """Say that a training goes on with other samples than the checkpoint with ``meta`` was trained on."""
    before, now = meta.get("class_counts"), class_counts(dataset)
    if not isinstance(before, list):
        return None
    pairs = enumerate(zip_longest(before, now, fillvalue=0))
    changed = [f"class {label} had {old} samples, it has {new}" for label, (old, new) in pairs if old != new]
    if changed:
        return f"the training set is another one than {source} was trained on: {first_few(changed, 3)}"
    if meta.get(LISTS) in (None, list_hashes(dataset)):
        return None
    names = first_few({str(part.ann_file) for part in sources(dataset)}, 3)
    return (
        f"{names}: the content is another than when {source} was trained, with as many samples of each class; the run "
        "goes on with what the file holds now"
    )


def config_warning(cfg: Config, meta: Mapping[str, Any], source: str) -> str | None:
    """Say in what the config of a training that goes on differs from the one that the checkpoint with ``meta`` carries.

    Compared is what the weights depend on, but learning rates and schedules, which ``Continuation`` names.
    """
    learned = _learned_config(meta, source)
    if learned is None:
        return None
    found = [text for key in COMPARED for text in _changes(key, plain(cfg.get(key)), plain(learned.get(key)))]
    if not found:
        return None
    return (
        f"{source} was trained with another config: {first_few(found, 6)}. Weights (also a graph's adjacency) and "
        "settings of the optimizer are taken from the checkpoint; all else is from here on as in the config"
    )


def _learned_config(meta: Mapping[str, Any], source: str) -> Config | None:
    try:
        return config_of_text(meta["cfg"], source)
    except (KeyError, TypeError, ValueError):  # a published checkpoint with a config of an older form, or none
        return None


def _changes(key: str, now: Any, before: Any) -> Iterator[str]:
    """Yield where two values of a config differ, by dotted keys."""
    if isinstance(now, Mapping) and isinstance(before, Mapping):
        for name in [name for name in {**now, **before} if name not in FREE_KEYS]:
            both = [type_name(part) if name == "type" else part.get(name) for part in (now, before)]
            yield from _changes(f"{key}.{name}", *both)
    elif _types(now) and _types(now) == _types(before):
        for name, *both in zip(_types(now), now, before, strict=True):
            yield from _changes(f"{key}.{name}", *both)
    elif now != before:
        is_shown = _types(now) or _types(before) or len(f"{now}{before}") <= LONGEST
        now, before = _types(now) or now, _types(before) or before
        yield f"{key} is {now!r}, it was {before!r}" if is_shown else f"{key} is another"


def _types(value: Any) -> list[str]:
    """Return the types of the steps of a pipeline, or of hooks; nothing of other values."""
    is_row = isinstance(value, list) and all(isinstance(part, Mapping) for part in value)
    return [type_name(part) for part in value] if is_row else []


def check_bases(dataset: Any, meta: Mapping[str, Any], source: str) -> None:
    """Raise ValueError where a fusion, whose checkpoint has ``meta``, learned from features of other checkpoints."""
    learned = (meta.get("dataset_meta") or {}).get("bases") or {}
    for part in sources(dataset):
        for name, basis in getattr(part, "bases", {}).items():
            if learned.get(name, basis) != basis:
                raise ValueError(
                    f"expert {name}: {source} learned from features of a checkpoint with SHA-256 {learned[name][:12]}, "
                    f"and {part.ann_file} holds features from {basis[:12]}, so that they mean something else; extract "
                    "both with one checkpoint"
                )


def _check_stream(cfg: Config, learned: Config, source: str) -> None:
    given, known = ({*feats_of(config.to_dict())} for config in (cfg, learned))
    if len(given) == len(known) == 1 and given != known:
        (mine,), (its,) = given, known
        raise ValueError(
            f"{source} was trained with feats={list(its)} in GenSkeFeat, and the config has feats={list(mine)}: the "
            "scores would mean nothing. Take the config beside the checkpoint, or the option --stream"
        )


def _preprocessing_changes(cfg: Config, learned: Config) -> Iterator[str]:
    mine, its = ((config.get("model") or {}).get("data_preprocessor") or {} for config in (cfg, learned))
    for key, default in PREPROCESSING.items():
        now, before = (part.get(key, default) for part in (mine, its))
        if plain(now) != plain(before):
            yield f"data_preprocessor.{key} is {now}, it was {before}"


def _step_changes(cfg: Config, learned: Config) -> Iterator[str]:
    mine, its = (steps_of(config, "test") or steps_of(config, "val") for config in (cfg, learned))
    for kind in one_sided(mine, its):
        yield f"{kind} is in the test pipeline, it was not" if kind in mine else f"{kind} was in the test pipeline"
    for kind, key, now, before in changed_arguments(mine, its):
        yield f"{key} of {kind} is {now}, it was {before}"
