import pickle
from copy import deepcopy
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmaction.datasets.functional import geometry
from mmaction.datasets.functional.lazy_frames import LazyFrames
from mmaction.io.video import Frame

SHAPE = (24, 36)


class Video:
    """Frames that count how often they are decoded."""

    def __init__(self, count=6):
        rng = np.random.default_rng(0)
        self.images = [rng.integers(0, 256, (*SHAPE, 3), dtype=np.uint8) for _ in range(count)]
        self.decoded = []

    def frames(self, inds):
        for index in sorted(set(inds)):
            self.decoded.append(index)
            yield index, Frame(self.images[index])

    def lazy(self, inds):
        return LazyFrames(self.frames(inds), inds)


STEPS = {
    "shrink": partial(geometry.resize_frames, img_shape=(12, 18)),
    "grow": partial(geometry.resize_frames, img_shape=(30, 20)),
    "cubic": partial(geometry.resize_frames, img_shape=(20, 20), interpolation="bicubic"),
    "crop": partial(geometry.crop_frames, box=(1, 0, 12, 11)),
    "flip": geometry.flip_frames,
    "two": partial(geometry.multi_crop_frames, boxes=[(0, 0, 9, 8), (1, 2, 10, 10)]),
    "mirrored": partial(geometry.multi_crop_frames, boxes=[(0, 0, 9, 8), (1, 2, 10, 10)], mirrored=True),
}


def boxes_fit(names):
    return sum(name in ("two", "mirrored") for name in names) <= 1 and names.count("crop") <= 2


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=9),
    st.lists(st.sampled_from(list(STEPS)), max_size=4).filter(boxes_fit),
)
@settings(deadline=None)
def test_deferred_steps_equal_steps_at_once(inds, names):
    video = Video()
    eager, lazy = [video.images[index] for index in inds], video.lazy(inds)
    for name in names:
        eager, lazy = STEPS[name](eager), STEPS[name](lazy)
    assert len(lazy) == len(eager)
    np.testing.assert_array_equal(lazy.stack(), np.stack(eager))
    assert video.decoded == sorted(set(inds))


def test_nothing_but_the_first_frame_is_decoded_before_a_look():
    video = Video()
    lazy = video.lazy([4, 1, 1, 5])
    assert lazy.img_shape == SHAPE and len(lazy) == 4
    geometry.flip_frames(lazy)
    assert video.decoded == [1]
    np.testing.assert_array_equal(lazy[0], video.images[4][:, ::-1])
    assert video.decoded == [1, 4, 5]


def test_it_reads_like_a_list():
    video = Video()
    lazy = video.lazy([2, 0, 3])
    assert [image.tolist() for image in lazy] == [video.images[index].tolist() for index in (2, 0, 3)]
    assert [image.tolist() for image in lazy[1:]] == [video.images[index].tolist() for index in (0, 3)]


def test_it_is_written_to_pickled_and_copied_like_a_list():
    video = Video()
    lazy = video.lazy([2, 0])
    lazy[1] = 7
    for copy in (pickle.loads(pickle.dumps(lazy)), deepcopy(lazy)):
        assert isinstance(copy, list) and (copy[0] == video.images[2]).all() and (copy[1] == 7).all()


def test_steps_after_a_look_are_carried_out_at_once():
    video = Video()
    lazy = video.lazy([2, 0])
    assert lazy[0].shape == (*SHAPE, 3)
    for name in ("shrink", "flip", "mirrored"):
        assert isinstance(STEPS[name](lazy), list)


def test_faults_of_the_decoder_come_out_where_frames_are_used():
    def frames():
        yield 0, Frame(np.zeros((*SHAPE, 3), np.uint8))
        raise ValueError("frame 1 cannot be decoded")

    lazy = LazyFrames(frames(), [0, 1])
    with pytest.raises(ValueError, match="frame 1 cannot be decoded"):
        lazy.stack()
