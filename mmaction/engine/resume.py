"""Find the checkpoint to go on from, once for a run, and set the config so that the run continues identically."""

import os
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import all_gather_object
from mmengine.runner import Runner
from mmengine.utils import apply_to

from mmaction.io.checkpoints import RefusedCheckpointError, is_archive, is_intact, local_path, read_checkpoint
from mmaction.utils.cli import ToolStop
from mmaction.utils.files import read_json, write_json

# Entry of the message hub, and so of checkpoints: id and iteration of each start of a run; a resumed one adds its own.
STARTS = "starts"
Starts = list[tuple[str, int]]
LAST_START = "last_start.json"  # in the work directory: the starts of the run that began last, and its checkpoint
SNAPSHOT = "snapshot"  # entry of ``meta`` that marks a checkpoint which the next one replaces


class WeightsOnlyError(ValueError):
    """A checkpoint without the state of an optimizer to go on with."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"checkpoint {path} cannot be resumed: it holds weights only; pass it as --load-from")


@dataclass
class SavedState:
    """A checkpoint of a training.

    The tensors of ``content`` are read from the file when they are used; it is empty where PyTorch's old format would
    have them all in memory at once.
    """

    path: Path
    content: dict[str, Any]
    has_optimizer: bool
    meta: dict[str, Any]
    starts: Starts
    written: float

    @classmethod
    def read(cls, path: Path, trust: bool = False) -> "SavedState":
        """Read it; ValueError if it is damaged, refused (RefusedCheckpointError) or of no training (WeightsOnlyError).

        Damage may also show as TypeError or OverflowError, where it has hit a number.
        """
        content = read_checkpoint(path, mmap=True, trust=trust)
        meta, hub, has_optimizer = content.get("meta"), content.get("message_hub"), "optimizer" in content
        info = hub.get("runtime_info") if isinstance(hub, dict) else None
        starts = _as_starts(info.get(STARTS)) if isinstance(info, dict) else []
        if not (isinstance(meta, dict) and {"epoch", "iter"} <= set(meta) and (has_optimizer or starts)):
            raise WeightsOnlyError(path)
        content = content if is_archive(path) else {}
        state = cls(path, content, has_optimizer, meta, starts, path.stat().st_mtime)
        _ = state.progress  # raises where a damaged file holds no numbers
        return state

    @property
    def progress(self) -> tuple[int, int, int]:
        """What is greater for a later state of a run, whose iterations another batch counts anew."""
        return len(self.starts), int(self.meta["iter"]), int(self.meta["epoch"])

    def leads_to(self, starts: Starts) -> bool:
        """Return whether a run with ``starts`` has been in this state; if not, another run or course of it was."""
        known = len(self.starts)
        return self.starts == starts[:known] and (known == len(starts) or self.progress[1] <= starts[known][1])


@dataclass
class Survey:
    """The checkpoint to go on from, and those that are not it: why they cannot be used, or that they are of others."""

    found: SavedState | None = None
    states: list[SavedState] = field(default_factory=list)
    weights_only: list[Path] = field(default_factory=list)
    damaged: dict[Path, str] = field(default_factory=dict)
    refused: dict[Path, str] = field(default_factory=dict)
    others: list[Path] = field(default_factory=list)

    def notes(self) -> Iterator[str]:
        """Yield what was left out, for the user."""
        yield from (f"skipped the damaged checkpoint {bad}: {why}" for bad, why in self.damaged.items())
        yield from (f"skipped: {why}" for why in self.refused.values())
        if self.others:
            others = _listed(self.others)
            yield f"left out, as another run or an earlier course of this one has written them: {others}"

    def refuse_to_begin_again(self, work_dir: Path) -> None:
        """Raise ValueError where there is nothing to go on from, but something that a new run would replace."""
        damaged = [f"{bad.name}: {why}" for bad, why in self.damaged.items()]
        why = None
        if self.refused:
            why = f"no checkpoint in {work_dir} can be used: " + "; ".join([*damaged, *self.refused.values()])
        elif damaged:
            why = f"no intact checkpoint in {work_dir}; remove the damaged ones to start again, or name another: "
            why += "; ".join(damaged)
        elif self.weights_only:
            why = (
                f"the checkpoints of the run hold weights only (save_optimizer=False): {_listed(self.weights_only)}; "
                "pass one as --load-from, or leave --resume out to begin again"
            )
        elif self.others:
            why = (
                f"the run that began last in {work_dir} has written no checkpoint, and these are of an earlier one: "
                f"{_listed(self.others)}; name one to go on with that (--resume FILE), or leave --resume out to begin "
                "again"
            )
        if why:
            raise ValueError(f"--resume: {why}")


@dataclass
class ResumePlan:
    """From which checkpoint a run goes on."""

    state: SavedState | None  # the checkpoint; None to begin anew
    notes: list[str]  # what the user should know
    # snapshots of the run that were seen, which its next checkpoint replaces
    snapshots: list[Path] = field(default_factory=list)
    is_named: bool = False  # whether the user named the checkpoint: the run then replaces nothing that is there already

    def take(self, source: str | Path, device: Any) -> dict[str, Any] | None:
        """Return the contents of the checkpoint ``source`` on ``device``, once; None if the plan is not about it."""
        state = self.state
        if state is None or str(source) != str(state.path) or not state.content:
            return None
        content, state.content = state.content, {}
        # copied even on the CPU: the next checkpoint may replace the file that the tensors are mapped from
        return apply_to(content, torch.is_tensor, lambda tensor: tensor.to(device, copy=True))


def plan_resume(cfg: Config, request: str | Path | None) -> ResumePlan | None:
    """Set ``resume``, ``load_from`` and the seed of ``cfg`` to go on with an earlier run.

    Args:
        cfg: The run's config with its ``work_dir``, changed in place.
        request: A checkpoint, or ``"auto"`` for the furthest intact one of the last run in the work directory (and in
            the checkpoint hook's ``out_dir``), or None not to resume.

    Returns:
        The plan, for the runner; None if ``request`` is None.

    Raises:
        FileNotFoundError: If the checkpoint asked for does not exist.
        ValueError: If it is damaged or holds weights only; or if every checkpoint in the work directory is damaged; or
            if it holds other objects than weights and ``cfg.trust_checkpoint`` is not set.
    """
    if request is None:
        return None
    if request == "auto":
        found = _survey_for(cfg)
        state, notes = found.found, list(found.notes())
    else:
        found, notes = Survey(), []
        state = SavedState.read(local_path(request), bool(cfg.get("trust_checkpoint")))
    if state is None:
        cfg.resume = False
        return ResumePlan(None, [*notes, f"nothing to resume in {cfg.work_dir}; starting from the beginning"])
    if not state.has_optimizer:
        raise WeightsOnlyError(state.path)
    cfg.resume, cfg.load_from = True, str(state.path)
    randomness = dict(cfg.get("randomness") or {})
    seed, stored = randomness.get("seed"), state.meta.get("seed")
    if seed is not None and seed != stored:
        notes.append(f"seed {seed} is replaced by {stored}, with which the run began")
    cfg.randomness = {**randomness, "seed": state.meta.get("seed", seed)}
    notes.append(f"resuming {state.path}: epoch {state.meta['epoch']}, iteration {state.meta['iter']}")
    own = [one for one in found.states if one.meta.get(SNAPSHOT) and one.starts and one.starts[:1] == state.starts[:1]]
    return ResumePlan(state, notes, [one.path for one in own], is_named=request != "auto")


# -- the checkpoints of a work directory -------------------------------------------------------------------------------
def survey(work_dir: str | Path, out_dir: str | Path | None = None, trust: bool = False) -> Survey:
    """Look for the furthest intact checkpoint of the run that wrote last.

    ``work_dir``, ``out_dir`` and the folder of the file that ``last_checkpoint`` names are searched. ValueError if
    ``last_start.json`` is damaged, RefusedCheckpointError if the last checkpoint is refused.
    """
    work_dir = Path(work_dir)
    folders = [work_dir, *([Path(out_dir)] if out_dir else [])]
    last = _last_named(work_dir, folders)
    starts, origin = _last_start(work_dir)
    result = Survey()
    for path in _files([*folders, *([last.parent] if last else [])], also=origin):
        if path.name.startswith("best_"):  # weights only
            continue
        try:
            result.states.append(SavedState.read(path, trust))
        except WeightsOnlyError:
            continue
        except RefusedCheckpointError as error:
            if last is not None and path.resolve() == last.resolve():
                raise
            result.refused[path] = str(error)
        except (ValueError, TypeError, OverflowError, OSError) as error:
            result.damaged[path] = is_intact(path) or str(error)
    own = _of_the_last_run(result.states, starts)
    result.others = [state.path for state in result.states if state not in own]
    result.weights_only = [state.path for state in own if not state.has_optimizer]
    # the whole file is checked from the furthest on only: to read all of them takes minutes
    for state in sorted((s for s in own if s.has_optimizer), key=lambda state: state.progress, reverse=True):
        fault = is_intact(state.path)
        if fault is None:
            result.found = state
            break
        result.damaged[state.path] = fault
    return result


def _survey_for(cfg: Config) -> Survey:
    """Survey the folders of ``cfg``; ValueError if a new run would replace what cannot be resumed."""
    work_dir = Path(cfg.work_dir)
    address = _pointer(work_dir)
    if "://" in address:
        raise ValueError(f"--resume: the last checkpoint is {address}; copy it here and name the copy: --resume FILE")
    result = survey(work_dir, _out_dir(cfg), bool(cfg.get("trust_checkpoint")))
    if result.found is None:
        result.refuse_to_begin_again(work_dir)
    return result


def _listed(paths: Iterable[Path]) -> str:
    return ", ".join(map(str, paths))


def _files(folders: Iterable[Path], pattern: str = "*.pth", also: Path | None = None) -> list[Path]:
    """Return the files in ``folders``, and ``also``, each once; a link to one of them, or to nothing, is none."""
    unique: dict[Path, Path] = {}
    # links come last, so that a file keeps its own name
    found = sorted((path for folder in folders for path in folder.glob(pattern)), key=os.path.islink)
    for path in [*found, *([also] if also else [])]:
        if os.path.isfile(path):
            unique.setdefault(path.resolve(), path)
    return list(unique.values())


def _pointer(work_dir: Path) -> str:
    """Return what ``last_checkpoint`` names."""
    pointer = work_dir / "last_checkpoint"
    return pointer.read_text(errors="replace").strip() if pointer.is_file() else ""


def _last_named(work_dir: Path, folders: list[Path]) -> Path | None:
    """Return the file that ``last_checkpoint`` names, also if the work directory was moved or copied since."""
    named = Path(_pointer(work_dir))
    if not any(os.path.realpath(named.parent) == os.path.realpath(folder) for folder in folders):
        moved = [folder / named.name for folder in folders if os.path.isfile(folder / named.name)]
        named = moved[0] if moved else named
    return named if os.path.isfile(named) else None


def _of_the_last_run(states: list[SavedState], starts: Starts) -> list[SavedState]:
    """Return the checkpoints of the run that began last; all where checkpoints do not tell runs apart."""
    if starts:
        return [state for state in states if state.leads_to(starts)]
    # MMEngine or an older version has written the folder: the newest file stands for the last run
    newest = max(states, key=lambda state: state.written, default=None)
    return [s for s in states if newest is None or not newest.starts or s.starts[:1] == newest.starts[:1]]


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


# -- telling runs in one folder apart ----------------------------------------------------------------------------------
def note_start(work_dir: str | Path, before: Starts, iteration: int, origin: str | None) -> Starts:
    """Note in ``work_dir`` that a run begins or goes on, and return its starts.

    ``before`` are those in the checkpoint ``origin``, of ``iteration``; a new run has none.
    """
    starts = [*before, (uuid.uuid4().hex, iteration)]
    content = {"starts": starts, "from": origin and os.path.abspath(origin)}
    write_json(Path(work_dir) / LAST_START, content)
    return starts


def _last_start(work_dir: Path) -> tuple[Starts, Path | None]:
    """Return the starts of the run that began last, and its checkpoint; none where MMEngine itself has written."""
    path = work_dir / LAST_START
    if not path.is_file():
        return [], None
    content = read_json(path)
    content = content if isinstance(content, dict) else {}
    starts, origin = _as_starts(content.get("starts")), content.get("from")
    if not starts or not isinstance(origin, (str, type(None))):
        raise ValueError(f"{path}: expected starts (id, iteration) and from; remove it to go on from the furthest")
    return starts, Path(origin) if origin else None


def _as_starts(value: Any) -> Starts:
    """Return the starts that a file holds, none where it holds something else."""
    pairs = [tuple(pair) for pair in value if isinstance(pair, (list, tuple))] if isinstance(value, list) else []
    is_valid = pairs and all(len(pair) == 2 and isinstance(pair[0], str) and type(pair[1]) is int for pair in pairs)
    return pairs if is_valid and len(pairs) == len(value) else []


def is_work_dir(folder: Path) -> bool:
    """Return whether ``folder`` is the work directory of a training, of this package or of MMEngine."""
    return any((folder / name).is_file() for name in (LAST_START, "last_checkpoint"))


def is_resumed(runner: Runner) -> bool:
    """Whether the run goes on with an earlier one; MMEngine tells it nowhere in public."""
    return runner._resume


def check_common_place(runner: Runner) -> None:
    """Raise ToolStop unless all processes go on from the same checkpoint, or all from none."""
    starts = runner.message_hub.runtime_info.get(STARTS, [])
    places = all_gather_object((runner.epoch, runner.iter, starts[-1:]) if is_resumed(runner) else None)
    if all(place == places[0] for place in places):
        return
    told = [f"epoch {place[0]}, iteration {place[1]}" if place else "the beginning" for place in places]
    raise ToolStop(
        "the processes would not go on from the same place: "
        + "; ".join(f"process {rank} from {place}" for rank, place in enumerate(told))
        + ". Let all of them see the same work directory, or name a checkpoint that all can read (--resume FILE)"
    )
