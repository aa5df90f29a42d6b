"""What a data worker does when it starts: share memory, draw other numbers in each epoch, outlive a stopping signal."""

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from mmengine.dataset import worker_init_fn

LOOK_S = 5.0  # between two looks at whether the main process still lives


def start_worker(worker_id: int, then: Callable[[int], None] | None = None) -> None:
    """Prepare a data worker, then call ``then``, the ``worker_init_fn`` of the config.

    The garbage collector leaves out all that the worker has inherited: visiting it would copy its memory, 66 MB.

    MMEngine's function seeds by the worker alone, so a plug-in that draws from NumPy's or Python's own generator would
    draw the same in every epoch; here the seed of the epoch counts as well.
    """
    gc.freeze()
    _outlive_sigterm()
    epoch_seed = torch.initial_seed()
    if then is not None:
        then(worker_id)
    if isinstance(then, partial) and then.func is worker_init_fn:
        seed = int(np.random.SeedSequence([epoch_seed, torch.initial_seed()]).generate_state(1)[0])
        worker_init_fn(0, 1, 0, seed)


def _outlive_sigterm() -> None:
    """End at a SIGTERM from the main process, not from a batch system: the iteration still needs the worker.

    A thread receives the signal, because it learns the sender; it also ends a worker whose main process is gone.
    """
    parent = multiprocessing.parent_process()
    if parent is None or not hasattr(signal, "sigtimedwait"):  # macOS and Windows have no such function
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_wait_for_the_end, args=(parent.pid, os.getppid()), name="sigterm", daemon=True).start()


def _wait_for_the_end(main: int, parent: int) -> None:
    """Return never: end the process at SIGTERM of the process ``main``, or once its ``parent`` is another one."""
    while os.getppid() == parent:
        received = signal.sigtimedwait({signal.SIGTERM}, LOOK_S)
        if received is not None and received.si_pid == main:
            break
    os._exit(0)
