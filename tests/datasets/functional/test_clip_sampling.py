import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmaction.datasets.functional import clip_sampling

lengths = st.integers(1, 400)
counts = st.integers(1, 12)
spans = st.integers(1, 80)
seeds = st.integers(0, 2**32 - 1)


@given(lengths, spans, counts, seeds)
def test_random_starts_ascend_and_leave_room_for_the_clip(num_frames, span, count, seed):
    for draw in (clip_sampling.random_offsets, clip_sampling.random_offsets_to_end):
        starts = draw(num_frames, span, count, np.random.default_rng(seed))
        assert len(starts) == count
        assert (np.diff(starts) >= 0).all() and starts[0] >= 0
        if num_frames >= span:
            # without a frame to spare for each clip, the published rounding may start one frame late
            late = 1 if draw is clip_sampling.random_offsets and num_frames - span + 1 < count else 0
            assert starts[-1] + span <= num_frames + late
        np.testing.assert_array_equal(starts, draw(num_frames, span, count, np.random.default_rng(seed)))


def test_only_the_variant_to_the_end_reaches_the_last_start():
    rng = np.random.default_rng(0)
    plain = {int(clip_sampling.random_offsets(106, 4, 10, rng)[-1]) for _ in range(500)}
    to_end = {int(clip_sampling.random_offsets_to_end(106, 4, 10, rng)[-1]) for _ in range(500)}
    assert max(plain) == 99 and max(to_end) == 102


@given(lengths, spans, counts)
def test_even_starts_reach_from_the_first_to_the_last(num_frames, span, count):
    starts = clip_sampling.even_offsets(num_frames, span, count)
    last = max(num_frames - span, 0)
    assert len(starts) == count
    if count == 1:
        assert starts[0] == last // 2
    else:
        assert starts[0] == 0 and starts[-1] == last
        assert np.ptp(np.diff(starts)) <= 1


@given(lengths, counts)
def test_even_frames_lie_in_the_middle_of_their_parts(num_frames, count):
    middles = clip_sampling.even_frames(num_frames, count)
    part = num_frames / count
    np.testing.assert_allclose(middles, (np.arange(count) + 0.5) * part)
    twice = clip_sampling.even_frames(num_frames, count, twice=True)
    np.testing.assert_allclose(twice[count:], np.arange(count) * part)


@given(lengths, st.integers(1, 90), counts, counts, seeds)
def test_dense_starts_lie_in_the_video(num_frames, sample_range, count, positions, seed):
    fixed = clip_sampling.dense_offsets(num_frames, sample_range, count, positions)
    drawn = clip_sampling.dense_offsets(num_frames, sample_range, count, positions, np.random.default_rng(seed))
    assert len(fixed) == count * positions and len(drawn) == count
    for starts in (fixed, drawn):
        assert starts.min() >= 0 and starts.max() < num_frames


@given(st.lists(st.lists(st.integers(0, 50), min_size=3, max_size=3), min_size=1, max_size=4), st.integers(1, 30))
def test_indices_come_back_into_the_video(inds, num_frames):
    inds = np.array(inds)
    looped = clip_sampling.wrap_indices(inds, num_frames, "loop")
    held = clip_sampling.wrap_indices(inds, num_frames, "repeat_last")
    inside = inds < num_frames
    for wrapped in (looped, held):
        assert wrapped.min() >= 0 and wrapped.max() < num_frames
        np.testing.assert_array_equal(wrapped[inside], inds[inside])
    np.testing.assert_array_equal(looped % num_frames, inds % num_frames)
    for row, kept, found in zip(inds, inside, held, strict=True):
        assert set(found[~kept].tolist()) <= {row[kept].max() if kept.any() else 0}
