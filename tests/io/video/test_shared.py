"""Frames that several users share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmaction.io.video import VideoError
from mmaction.io.video.frame import Frame
from mmaction.io.video.shared import SharedFrames


class Reader:
    """A video of 60 frames; frame i is all i."""

    def __init__(self):
        self.decoded = []

    def frames(self, indices):
        for index in sorted(set(indices)):
            if index >= 60:
                raise VideoError("cut off")
            self.decoded.append(index)
            yield index, Frame(np.full((2, 2, 3), index, np.uint8))


@given(st.lists(st.lists(st.integers(0, 19), min_size=1, max_size=8), min_size=1, max_size=9))
def test_every_user_gets_its_frames_and_each_is_decoded_once(users):
    wanted = [[5 * number + index for index in indices] for number, indices in enumerate(users)]
    reader = Reader()
    shared = SharedFrames(reader, wanted)
    for number, indices in enumerate(wanted):
        found = list(shared.frames(indices))
        assert [index for index, _ in found] == sorted(set(indices))
        assert all((frame.rgb() == index).all() for index, frame in found)
        assert all(any(index in later for later in wanted[number:]) for index in shared._kept), (
            "nothing useless is kept"
        )
    assert reader.decoded == sorted({index for indices in wanted for index in indices})


def test_a_frame_that_is_not_there_is_an_error():
    shared = SharedFrames(Reader(), [[58, 59], [59, 60]])
    assert len(list(shared.frames([58, 59]))) == 2
    with pytest.raises(VideoError):
        list(shared.frames([59, 60]))
