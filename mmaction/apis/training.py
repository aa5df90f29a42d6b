"""Train from Python; ``tools/train.py`` is its command line."""

import argparse
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from html import escape
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from mmaction.engine import build_runner
from mmaction.engine.checks.config import check_config
from mmaction.engine.hooks.checkpoint_hook import BEST_FIGURES
from mmaction.engine.resume import plan_resume
from mmaction.utils import register_all_modules
from mmaction.utils.cli import program
from mmaction.utils.config import default_work_dir, load_config, scale_epochs, type_name, unformatted
from mmaction.utils.shipped_configs import config_name


@dataclass
class TrainOptions:
    """What a training is told beside its config; the names are the options of ``tools/train.py``.

    Attributes:
        work_dir: Folder of checkpoints and logs; None: the config's, else ``work_dirs/NAME``.
        resume: Go on with an earlier run: from this checkpoint, or with ``auto`` from the furthest intact one.
        load_from: File or web address of weights to start from.
        epochs: Train so many epochs, the schedule with them; None: as the config says.
        no_validate: Do not validate while training.
        seed: Of all random numbers; None: the config's, else a random one, which is logged.
        amp: Mixed precision.
        auto_scale_lr: Scale the learning rate to the batch by the linear rule.
        diff_rank_seed: Give each process a seed of its own.
        deterministic: Let cuDNN use deterministic kernels only.
        trust_checkpoint: Load checkpoints that hold other things than weights, which runs code of their authors.
        launcher: How the processes of a distributed run were started.
        cache: Folder of the kept features of a frozen backbone; None: the backbone runs on every clip.
        cache_views: How many augmentations of each training clip are kept there.
        cache_dtype: ``float16`` or ``float32``.
    """

    work_dir: str | Path | None = None
    resume: str | None = None
    load_from: str | Path | None = None
    epochs: int | None = None
    no_validate: bool = False
    seed: int | None = None
    amp: bool = False
    auto_scale_lr: bool = False
    diff_rank_seed: bool = False
    deterministic: bool = False
    trust_checkpoint: bool = False
    launcher: str = "none"
    cache: str | Path | None = None
    cache_views: int = 1
    cache_dtype: str = "float16"

    @classmethod
    def of(cls, args: argparse.Namespace, **changed: Any) -> "TrainOptions":
        """Return the options that are among ``args``, some of them ``changed``."""
        return cls(**pick(cls, {**vars(args), **changed}))


def pick(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``values`` that are fields of the data class ``cls``."""
    return {part.name: values[part.name] for part in fields(cls) if part.name in values}


@dataclass(frozen=True)
class Run:
    """What a training has left.

    Attributes:
        config: The config's file name.
        work_dir: Folder of checkpoints, the config, and in ``log_dir`` of the log.
        log_dir: Folder of the log and the curves' values.
        best: Figures of each best checkpoint by its place in ``work_dir``, one for each measure that was asked for.
        last: Name of the last checkpoint; empty where there is none.
    """

    config: str
    work_dir: Path
    log_dir: Path
    best: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    last: str = ""

    @classmethod
    def of(cls, runner: Runner) -> "Run":
        """Return what the training of ``runner`` has left."""
        known, work_dir = runner.message_hub.runtime_info, Path(runner.work_dir)
        names = [_place_of(known[key], work_dir) for key in known if key.startswith("best_ckpt")]
        pointer = work_dir / "last_checkpoint"
        return cls(
            config_name(Path(runner.cfg.filename or "")),
            work_dir,
            work_dir / runner.timestamp,
            {name: (known.get(BEST_FIGURES) or {}).get(Path(name).name) or {} for name in names},
            Path(pointer.read_text().strip()).name if pointer.is_file() else "",
        )

    @property
    def checkpoint(self) -> Path | None:
        """The best checkpoint, where there was a validation, else the last; None where none was written."""
        name = next(iter(self.best), self.last)
        return self.work_dir / name if name else None

    def rows(self) -> list[tuple[str, str]]:
        """Return what is worth telling: a word and a text for each line."""
        place = Path(os.path.relpath(self.work_dir))
        rows = []
        for name, figures in self.best.items():
            rows.append(("best", ", ".join([name, *(f"{key} {value:.4g}" for key, value in figures.items())])))
        if self.last:
            rows.append(("last", self.last))
        rows.append(("output", f"{place}: checkpoints, the config, and in {self.log_dir.name} the log"))
        if self.checkpoint:
            arguments = shlex.join([self.config, os.path.relpath(self.checkpoint)])
            rows.append(("next", f"{program('test')} {arguments}"))
            rows.append(("", f"{program('infer')} {arguments} VIDEO_OR_SKELETON"))
        return rows

    def __str__(self) -> str:
        return "the training has ended\n" + "\n".join(f"  {word:<10} {text}" for word, text in self.rows())

    def _repr_html_(self) -> str:
        rows = (f"<tr><th>{word}</th><td>{escape(text)}</td></tr>" for word, text in self.rows())
        return f"<table>{''.join(rows)}</table>"


def _place_of(path: str, work_dir: Path) -> str:
    """Return where a checkpoint lies from ``work_dir``: a run that was gone on with elsewhere left its best there."""
    name = Path(path).name
    return name if (work_dir / name).is_file() or not os.path.isfile(path) else os.path.relpath(path, work_dir)


def train(config: str | Path | Config, cfg_options: Mapping[str, Any] | None = None, **options: Any) -> Run:
    """Train a model.

    Args:
        config: Path of a config, name of a shipped one, or a loaded config, which is not changed.
        cfg_options: Dotted keys of the config and their new values.
        **options: See :class:`TrainOptions`.

    Returns:
        The checkpoints and their figures.

    Raises:
        TypeError: If an option is unknown.
        FileNotFoundError, ValueError, KeyError: If config, data or checkpoint are missing or wrong.

    Example:
        >>> run = train("configs/mine.py", epochs=30, seed=0)  # doctest: +SKIP
        >>> test("configs/mine.py", run.checkpoint)  # doctest: +SKIP
    """
    chosen = TrainOptions(**options)
    register_all_modules()
    cfg, notes = open_config(config, cfg_options)
    return Run.of(run_training(cfg, chosen, notes))


def open_config(config: str | Path | Config, options: Mapping[str, Any] | None) -> tuple[Config, list[str]]:
    """Return a config of one's own, with ``options`` in it, and the notes about them."""
    if not isinstance(config, Config):
        return load_config(config, dict(options or {}))
    cfg = unformatted(config)
    cfg.merge_from_dict(dict(options or {}))
    return cfg, []


def run_training(cfg: Config, options: TrainOptions, notes: Sequence[str] = ()) -> Runner:
    """Train the model of ``cfg``, which is changed as the options say; return the runner at its end."""
    apply_options(cfg, options)
    plan = plan_resume(cfg, options.resume)
    for note in [*notes, *(plan.notes if plan else ())]:
        print(note, file=sys.stderr)
    runner = build_runner(cfg, plan)
    runner.train()
    return runner


def apply_options(cfg: Config, options: TrainOptions) -> None:
    """Check ``cfg`` and write the options into it."""
    if options.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    check_config(cfg, "training")
    if options.epochs is not None:
        scale_epochs(cfg, options.epochs)
    cfg.launcher = options.launcher
    cfg.work_dir = str(options.work_dir or cfg.get("work_dir") or default_work_dir(cfg))
    if options.load_from:
        cfg.load_from = str(options.load_from)
    if options.trust_checkpoint:
        cfg.trust_checkpoint = True
    if options.amp:
        kind = type_name(cfg.optim_wrapper) or "OptimWrapper"
        if kind not in ("OptimWrapper", "AmpOptimWrapper"):
            raise ValueError(f"--amp works with the optimizer wrapper OptimWrapper; the config has {kind}")
        cfg.optim_wrapper.type = "AmpOptimWrapper"
    if options.auto_scale_lr:
        cfg.auto_scale_lr = {**(cfg.get("auto_scale_lr") or {}), "enable": True}
    if options.cache:
        keep_features(cfg, options.cache, options.cache_views, options.cache_dtype)
    randomness = dict(cfg.get("randomness") or {})
    if options.seed is not None:
        randomness["seed"] = options.seed
    randomness.setdefault("seed", None)
    cfg.randomness = {
        **randomness,
        "diff_rank_seed": options.diff_rank_seed or randomness.get("diff_rank_seed", False),
        "deterministic": options.deterministic or randomness.get("deterministic", False),
    }


def keep_features(cfg: Config, folder: str | Path, views: int, dtype: str) -> None:
    """Let a run keep the features of its frozen backbone in ``folder``."""
    hook = {"type": "TokenCacheHook", "folder": str(folder), "views": views, "dtype": dtype}
    set_default_hook(cfg, "token_cache", hook)


def set_default_hook(cfg: Config, name: str, hook: Mapping[str, Any]) -> None:
    """Give a config one more default hook, or another one of the name."""
    cfg.default_hooks = {**(cfg.get("default_hooks") or {}), name: dict(hook)}
