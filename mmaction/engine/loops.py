"""The training loop, able to go on in the middle of an epoch."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.runner import EpochBasedTrainLoop as PlainEpochBasedTrainLoop
from torch.utils.data import BatchSampler, DataLoader, Sampler

from mmaction.registry import LOOPS


class _From(Sampler):
    """``sampler`` without its first ``start`` indices; its length stays that of the whole, for progress reports."""

    def __init__(self, sampler: Sampler, start: int) -> None:
        self.sampler = sampler
        self.start = start

    def __iter__(self) -> Iterator[int]:
        return islice(iter(self.sampler), self.start, None)

    def __len__(self) -> int:
        return len(self.sampler)


def batches_from(dataloader: DataLoader, start: int) -> Iterator[tuple[int, Any]]:
    """Yield ``(index, batch)`` of one pass over ``dataloader``, leaving out the first ``start`` batches.

    The batches left out are not loaded, unless a custom batch sampler hides which samples they hold.
    """
    batch_sampler = dataloader.batch_sampler
    if start == 0 or type(batch_sampler) is not BatchSampler:
        yield from islice(enumerate(dataloader), start, None)
        return
    whole = batch_sampler.sampler
    batch_sampler.sampler = _From(whole, start * batch_sampler.batch_size)
    try:
        yield from enumerate(dataloader, start)
    finally:
        batch_sampler.sampler = whole


def seed_iteration(seed: int, iteration: int) -> None:
    """Seed the global generators of torch, which dropout and mixup use, for one iteration of this process.

    The random numbers of an iteration then depend on the seed, the iteration and the rank alone: a resumed run draws
    the same ones without the state of a generator being stored.
    """
    words = np.random.SeedSequence([seed, get_rank(), iteration]).generate_state(2, np.uint32)
    torch.manual_seed(int(words[0]) << 32 | int(words[1]))


@LOOPS.register_module()
class EpochBasedTrainLoop(PlainEpochBasedTrainLoop):
    """Loop over epochs that a checkpoint from the middle of an epoch resumes exactly.

    Arguments are those of :class:`mmengine.runner.EpochBasedTrainLoop`.
    """

    def run(self) -> torch.nn.Module:
        """Train until the last epoch; a validation that an interruption cut off is made up for first."""
        runner = self.runner
        runner.call_hook("before_train")
        if self._validation_is_due() and runner.message_hub.runtime_info.get("last_validated_epoch") != self._epoch:
            runner.logger.info(f"validating epoch {self._epoch}, whose validation was interrupted")
            runner.val_loop.run()
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self._decide_current_val_interval()
            if self._validation_is_due():
                runner.val_loop.run()
        runner.call_hook("after_train")
        return runner.model

    def _validation_is_due(self) -> bool:
        """Return whether the epoch that just ended is one to validate."""
        at_boundary = self._iter == self._epoch * len(self.dataloader)
        scheduled = self._epoch % self.val_interval == 0 or self._epoch == self._max_epochs
        return (
            self.runner.val_loop is not None and self._epoch > 0 and at_boundary and self._epoch >= self.val_begin
        ) and scheduled

    def run_epoch(self) -> None:
        """Train one epoch, or the rest of it after resuming."""
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        done = self._iter - self._epoch * len(self.dataloader)
        for index, batch in batches_from(self.dataloader, done):
            seed_iteration(self.runner.seed, self._iter)
            self.run_iter(index, batch)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1
