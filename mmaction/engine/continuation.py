"""What a resumed run does where its config differs from the checkpoint: other epochs, rates and schedules."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.dist import get_world_size
from mmengine.runner import Runner

from mmaction.engine.loops import EpochBasedTrainLoop
from mmaction.engine.optim import base_rates
from mmaction.engine.schedules import Schedule


def steps_of(runner: Runner) -> dict[str, int]:
    """Return the iterations and samples of an epoch, the samples of an iteration over all processes, and of a step."""
    loader = runner.train_dataloader
    return {
        "iters": len(loader),
        "samples": len(loader.dataset),
        "batch": (loader.batch_size or 0) * get_world_size(),
        "effective_batch": runner.effective_batch() if loader.batch_size else 0,
    }


def fit_iteration(loop: Any, before: Mapping[str, int] | None, now: Mapping[str, int]) -> str | None:
    """Set the iteration of a loop over epochs to where the data that the checkpoint has seen ends; say what was done.

    ``before`` and ``now`` are the steps of the run that wrote it, None if it does not tell, and of this run.
    """
    length = before["iters"] if before else loop._iter // max(loop._epoch, 1)
    if length == now["iters"] or not loop._iter:
        return None
    if not before and loop._iter != length * loop._epoch:  # from the middle of an epoch of unknown length
        return None
    done = 0
    if before and before["samples"] == now["samples"] and now["batch"]:
        done = (loop._iter - loop._epoch * length) * before["batch"] // now["batch"]
    loop._iter = loop._epoch * now["iters"] + done  # MMEngine has no public way to set it
    return (
        f"an epoch has {now['iters']} iterations, it had {length}: going on at iteration {done + 1} of epoch "
        f"{loop._epoch + 1}, with the learning rates that the schedule has there"
    )


class Continuation:
    """Schedules and learning rates as the config of ``runner`` asks for them, before a checkpoint replaces them."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._schedule = Schedule(runner.param_schedulers)
        self._rates = base_rates(runner.optim_wrapper)

    def adapt(self, source: str, before: Mapping[str, int] | None) -> Iterator[str]:
        """Fit the runner, which has loaded ``source``, to the epochs that it has now; yield what the user should know.

        ``before`` are the steps of the run that wrote the checkpoint; None if it does not tell.
        """
        runner, now = self._runner, steps_of(self._runner)
        loop, schedulers = runner.train_loop, runner.param_schedulers
        note = fit_iteration(loop, before, now) if isinstance(loop, EpochBasedTrainLoop) else None
        if note:
            yield note
        scales = (runner.auto_scale_lr or {}).get("enable")
        is_rescaled = scales and (before or {}).get("effective_batch") != now["effective_batch"]
        if (note or is_rescaled) and not self._schedule.set_place(schedulers, loop.epoch, loop.iter, now["iters"]):
            yield "a schedule that depends on validations goes on with the learning rates as they were"
        if ends := self._schedule.other_ends(schedulers):
            yield (
                f"going on with the schedule that {source} was trained with: {ends}, and the learning rate stays "
                "from there on. To train with the schedule of the config, start from the weights (--load-from)"
            )
        for rate, asked in zip(base_rates(runner.optim_wrapper), self._rates, strict=True):
            if not math.isclose(rate, asked):
                yield (
                    f"going on with the learning rate {rate:.4g} that {source} was trained with, not with {asked:.4g} "
                    "of the config: to train with that one, start from the weights (--load-from)"
                )
                return
