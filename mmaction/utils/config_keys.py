"""Top-level keys of a config that nothing reads: an override that would be lost is an error.

Config files run from the bases upwards. A variable that a base has used is spent: to set it again in the leaf or on the
command line changes nothing.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmaction.utils.cli import close_matches
from mmaction.utils.shipped_configs import PREFIX, find_config

# what MMEngine's Runner and this package read; all other keys are variables, or belong to a plug-in
READ_KEYS = frozenset(
    """model work_dir train_dataloader val_dataloader test_dataloader train_cfg val_cfg test_cfg auto_scale_lr
    optim_wrapper param_scheduler val_evaluator test_evaluator default_hooks custom_hooks data_preprocessor load_from
    resume launcher env_cfg log_processor log_level visualizer default_scope randomness experiment_name custom_imports
    runner_type model_wrapper_cfg sync_bn find_unused_parameters compile tf32 efficient_conv_bn_eval
    activation_checkpointing strategy trust_checkpoint tta_model tta_pipeline""".split()  # noqa: SIM905 - to be read
)
MOST_PATHS = 4  # named in a message


@dataclass
class ConfigSource:
    """What one config file, a program, does with names."""

    path: Path
    sets: dict[str, str] = field(default_factory=dict)  # names that it assigns, and the text of the value
    uses: set[str] = field(default_factory=set)  # names that it reads, its own or from a base
    bases: list["ConfigSource"] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "ConfigSource":
        """Read a file and its bases; one that is no plain Python (JSON, MMEngine's templates) sets and uses nothing."""
        source = cls(path, bases=[cls.read(base) for base in direct_bases(path)])
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except SyntaxError:
            return source
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                source.uses.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "_base_":
                source.uses.add(node.attr)
        for statement in tree.body:
            if isinstance(statement, ast.Assign):
                names = [n.id for target in statement.targets for n in ast.walk(target) if isinstance(n, ast.Name)]
                source.sets.update(dict.fromkeys(names, ast.dump(statement.value)))
        return source

    def chain(self) -> Iterator["ConfigSource"]:
        """Yield this file and all below it."""
        yield self
        for base in self.bases:
            yield from base.chain()


def direct_bases(path: Path) -> list[Path]:
    """Return the files that ``path`` names as ``_base_``."""
    found = re.search(r"^_base_\s*=\s*(\[[^\]]*\]|[^\n]*)", path.read_text(encoding="utf-8"), re.MULTILINE)
    names = re.findall(r"""["']([^"']+)["']""", found[1]) if found else []
    found_at = [find_config(name) if name.startswith(PREFIX) else path.parent / name for name in names]
    return [base for base in found_at if base.is_file()]


def check_overrides(cfg: Any, source: ConfigSource, used_above: frozenset[str] = frozenset()) -> None:
    """Raise ValueError if a file sets a variable of its bases again that neither it nor a file above it uses.

    In the whole config ``cfg`` the places are looked up that the user may have meant.
    """
    used = used_above | source.uses
    for base in source.bases:
        below = list(base.chain())
        for name, value in source.sets.items():
            setter = next((part for part in below if name in part.sets), None)
            if name[0] == "_" or name in READ_KEYS or name in used or setter is None or setter.sets[name] == value:
                continue
            is_spent = any(name in part.uses for part in below)
            meant = places_of(cfg, name, _value_in(setter, name))
            if is_spent or meant:
                raise ValueError(
                    f"config {source.path}: it sets {name}, which its base {setter.path.name} has used already, so "
                    f"that nothing reads it here{_question(meant)} Set that key in {source.path.name}, or copy the "
                    f"lines of {setter.path.name} that use {name} (train_dataloader, model, ...) below it"
                )
        check_overrides(cfg, base, used)


def _value_in(source: ConfigSource, name: str) -> Any:
    """Return the value that a base gives a variable, None if it cannot be told."""
    from mmengine.config import Config

    try:
        return Config.fromfile(source.path).get(name)
    except Exception:  # a config is a program: it may raise anything, and the message does without the value
        return None


def check_option(cfg: Mapping[str, Any], source: ConfigSource, key: str) -> str | None:
    """Raise KeyError if nothing reads a dotted key of ``--cfg-options``; return a note where only a plug-in can."""
    top = key.split(".")[0]
    if top in READ_KEYS:
        return None
    meant = places_of(cfg, top, cfg.get(top))
    if top in cfg:
        if not meant and not any(top in part.uses for part in source.chain()):
            return None  # no variable of the config: a plug-in's key
        raise KeyError(
            f"--cfg-options {key}: {top} is a variable that the config has used already when the options are read, so "
            f"nothing reads it{_question(meant)}"
        )
    if meant or not cfg.get("custom_imports"):
        raise KeyError(f"--cfg-options {key}: nothing reads {top}{_question(meant or close_matches(top, READ_KEYS))}")
    return f"--cfg-options {key}: nothing here reads {top}; it is kept for a plug-in"


def unread_keys(cfg: Mapping[str, Any], path: str | Path | None) -> list[str]:
    """Return the top-level keys that neither this package nor the config's files read: a plug-in may, or nobody.

    Each comes with the key that may be meant.
    """
    if not path or not Path(path).is_file() or Path(path).suffix != ".py":
        return []
    files = list(ConfigSource.read(Path(path)).chain())
    if "read_base" in set().union(*(part.uses for part in files)):  # names come and go through imports there
        return []
    used = READ_KEYS.union(*(part.uses for part in files))
    unread = [key for part in files for key in part.sets if key in cfg and key not in used and not key.startswith("_")]
    return [f"{key}{_question(places_of(cfg, key, None))}" for key in dict.fromkeys(unread)]


def places_of(cfg: Any, name: str, value: Any) -> list[str]:
    """Return the dotted keys of a config that may be meant by the variable ``name``.

    They are called so, or hold its ``value``, if that is text. A name of one split (``ann_file_train``) finds keys of
    that split only.
    """
    split = name.rpartition("_")[2]
    found = []
    for place, item in _walk({key: cfg[key] for key in cfg if key in READ_KEYS}):
        is_same = isinstance(value, str) and bool(value) and item == value
        if place.rpartition(".")[2] == name or is_same:
            found.append(place)
    own = [place for place in found if place.startswith(f"{split}_")] if split in ("train", "val", "test") else []
    others = [place for place in found if name != "data_root" or not place.endswith(".data_root")]
    return (own or others)[:MOST_PATHS]


def _walk(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted key and value of all that is not a dict; steps of a pipeline are left out."""
    if isinstance(value, Mapping):
        for key in value:
            yield from _walk(value[key], f"{place}.{key}".lstrip("."))
    elif isinstance(value, (list, tuple)) and not place.endswith("pipeline"):
        for index, item in enumerate(value):
            yield from _walk(item, f"{place}.{index}")
    yield place, value


def _question(meant: list[str]) -> str:
    return f"; did you mean {' or '.join(meant)}?" if meant else "."
