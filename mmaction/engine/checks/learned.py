"""What a checkpoint says of its training, compared with what a test or an application is about to give the network."""

import inspect
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from mmengine.config import Config

from mmaction.engine.checks.warnings import class_names, first_difference
from mmaction.engine.hooks.data_hooks import class_counts, sources
from mmaction.engine.streams import feats_of
from mmaction.registry import TRANSFORMS
from mmaction.utils.config import dataset_config, type_name
from mmaction.utils.config_text import config_of_text
from mmaction.utils.text import first_few

# How many views are taken, how files are read: they change the figures a little or not at all.
FREE_ARGUMENTS = {
    *("num_clips", "twice_sample", "num_sample_positions", "double", "test_mode"),
    *("io_backend", "num_threads", "mode", "backend", "decoding_backend"),
}
# A step of these kinds changes the meaning of the input, so that it is missed where only one pipeline has it.
MEANING = {"PreNormalize2D", "PreNormalize3D", "GenSkeFeat", "JointToBone", "ToMotion", "Normalize"}
PREPROCESSING = {"mean": None, "std": None, "to_rgb": False}


def check_input(cfg: Config, meta: Mapping[str, Any], source: str) -> str | None:
    """Say that the network will see another input than the checkpoint with ``meta`` was trained for.

    Colors, normalization and the arguments of the steps that both test pipelines have are compared, except how many
    views are taken and how files are read. None if nothing differs, or if the checkpoint carries no config to compare.
    ValueError where a network that learned one stream of a skeleton would see another.
    """
    try:
        learned = config_of_text(meta["cfg"], source)
    except (KeyError, TypeError, ValueError):  # a published checkpoint with a config of an older form, or none
        return None
    _check_stream(cfg, learned, source)
    found = [*_preprocessing_changes(cfg, learned), *_step_changes(cfg, learned)]
    if not found:
        return None
    return (
        f"{source} was trained for another input than the config gives, so that scores may be wrong: "
        f"{first_few(found, 4)}. The config beside the checkpoint gives its own"
    )


def classes_warning(dataset: Any, meta: Mapping[str, Any], source: str) -> str | None:
    """Say that a checkpoint with ``meta`` learned other classes, or in another order, than the data set names."""
    learned, named = (meta.get("dataset_meta") or {}).get("classes"), class_names(dataset)
    if not learned or not named or list(learned) == list(named):
        return None
    return (
        f"{source} has not learned the classes that {getattr(dataset, 'ann_file', 'the data set')} names, so that "
        f"labels and figures may be wrong: {first_difference(learned, named)}"
    )


def counts_warning(dataset: Any, meta: Mapping[str, Any], source: str) -> str | None:
    """Say that a training goes on with other numbers of samples than the checkpoint with ``meta`` was trained on."""
    before, now = meta.get("class_counts"), class_counts(dataset)
    if not isinstance(before, list):
        return None
    pairs = enumerate(zip_longest(before, now, fillvalue=0))
    changed = [f"class {label} had {old} samples, it has {new}" for label, (old, new) in pairs if old != new]
    return f"the training set is another one than {source} was trained on: {first_few(changed, 3)}" if changed else None


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
        if _plain(now) != _plain(before):
            yield f"data_preprocessor.{key} is {now}, it was {before}"


def _step_changes(cfg: Config, learned: Config) -> Iterator[str]:
    mine, its = ({type_name(step): step for step in _test_steps(config)} for config in (cfg, learned))
    if not mine or not its:
        return
    for kind in sorted(MEANING & (mine.keys() ^ its.keys())):
        yield f"{kind} is in the test pipeline, it was not" if kind in mine else f"{kind} was in the test pipeline"
    for kind in [kind for kind in mine if kind in its]:
        now, before = (_arguments(kind, step) for step in (mine[kind], its[kind]))
        for key in sorted({*now, *before} - FREE_ARGUMENTS):
            if _plain(now.get(key)) != _plain(before.get(key)):
                yield f"{key} of {kind} is {now.get(key)}, it was {before.get(key)}"


def _test_steps(config: Config) -> list[Mapping[str, Any]]:
    steps = dataset_config(config).get("pipeline") or config.get("test_pipeline") or []
    return [step for step in steps if isinstance(step, Mapping)]


def _arguments(kind: str, step: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a step, with the defaults of those that it leaves out."""
    built = TRANSFORMS.get(kind)
    parameters = inspect.signature(built).parameters.values() if built else ()
    defaults = {item.name: item.default for item in parameters if item.default is not inspect.Parameter.empty}
    return {**defaults, **{key: value for key, value in step.items() if key != "type"}}


def _plain(value: Any) -> Any:
    """Return ``value`` with lists for tuples, as a config that was written and read again has them."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
