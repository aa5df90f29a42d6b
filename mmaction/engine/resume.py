"""Find the checkpoint to go on from, and arrange the config so that the run continues identically."""

import json
import os
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import all_gather_object
from mmengine.runner import Runner

from mmaction.io.checkpoints import RefusedCheckpointError, is_intact, local_path, read_checkpoint
from mmaction.utils.cli import ToolStop
from mmaction.utils.files import read_json, write_atomically

# Entry of the message hub, and so of checkpoints: id and iteration of each start of a run; a resumed one adds its own.
STARTS = "starts"
Starts = list[tuple[str, int]]
LAST_START = "last_start.json"  # in the work directory: the starts of the run that began last, and its checkpoint
SNAPSHOT = "snapshot"  # entry of ``meta`` that marks a checkpoint which the next one replaces


class WeightsOnlyError(ValueError):
    """A checkpoint without the state of an optimizer to go on with."""


@dataclass
class _State:
    """What a checkpoint tells about the run that wrote it, without its tensors."""

    path: Path
    meta: dict[str, Any]
    starts: Starts
    has_optimizer: bool
    written: float

    @classmethod
    def read(cls, path: Path, trust: bool = False) -> "_State":
        """Read it.

        Raises:
            ValueError: If the file is damaged, refused (RefusedCheckpointError) or no checkpoint of a training
                (WeightsOnlyError).
        """
        checkpoint = read_checkpoint(path, mmap=True, trust=trust)
        meta, has_optimizer = checkpoint.get("meta"), "optimizer" in checkpoint
        hub = checkpoint.get("message_hub")
        info = hub.get("runtime_info") if isinstance(hub, dict) else None
        starts = _as_starts(info.get(STARTS)) if isinstance(info, dict) else []
        is_of_training = isinstance(meta, dict) and {"epoch", "iter"} <= set(meta) and (has_optimizer or starts)
        if not is_of_training:
            raise WeightsOnlyError(_weights_only(path))
        return cls(path, meta, starts, has_optimizer, path.stat().st_mtime)

    @property
    def progress(self) -> tuple[int, int, int]:
        """Return what is greater for a later state of a run, whose iterations another batch counts anew."""
        return len(self.starts), int(self.meta["iter"]), int(self.meta["epoch"])

    def leads_to(self, starts: Starts) -> bool:
        """Return whether a run with ``starts`` has been in this state; if not, another run or course of it was."""
        known = len(self.starts)
        return self.starts == starts[:known] and (known == len(starts) or self.progress[1] <= starts[known][1])


@dataclass
class _Survey:
    """The checkpoint to go on from, and those that are not it: why they cannot be used, or that they are of others."""

    found: Path | None = None
    weights_only: list[Path] = field(default_factory=list)
    damaged: dict[Path, str] = field(default_factory=dict)
    refused: dict[Path, str] = field(default_factory=dict)
    others: list[Path] = field(default_factory=list)


@dataclass
class _LastStart:
    """The starts of the run that began last in a work directory, and the checkpoint from which it was resumed."""

    starts: Starts = field(default_factory=list)
    origin: Path | None = None

    @classmethod
    def read(cls, work_dir: Path) -> "_LastStart":
        """Read it; there is none in a directory of MMEngine's own.

        Raises:
            ValueError: If the file is damaged.
        """
        path = work_dir / LAST_START
        if not path.is_file():
            return cls()
        content = read_json(path)
        content = content if isinstance(content, dict) else {}
        starts, origin = _as_starts(content.get("starts")), content.get("from")
        if not starts or not isinstance(origin, (str, type(None))):
            raise ValueError(f"{path}: expected starts (id, iteration) and from; remove it to go on from the furthest")
        return cls(starts, Path(origin) if origin else None)


def note_start(work_dir: str | Path, before: Starts, iteration: int, origin: str | None) -> Starts:
    """Note in ``work_dir`` that a run begins or goes on, and return its starts.

    Args:
        work_dir: The run's work directory.
        before: Its earlier starts, as they are in the checkpoint that it goes on from.
        iteration: That of the checkpoint; 0 for a new run.
        origin: The checkpoint; None for a new run.
    """
    starts = [*before, (uuid.uuid4().hex, iteration)]
    content = {"starts": starts, "from": origin and os.path.abspath(origin)}
    write_atomically(Path(work_dir) / LAST_START, json.dumps(content).encode())
    return starts


def is_work_dir(folder: Path) -> bool:
    """Return whether ``folder`` is the work directory of a training, of this package or of MMEngine."""
    return any((folder / name).is_file() for name in (LAST_START, "last_checkpoint"))


def _as_starts(value: Any) -> Starts:
    """Return the starts that a file holds, none where it holds something else."""
    pairs = [tuple(pair) for pair in value if isinstance(pair, (list, tuple))] if isinstance(value, list) else []
    is_valid = pairs and all(len(pair) == 2 and isinstance(pair[0], str) and type(pair[1]) is int for pair in pairs)
    return pairs if is_valid and len(pairs) == len(value) else []


def _weights_only(path: Path) -> str:
    return f"checkpoint {path} cannot be resumed: it holds weights only; pass it as --load-from"


def peek_meta(path: Path, trust: bool = False) -> dict[str, Any]:
    """Return the ``meta`` of a checkpoint without reading its tensors.

    Raises:
        ValueError: If the file is damaged, or holds no state of an optimizer to go on with, or holds other objects
            than weights while ``trust`` is False.
    """
    state = _State.read(path, trust)
    if not state.has_optimizer:
        raise WeightsOnlyError(_weights_only(path))
    return state.meta


def snapshots_of(folder: Path, run: Starts, trust: bool = False) -> set[Path]:
    """Return the snapshots in ``folder`` that the run with the starts ``run`` has written."""
    found = set()
    for path in _files([folder], "iter_*.pth"):
        try:
            state = _State.read(path, trust)
        except (ValueError, OSError):
            continue
        if state.starts[:1] == run[:1] and state.meta.get(SNAPSHOT):
            found.add(path)
    return found


def find_resumable(
    folder: str | Path, out_dir: str | Path | None = None, trust: bool = False
) -> tuple[Path | None, dict[Path, str]]:
    """Look for the furthest intact checkpoint of the run that wrote last.

    Args:
        folder: The run's work directory; the folder of the file that its ``last_checkpoint`` names is searched too.
        out_dir: Folder of the checkpoints where it is another.
        trust: As in :func:`mmaction.io.checkpoints.read_checkpoint`.

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
    start = _LastStart.read(work_dir)
    result, states = _Survey(), []
    for path in _files([*folders, *([last.parent] if last else [])], also=start.origin):
        if path.name.startswith("best_"):  # weights only
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
    own = _of_the_last_run(states, start.starts)
    result.others = [state.path for state in states if state not in own]
    result.weights_only = [state.path for state in own if not state.has_optimizer]
    resumable = [state for state in own if state.has_optimizer]
    for state in sorted(resumable, key=lambda state: state.progress, reverse=True):
        fault = is_intact(state.path)
        if fault is None:
            result.found = state.path
            break
        result.damaged[state.path] = fault
    return result


def _files(folders: Iterable[Path], pattern: str = "*.pth", also: Path | None = None) -> list[Path]:
    """Return the files in ``folders``, and ``also``, each once; a link to one of them, or to nothing, is none."""
    unique: dict[Path, Path] = {}
    found = sorted((path for folder in folders for path in folder.glob(pattern)), key=os.path.islink)
    for path in [*found, *([also] if also else [])]:
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


def _of_the_last_run(states: list[_State], starts: Starts) -> list[_State]:
    """Return the checkpoints of the run that began last; all where checkpoints do not tell runs apart.

    A run begun anew in the folder of an earlier one leaves that one's further checkpoints there, and so does a run that
    was taken up again from an earlier epoch.
    """
    if starts:
        return [state for state in states if state.leads_to(starts)]
    newest = max(states, key=lambda state: state.written, default=None)
    return [state for state in states if not newest.starts or state.starts[:1] == newest.starts[:1]]


def _out_dir(cfg: Config) -> str | None:
    """Return the folder in which the checkpoint hook of ``cfg`` writes, if it is another than the work directory."""
    hook = (cfg.get("default_hooks") or {}).get("checkpoint") or {}
    out_dir = hook.get("out_dir")
    if not out_dir or str(out_dir) == str(cfg.work_dir) or "://" in str(out_dir):
        return None
    return os.path.join(out_dir, os.path.basename(str(cfg.work_dir).rstrip(os.sep)))


def replaceable_checkpoints(cfg: Config) -> list[Path]:
    """Return the checkpoints of earlier runs in the folders to which a run of ``cfg`` writes."""
    folders = [Path(folder) for folder in (cfg.get("work_dir"), cfg.get("work_dir") and _out_dir(cfg)) if folder]
    return [path for kind in ("epoch", "iter", "best") for path in _files(folders, f"{kind}_*.pth")]


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
        others = _listed(survey.others)
        notes.append(f"left out, as another run or an earlier course of this one has written them: {others}")
    if survey.found is None:
        _refuse_to_begin_again(survey, work_dir)
    return survey.found


def _refuse_to_begin_again(survey: _Survey, work_dir: Path) -> None:
    """Raise where there is something in ``work_dir``, though nothing to go on from, that a new run would replace.

    Raises:
        ValueError: Then.
    """
    damaged = [f"{bad.name}: {why}" for bad, why in survey.damaged.items()]
    why = None
    if survey.refused:
        why = f"no checkpoint in {work_dir} can be used: " + "; ".join([*damaged, *survey.refused.values()])
    elif damaged:
        why = f"no intact checkpoint in {work_dir}; remove the damaged ones to start again, or name another: "
        why += "; ".join(damaged)
    elif survey.weights_only:
        why = (
            f"the checkpoints of the run hold weights only (save_optimizer=False): {_listed(survey.weights_only)}; "
            "pass one as --load-from, or leave --resume out to begin again"
        )
    elif survey.others:
        why = (
            f"the run that began last in {work_dir} has written no checkpoint, and these are of an earlier "
            f"one: {_listed(survey.others)}; name one to go on with that (--resume FILE), or leave --resume "
            "out to begin again"
        )
    if why:
        raise ValueError(f"--resume: {why}")


def _listed(paths: Iterable[Path]) -> str:
    return ", ".join(map(str, paths))


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


def check_common_place(runner: Runner) -> None:
    """Check that all processes of ``runner`` go on from the same checkpoint, or all from none.

    Raises:
        ToolStop: If they do not, as where one cannot see the work directory.
    """
    starts = runner.message_hub.runtime_info.get(STARTS, [])
    places = all_gather_object((runner.epoch, runner.iter, starts[-1:]) if runner._resume else None)
    if all(place == places[0] for place in places):
        return
    told = [f"epoch {place[0]}, iteration {place[1]}" if place else "the beginning" for place in places]
    raise ToolStop(
        "the processes would not go on from the same place: "
        + "; ".join(f"process {rank} from {place}" for rank, place in enumerate(told))
        + ". Let all of them see the same work directory, or name a checkpoint that all can read (--resume FILE)"
    )


def without_program(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Return ``checkpoint`` without ``meta.config``, whose text MMEngine would run as a program on resuming."""
    meta = {key: value for key, value in (checkpoint.get("meta") or {}).items() if key != "config"}
    return {**checkpoint, "meta": meta}
