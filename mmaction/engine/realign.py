"""Go on with a run whose epochs have another number of iterations: another batch, more processes, a mended list."""

import warnings
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from mmengine.dist import get_world_size
from mmengine.runner import Runner


def steps_of(runner: Runner) -> dict[str, int]:
    """Return how a run divides its data into steps, which its checkpoints hold as ``meta["steps"]``.

    ``iters`` and ``samples`` of an epoch; ``batch``, the samples of an iteration over all processes; and
    ``effective_batch``, those of a step of the optimizer.
    """
    loader = runner.train_dataloader
    return {
        "iters": len(loader),
        "samples": len(loader.dataset),
        "batch": (loader.batch_size or 0) * get_world_size(),
        "effective_batch": runner.effective_batch() if loader.batch_size else 0,
    }


def place(loop: Any, before: Mapping[str, int] | None, now: Mapping[str, int]) -> str | None:
    """Set the iteration of a loop over epochs to where the data that the checkpoint has seen ends.

    Args:
        loop: Its ``_epoch`` and ``_iter`` are those of the checkpoint.
        before: The steps of the run that wrote it; None if it does not tell.
        now: The steps of this run.

    Returns:
        What was done, None where an epoch has as many iterations as before.
    """
    length = before["iters"] if before else loop._iter // max(loop._epoch, 1)
    if length == now["iters"] or not loop._iter:
        return None
    if not before and loop._iter != length * loop._epoch:  # from the middle of an epoch of unknown length
        return None
    done = 0
    if before and before["samples"] == now["samples"] and now["batch"]:
        done = (loop._iter - loop._epoch * length) * before["batch"] // now["batch"]
    loop._iter = loop._epoch * now["iters"] + done
    return (
        f"an epoch has {now['iters']} iterations, it had {length}: going on at iteration {done + 1} of epoch "
        f"{loop._epoch + 1}, with the learning rates that the schedule has there"
    )


class Schedule:
    """The parameter schedulers of a run as they are before its first iteration, to be played to another place.

    Args:
        schedulers: A list of schedulers, a dict of lists, or None.
    """

    def __init__(self, schedulers: Any) -> None:
        parts = schedulers.values() if isinstance(schedulers, dict) else [schedulers or ()]
        self.schedulers = [scheduler for part in parts for scheduler in part]
        self._states = [deepcopy(scheduler.state_dict()) for scheduler in self.schedulers]
        self._values = [
            [{key: group[key] for key in keys} for group in scheduler.optimizer.param_groups]
            for scheduler, keys in self._parameters()
        ]

    def _parameters(self) -> Iterator[tuple[Any, tuple[str, str]]]:
        for scheduler in self.schedulers:
            yield scheduler, (scheduler.param_name, f"initial_{scheduler.param_name}")

    def other_ends(self, schedulers: Any) -> str | None:
        """Say which of ``schedulers`` a checkpoint lets end elsewhere, as they follow the number of epochs; or None."""
        now = Schedule(schedulers)
        ends = [(state.get("end"), own.get("end")) for state, own in zip(now._states, self._states, strict=True)]
        told = [
            f"{type(scheduler).__name__} ends at {stored}, not at {asked}"
            for scheduler, (stored, asked) in zip(now.schedulers, ends, strict=True)
            if stored != asked
        ]
        return ", ".join(told) or None

    def play(self, schedulers: Any, epoch: int, iteration: int, iters_per_epoch: int) -> bool:
        """Set ``schedulers`` and what they schedule to the place given; False if they depend on validations.

        Args:
            schedulers: Those of the run, of the same form as before.
            epoch: Epochs that have ended.
            iteration: Iterations that have ended.
            iters_per_epoch: Iterations of each.
        """
        now = Schedule(schedulers).schedulers
        if any(getattr(scheduler, "need_val_args", False) for scheduler in now):
            return False
        for scheduler, state, values in zip(now, self._states, self._values, strict=True):
            scheduler.load_state_dict(deepcopy(state))
            for group, value in zip(scheduler.optimizer.param_groups, values, strict=True):
                group.update(value)
        by_epoch = [scheduler for scheduler in now if scheduler.by_epoch]
        by_iter = [scheduler for scheduler in now if not scheduler.by_epoch]
        with warnings.catch_warnings():  # no step of the optimizer goes with these
            warnings.filterwarnings("ignore", "Detected call of `scheduler.step", UserWarning)
            warnings.filterwarnings("ignore", "Seems like `optimizer.step", UserWarning)
            for done in range(1, iteration + 1):
                ends_epoch = done % iters_per_epoch == 0 and done <= epoch * iters_per_epoch
                for scheduler in by_iter + by_epoch * ends_epoch:
                    scheduler.step()
        return True
