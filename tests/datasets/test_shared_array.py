import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmaction.datasets import shared_array
from mmaction.datasets.shared_array import SharedArray

SCRIPT = """
import multiprocessing, sys
sys.path.insert(0, sys.argv[2])  # the module alone, since the whole package takes seconds to import
import numpy as np
from shared_array import SharedArray

def kilobytes():
    with open("/proc/self/smaps_rollup") as file:
        sizes = {line.split()[0]: int(line.split()[1]) for line in file if line.endswith("kB\\n")}
    return np.array([sizes["Private_Dirty:"], sizes["Anonymous:"]])  # a copy is both, a mapped file or fork is not

def read_all(shared, queue):
    queue.put((int(shared.array.sum(dtype=np.int64)), kilobytes()))

def run(context, size):
    queue = context.Queue()
    shared = SharedArray(np.ones(size, dtype=np.uint8))
    worker = context.Process(target=read_all, args=(shared, queue))
    worker.start()
    total, used = queue.get(timeout=500)
    worker.join()
    assert total == size
    return used

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    print((run(context, 48 * 2**20) - run(context, 1)).min() / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_another_process_reads_without_a_copy(method, tmp_path):
    script = tmp_path / "share.py"
    script.write_text(SCRIPT)
    folder = Path(shared_array.__file__).parent
    run = subprocess.run(
        [sys.executable, script, method, folder], capture_output=True, text=True, timeout=600, check=True
    )
    assert float(run.stdout) < 12  # megabytes, of 48


@pytest.mark.parametrize("array", [np.arange(12.0).reshape(3, 4), np.zeros(0, dtype=np.int64), np.array([], np.uint8)])
def test_a_pickled_copy_holds_the_same(array):
    shared = SharedArray(array)
    again = pickle.loads(pickle.dumps(shared))
    np.testing.assert_array_equal(again.array, array)
    assert again.array.dtype == array.dtype


def test_the_file_goes_with_its_owner():
    shared = SharedArray(np.arange(1000))
    data, small = pickle.dumps(shared), len(pickle.dumps(shared))
    assert small < 500
    again = pickle.loads(data)
    path = shared._path
    assert os.path.exists(path)
    np.testing.assert_array_equal(shared.array, np.arange(1000))
    del shared
    assert not os.path.exists(path)
    np.testing.assert_array_equal(again.array, np.arange(1000))


def test_nobody_writes_to_it():
    source = np.zeros(3)
    shared = SharedArray(source)
    with pytest.raises(ValueError, match="read-only"):
        shared.array[0] = 1
    assert copy.deepcopy(shared) is shared
    source[0] = 1  # the caller's own array stays writable
