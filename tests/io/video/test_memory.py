"""Reading some frames of a video leaves nothing behind, however many videos are read."""

import ctypes
import gc
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise

import pytest

from mmaction.io.video.pyav_reader import PyAVReader

FIELDS = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")


class HeapInfo(ctypes.Structure):
    """``struct mallinfo2`` of glibc."""

    _fields_ = [(name, ctypes.c_size_t) for name in FIELDS]


def growth_of_heap(path, reads=200):
    """Return by how many bytes that are in use the C heap grows with each video that is read in part."""
    mallinfo2 = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo2 is None:
        return None
    mallinfo2.restype = HeapInfo
    used = []
    for _ in range(3):
        for _ in range(reads):
            for _, frame in PyAVReader(path).frames([0, 3]):
                frame.rgb()
        gc.collect()
        used.append(mallinfo2().uordblks)
    return min(later - earlier for earlier, later in pairwise(used)) / reads


@pytest.mark.parametrize("name", ["h264_b.mp4", "mpeg4_b.avi"])  # by time, and by count
def test_reading_a_part_of_a_video_leaves_no_memory(videos, name):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        growth = pool.submit(growth_of_heap, videos[name]).result()
    if growth is None:
        pytest.skip("only glibc tells how much of its heap is in use")
    assert growth < 40  # the demuxer of PyAV 18 holds 150 bytes until it is closed
