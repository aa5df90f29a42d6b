"""What a user can do when the system fails a run: disks, memory, data workers, other processes."""

import errno
import traceback
from collections.abc import Iterator
from pathlib import Path

import torch

from mmaction.utils.cli import ToolStop, worker_advice


def _is_lost_worker(error: BaseException) -> bool:
    """Return whether a data worker went while its batch was read, before PyTorch noticed."""
    frames = traceback.extract_tb(error.__traceback__)
    return isinstance(error, (EOFError, ConnectionError)) and any("dataloader.py" in at.filename for at in frames)


def is_removed(error: BaseException, work_dir: Path) -> bool:
    """Return whether a file of the run could not be written, or finished, because ``work_dir`` is being removed."""
    path = Path(getattr(error, "filename", None) or "")
    return isinstance(error, FileNotFoundError) and work_dir in (path, *path.parents)


def advice(error: BaseException, work_dir: Path) -> str | None:
    """Return what to do after an error of the system or of PyTorch; None if nobody knows."""
    if is_removed(error, work_dir):
        return (
            f"the work directory {work_dir}, or a file of it, was removed or moved during the run: put it back if you "
            f"can; then go on with --resume (from the beginning if no checkpoint is left)"
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"make room on the disk of {error.filename or work_dir}; a training then goes on with --resume"
    if isinstance(error, torch.OutOfMemoryError):
        return "lower train_dataloader.batch_size (with --auto-scale-lr), or pass --amp; then go on with --resume"
    if isinstance(error, RuntimeError) and any(sign in str(error) for sign in ("gloo", "NCCL", "by peer")):
        return "another process of this run has ended or is out of reach; see its output, then go on with --resume"
    if isinstance(error, ValueError) and "more than 1 value per channel" in str(error):
        return "a batch of one clip has no spread to norm by: set train_dataloader.drop_last=True or another batch_size"
    if _is_lost_worker(error) or (isinstance(error, RuntimeError) and "DataLoader worker" in str(error)):
        return worker_advice(str(error))
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that led to it: PyTorch's signal handler raises its own in the middle of anything.

    One that says itself what to do is the last.
    """
    while error is not None:
        yield error
        error = None if isinstance(error, ToolStop) else error.__cause__ or error.__context__


def explained(error: BaseException, work_dir: Path) -> ToolStop | None:
    """Return the error that tells the user what to do after ``error``; None where there is nothing to add."""
    for cause in _causes(error):
        if todo := advice(cause, work_dir):
            said = f"DataLoader worker is gone ({cause!r})" if _is_lost_worker(cause) else str(cause)
            return ToolStop(f"{said.splitlines()[0]}\n  {todo}")
    return None
