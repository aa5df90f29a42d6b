import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmaction.datasets.functional.sampling import (
    fixed_segment_frames,
    fixed_uniform_clips,
    segment_frames,
    uniform_clips,
)

counts = st.integers(1, 130)
seeds = st.integers(0, 2**32 - 1)


@given(counts, st.integers(1, 50), st.integers(1, 4), seeds)
def test_uniform_clips_are_ordered_and_in_range(num_frames, clip_len, num_clips, seed):
    for inds in (
        uniform_clips(num_frames, clip_len, num_clips, np.random.default_rng(seed)),
        fixed_uniform_clips(num_frames, clip_len, num_clips, seed),
    ):
        assert inds.shape == (num_clips * clip_len,)
        assert inds.dtype == np.int64
        assert inds.min() >= 0 and inds.max() < num_frames
        if num_frames >= clip_len:
            assert (np.diff(inds.reshape(num_clips, clip_len), axis=1) > 0).all()
        else:
            assert (np.diff(inds.reshape(num_clips, clip_len), axis=1) % num_frames == 1 % num_frames).all()


@given(counts, st.integers(1, 50), st.integers(1, 4), seeds)
def test_without_a_loop_a_short_video_repeats_frames_in_place(num_frames, clip_len, num_clips, seed):
    clips = uniform_clips(num_frames, clip_len, num_clips, np.random.default_rng(seed), loop=False)
    fixed = fixed_uniform_clips(num_frames, clip_len, num_clips, seed, loop=False)
    for inds in (clips.reshape(num_clips, clip_len), fixed.reshape(num_clips, clip_len)):
        assert (np.diff(inds, axis=1) >= 0).all() and inds.min() >= 0 and inds.max() < num_frames
        if num_frames < clip_len:
            assert all(set(row) == set(range(num_frames)) for row in inds.tolist())
    if num_frames >= clip_len:
        assert (clips == uniform_clips(num_frames, clip_len, num_clips, np.random.default_rng(seed))).all()


@given(st.integers(1, 40), seeds)
def test_a_uniform_clip_takes_one_frame_from_each_part(clip_len, seed):
    num_frames = 3 * clip_len
    inds = uniform_clips(num_frames, clip_len, 1, np.random.default_rng(seed))
    assert (inds // 3 == np.arange(clip_len)).all()


@given(counts, st.integers(1, 50), seeds)
def test_same_seed_same_clip(num_frames, clip_len, seed):
    first, second = (uniform_clips(num_frames, clip_len, 2, np.random.default_rng(seed)) for _ in range(2))
    assert (first == second).all()


def test_every_frame_of_a_part_can_be_drawn():
    rng = np.random.default_rng(0)
    drawn = np.stack([uniform_clips(40, 10, 1, rng) for _ in range(300)])
    assert [len(np.unique(drawn[:, part])) for part in range(10)] == [4] * 10


def test_fixed_clips_leave_the_global_generator_alone():
    before = np.random.get_state()  # noqa: NPY002 - the global generator is what this is about
    fixed_uniform_clips(100, 10, 3, 255)
    after = np.random.get_state()  # noqa: NPY002
    assert (before[1] == after[1]).all() and before[2] == after[2]


def test_short_videos_start_test_clips_evenly():
    assert fixed_uniform_clips(6, 8, 3, 255).reshape(3, 8)[:, 0].tolist() == [0, 2, 4]
    assert fixed_uniform_clips(2, 8, 3, 255).reshape(3, 8)[:, 0].tolist() == [0, 1, 0]


@given(counts, st.integers(1, 50), st.integers(1, 4), seeds)
def test_segments_are_in_range_and_ordered(num_frames, clip_len, num_clips, seed):
    train = segment_frames(num_frames, clip_len, np.random.default_rng(seed))
    test = fixed_segment_frames(num_frames, clip_len, num_clips).reshape(num_clips, clip_len)
    for inds in (train, *test):
        assert len(inds) == clip_len
        assert inds.min() >= 0 and inds.max() < num_frames
        assert (np.diff(inds) >= 0).all()


@pytest.mark.parametrize(("frames", "expected"), [(10, [0, 2, 4, 7]), (3, [0, 0, 1, 2])])
def test_fixed_segments_round_as_published(frames, expected):
    assert fixed_segment_frames(frames, 4, 2).reshape(2, 4)[0].tolist() == expected
