"""Find the checkpoint to go on from, and arrange the config so that the run continues identically."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmaction.engine.checkpoint import RefusedCheckpointError, is_intact, local_path, read_checkpoint

RUN_ID = "run_id"  # entry of the message hub that tells runs apart; a resumed run takes it over
SNAPSHOT = "snapshot"  # entry of ``meta`` that marks a checkpoint which the next one replaces


class WeightsOnlyError(ValueError):
    """A checkpoint without the state of an optimizer to go on with."""


@dataclass
class _State:
    """What a checkpoint tells about the run that wrote it, without its tensors."""

    path: Path
    meta: dict[str, Any]
    run: str | None
    written: float

    @classmethod
    def read(cls, path: Path, trust: bool = False) -> "_State":
        """Read it.

        Raises:
            ValueError: If the file is damaged, refused (RefusedCheckpointError) or holds weights only
                (WeightsOnlyError).
        """
        checkpoint = read_checkpoint(path, mmap=True, trust=trust)
        meta = checkpoint.get("meta")
        if "optimizer" not in checkpoint or not isinstance(meta, dict) or not {"epoch", "iter"} <= set(meta):
            raise WeightsOnlyError(
                f"checkpoint {path} cannot be resumed: it holds weights only; pass it as --load-from"
            )
        hub = checkpoint.get("message_hub")
        info = hub.get("runtime_info") if isinstance(hub, dict) else None
        return cls(path, meta, info.get(RUN_ID) if isinstance(info, dict) else None, path.stat().st_mtime)

    @property
    def progress(self) -> tuple[int, int]:
        return int(self.meta["iter"]), int(self.meta["epoch"])


@dataclass
class _Survey:
    """The checkpoint to go on from, and those that are not it: why they cannot be read, or that they are of others."""

    found: Path | None = None
    damaged: dict[Path, str] = field(default_factory=dict)
    refused: dict[Path, str] = field(default_factory=dict)
    others: list[Path] = field(default_factory=list)


def peek_meta(path: Path, trust: bool = False) -> dict[str, Any]:
    """Return the ``meta`` of a checkpoint without reading its tensors.

    Raises:
        ValueError: If the file is damaged, or holds no state of an optimizer to go on with, or holds other objects
            than weights while ``trust`` is False.
    """
    return _State.read(path, trust).meta


def snapshots_of(folder: Path, run: str, trust: bool = False) -> set[Path]:
    """Return the snapshots in ``folder`` that the run with the id ``run`` has written."""
    found = set()
    for path in _files([folder], "iter_*.pth"):
        try:
            state = _State.read(path, trust)
        except (ValueError, OSError):
            continue
        if state.run == run and state.meta.get(SNAPSHOT):
            found.add(path)
    return found


def find_resumable(
    folder: str | Path, out_dir: str | Path | None = None, trust: bool = False
) -> tuple[Path | None, dict[Path, str]]:
    """Look for the furthest intact checkpoint of the run that wrote last.

    Args:
        folder: The run's work directory; the folder of the file that its ``last_checkpoint`` names is searched too.
        out_dir: Folder of the checkpoints where it is another.
        trust: As in :func:`mmaction.engine.checkpoint.read_checkpoint`.

    Returns:
        The file, or None, and for each file that cannot be read why.

    Raises:
        RefusedCheckpointError: If it is the last checkpoint that holds other objects while ``trust`` is False.
    """
    survey = _survey(Path(folder), out_dir, trust)
    return survey.found, {**survey.damaged, **survey.refused}


def _survey(work_dir: Path, out_dir: str | Path | None, trust: bool) -> _Survey:
    folders = [work_dir, *([Path(out_dir)] if out_dir else [])]
    last = _last_named(work_dir, folders)
    result, states = _Survey(), []
    for path in _files([*folders, *([last.parent] if last else [])]):
        if path.name.startswith("best_"):
            continue
        try:
            state = _State.read(path, trust)
            _ = state.progress
        except WeightsOnlyError:
            continue
        except RefusedCheckpointError as error:
            if last is not None and path.resolve() == last.resolve():
                raise
            result.refused[path] = str(error)
        except (ValueError, TypeError, OverflowError, OSError) as error:
            result.damaged[path] = is_intact(path) or str(error)
        else:
            states.append(state)
    own = _of_the_last_run(states, last)
    result.others = [state.path for state in states if state not in own]
    for state in sorted(own, key=lambda state: state.progress, reverse=True):
        fault = is_intact(state.path)
        if fault is None:
            result.found = state.path
            break
        result.damaged[state.path] = fault
    return result


def _files(folders: Iterable[Path], pattern: str = "*.pth") -> list[Path]:
    """Return the files in ``folders``, each once; a link to one of them, or to nothing, is none."""
    unique: dict[Path, Path] = {}
    for path in sorted((path for folder in folders for path in folder.glob(pattern)), key=os.path.islink):
        if os.path.isfile(path):
            unique.setdefault(path.resolve(), path)
    return list(unique.values())


def _last_named(work_dir: Path, folders: list[Path]) -> Path | None:
    """Return the file that ``last_checkpoint`` names, also if the work directory was moved or copied since."""
    pointer = work_dir / "last_checkpoint"
    if not pointer.is_file():
        return None
    named = Path(pointer.read_text(errors="replace").strip())
    if not any(os.path.realpath(named.parent) == os.path.realpath(folder) for folder in folders):
        moved = [folder / named.name for folder in folders if os.path.isfile(folder / named.name)]
        named = moved[0] if moved else named
    return named if os.path.isfile(named) else None


def _of_the_last_run(states: list[_State], last: Path | None) -> list[_State]:
    """Return the checkpoints of the run that wrote last; all where checkpoints do not tell runs apart.

    A run begun anew in the folder of an earlier one leaves that one's further checkpoints there, and so does a run that
    was taken up again from an earlier epoch.
    """
    named = next((state for state in states if last is not None and state.path.resolve() == last.resolve()), None)
    newest = named or max(states, key=lambda state: state.written, default=None)
    if newest is None or newest.run is None:
        return states
    own = [state for state in states if state.run == newest.run]
    if named is None:
        return own
    return [state for state in own if state.progress <= named.progress or state.written >= named.written]


def _out_dir(cfg: Config) -> str | None:
    """Return the folder in which the checkpoint hook of ``cfg`` writes, if it is another than the work directory."""
    hook = (cfg.get("default_hooks") or {}).get("checkpoint") or {}
    out_dir = hook.get("out_dir")
    if not out_dir or str(out_dir) == str(cfg.work_dir) or "://" in str(out_dir):
        return None
    return os.path.join(out_dir, os.path.basename(str(cfg.work_dir).rstrip(os.sep)))


def _find_for(cfg: Config, notes: list[str]) -> Path | None:
    """Return the checkpoint to go on from in the folders of ``cfg``; add to ``notes`` what was left out.

    Raises:
        ValueError: As :func:`plan_resume`.
    """
    work_dir = Path(cfg.work_dir)
    pointer = work_dir / "last_checkpoint"
    address = pointer.read_text(errors="replace").strip() if pointer.is_file() else ""
    if "://" in address:
        raise ValueError(f"--resume: the last checkpoint is {address}; copy it here and name the copy: --resume FILE")
    survey = _survey(work_dir, _out_dir(cfg), bool(cfg.get("trust_checkpoint")))
    notes += [f"skipped the damaged checkpoint {bad}: {why}" for bad, why in survey.damaged.items()]
    notes += [f"skipped: {why}" for why in survey.refused.values()]
    if survey.others:
        names = ", ".join(map(str, survey.others))
        notes.append(f"left out, as another run or an earlier course of this one has written them: {names}")
    if survey.found is None and survey.refused:
        reasons = [f"{bad.name}: {why}" for bad, why in survey.damaged.items()] + list(survey.refused.values())
        raise ValueError(f"--resume: no checkpoint in {work_dir} can be used: " + "; ".join(reasons))
    if survey.found is None and survey.damaged:
        raise ValueError(
            f"--resume: no intact checkpoint in {work_dir}; remove the damaged ones to start again, or "
            f"name another: " + "; ".join(f"{bad.name}: {why}" for bad, why in survey.damaged.items())
        )
    return survey.found


def plan_resume(cfg: Config, request: str | Path | None) -> list[str]:
    """Set ``resume``, ``load_from`` and the seed of ``cfg`` to go on with an earlier run.

    Args:
        cfg: The run's config with its ``work_dir``, changed in place.
        request: A checkpoint, or ``"auto"`` for the furthest intact one of the last run in the work directory (and in
            the checkpoint hook's ``out_dir``), or None not to resume.

    Returns:
        Notes for the log.

    Raises:
        FileNotFoundError: If the checkpoint asked for does not exist.
        ValueError: If it is damaged or holds weights only; or if every checkpoint in the work directory is damaged; or
            if it holds other objects than weights and ``cfg.trust_checkpoint`` is not set.
    """
    if request is None:
        return []
    notes: list[str] = []
    path = _find_for(cfg, notes) if request == "auto" else local_path(request)
    if path is None:
        cfg.resume = False
        return [f"nothing to resume in {cfg.work_dir}; starting from the beginning"]
    meta = peek_meta(path, bool(cfg.get("trust_checkpoint")))
    cfg.resume, cfg.load_from = True, str(path)
    randomness = dict(cfg.get("randomness") or {})
    seed = randomness.get("seed")
    if seed is not None and seed != meta.get("seed"):
        notes.append(f"seed {seed} is replaced by {meta.get('seed')}, with which the run began")
    cfg.randomness = {**randomness, "seed": meta.get("seed", seed)}
    return [*notes, f"resuming {path}: epoch {meta['epoch']}, iteration {meta['iter']}"]


def without_program(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Return ``checkpoint`` without ``meta.config``, whose text MMEngine would run as a program on resuming."""
    meta = {key: value for key, value in (checkpoint.get("meta") or {}).items() if key != "config"}
    return {**checkpoint, "meta": meta}
