import numpy as np
import pytest

from mmaction.datasets.transforms import MMUniformSampleFrames, UniformSample, UniformSampleFrames


def sample(total=100, **more):
    return {"total_frames": total, "rng": np.random.default_rng(0), **more}


@pytest.mark.parametrize("kind", [UniformSampleFrames, UniformSample])
def test_keys(kind):
    result = kind(clip_len=8)(sample(start_index=3))
    assert result["frame_inds"].dtype == np.int32
    assert result["frame_inds"].shape == (8,)
    assert result["frame_inds"].min() >= 3
    assert (result["clip_len"], result["num_clips"], result["frame_interval"]) == (8, 1, None)


@pytest.mark.parametrize("kind", [UniformSampleFrames, UniformSample])
def test_training_draws_and_testing_does_not(kind):
    train, test = kind(clip_len=8), kind(clip_len=8, num_clips=2, test_mode=True)
    rng = np.random.default_rng(0)
    drawn = [train({"total_frames": 100, "rng": rng})["frame_inds"].tolist() for _ in range(2)]
    assert drawn[0] != drawn[1]
    assert (test(sample())["frame_inds"] == test({"total_frames": 100})["frame_inds"]).all()


def test_the_seed_chooses_the_test_clips():
    first, second = (UniformSampleFrames(8, test_mode=True, seed=seed)(sample())["frame_inds"] for seed in (255, 1))
    assert (first != second).any()


def test_a_shorter_span_begins_anywhere_and_covers_its_share():
    draw = UniformSampleFrames(clip_len=10, min_span=0.5)
    rng = np.random.default_rng(0)
    clips = np.stack([draw({"total_frames": 100, "rng": rng})["frame_inds"] for _ in range(200)])
    spans = clips[:, -1] - clips[:, 0] + 1
    assert (np.diff(clips, axis=1) > 0).all()
    assert 30 <= spans.min() < 55
    assert 85 < spans.max() <= 100
    assert clips[:, 0].max() > 35, "the start is drawn as well"


def test_several_modalities():
    result = MMUniformSampleFrames(clip_len={"RGB": 4, "Pose": 16}, num_clips=2, test_mode=True)(
        sample(modality="Pose")
    )
    assert result["RGB_inds"].shape == (8,)
    assert result["Pose_inds"].shape == (32,)
    assert result["modality"] == ["RGB", "Pose"]
    assert result["clip_len"] == {"RGB": 4, "Pose": 16}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clip_len": 0}, "clip_len is a positive integer; got 0"),
        ({"clip_len": 2.5}, "clip_len is a positive integer; got 2.5"),
        ({"clip_len": 8, "num_clips": 0}, "num_clips is a positive integer; got 0"),
        ({"clip_len": 8, "min_span": 0}, "min_span is a share of the video, above 0 and at most 1; got 0"),
        ({"clip_len": {"RGB": -1}}, "RGB is a positive integer; got -1"),
    ],
)
def test_wrong_counts(arguments, message):
    with pytest.raises(ValueError, match=message):
        UniformSampleFrames(**arguments)


def test_uniform_sample_draws_one_clip_in_training():
    with pytest.raises(ValueError, match="one clip in training; got num_clips=2"):
        UniformSample(8, num_clips=2)


def test_a_video_without_frames_is_named():
    with pytest.raises(ValueError, match="dive_7 has total_frames=0"):
        UniformSampleFrames(8)(sample(0, frame_dir="dive_7"))
