"""End a process when another one of the same run has died, so that none waits for it for ever.

PyTorch has no replacement: torchrun's agent sees the processes of its own machine, under SLURM and MPI there is none,
and a time limit of the process group that is short enough would also break off a long save or an uneven validation.
"""

import os
import sys
import threading
from datetime import timedelta
from typing import Any

import torch.distributed as dist
from mmengine.logging import print_log

BEAT_S = 5.0
# beats without a sign of life; they are counted, not timed, so that pausing all processes raises no alarm
MAX_SILENT_BEATS = 8


class ProcessWatch(threading.Thread):
    """Show that this process lives, and watch the process of the next rank.

    Some backends wait up to half an hour for a process that is gone, and block the main thread meanwhile. This thread
    ends its own process about 45 seconds after the other's last sign of life, or one beat after the other has reported
    a failure; within that beat the main thread may notice by itself, as with gloo, and end the process in order.

    ``is_patient``: wait for the other's first sign of life however long it takes, as after an earlier part of the run.
    """

    _started = 0  # watches of the default group so far; all processes start the same number

    def __init__(
        self, store: Any, rank: int, world_size: int, beat_s: float = BEAT_S, is_patient: bool = False
    ) -> None:
        super().__init__(name="process-watch", daemon=True)
        self.store = store
        self.rank = rank
        self.watched = (rank + 1) % world_size
        self.beat_s = beat_s
        self.is_patient = is_patient
        self._ended = threading.Event()

    @classmethod
    def of_default_group(cls) -> "ProcessWatch | None":
        """Start to watch the processes of a distributed run; None if this is the only one."""
        if not dist.is_initialized() or dist.get_world_size() == 1:
            return None
        store = dist.distributed_c10d._get_default_store()  # nothing public leads to the store
        if hasattr(store, "clone"):  # a connection of its own: the main thread may block the other one
            store = store.clone()
        store = dist.PrefixStore(f"mmaction-processes-{cls._started}", store)
        store.set_timeout(timedelta(seconds=BEAT_S * MAX_SILENT_BEATS))
        watch = cls(store, dist.get_rank(), dist.get_world_size(), is_patient=cls._started > 0)
        cls._started += 1
        watch.start()
        return watch

    @property
    def has_ended(self) -> bool:
        """Whether this process has said how it ends, so that nobody watches or beats any more."""
        return self._ended.is_set()

    def run(self) -> None:
        """Beat and look, until this process or the watched one ends in order."""
        last, silent, reason = -1, 0, ""
        while not reason and not self._ended.wait(self.beat_s):
            try:
                self.store.add(f"beat-{self.rank}", 1)
                failed = self.store.add("failed", 0)
                beat = self.store.add(f"beat-{self.watched}", 0)
                is_awaited = self.is_patient and beat == 0
                lives = beat != last or is_awaited or self.store.add(f"done-{self.watched}", 0)
            except RuntimeError as error:
                reason = f"the store of the processes is gone ({str(error).splitlines()[0]})"
                break
            last, silent = beat, 0 if lives else silent + 1
            if failed:
                reason = f"process {failed - 1} has failed"
            elif silent >= MAX_SILENT_BEATS:
                reason = f"process {self.watched} has shown no sign of life for {silent * self.beat_s:.0f} s"
        if reason and not self._ended.wait(self.beat_s):  # the main thread has not noticed by itself
            self._end(reason)

    def done(self) -> None:
        """Say that this process ends in order, and stop."""
        self._tell(f"done-{self.rank}", 1)

    def failed(self) -> None:
        """Say that this process ends early: the others end a beat after they see it, if they have not by then."""
        self._tell("failed", self.rank + 1)

    def _tell(self, key: str, value: int) -> None:
        if self._ended.is_set():
            return
        self._ended.set()
        try:
            self.store.add(key, value)
        except RuntimeError as error:  # the store went first: the others see that by themselves
            print_log(f"cannot tell the other processes: {error}", logger="current", level=10)

    def _end(self, reason: str) -> None:
        """End the process, whose main thread may be waiting inside a collective operation."""
        print_log(f"{reason}; this process ends too. Go on with --resume", logger="current", level=40)
        print(f"rank {self.rank}: {reason}; ending", file=sys.stderr, flush=True)
        sys.stdout.flush()
        os._exit(1)
