"""A network is given what it learned from, or its user is told."""

import re

import pytest
from mmengine.config import Config

from mmaction.engine.checks.learned import check_input
from mmaction.engine.streams import stream_config


def config(*steps, **preprocessing):
    prepare = {"type": "ActionDataPreprocessor", **preprocessing}
    return Config({"model": {"data_preprocessor": prepare}, "test_pipeline": list(steps)})


def warning(given, learned):
    return check_input(given, {"cfg": learned.pretty_text}, "best.pth")


JOINTS = {"type": "GenSkeFeat", "dataset": "coco"}
FRAMES = {"type": "SampleFrames", "clip_len": 8, "frame_interval": 4}


def test_a_network_of_bones_is_not_given_joints():
    joints = config(JOINTS)
    with pytest.raises(ValueError, match=r"best.pth was trained with feats=\['b'\].*the config has feats=\['j'\]"):
        warning(joints, stream_config(joints, "b"))
    assert warning(stream_config(joints, "b"), stream_config(joints, "b")) is None
    assert warning(joints, config({**JOINTS, "feats": ["j"]})) is None


@pytest.mark.parametrize("meta", [{}, {"cfg": None}, {"cfg": "model = torch.nn.ReLU()"}, {"cfg": "work_dir = 'a'"}])
def test_a_checkpoint_that_does_not_tell_is_taken(meta):
    assert check_input(config(JOINTS), meta, "some.pth") is None


def test_a_model_alone_is_not_compared():
    assert warning(Config({"model": {}}), config({**JOINTS, "feats": ["b"]})) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (config(FRAMES, mean=[127.5] * 3, std=[57.4] * 3), r"mean is \[127.5.*it was \[123.7"),
        (config(FRAMES), "mean is None, it was"),
        (config(FRAMES, mean=[123.7] * 3, std=[57.4] * 3, to_rgb=True), "to_rgb is True, it was False"),
        (config({**FRAMES, "frame_interval": 2}, mean=[123.7] * 3, std=[57.4] * 3), "frame_interval of SampleFrames"),
        (
            config({"type": "SampleFrames", "clip_len": 8}, mean=[123.7] * 3, std=[57.4] * 3),
            "frame_interval of SampleFrames is 1, it was 4",
        ),
        (
            config(FRAMES, {"type": "PreNormalize2D"}, mean=[123.7] * 3, std=[57.4] * 3),
            "PreNormalize2D is in the test pipeline, it was not",
        ),
    ],
)
def test_another_input_is_named(given, said):
    learned = config(FRAMES, mean=[123.7] * 3, std=[57.4] * 3)
    assert re.search(said, warning(given, learned))


def test_views_and_ways_to_read_are_free():
    step = {**FRAMES, "num_clips": 10, "test_mode": True}
    one, two = config(FRAMES, {"type": "PyAVInit"}), config(step, {"type": "DecordInit", "num_threads": 2})
    assert warning(two, one) is None
    assert warning(config({**FRAMES, "out_of_bound_opt": "loop"}), one) is None  # the default
