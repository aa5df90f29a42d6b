"""Keep the last good checkpoint whatever happens while the next one is written."""

import hashlib
import io
import os
import re
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from mmengine.dist import barrier, is_main_process, master_only
from mmengine.hooks import CheckpointHook as PlainCheckpointHook
from mmengine.runner import Runner

from mmaction.engine.dist import any_process, unwrapped
from mmaction.engine.hooks.data_hooks import class_counts, list_hashes
from mmaction.engine.optim import wrappers
from mmaction.engine.resume import SNAPSHOT, STARTS, is_resumed, note_start
from mmaction.io.checkpoints import plain_part, read_checkpoint
from mmaction.models.backbones.foundation.base import without_replaceable
from mmaction.registry import HOOKS
from mmaction.utils.cli import ToolStop
from mmaction.utils.files import write_atomically

CLASS_COUNTS = "class_counts"  # entry of a checkpoint's meta: training samples of each class
LISTS = "lists"  # entry of a checkpoint's meta: SHA-256 of each annotation file of the training set
FROZEN = "frozen"  # entry of a checkpoint's meta: backbone and hash of what the file leaves out
BEST_FIGURES = "best_figures"  # in the message hub: all figures of each best checkpoint, by its file name


@HOOKS.register_module()
class CheckpointHook(PlainCheckpointHook):
    """MMEngine's checkpoint hook, with snapshots between its checkpoints.

    It removes an old checkpoint only after the successor is on the disk. A checkpoint by iterations
    (``by_epoch=False``) that is due while gradients are summed waits for the next step of the optimizer. On SIGTERM,
    which batch systems send before they end a job, the run finishes its iteration, writes a snapshot and stops. It
    breaks a validation off if the checkpoint before it is written, and otherwise finishes it.

    Args:
        snapshot_interval: Iterations between snapshots, 0 for none. A snapshot is a full checkpoint named
            ``iter_N.pth``; only the newest is kept, and the next checkpoint replaces it.
        snapshot_minutes: Also take a snapshot when none was written for so long; 0 for never.
        **kwargs: Arguments of :class:`mmengine.hooks.CheckpointHook`.
    """

    def __init__(self, *args: Any, snapshot_interval: int = 0, snapshot_minutes: float = 30.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if snapshot_interval < 0 or snapshot_minutes < 0:
            raise ValueError(
                f"CheckpointHook: snapshot_interval and snapshot_minutes are 0 (never) or more, got "
                f"{snapshot_interval} and {snapshot_minutes}"
            )
        self.snapshot_interval = snapshot_interval
        self.snapshot_minutes = snapshot_minutes
        self._snapshots: set[str] = set()
        self._untouched: set[str] = set()  # files from before the run, which it does not remove
        self._is_owed = False
        self._is_put_off = False
        self._terminated = False
        self._is_training = False
        self._class_counts: list[int] = []
        self._lists: list[str | None] = []
        self._saved_iter = -1
        self._resumed_iter = 0

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Remember the iteration of the checkpoint: with another batch size the runner counts anew."""
        self._resumed_iter = int((checkpoint.get("meta") or {}).get("iter", 0))

    def before_train(self, runner: Runner) -> None:
        """Find the folder of the checkpoints, note that the run begins or goes on, and listen for SIGTERM."""
        origin = runner._load_from if is_resumed(runner) else None  # nothing public tells from where
        hub, plan = runner.message_hub, getattr(runner, "resume_plan", None)
        kept = hub.runtime_info.pop("keep_ckpt_ids", None)  # MMEngine would remove files by these numbers at once
        super().before_train(runner)
        self._is_training = True
        self._class_counts = class_counts(runner.train_dataloader.dataset)
        self._lists = list_hashes(runner.train_dataloader.dataset) if is_main_process() else []
        is_local = "://" not in str(self.out_dir)
        is_own = origin is None or os.path.realpath(os.path.dirname(origin)) == os.path.realpath(self.out_dir)
        starts = hub.runtime_info.get(STARTS, []) if origin else []
        if is_local and origin and plan and plan.is_named and is_main_process():
            origin = self._set_aside(runner, origin, is_own)
        if is_own:
            self._find_own_best()
            self._take_over_kept(runner, kept or [])
        if is_main_process():
            hub.update_info(STARTS, note_start(runner.work_dir, starts, self._resumed_iter if origin else 0, origin))
            if is_local:
                self._tidy(plan.snapshots if plan else [])
        self._pid = os.getpid()
        self._last_saved = time.monotonic()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._on_sigterm)  # the runner puts the old handler back

    def _take_over_kept(self, runner: Runner, kept: list[int]) -> None:
        """Go on counting the checkpoints of the earlier part of the run toward ``max_keep_ckpts``."""
        if self.max_keep_ckpts > 0 and kept:
            if is_main_process():
                for step in kept[: -self.max_keep_ckpts]:
                    self._remove(self._in_own_folder(self.filename_tmpl.format(step)))
            self.keep_ckpt_ids.extend(kept)
            runner.message_hub.update_info("keep_ckpt_ids", list(self.keep_ckpt_ids))

    def _set_aside(self, runner: Runner, origin: str, is_own: bool) -> str:
        """Move the checkpoints that the run would replace into a folder, keep the others; return where ``origin`` is.

        If it is not the run's own, what lies in the folder is of another run, which may have come as far.
        """
        folder = Path(str(self.out_dir))
        aside = folder / f"before_{runner.timestamp}"
        reached = {"epoch": runner.epoch, "iter": runner.iter, "": runner.epoch if self.by_epoch else runner.iter}
        template = re.escape(self.filename_tmpl).replace(r"\{\}", r"()(\d+)")
        moved = []
        for path in sorted(folder.glob("*.pth")):
            number = re.search(r"(epoch|iter)_(\d+)\.pth$", path.name) or re.fullmatch(template, path.name)
            if number and int(number[2]) + (not is_own) > reached[number[1]]:
                aside.mkdir(exist_ok=True)
                is_origin = os.path.samefile(path, origin)
                path.rename(aside / path.name)
                origin = str(aside / path.name) if is_origin else origin
                moved.append(path.name)
        self._untouched = {self._in_own_folder(path.name) for path in folder.glob("*.pth")}
        if moved:
            runner.logger.warning(f"moved to {aside}, as the run would replace them: {', '.join(moved)}")
        return origin

    def _tidy(self, snapshots: Sequence[Path]) -> None:
        """Take over the snapshots of the run, and remove what a run killed while saving has left."""
        folder = Path(str(self.out_dir))
        for left_over in folder.glob(".*.pth.*.tmp"):
            left_over.unlink()
        own = [path for path in snapshots if path.resolve().parent == folder.resolve()]
        self._snapshots = {self._in_own_folder(path.name) for path in own}

    def after_train(self, runner: Runner) -> None:
        """Write the published checkpoint; a later validation keeps no best checkpoint."""
        super().after_train(runner)
        self._is_training = False

    def _find_own_best(self) -> None:
        """Take the best checkpoints of a run that was moved or copied from where it is now."""
        if self.save_best:
            self._set_best_paths({name: path and self._where_it_is(path) for name, path in self._best_paths().items()})

    def _where_it_is(self, path: str) -> str:
        own = self._in_own_folder(path)
        return own if self.file_backend.isfile(own) else path

    def _in_own_folder(self, path: str) -> str:
        return self.file_backend.join_path(self.out_dir, os.path.basename(path))

    def _on_sigterm(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:  # a data worker, which inherited the handler
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
        self._terminated = True

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Write a snapshot when one is due, after a step of the optimizer: gradients that it sums are not saved."""
        self._is_owed |= self.every_n_train_iters(runner, self.snapshot_interval)
        super().after_train_iter(runner, batch_idx, data_batch, outputs)
        if self._is_summing(runner):
            return
        if self._is_put_off:
            self._save_checkpoint(runner)
        step = runner.iter + 1  # mmengine counts the iteration that just ended only later
        ends_epoch = self.by_epoch and batch_idx + 1 == len(runner.train_dataloader)
        waited_min = (time.monotonic() - self._last_saved) / 60
        due = not ends_epoch and (self._is_owed or 0 < self.snapshot_minutes <= waited_min)
        terminated, due = any_process(self._terminated, due)  # clocks and signals differ between processes
        if (terminated or due) and self._saved_iter != step:
            self._write_snapshot(runner, step)
        if terminated:
            raise ToolStop(f"stopped by SIGTERM after iteration {step}; go on with --resume")

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Break the validation off after SIGTERM, unless there is a snapshot to take: hooks may have other weights in.

        Each process stops by itself, their numbers of batches may differ.
        """
        if self._terminated and self._saved_iter == runner.iter:
            raise ToolStop(f"stopped by SIGTERM in the validation after iteration {runner.iter}; go on with --resume")

    @staticmethod
    def _is_summing(runner: Runner) -> bool:
        """Return whether gradients wait for the next step of the optimizer, which no checkpoint holds."""
        return not all(part.should_update() for part in wrappers(runner.optim_wrapper))

    def _write_snapshot(self, runner: Runner, step: int) -> None:
        """Save the state after ``step`` iterations."""
        name = f"iter_{step}.pth"
        runner.save_checkpoint(
            self.out_dir,
            name,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta={"epoch": runner.epoch, "iter": step, SNAPSHOT: True},
            by_epoch=False,
            backend_args=self.backend_args,
        )
        self._note_saved(step)
        if is_main_process():
            path = self._in_own_folder(name)
            self._point_to(runner, path)
            self._remove_snapshots(but=path)
            self._snapshots = {path}
        barrier()  # a process that stops for SIGTERM ends the others, which must not happen while one is writing

    def _note_saved(self, step: int) -> None:
        self._last_saved, self._is_owed, self._saved_iter = time.monotonic(), False, step

    def _remove_snapshots(self, but: str | None = None) -> None:
        """Remove the snapshots that this run has written; in the end there is none but ``but``."""
        for path in self._snapshots - {but}:
            self._remove(path)
        self._snapshots = set()

    def _remove(self, path: str) -> None:
        if path not in self._untouched and self.file_backend.isfile(path):
            self.file_backend.remove(path)

    @staticmethod
    def _point_to(runner: Runner, path: str) -> None:
        """Name the newest checkpoint in ``last_checkpoint``, which other tools of MMEngine read."""
        write_atomically(Path(runner.work_dir) / "last_checkpoint", path.encode())

    # the three private methods below are MMEngine's only places between the decision to save and what it removes
    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
        self._is_put_off = not self.by_epoch and self._is_summing(runner)
        if self._is_put_off:
            runner.logger.info("gradients are being summed: the checkpoint comes after the next step of the optimizer")
            return
        outdated = None
        if self.max_keep_ckpts > 0 and (not self.keep_ckpt_ids or self.keep_ckpt_ids[-1] != step):
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                outdated = self.filename_tmpl.format(self.keep_ckpt_ids.popleft())
            self.keep_ckpt_ids.append(step)  # the step is the newest already: MMEngine then removes nothing itself
            runner.message_hub.update_info("keep_ckpt_ids", list(self.keep_ckpt_ids))
        super()._save_checkpoint_with_step(runner, step, meta)
        self._note_saved(meta["iter"])
        if is_main_process():
            self._point_to(runner, self.last_ckpt)
            self._remove_snapshots(but=self.last_ckpt)
            if outdated is not None:
                self._remove(self._in_own_folder(outdated))
        barrier()  # as after a snapshot: SIGTERM may break off the validation that follows

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Note the training samples of each class, and the lists that they are from.

        Frozen weights that their source gives again, and objects, are left out. The objects are in ``dataset_meta``,
        such as a label space, and functions that schedules keep; every run makes them anew, as reading a checkpoint
        builds none.
        """
        for key in ("ema_state_dict", "state_dict"):
            if key in checkpoint and (frozen := without_replaceable(unwrapped(runner.model), checkpoint[key])):
                checkpoint["meta"][FROZEN] = frozen
        if self._class_counts:
            checkpoint["meta"][CLASS_COUNTS] = self._class_counts
            checkpoint["meta"][LISTS] = self._lists
        for holder in (checkpoint.get("meta", {}), checkpoint.get("message_hub", {}).get("runtime_info", {})):
            if holder.get("dataset_meta"):
                holder["dataset_meta"] = plain_part(holder["dataset_meta"])
        schedules = checkpoint.get("param_schedulers") or []
        for part in schedules.values() if isinstance(schedules, dict) else [schedules]:
            part[:] = [{key: value for key, value in state.items() if not callable(value)} for state in part]

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float]) -> None:
        """Keep the best checkpoint, note what is validated for a run that is resumed, and stop after SIGTERM."""
        if not self._is_training:  # runner.val() of a checkpoint
            return
        runner.message_hub.update_info("last_validated_epoch", runner.epoch)
        runner.message_hub.update_info("last_validated_iter", runner.iter)
        super().after_val_epoch(runner, metrics)
        (terminated,) = any_process(self._terminated)
        if terminated and runner.iter < runner.max_iters and (self.by_epoch or not self._is_summing(runner)):
            if self._saved_iter != runner.iter:
                self._write_snapshot(runner, runner.iter)
            raise ToolStop(f"stopped by SIGTERM after iteration {runner.iter}; go on with --resume")

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, float]) -> None:
        if not self.save_best:
            return
        before = self._best_paths()
        self._set_best_paths(dict.fromkeys(before))  # hides the old ones from MMEngine, which removes before it saves
        super()._save_best_checkpoint(runner, metrics)
        saved = self._best_paths()
        after = {name: saved[name] or before[name] for name in saved}
        known = runner.message_hub.runtime_info.get(BEST_FIGURES, {})
        own = {key: float(value) for key, value in metrics.items() if isinstance(value, (int, float))}
        kept = {
            Path(path).name: own if saved[name] else known.get(Path(path).name) for name, path in after.items() if path
        }
        runner.message_hub.update_info(BEST_FIGURES, kept)
        self._set_best_paths(after)
        if is_main_process():
            for path in set(filter(None, before.values())) - set(after.values()):
                if path == self._in_own_folder(path):  # a run resumed in another folder leaves the earlier folder alone
                    self._remove(path)

    def _best_paths(self) -> dict[str, str | None]:
        """Return the best checkpoint of each metric, a single one under an empty name (it may still be ``auto``)."""
        if len(self.key_indicators) == 1:
            return {"": self.best_ckpt_path}
        return dict(self.best_ckpt_path_dict)

    def _set_best_paths(self, paths: dict[str, str | None]) -> None:
        if len(self.key_indicators) == 1:
            self.best_ckpt_path = paths[""]
        else:
            self.best_ckpt_path_dict = paths

    @master_only
    def _publish_model(self, runner: Runner, ckpt_path: str) -> None:
        """Write the ``published_keys`` of a checkpoint to a file that carries its SHA-256 in its name."""
        import torch

        content = read_checkpoint(ckpt_path, trust=bool(runner.cfg.get("trust_checkpoint")))
        file = io.BytesIO()
        torch.save({key: value for key, value in content.items() if key in self.published_keys}, file)
        digest = hashlib.sha256(file.getvalue()).hexdigest()
        target = Path(ckpt_path).with_name(f"{Path(ckpt_path).stem}-{digest[:8]}.pth")
        write_atomically(target, file.getvalue())
        runner.logger.info(f"published {target}")
