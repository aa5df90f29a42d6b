"""Read a config file and say in one sentence what is wrong with it; values that a config implies."""

import re
import traceback
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import IO, Any

import yaml
from mmengine.config import Config
from mmengine.config.lazy import LazyAttr, LazyObject
from mmengine.fileio import YamlHandler, register_handler
from mmengine.utils import import_modules_from_strings

from mmaction import registry
from mmaction.utils.cli import close_matches, describe_error, merge_options
from mmaction.utils.config_keys import ConfigSource, check_option, check_overrides, direct_bases
from mmaction.utils.files import read_json
from mmaction.utils.shipped_configs import CONFIGS, PREFIX, config_name, find_config, leaf_configs

CONFIG_SUFFIXES = (".py", ".json", ".yaml", ".yml")
# 8xb16 in a published file name: 8 GPUs with 16 samples each
_BATCH_IN_NAME = re.compile(r"(?<![0-9a-z])(\d+)xb(\d+)(?![0-9])")


class _PlainLoader(yaml.SafeLoader):
    """Builds plain values, and tuples, which MMEngine writes."""

    def construct_tuple(self, node: yaml.SequenceNode) -> tuple:
        return tuple(self.construct_sequence(node))


_PlainLoader.add_constructor("tag:yaml.org,2002:python/tuple", _PlainLoader.construct_tuple)


class _PlainYaml(YamlHandler):
    """MMEngine's handler calls any function that a YAML file names; this one refuses."""

    def load_from_fileobj(self, file: IO, **kwargs: Any) -> Any:
        return super().load_from_fileobj(file, **{**kwargs, "Loader": _PlainLoader})


def load_config(path: str | Path, options: dict[str, Any] | None = None) -> tuple[Config, list[str]]:
    """Read a config and apply ``--cfg-options``.

    A config in Python is a program: it runs with the rights of the user who reads it. One in JSON or YAML is data: it
    builds nothing but what the registries hold, and neither imports modules nor has a base in Python.

    Args:
        path: The config file, or the name of a shipped one, see :func:`find_config`.
        options: Dotted keys and their new values, or None.

    Returns:
        The config, and notes for the user about options that look like typing errors.

    Raises:
        FileNotFoundError: If ``path``, or a ``_base_`` of it, is missing; close matches are named.
        ValueError: If the file is no config, or is wrong at a line, which is named; if it is data that names code; or
            if it sets a variable that its base has used already.
        KeyError: If an option goes nowhere.
    """
    path = find_config(path)
    if not path.is_file():
        raise FileNotFoundError(f"config {path} {_absence(path)}")
    if path.suffix not in CONFIG_SUFFIXES:
        raise ValueError(f"config {path}: expected a file named {', '.join('*' + s for s in CONFIG_SUFFIXES)}")
    register_handler(["yaml", "yml"])(_PlainYaml)
    try:
        is_program = path.suffix == ".py"
        if not is_program:
            _refuse_programs(path)
        with _own_bases():
            cfg = Config.fromfile(path, import_custom_modules=is_program)
        if not is_program:
            refuse_code(cfg.to_dict())
    except Exception as error:  # a config is a program: it may raise anything
        raise _config_error(path, error) from error
    _refuse_old_form(cfg)
    _prefer_own(cfg._cfg_dict)  # a copy in public would lose the places of lazy imports
    notes = _unwrap_loaders(cfg)
    source = ConfigSource.read(path)
    if is_program:
        _import_for_bases(cfg, source)
    check_overrides(cfg, source)
    notes += [note for key in options or {} if (note := check_option(cfg, source, key))]
    return cfg, notes + merge_options(cfg, options)


@contextmanager
def _own_bases() -> Iterator[None]:
    """Let a ``_base_`` that begins with ``mmaction::`` name a shipped config.

    MMEngine looks for it in the package mmaction2, which this is not; there is no public way to tell it another.
    """
    find = Config._get_cfg_path

    def find_base(base: str, filename: str) -> tuple[str, str | None]:
        return (str(find_config(base)), None) if base.startswith(PREFIX) else find(base, filename)

    Config._get_cfg_path = staticmethod(find_base)
    try:
        yield
    finally:
        Config._get_cfg_path = staticmethod(find)


OLD_KEYS = ("data", "total_epochs", "optimizer", "optimizer_config", "lr_config", "evaluation")


def _refuse_old_form(cfg: Config) -> None:
    """Raise ValueError for a config of MMAction2 0.x, which has neither loaders nor loops."""
    old = [key for key in OLD_KEYS if key in cfg]
    if len(old) > 1 and not {"train_dataloader", "val_dataloader", "test_dataloader"} & set(cfg):
        raise ValueError(
            f"config {cfg.filename} is written for MMAction2 0.x ({', '.join(old)}): the section 'From MMAction2 0.x' "
            "of docs/migration.md says what each of these became"
        )


def _import_for_bases(cfg: Config, source: ConfigSource) -> None:
    """Import what each base names in ``custom_imports``, too: MMEngine lets the leaf's list replace it."""
    owners = [part.path for part in source.chain() if "custom_imports" in part.sets]
    if len(owners) < 2:
        return
    modules: list[str] = []
    for path in reversed(owners):
        with _own_bases():
            part = Config.fromfile(path, import_custom_modules=False)
        named = (part.get("custom_imports") or {}).get("imports") or []
        modules += [named] if isinstance(named, str) else named
    cfg.custom_imports["imports"] = list(dict.fromkeys(modules))
    import_modules_from_strings(**cfg.custom_imports)


def _refuse_programs(path: Path) -> None:
    """Raise ValueError if a base of a config in JSON or YAML is a program, which would run."""
    content = read_json(path) if path.suffix == ".json" else _PlainYaml().load_from_path(str(path))
    bases = content.get("_base_", []) if isinstance(content, dict) else []
    for base in [bases] if isinstance(bases, str) else bases:
        if "::" in base or Path(base).suffix not in CONFIG_SUFFIXES[1:]:
            raise ValueError(f"{path} is data, but its _base_ {base} is a program; write {path.stem}.py instead")
        if (inner := path.parent / base).is_file():
            _refuse_programs(inner)


def refuse_code(value: Any, where: str = "") -> None:
    """Raise ValueError if a config from data names something to import or call that no registry holds."""
    if isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            refuse_code(item, f"{where}[{index}]")
        return
    if not isinstance(value, Mapping):
        return
    if "custom_imports" in value:
        raise ValueError("custom_imports would run code; a config that imports modules is written in Python")
    for key, item in value.items():
        place = f"{where}.{key}".lstrip(".")
        if key in ("type", "runner_type") and isinstance(item, str) and "." in item and not _is_registered(item):
            raise ValueError(f"{place}: {item} is in no registry, and a config in JSON or YAML calls nothing else")
        refuse_code(item, place)


def _is_registered(name: str) -> bool:
    """Return whether ``name``, such as ``mmaction.ResNet3d``, is the name of a class with the scope before it."""
    scope, _, name = name.partition(".")
    return scope in ("mmaction", "mmengine") and "." not in name and _registered(name) is not None


def _registered(name: str) -> Any:
    """Return what the registries hold under ``name``, or None."""
    registries = [value for value in vars(registry).values() if isinstance(value, registry.Registry)]
    return next(filter(None, (part.get(name) for part in registries)), None)


def _prefer_own(value: Any) -> None:
    """Replace imported classes of MMEngine by their names where these name a class that extends or replaces them."""
    if isinstance(value, (list, tuple)):
        for item in value:
            _prefer_own(item)
    if not isinstance(value, dict):
        return
    for key, item in list(dict.items(value)):  # the items of a ConfigDict would import what they stand for
        if key != "type":
            _prefer_own(item)
            continue
        place = f"{item.module}.{item}" if isinstance(item, (LazyAttr, LazyObject)) else str(item)
        if re.match(r"mmengine\..+\.", place):
            name = place.rpartition(".")[2]
            own = _registered(name)
            if own is not None and not own.__module__.startswith("mmengine."):
                value[key] = name


def _unwrap_loaders(cfg: Config) -> list[str]:
    """Take loaders out of lists of one, in which a published config has one by a stray bracket; say so."""
    notes = []
    for name in ("train_dataloader", "val_dataloader", "test_dataloader"):
        loader = cfg.get(name)
        if isinstance(loader, (list, tuple)) and len(loader) == 1:
            cfg[name] = loader[0]
            notes.append(f"{name} is a list of one loader in {cfg.filename}; taken out of it")
    return notes


def _absence(path: Path) -> str:
    """Say what there is in place of the file ``path``."""
    if path.is_dir():
        return "is a folder; name one of the files in it"
    beside = [*path.parent.glob("*.*")] if path.parent.is_dir() else []
    shipped = CONFIGS.rglob("*.py") if "_base_" in path.parts else leaf_configs()
    paths = {near.name: near for near in (*shipped, *beside) if near.suffix in CONFIG_SUFFIXES}
    matches = close_matches(path.name if path.suffix else f"{path.name}.py", paths, count=3)
    matches = matches or [name for name in paths if path.stem in name][:3]
    if not matches:
        return "does not exist; mmaction configs lists those that come with mmaction"
    return f"does not exist; did you mean {' or '.join(config_name(paths[name]) for name in matches)}?"


def _config_error(path: Path, error: Exception) -> Exception:
    """Return an error that names the file and the line at which reading ``path`` failed."""
    if isinstance(error, SyntaxError):
        file, line, text = _syntax_place(path, error)
        return ValueError(f"config {file}, line {line}: {text}")
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(f"config {path}: {describe_error(error)} (named in its _base_)")
    hint = ""
    if isinstance(error, ImportError):
        while isinstance(inner := error.__cause__ or error.__context__, ImportError):  # MMEngine hides it
            error = inner
        ours = str(error.name).partition(".")[0] == "mmaction"
        place = "docs/migration.md says what is where" if ours else "install it, or let PYTHONPATH name its folder"
        hint = f"; {place}"
    said = f"{type(error).__name__}: {describe_error(error)}{hint}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).suffix == ".py" and frame.name == "<module>" and "site-packages" not in frame.filename:
            return ValueError(f"config {frame.filename}, line {frame.lineno}: {said}")
    return ValueError(f"config {path}: {said}")


def _syntax_place(path: Path, error: SyntaxError) -> tuple[Path, int | None, str]:
    """Find the file of a syntax error, which MMEngine reports for a temporary copy, by parsing the config again."""
    for candidate in [path, *bases_of(path)]:
        try:
            compile(candidate.read_text(encoding="utf-8"), str(candidate), "exec")
        except SyntaxError as found:
            return candidate, found.lineno, f"{found.msg}: {(found.text or '').strip()}"
    return path, error.lineno, error.msg


def bases_of(path: Path) -> list[Path]:
    """Return the files that ``path`` names as ``_base_``, directly or through others."""
    direct = direct_bases(path)
    return direct + [deeper for base in direct for deeper in bases_of(base)]


def unformatted(cfg: Config) -> Config:
    """Return a copy that shares nothing, is written without yapf, and needs the file no more, which may be gone."""
    return Config(deepcopy(cfg.to_dict()), cfg.text or "\n", cfg.filename, format_python_code=False)


def type_name(config: Mapping[str, Any]) -> str:
    """Return the name of the class in ``config["type"]``, be it the class, its name or ``package.module.Name``."""
    kind = config.get("type", "")
    return getattr(kind, "__name__", str(kind)).rpartition(".")[2]


def inner_datasets(dataset: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the configs of the data sets that a config repeats, joins or wraps otherwise, or the config itself."""
    if not isinstance(dataset, Mapping):
        return
    parts = dataset["datasets"] if "datasets" in dataset else [dataset["dataset"]] if "dataset" in dataset else None
    if parts is None:
        yield dataset
    for part in parts or ():
        yield from inner_datasets(part)


def change_datasets(dataset: Any, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Any:
    """Return a config with ``change`` of each data set that it repeats, joins or wraps otherwise, or of itself.

    What is no config, as a data set that is built already, stays as it is.
    """
    if not isinstance(dataset, Mapping):
        return dataset
    if "datasets" in dataset:
        return {**dataset, "datasets": [change_datasets(part, change) for part in dataset["datasets"] or ()]}
    if "dataset" in dataset:
        return {**dataset, "dataset": change_datasets(dataset["dataset"], change)}
    return change(dataset)


def dataset_config(
    cfg: Mapping[str, Any], splits: Sequence[str] = ("test", "val"), inner: bool = True
) -> Mapping[str, Any]:
    """Return the config of the data set of the first of ``splits`` that ``cfg`` has; {} if there is none.

    With ``inner`` its wrappers are taken off; where several are joined, the first counts.
    """
    loader = next(filter(None, (cfg.get(f"{split}_dataloader") for split in splits)), None)
    dataset = (loader or {}).get("dataset") or {}
    return next(inner_datasets(dataset), {}) if inner else dataset


def set_steps(config: Any, kind: str, **changes: Any) -> None:
    """Change arguments of every step of the type ``kind`` in all pipelines of a config, in place.

    A config file calls it on ``_base_``: ``set_steps(_base_, "GenSkeFeat", feats=["b"])`` makes the stream of bones.
    KeyError if the config has no such step.
    """
    if not _set_steps(config, kind, changes):
        raise KeyError(f"the config has no step {kind!r} in any pipeline")


def _set_steps(value: Any, kind: str, changes: Mapping[str, Any]) -> int:
    """Change the steps below ``value`` and count them."""
    if isinstance(value, (list, tuple)):
        return sum(_set_steps(item, kind, changes) for item in value)
    if not isinstance(value, MutableMapping):
        return 0
    if type_name(value) == kind:
        value.update(changes)
        return 1
    return sum(_set_steps(item, kind, changes) for item in list(value.values()))


def scheduler_configs(schedulers: Any) -> Iterator[MutableMapping[str, Any]]:
    """Yield the configs of the schedules in ``param_scheduler``: one, a list, or such a list for each optimizer."""
    is_by_optimizer = isinstance(schedulers, Mapping) and "type" not in schedulers
    for part in schedulers.values() if is_by_optimizer else [schedulers or ()]:
        for config in [part] if isinstance(part, Mapping) else part:
            if isinstance(config, MutableMapping):
                yield config


def scale_epochs(cfg: Config, epochs: int) -> None:
    """Let a training by epochs end after ``epochs``, and scale its schedules, also those by iterations, with it.

    Validations that would begin or recur later than the end come at the end. ValueError if ``epochs`` is below 1, or
    the training counts iterations.
    """
    loop = cfg.train_cfg
    before = loop.get("max_epochs")
    if not before:
        raise ValueError("--epochs: the training counts iterations; set train_cfg.max_iters and the schedule")
    if epochs < 1:
        raise ValueError(f"--epochs {epochs}: expected a whole number of at least 1")

    def scaled(value: int) -> int:
        return max(1, round(value * epochs / before)) if value > 0 else value

    for scheduler in scheduler_configs(cfg.get("param_scheduler")):
        by_epoch = scheduler.get("by_epoch", True)
        begin, period = scheduler.get("begin", 0), scheduler.get("T_max")
        is_to_end = period is not None and begin + period == scheduler.get("end", before if by_epoch else None)
        if begin:
            begin = round(begin * epochs / before)
            scheduler["begin"] = min(begin, epochs - 1) if by_epoch else begin
        for key in ("end", "T_max", "T_0", "total_iters", "total_steps", "step_size"):
            if isinstance(scheduler.get(key), int):
                scheduler[key] = scaled(scheduler[key])
        if "milestones" in scheduler:
            scheduler["milestones"] = [scaled(value) for value in scheduler["milestones"]]
        if is_to_end:  # rounding must not leave a gap
            scheduler["T_max"] = scheduler.get("end", epochs) - scheduler.get("begin", 0)
    loop["max_epochs"] = epochs
    for key in ("val_begin", "val_interval"):
        if key in loop:
            loop[key] = min(loop[key], epochs)


def default_work_dir(cfg: Config) -> str:
    """Return ``work_dirs/NAME``, NAME being the config's file name without its suffix."""
    return str(Path("work_dirs") / Path(cfg.filename or "run").stem)


def base_batch_size(cfg: Mapping[str, Any], filename: str | None = None) -> int | None:
    """Return the global batch for which the learning rate of ``cfg`` was chosen, or None if nothing tells.

    It stands in ``auto_scale_lr.base_batch_size``; otherwise the published file name does: ``8xb16`` is 8 x 16 = 128.
    """
    stated = (cfg.get("auto_scale_lr") or {}).get("base_batch_size")
    if stated:
        return int(stated)
    found = _BATCH_IN_NAME.search(Path(filename or getattr(cfg, "filename", None) or "").stem)
    return int(found[1]) * int(found[2]) if found else None
