"""Find the checkpoint to go on from, and arrange the config so that the run continues identically."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmaction.engine.checkpoint import is_intact, local_path, read_checkpoint


def peek_meta(path: Path) -> dict[str, Any]:
    """Return the ``meta`` of a checkpoint without reading its tensors.

    Raises:
        ValueError: If the file is damaged, or holds no state of an optimizer to go on with.
    """
    checkpoint = read_checkpoint(path, mmap=True)
    if "optimizer" not in checkpoint or not {"epoch", "iter"} <= set(checkpoint.get("meta") or {}):
        raise ValueError(f"checkpoint {path} cannot be resumed: it holds weights only; pass it as --load-from")
    return checkpoint["meta"]


def find_resumable(folder: str | Path) -> tuple[Path | None, dict[Path, str]]:
    """Look for the furthest intact checkpoint of a run.

    Args:
        folder: The run's work directory.

    Returns:
        The file, or None, and for each damaged file that would have come first what is wrong with it.
    """
    damaged: dict[Path, str] = {}
    progress: dict[Path, tuple[int, int]] = {}
    for path in Path(folder).glob("*.pth"):
        if path.name.startswith("best_"):
            continue
        try:
            meta = peek_meta(path)
        except ValueError as error:
            if "weights only" not in str(error):
                damaged[path] = is_intact(path) or str(error)
            continue
        progress[path] = (int(meta["iter"]), int(meta["epoch"]))
    for path in sorted(progress, key=progress.__getitem__, reverse=True):
        fault = is_intact(path)
        if fault is None:
            return path, damaged
        damaged[path] = fault
    return None, damaged


def plan_resume(cfg: Config, request: str | Path | None) -> list[str]:
    """Set ``resume``, ``load_from`` and the seed of ``cfg`` to go on with an earlier run.

    Args:
        cfg: The run's config with its ``work_dir``, changed in place.
        request: A checkpoint, or ``"auto"`` for the furthest intact one in the work directory, or None not to resume.

    Returns:
        Notes for the log.

    Raises:
        FileNotFoundError: If the checkpoint asked for does not exist.
        ValueError: If it is damaged or holds weights only; or if every checkpoint in the work directory is damaged.
    """
    if request is None:
        return []
    notes = []
    if request == "auto":
        path, damaged = find_resumable(cfg.work_dir)
        notes += [f"skipped the damaged checkpoint {bad}: {why}" for bad, why in damaged.items()]
        if path is None:
            if damaged:
                raise ValueError(
                    f"--resume: no intact checkpoint in {cfg.work_dir}; remove the damaged ones to start again, or "
                    f"name another: " + "; ".join(f"{bad.name}: {why}" for bad, why in damaged.items())
                )
            cfg.resume = False
            return [f"nothing to resume in {cfg.work_dir}; starting from the beginning"]
    else:
        path = local_path(request)
    meta = peek_meta(path)
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
