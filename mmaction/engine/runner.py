"""The Runner of this package: MMEngine's, with safe checkpoints, checks before training and runs on the CPU."""

import atexit
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import get_rank, get_world_size, is_main_process
from mmengine.evaluator import Evaluator as PlainEvaluator
from mmengine.hooks import EMAHook
from mmengine.logging import MMLogger
from mmengine.model import convert_sync_batchnorm, is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.runner import BaseLoop, Runner
from torch import nn
from torch.utils.data import DataLoader

from mmaction.engine.checks.learned import (
    check_bases,
    check_input,
    classes_warning,
    config_warning,
    samples_warning,
)
from mmaction.engine.checks.warnings import class_names
from mmaction.engine.continuation import Continuation, steps_of
from mmaction.engine.device import channels_last, compile_parts, set_tf32, with_fused_step
from mmaction.engine.dist import leave_group, refuse_sync_bn_on_cpu, start_gloo, unwrapped, wrap_on_cpu
from mmaction.engine.failures import explained, is_removed
from mmaction.engine.optim import check_optimizer, peak_of_cycle, wrappers
from mmaction.engine.process_watch import ProcessWatch
from mmaction.engine.resume import ResumePlan, check_common_place, plan_resume
from mmaction.engine.sharding import MMFullyShardedDataParallel, is_sharding, optimizer_in_whole
from mmaction.engine.workers import start_worker
from mmaction.io.checkpoints import (
    LoadReport,
    load_weights,
    log_report,
    model_weights,
    plain_part,
    read_checkpoint,
    trusting,
)
from mmaction.registry import EVALUATOR, OPTIMIZERS, RUNNERS
from mmaction.utils.cli import ToolStop
from mmaction.utils.config import base_batch_size, type_name, unformatted
from mmaction.utils.files import replacing

OWN_HOOKS = {
    "finite_loss": "FiniteLossHook",
    "class_counts": "ClassCountsHook",
    "data_epoch": "DataEpochHook",
    "data_wait": "DataWaitHook",
    "prediction_health": "PredictionHealthHook",
    "broken_samples": "BrokenSamplesHook",
    "history": "HistoryHook",
    "preflight": "PreflightHook",
}


def _is_for_users(record: logging.LogRecord) -> bool:
    """Refuse MMEngine's warnings about its own deprecated classes, and one for each frozen parameter."""
    text = record.getMessage()
    is_inner = text.startswith(('"FileClient" will be', '"HardDiskBackend" is the alias'))
    return not (is_inner or text.endswith("is skipped since its requires_grad=False"))


@contextmanager
def _signal_handler_kept(number: int) -> Iterator[None]:
    """Put back the handler of a signal, which the checkpoint hook replaces, however the block ends."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(number)
    try:
        yield
    finally:
        signal.signal(number, before)


def _is_short(record: logging.LogRecord) -> bool:
    """Keep off the terminal what MMEngine logs for each parameter and each epoch; it is in the log file."""
    return not record.getMessage().startswith(("paramwise_options", "Exp name: "))


@RUNNERS.register_module()
class ActionRunner(Runner):
    """MMEngine's Runner for action recognition.

    It takes the configs of MMEngine's Runner and differs in this:

    - It reads checkpoints without running code from them, and writes them in one step.
    - A checkpoint whose head has another number of classes loses its head in training, and is an error in testing.
    - A run resumes exactly, also in the middle of an epoch.
    - Without a GPU several processes work together through gloo.
    - ``model_wrapper_cfg=dict(type="MMFullyShardedDataParallel")`` shards the model; its checkpoints stay the same.
    - The hooks of :data:`OWN_HOOKS` are registered by default; ``default_hooks=dict(NAME=None)`` removes one.
    - On a GPU, batches come from pinned memory, the optimizer steps in one kernel, and no iteration waits for a value.

    More keys of the config are read: ``trust_checkpoint`` (default False) also builds arbitrary objects that a
    checkpoint names; ``tf32`` (default True) lets a GPU compute float32 products in TF32; ``compile``, True or a dict
    of arguments of :func:`torch.compile`, compiles backbone and neck; ``auto_scale_lr.base_batch_size`` may be absent
    where the file name says it (``8xb16``).
    """

    model: nn.Module
    cfg: Config
    # MMEngine's Runner keeps _has_loaded and _timestamp, and calls _init_model_weights, in private

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.load_report: LoadReport | None = None
        self.resume_plan: ResumePlan | None = None
        self._shard_cfg: dict[str, Any] | None = None
        self._resumed_steps: dict[str, int] | None = None
        self._testing = False
        super().__init__(*args, **kwargs)
        for handler in self._console_handlers():
            handler.setLevel(self._console_level)

    @classmethod
    def from_cfg(cls, cfg: Config, plan: ResumePlan | None = None) -> "ActionRunner":
        """Build a runner; ``plan`` says from where it goes on, if :func:`plan_resume` has found out already."""
        cfg = deepcopy(cfg)
        if plan is None and cfg.get("resume"):
            plan = plan_resume(cfg, cfg.get("load_from") or "auto")
        runner = super().from_cfg(cfg)
        runner.resume_plan = plan
        for note in plan.notes if plan else ():
            runner.logger.info(note)
        return runner

    def build_logger(self, log_level: int | str = "INFO", log_file: str | None = None, **kwargs: Any) -> Any:
        """Build the logger; until the runner is built only warnings reach the console, everything reaches the file."""
        logger = super().build_logger(log_level=log_level, log_file=log_file, **kwargs)
        logger.addFilter(_is_for_users)
        self.logger = logger
        self._console_level = logging.getLevelName(log_level) if isinstance(log_level, str) else log_level
        for handler in self._console_handlers():
            handler.addFilter(_is_short)
            handler.setLevel(max(logging.WARNING, handler.level))
        return logger

    def _console_handlers(self) -> list[logging.StreamHandler]:
        is_first = get_rank() == 0
        return [h for h in self.logger.handlers if type(h) is logging.StreamHandler and is_first]

    # -- processes ----------------------------------------------------------------------------------------------------
    def setup_env(self, env_cfg: dict[str, Any]) -> None:
        """Connect the processes, through gloo where there is no GPU, and set up the environment."""
        start_gloo(self.launcher, env_cfg.get("dist_cfg") or {})
        super().setup_env(env_cfg)
        if get_device() == "cuda":
            set_tf32(self.cfg.get("tf32", True))
        same_second = sum(self._timestamp in name for name in MMLogger._instance_dict)  # nothing public lists them
        if same_second:  # else the runs would share one logger and write one log
            self._timestamp += f"_{same_second + 1}"
        self._watch = ProcessWatch.of_default_group()

    @contextmanager
    def _watching_processes(self) -> Iterator[None]:
        """Tell the other processes how this one ends, and the user what to do where PyTorch's message does not."""
        if self._watch and self._watch.has_ended:  # with an earlier part of this run, as training before the test
            self._watch = ProcessWatch.of_default_group()
        try:
            yield
        except BaseException as error:
            if not isinstance(error, ToolStop):
                atexit.unregister(leave_group)  # its threads may be waiting for a process that is stuck
            if self._watch:
                self._watch.failed()
            if stop := explained(error, Path(self.work_dir)):
                raise stop from error
            raise
        if self._watch:
            self._watch.done()

    def train(self) -> nn.Module:
        """Train the model and return it; ValueError if batch norms are to share their statistics on the CPU."""
        with self._watching_processes(), _signal_handler_kept(signal.SIGTERM):
            if self.distributed and get_device() == "cpu":
                refuse_sync_bn_on_cpu(self.model, self.cfg.get("sync_bn"))
            self._shard_to_train()
            super().dump_config()
            return super().train()

    def dump_config(self) -> None:
        """Write the config into the work directory if none is there: a test keeps the config of the training."""
        name = Path(self.cfg.filename).name if self.cfg.filename else None
        if name is None or not Path(self.work_dir, name).is_file():
            super().dump_config()

    def wrap_model(self, model_wrapper_cfg: dict[str, Any] | None, model: nn.Module) -> nn.Module:
        """Wrap the model for a distributed run; a model to be sharded stays whole until the run begins."""
        if get_device() == "cuda" and type_name(self.cfg.get("optim_wrapper")) == "AmpOptimWrapper":
            channels_last(model)
        if not self.distributed:
            return super().wrap_model(model_wrapper_cfg, model)
        on_cpu = get_device() == "cpu"
        if is_sharding(model_wrapper_cfg):
            self._shard_cfg = {key: value for key, value in (model_wrapper_cfg or {}).items() if key != "type"}
            sync_bn = None if on_cpu else self.cfg.get("sync_bn")
            return convert_sync_batchnorm(model, sync_bn).to(get_device()) if sync_bn else model.to(get_device())
        if on_cpu and model_wrapper_cfg is None:
            return wrap_on_cpu(model, self.cfg.get("find_unused_parameters", False))
        return super().wrap_model(model_wrapper_cfg, model)

    def _shard(self) -> None:
        """Shard the model if the config says so and it is not yet."""
        if self._shard_cfg is not None and not is_model_wrapper(self.model):
            self.model = MMFullyShardedDataParallel(self.model, **self._shard_cfg)

    def _shard_to_train(self) -> None:
        """Give the weights their initial values, then shard the model; TypeError if the optimizer is built already."""
        if self._shard_cfg is None or is_model_wrapper(self.model):
            return
        if not isinstance(self.optim_wrapper, dict):
            raise TypeError(
                f"optim_wrapper: to shard the model (model_wrapper_cfg), give a config; got "
                f"{type(self.optim_wrapper).__name__}, which holds the parameters from before"
            )
        self._init_model_weights()
        self._shard()

    def _init_model_weights(self) -> None:
        """Give the weights their initial values; a sharded model has got them before it was sharded."""
        if not is_model_wrapper(self.model) or self._shard_cfg is None:
            with trusting(bool(self.cfg.get("trust_checkpoint"))):  # it also holds for files of pretrained weights
                super()._init_model_weights()

    # -- parts of a run -----------------------------------------------------------------------------------------------
    def register_default_hooks(self, hooks: dict[str, Any] | None = None) -> None:
        """Register MMEngine's hooks and ours, each replaceable by name."""
        own = {name: {"type": kind} for name, kind in OWN_HOOKS.items()}
        given = {k: {**own.get(k, {}), **hook} if isinstance(hook, dict) else hook for k, hook in (hooks or {}).items()}
        merged = {**own, "checkpoint": {"type": "CheckpointHook", "interval": 1}, **given}
        super().register_default_hooks({k: hook for k, hook in merged.items() if hook is not None or k not in own})

    def build_train_loop(self, loop: Any) -> Any:
        """Build the training loop; without a type it is one of ours, which resume exactly."""
        if isinstance(loop, dict) and "type" not in loop and "by_epoch" in loop:
            kind = "EpochBasedTrainLoop" if loop["by_epoch"] else "IterBasedTrainLoop"
            loop = {"type": kind, **{key: value for key, value in loop.items() if key != "by_epoch"}}
        return super().build_train_loop(loop)

    def build_optim_wrapper(self, optim_wrapper: Any) -> Any:
        """Build the optimizer with its wrapper; KeyError if none has its name, where MMEngine would call None."""
        name = (optim_wrapper.get("optimizer") or {}).get("type") if isinstance(optim_wrapper, dict) else None
        if isinstance(name, str) and OPTIMIZERS.get(name) is None:
            raise KeyError(f"{name} is not in the mmaction::{OPTIMIZERS.name} registry")
        if isinstance(name, str) and get_device() == "cuda" and self._shard_cfg is None:
            optim_wrapper = {**optim_wrapper, "optimizer": with_fused_step(optim_wrapper["optimizer"])}
        built = super().build_optim_wrapper(optim_wrapper)
        if self._shard_cfg is not None and built is not optim_wrapper:
            for wrapper in wrappers(built):
                optimizer_in_whole(wrapper.optimizer)
        return built

    def _maybe_compile(self, target: str) -> None:
        """Compile what the config's ``compile`` asks for; MMEngine would compile the loop over samples as well."""
        options = self.cfg.get("compile")
        if not options:
            return
        options = {} if options is True else options
        if not isinstance(options, dict):
            raise TypeError(f"compile: expected True, False or a dict of torch.compile's arguments, got {options!r}")
        parts = compile_parts(unwrapped(self.model), options)
        self.logger.info(f"compiled: {', '.join(parts)}; the first iterations take long")

    def build_evaluator(self, evaluator: Any) -> PlainEvaluator:
        """Build the evaluator, which counts broken samples as wrong."""
        if isinstance(evaluator, PlainEvaluator):
            return evaluator
        if not (isinstance(evaluator, dict) and "metrics" in evaluator):
            evaluator = {"metrics": evaluator}
        return EVALUATOR.build({"type": "Evaluator", **evaluator})

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader | dict[str, Any], seed: int | None = None, diff_rank_seed: bool = False
    ) -> DataLoader:
        """Build a data loader with a reproducible seed, the same in every process, and workers that stay small."""
        if isinstance(dataloader, DataLoader):
            return dataloader
        dataloader = deepcopy(dataloader)
        if diff_rank_seed and seed is not None and isinstance(dataloader.get("sampler"), dict):
            dataloader["sampler"].setdefault("seed", seed - get_rank())
        if not dataloader.get("num_workers"):  # PyTorch refuses these without workers
            dataloader["persistent_workers"] = False
            dataloader.pop("prefetch_factor", None)
        if get_device() == "cuda":
            dataloader.setdefault("pin_memory", True)  # a copy from there does not hold up the iteration
        loader = Runner.build_dataloader(dataloader, seed=seed, diff_rank_seed=diff_rank_seed)
        loader.worker_init_fn = partial(start_worker, then=loader.worker_init_fn)
        return loader

    def effective_batch(self) -> int:
        """Return how many samples one step of the optimizer sees, over all processes."""
        return self.train_dataloader.batch_size * get_world_size() * self.accumulation()

    def accumulation(self) -> int:
        """Return over how many iterations gradients are summed."""
        return int(getattr(self.optim_wrapper, "_accumulative_counts", 1))  # nothing public tells

    def scale_lr(self, optim_wrapper: OptimWrapper, auto_scale_lr: dict[str, Any] | None = None) -> None:
        """Scale the learning rate in proportion to the batch (Goyal et al., 2017, arXiv:1706.02677).

        ValueError if nothing says for which batch it was chosen, or a schedule sets it without regard to the optimizer.
        """
        if not auto_scale_lr or not auto_scale_lr.get("enable"):
            return
        base = auto_scale_lr.get("base_batch_size") or base_batch_size(self.cfg)
        if not base:
            raise ValueError(
                "--auto-scale-lr: the config does not say for which batch its learning rate is meant; "
                "set auto_scale_lr=dict(base_batch_size=N)"
            )
        factor = self.effective_batch() / base
        if peak := peak_of_cycle(self.param_schedulers):
            raise ValueError(
                f"--auto-scale-lr: OneCycleLR takes the learning rate from its eta_max={peak:.4g}, not from the "
                f"optimizer; leave --auto-scale-lr out and set eta_max (the linear rule gives {peak * factor:.4g})"
            )
        for wrapper in wrappers(optim_wrapper):
            settings = getattr(wrapper, "base_param_settings", None)  # the log shows it where groups differ
            for group in [*wrapper.optimizer.param_groups, *([settings] if settings else [])]:
                group["lr"] *= factor

    def test(self) -> dict[str, float]:
        """Test the model with a checkpoint that fits it exactly; return the metrics by name."""
        return self._measured(super().test)

    def val(self) -> dict[str, float]:
        """Validate the model with a checkpoint that fits it exactly; return the metrics by name."""
        return self._measured(super().val)

    def _measured(self, measure: Callable[[], dict[str, float]]) -> dict[str, float]:
        self._testing = True
        with self._watching_processes():
            self._shard()
            return measure()

    # -- checkpoints --------------------------------------------------------------------------------------------------
    def load_checkpoint(
        self,
        filename: str,
        map_location: str | Callable = "cpu",
        strict: bool = False,
        revise_keys: list | None = None,
    ) -> dict[str, Any]:
        """Load weights, say once which were loaded, dropped, missing or unexpected, and return the checkpoint.

        ``filename`` may be a web address. When testing or resuming it must fit the model exactly, as with ``strict``.
        ``revise_keys`` is not used: the prefixes that wrappers add are known. It raises what
        :func:`mmaction.io.checkpoints.read_checkpoint` and :func:`mmaction.io.checkpoints.load_weights` raise.
        """
        planned = self.resume_plan and self.resume_plan.take(filename, map_location)
        checkpoint = planned or read_checkpoint(filename, map_location, bool(self.cfg.get("trust_checkpoint")))
        # MMEngine would run the text of a config that it finds here as a program
        checkpoint["meta"] = {k: v for k, v in (checkpoint.get("meta") or {}).items() if k != "config"}
        self._resumed_steps = checkpoint["meta"].get("steps")
        for warning in filter(None, self._compare_with(checkpoint, str(filename))):
            self.logger.warning(warning)
        self.call_hook("after_load_checkpoint", checkpoint=checkpoint)
        model = unwrapped(self.model)
        strict = strict or self._resume or self._testing
        self.load_report = load_weights(model, model_weights(checkpoint, filename), str(filename), strict)
        log_report(self.load_report, self.logger)
        self._has_loaded = True
        return checkpoint

    def _compare_with(self, checkpoint: dict[str, Any], source: str) -> Iterator[str | None]:
        """Yield warnings where config and data differ from those of a checkpoint to resume or test; errors at some."""
        meta = checkpoint["meta"]
        if self._resume:
            self._complete_metainfo(meta)
            check_optimizer(self.optim_wrapper, checkpoint.get("optimizer") or {}, source)
            yield config_warning(self.cfg, meta, source)
            yield samples_warning(self.train_dataloader.dataset, meta, source)
            if "ema_state_dict" in checkpoint and not any(isinstance(hook, EMAHook) for hook in self.hooks):
                yield f"{source} is of a run with an EMAHook; without it, averaged weights are trained on"
        for loop in (self._train_loop, self._val_loop, self._test_loop) if self._resume or self._testing else ():
            if isinstance(loop, BaseLoop):
                dataset = loop.dataloader.dataset
                check_bases(dataset, meta, source)
                yield classes_warning(class_names(dataset), getattr(dataset, "ann_file", "the data set"), meta, source)
        if self._testing:
            yield check_input(self.cfg, meta, source)

    def load_or_resume(self) -> None:
        """Load weights or go on with a run; ToolStop if the processes would not go on from the same place."""
        super().load_or_resume()
        check_common_place(self)

    def _complete_metainfo(self, meta: dict[str, Any]) -> None:
        """Give ``dataset_meta`` the objects that checkpoints leave out, if the rest equals the data set's own."""
        now = getattr(self.train_dataloader.dataset, "metainfo", None)
        if now and plain_part(meta.get("dataset_meta") or {}) == plain_part(now):
            meta["dataset_meta"] = now

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Go on from a checkpoint, even if its epochs have another number of iterations."""
        if self._shard_cfg is not None:
            kwargs.setdefault("map_location", "cpu")  # whole tensors may not fit on the GPU
        as_configured = Continuation(self)
        super().resume(filename, *args, **kwargs)
        for warning in as_configured.adapt(filename, self._resumed_steps):
            self.logger.warning(warning)

    def save_checkpoint(
        self, out_dir: str, filename: str, *args: Any, save_optimizer: bool = True, **kwargs: Any
    ) -> None:
        """Write a checkpoint; every process must call it, process 0 writes.

        Arguments are MMEngine's. ToolStop if it cannot be written; what was there before is still there.
        """
        if is_main_process():
            self._write_checkpoint(out_dir, filename, *args, save_optimizer=save_optimizer, **kwargs)
        elif self._shard_cfg is not None:  # tensors are gathered from all processes, and hooks see the same everywhere
            checkpoint = {"meta": {}, "state_dict": unwrapped(self.model).state_dict()}
            if save_optimizer:
                checkpoint["optimizer"] = self.optim_wrapper.state_dict()
            self.call_hook("before_save_checkpoint", checkpoint=checkpoint)

    def _write_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        """Write a checkpoint under a temporary name, sync it to the disk and rename it."""
        kwargs["meta"] = {**(kwargs.get("meta") or {}), "steps": steps_of(self)}
        target = Path(out_dir) / filename
        try:
            with self._unformatted_config():
                if "://" in str(out_dir):  # object stores write in one step
                    super().save_checkpoint(out_dir, filename, *args, **kwargs)
                    return
                with replacing(target) as temporary:
                    super().save_checkpoint(str(out_dir), temporary.name, *args, **kwargs)
        except OSError as error:
            if is_removed(error, Path(self.work_dir)):
                raise
            raise ToolStop(
                f"cannot write {target}: {error.strerror or error}. Earlier checkpoints are untouched; make room (or "
                f"set default_hooks.checkpoint.max_keep_ckpts) and go on with --resume"
            ) from error

    @contextmanager
    def _unformatted_config(self) -> Iterator[None]:
        """Let MMEngine write the config into a checkpoint without yapf, which takes longer than all the rest."""
        config = self.cfg
        self.cfg = unformatted(config)
        try:
            yield
        finally:
            self.cfg = config


def build_runner(cfg: Config, plan: ResumePlan | None = None) -> Runner:
    """Return the Runner that ``cfg`` describes: the one that ``runner_type`` names, or an :class:`ActionRunner`.

    ``plan`` says from where it goes on, if :func:`mmaction.engine.resume.plan_resume` has found out already.
    """
    kind = RUNNERS.get(cfg.get("runner_type", "ActionRunner"))
    if kind is not None and issubclass(kind, ActionRunner):
        return kind.from_cfg(cfg, plan)
    return RUNNERS.build(cfg)
