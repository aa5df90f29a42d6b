"""The training loops: by epochs, able to go on in the middle of one, and by iterations."""

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any, cast

import numpy as np
import torch
from mmengine.device import get_device
from mmengine.dist import get_rank, get_world_size
from mmengine.optim import OptimWrapper
from mmengine.runner import EpochBasedTrainLoop as PlainEpochBasedTrainLoop
from mmengine.runner import IterBasedTrainLoop as PlainIterBasedTrainLoop
from torch.utils.data import BatchSampler, DataLoader, Sampler

from mmaction.registry import LOOPS

# MMEngine's loops count in _epoch, _iter, _max_epochs and _max_iters; they can be read in public, but not set.


class _From(Sampler):
    """``sampler`` without its first ``start`` indices; it keeps the length of the whole, for progress reports."""

    def __init__(self, sampler: Collection[int], start: int) -> None:
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
    whole = cast(Collection[int], batch_sampler.sampler)
    batch_sampler.sampler = _From(whole, start * batch_sampler.batch_size)
    try:
        yield from enumerate(dataloader, start)
    finally:
        batch_sampler.sampler = whole


def seed_iteration(seed: int, iteration: int) -> None:
    """Seed torch's generators by seed, rank and iteration alone: a resumed run draws the same, no state is stored."""
    words = np.random.SeedSequence([seed, get_rank(), iteration]).generate_state(2, np.uint32)
    # without an accelerator, torch.manual_seed spends a millisecond on noting who calls it
    (torch.default_generator if get_device() == "cpu" else torch).manual_seed(int(words[0]) << 32 | int(words[1]))


@LOOPS.register_module()
class EpochBasedTrainLoop(PlainEpochBasedTrainLoop):
    """Loop over epochs that resumes exactly, also from a checkpoint in the middle of an epoch.

    With ``accumulative_counts`` the optimizer also makes a step at the end of each epoch, so that no gradients wait
    between epochs.

    It takes the arguments of :class:`mmengine.runner.EpochBasedTrainLoop`.
    """

    def run(self) -> torch.nn.Module:
        """Train until the last epoch; first rerun a validation that was interrupted."""
        runner = self.runner
        runner.call_hook("before_train")
        self._decide_current_val_interval()
        if self._validation_is_due() and runner.message_hub.runtime_info.get("last_validated_epoch") != self._epoch:
            runner.logger.info(f"validating epoch {self._epoch}, after which the checkpoint was written")
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
        self._sum_within_epoch(done)
        for index, batch in batches_from(self.dataloader, done):
            seed_iteration(self.runner.seed, self._iter)
            self.run_iter(index, batch)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1

    def _sum_within_epoch(self, done: int) -> None:
        """Let the optimizer count the iterations from the beginning of the epoch, and make a step at its end."""
        wrapper, length = self.runner.optim_wrapper, len(self.dataloader)
        if isinstance(wrapper, OptimWrapper):  # MMEngine counts over the whole run and has no public way to set it
            wrapper._inner_count, wrapper._max_counts = done, length
            wrapper._remainder_counts = length % wrapper._accumulative_counts


MOST_PASSES = 1 << 20  # so that passes and the repetitions within one of them have numbers of their own


class _Passes(Sampler):
    """``sampler`` with the number of the pass over the data beside each index; an endless one begins at ``start``."""

    def __init__(self, sampler: Collection[int], start: int) -> None:
        self.sampler = sampler
        self.position = start
        self.passes = 0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        endless = hasattr(self.sampler, "skip")
        for entry in self.sampler:
            index, repetition = entry if isinstance(entry, tuple) else (entry, 0)
            seen = self.position * get_world_size() + get_rank()
            passes = seen // len(self.sampler) if endless else self.passes
            yield index, passes + repetition * MOST_PASSES
            self.position += 1
        self.passes += 1

    def __len__(self) -> int:
        return len(self.sampler)


@LOOPS.register_module()
class IterBasedTrainLoop(PlainIterBasedTrainLoop):
    """Loop over iterations in which each pass over the data is augmented anew, and which resumes exactly.

    It takes the arguments of :class:`mmengine.runner.IterBasedTrainLoop`.
    """

    def run(self) -> torch.nn.Module:
        """Train until the last iteration; first rerun a validation that was interrupted."""
        runner, batch_sampler = self.runner, self.dataloader.batch_sampler
        if type(batch_sampler) is BatchSampler and hasattr(self.dataloader.dataset, "get"):
            sampler = cast(Collection[int], batch_sampler.sampler)
            batch_sampler.sampler = _Passes(sampler, self._iter * batch_sampler.batch_size)
        runner.call_hook("before_train")
        if self._validation_is_due() and runner.message_hub.runtime_info.get("last_validated_iter") != self._iter:
            runner.logger.info(f"validating iteration {self._iter}, after which the checkpoint was written")
            runner.val_loop.run()
        runner.call_hook("before_train_epoch")  # there is one that goes on to the end
        if not self.fast_forward_on_resume:
            self.dataloader_iterator.skip_iter(self._iter)
        while self._iter < self._max_iters and not self.stop_training:
            runner.model.train()
            self.run_iter(next(self.dataloader_iterator))
            if self._validation_is_due():
                runner.val_loop.run()
        runner.call_hook("after_train_epoch")
        runner.call_hook("after_train")
        return runner.model

    def _validation_is_due(self) -> bool:
        """Return whether the iteration that just ended is one to validate."""
        self._decide_current_val_interval()
        scheduled = self._iter % self.val_interval == 0 or self._iter == self._max_iters
        return self.runner.val_loop is not None and self._iter >= max(self.val_begin, 1) and scheduled

    def run_iter(self, data_batch: Any) -> None:
        """Train on one batch."""
        seed_iteration(self.runner.seed, self._iter)
        super().run_iter(data_batch)
