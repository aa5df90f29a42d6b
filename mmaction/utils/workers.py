"""One function for many items at a time, in threads or in processes."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from multiprocessing import get_context
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    processes: bool = False,
    initializer: Callable[..., object] | None = None,
    initargs: tuple[Any, ...] = (),
    stop: threading.Event | None = None,
    ahead: int = 4,
) -> Iterator[tuple[Item, Result]]:
    """Yield ``(item, function(item))`` as they get done; an exception ends the iteration.

    Items are taken as needed, not collected; ``ahead`` items per worker may wait. ``processes`` starts new processes
    instead of threads, which are enough where libraries do the work outside Python's lock: function, items and results
    are then pickled, and ``initializer`` is called with ``initargs`` in each. One worker needs no process of its own.
    ``stop`` is set when the iteration ends early, so that running work can end itself.
    """
    if processes and workers <= 1:
        if initializer is not None:
            initializer(*initargs)
        yield from ((item, function(item)) for item in items)
        return
    pool: Executor
    if processes:  # spawn: a forked copy of a process that has threads may hang
        pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer, initargs)
    else:
        pool = ThreadPoolExecutor(workers, initializer=initializer, initargs=initargs)
    with pool:
        yield from _drain(pool, function, iter(items), workers * ahead, stop)


def _drain(
    pool: Executor,
    function: Callable[[Item], Result],
    source: Iterator[Item],
    most: int,
    stop: threading.Event | None,
) -> Iterator[tuple[Item, Result]]:
    """Keep at most ``most`` items in the pool until ``source`` is used up."""
    running: dict[Future[Result], Item] = {}
    try:
        while True:
            for item in source:
                running[pool.submit(function, item)] = item
                if len(running) >= most:
                    break
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
    finally:
        if stop is not None and running:
            stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
