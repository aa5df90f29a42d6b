import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmaction.datasets.transforms import DenseSampleFrames, SampleFrames, UntrimmedSampleFrames


def sample(total_frames, seed=0, start_index=0, **more):
    return {"total_frames": total_frames, "start_index": start_index, "rng": np.random.default_rng(seed), **more}


@given(
    st.integers(1, 200),
    st.integers(1, 12),
    st.integers(1, 6),
    st.integers(1, 5),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["loop", "repeat_last"]),
    st.booleans(),
    st.integers(0, 1),
    st.sampled_from([None, 15, 60]),
)
@settings(deadline=None)
def test_indices_fit_the_video_and_their_count_fits_the_keys(
    total, clip_len, interval, num_clips, test_mode, jitter, out_of_bound, tail, start, target_fps
):
    step = SampleFrames(
        clip_len,
        interval,
        num_clips,
        jitter,
        out_of_bound_opt=out_of_bound,
        test_mode=test_mode,
        keep_tail_frames=tail,
        target_fps=target_fps,
    )
    results = step(sample(total, start_index=start, avg_fps=30.0))
    inds = results["frame_inds"]
    assert inds.dtype == np.int32 and len(inds) == clip_len * num_clips
    assert inds.min() >= start and inds.max() < total + start
    assert (results["clip_len"], results["frame_interval"], results["num_clips"]) == (clip_len, interval, num_clips)
    again = step(sample(total, start_index=start, avg_fps=30.0))
    np.testing.assert_array_equal(inds, again["frame_inds"])


def test_training_clips_are_equidistant_and_random():
    step = SampleFrames(4, 3, 2)
    starts = set()
    for seed in range(50):
        clips = step(sample(100, seed))["frame_inds"].reshape(2, 4)
        assert (np.diff(clips) == 3).all()
        starts.add(int(clips[0, 0]))
    assert len(starts) > 20


def test_a_video_shorter_than_the_clip_begins_again_or_holds_its_last_frame():
    looped = SampleFrames(8, 2)(sample(5))["frame_inds"]
    assert looped.tolist() == [0, 2, 4, 1, 3, 0, 2, 4]
    held = SampleFrames(8, 2, out_of_bound_opt="repeat_last")(sample(5))["frame_inds"]
    assert held.tolist() == [0, 2, 4, 4, 4, 4, 4, 4]


def test_jitter_moves_frames_by_less_than_the_interval():
    plain = SampleFrames(6, 4, test_mode=True)(sample(200))["frame_inds"]
    moved = SampleFrames(6, 4, temporal_jitter=True, test_mode=True)(sample(200))["frame_inds"] - plain
    assert moved.min() >= 0 and 0 < moved.max() < 4


def test_single_frames_come_from_the_middle_of_their_parts():
    assert SampleFrames(1, 1, 4, test_mode=True)(sample(40))["frame_inds"].tolist() == [5, 15, 25, 35]
    twice = SampleFrames(1, 1, 4, twice_sample=True, test_mode=True)(sample(40))["frame_inds"]
    assert twice.tolist() == [5, 15, 25, 35, 0, 10, 20, 30]


def test_target_fps_stretches_the_clip():
    step = SampleFrames(4, 2, test_mode=True, target_fps=15)
    slow = step(sample(100, avg_fps=15.0))["frame_inds"]
    fast = step(sample(100, avg_fps=60.0))["frame_inds"]
    assert np.ptp(fast) > 3 * np.ptp(slow)
    np.testing.assert_array_equal(slow, step(sample(100))["frame_inds"])


def test_dense_clips_stay_in_their_window():
    inds = DenseSampleFrames(2, 1, 4, sample_range=16)(sample(100))["frame_inds"]
    assert np.ptp(inds) < 16
    tested = DenseSampleFrames(2, 1, 4, sample_range=16, num_sample_positions=3, test_mode=True)(sample(100))
    assert tested["frame_inds"].reshape(3, 4, 2)[:, 0, 0].tolist() == [0, 42, 84]
    assert tested["num_clips"] == 4


def test_untrimmed_clips_surround_the_middle_of_each_stretch():
    results = UntrimmedSampleFrames(clip_len=3, clip_interval=10, frame_interval=2)(sample(31))
    assert results["frame_inds"].reshape(-1, 3).tolist() == [[3, 5, 7], [13, 15, 17], [23, 25, 27]]
    assert results["num_clips"] == 3
    edges = UntrimmedSampleFrames(clip_len=5, clip_interval=4, frame_interval=2)(sample(4))
    assert edges["frame_inds"].tolist() == [0, 0, 2, 3, 3]
    with pytest.raises(ValueError, match="3 frames are fewer than half of clip_interval=16"):
        UntrimmedSampleFrames()(sample(3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clip_len": 0}, "clip_len is a positive integer; got 0"),
        ({"clip_len": 4, "num_clips": 1.5}, "num_clips is a positive integer"),
        ({"clip_len": 4, "out_of_bound_opt": "stop"}, "out_of_bound_opt is one of loop, repeat_last; got 'stop'"),
        ({"clip_len": 4, "target_fps": 0}, "target_fps is a frame rate above 0"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        SampleFrames(**arguments)


def test_a_video_without_frames_is_named():
    with pytest.raises(ValueError, match=r"x\.mp4 has total_frames=0"):
        SampleFrames(4)(sample(0, filename="x.mp4"))
