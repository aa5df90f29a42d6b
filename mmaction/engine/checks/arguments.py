"""Arguments that a class in the config does not take or lacks, and keys that nothing reads."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from mmengine.hooks import CheckpointHook
from torch.utils.data import DataLoader

from mmaction import registry
from mmaction.models.backbones.multipath import Lateral, Pathway
from mmaction.utils.cli import suggest

# the registry of the class that a dict under this key describes
REGISTRIES = {
    registry.MODELS: "model backbone neck cls_head data_preprocessor loss_cls blending augments tta_model",
    registry.DATASETS: "dataset datasets",
    registry.TRANSFORMS: "pipeline transforms",
    registry.DATA_SAMPLERS: "sampler batch_sampler",
    registry.METRICS: "metrics val_evaluator test_evaluator",
    registry.OPTIM_WRAPPERS: "optim_wrapper",
    registry.OPTIMIZERS: "optimizer",
    registry.PARAM_SCHEDULERS: "param_scheduler",
    registry.HOOKS: "default_hooks custom_hooks",
    registry.LOOPS: "train_cfg val_cfg test_cfg",
    registry.VISUALIZERS: "visualizer",
    registry.VISBACKENDS: "vis_backends",
    registry.LOG_PROCESSORS: "log_processor",
}
REGISTRY_OF = {key: part for part, keys in REGISTRIES.items() for key in keys.split()}
# keys below which names, which the user chooses, stand before the dicts
NAMED = ("default_hooks", "preprocessors", "param_scheduler")
# what the builders add to, and take out of, the arguments in the config
ADDED = {
    "sampler": ["dataset", "seed"],
    "batch_sampler": ["sampler", "batch_size"],
    "optim_wrapper": ["optimizer"],
    "optimizer": ["params"],
    "param_scheduler": ["optimizer", "param_name"],
    "train_cfg": ["runner", "dataloader"],
    "val_cfg": ["runner", "dataloader", "evaluator"],
    "test_cfg": ["runner", "dataloader", "evaluator"],
    "visualizer": ["name", "save_dir"],
    "vis_backends": ["save_dir"],
    "tta_model": ["module"],
}
TAKEN = {
    "optim_wrapper": ["constructor", "paramwise_cfg"],
    "param_scheduler": ["convert_to_iter_based"],
    "train_cfg": ["by_epoch"],
    "custom_hooks": ["priority"],
    "default_hooks": ["priority"],
}
DEFAULT_TYPES = {"optim_wrapper": "OptimWrapper", "val_cfg": "ValLoop", "test_cfg": "TestLoop"}
LOADER_KEYS = ["num_batch_per_epoch", "disable_subprocess_warning"]  # beside the arguments of PyTorch's DataLoader
SECTIONS = {
    "env_cfg": ["cudnn_benchmark", "mp_cfg", "dist_cfg", "resource_limit"],
    "env_cfg.mp_cfg": ["mp_start_method", "opencv_num_threads"],
    "auto_scale_lr": ["enable", "base_batch_size"],
    "randomness": ["seed", "diff_rank_seed", "deterministic"],
}
PATHWAY_KEYS = ["speed_ratio", "channel_ratio", *(field.name for field in fields(Lateral))]


def check_arguments(cfg: Mapping[str, Any]) -> None:
    """Check the arguments of all registered classes in a config, and the keys of its loaders and settings.

    A class that is not registered is left to the builders, which name it; a class of a plug-in that takes ``**kwargs``
    may take anything. TypeError if a class does not take an argument of the config, or lacks one; names the place;
    KeyError if nothing reads a key of a loader or of a section such as ``env_cfg``.
    """
    for place, known in SECTIONS.items():
        section: Any = cfg
        for key in place.split("."):
            section = section.get(key) if isinstance(section, Mapping) else None
        if isinstance(section, Mapping):
            _check_keys(place, section, known)
    for key, value in cfg.items():
        if key.endswith("_dataloader") and isinstance(value, Mapping):
            _check_keys(key, value, [*inspect.signature(DataLoader).parameters, *LOADER_KEYS])
        for place, part, kind in _parts(value, key, key):
            _check_part(place, part, kind)


def _check_keys(place: str, section: Mapping[str, Any], known: list[str]) -> None:
    for key in section:
        if key not in known:
            raise KeyError(f"{place}: nothing reads {key!r}{suggest(key, known) or '; it has ' + ', '.join(known)}")


def _parts(value: Any, place: str, kind: str) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Yield place, config and kind, a key of ``REGISTRY_OF``, of all parts that ``value`` describes."""
    if isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _parts(item, f"{place}.{index}", kind)
    if not isinstance(value, Mapping):
        return
    if kind in REGISTRY_OF or kind.endswith("_pathway"):
        yield place, value, kind
    for key, item in value.items():
        inner = "data_preprocessor" if kind == "preprocessors" else kind if kind in NAMED else key
        yield from _parts(item, f"{place}.{key}", inner)


def _check_part(place: str, config: Mapping[str, Any], kind: str) -> None:
    cls = _class_of(config, kind, is_top=place == kind)
    if cls is None:
        return
    given = [key for key in config if key not in ("type", "_scope_", *TAKEN.get(kind, ()))]
    known, required = _parameters(cls)
    if kind.endswith("_pathway"):
        known = known and [*known, *PATHWAY_KEYS]
    added, name = ADDED.get(kind, []), getattr(cls, "__name__", str(cls))
    own = [key for key in known or () if key not in added]
    if wrong := [key for key in given if known is not None and key not in known]:
        hint = suggest(wrong[0], own) or f"; it takes {', '.join(own) or 'none'}"
        raise TypeError(f"{place}: {name} has no argument {wrong[0]!r}{hint}")
    if missing := [key for key in required if key not in [*given, *added]]:
        raise TypeError(f"{place}: {name} needs {', '.join(missing)}")


def _class_of(config: Mapping[str, Any], kind: str, is_top: bool) -> Any:
    """Return the class that a config names, or the default of its place; None if it cannot be told."""
    if kind.endswith("_pathway"):
        return Pathway
    default: str | None = DEFAULT_TYPES.get(kind) if is_top else None
    if kind == "train_cfg" and is_top and "by_epoch" in config:
        default = "EpochBasedTrainLoop" if config["by_epoch"] else "IterBasedTrainLoop"
    name = config.get("type", default)
    if not isinstance(name, str):
        return name
    scope, _, name = name.rpartition(".")
    if scope not in ("", "mmaction", "mmengine"):  # classes of other packages are imported as they are built
        return None
    found = REGISTRY_OF[kind].get(name)
    return found or (registry.EVALUATOR.get(name) if kind.endswith("_evaluator") else None)


def _parameters(cls: Any) -> tuple[list[str] | None, list[str]]:
    """Return the arguments that a class or function takes, None if it takes any, and those that it needs.

    ``**kwargs`` of our classes and of MMEngine's go to the class above, whose arguments count as well; what has another
    name, such as ``**options``, goes elsewhere.
    """
    known: dict[str, bool] = {}  # whether each is needed
    owners = [part for part in cls.__mro__ if "__init__" in vars(part)] if inspect.isclass(cls) else [cls]
    for owner in owners:
        named = inspect.signature(owner.__init__ if inspect.isclass(owner) else owner).parameters.values()
        for part in named:
            if part.name != "self" and part.kind not in (part.VAR_POSITIONAL, part.VAR_KEYWORD):
                known.setdefault(part.name, part.default is part.empty)
        required = [name for name, is_needed in known.items() if is_needed]
        rest = [part.name for part in named if part.kind is part.VAR_KEYWORD]
        if not rest or owner is CheckpointHook:  # of MMEngine; it hands the rest to a function that takes no more
            return list(known), required
        if rest != ["kwargs"] or owner.__module__.partition(".")[0] not in ("mmaction", "mmengine"):
            break
    return None, required
