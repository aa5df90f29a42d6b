import os
import threading

import pytest

from mmaction.utils.workers import in_parallel


def square(number):
    return number * number


def process_of(number):
    return os.getpid()


def test_each_item_comes_with_its_result():
    assert dict(in_parallel(square, range(20), workers=3)) == {number: number * number for number in range(20)}


def test_items_are_taken_as_needed():
    taken = []
    source = (taken.append(number) or number for number in range(1000))
    work = in_parallel(square, source, workers=2, ahead=3)
    next(work)
    assert len(taken) <= 7
    work.close()


def test_a_failure_ends_the_work_and_tells_what_runs():
    stop = threading.Event()

    def fail(number):
        if number == 0:
            raise ValueError("no")
        return stop.wait(5)

    with pytest.raises(ValueError, match="no"):
        list(in_parallel(fail, range(4), workers=2, stop=stop))
    assert stop.is_set()


def test_one_worker_needs_no_process_of_its_own():
    started = []
    work = in_parallel(process_of, [1], workers=1, processes=True, initializer=started.append, initargs=("here",))
    assert list(work) == [(1, os.getpid())] and started == ["here"]


def test_processes_are_others():
    assert os.getpid() not in dict(in_parallel(process_of, range(3), workers=2, processes=True)).values()
