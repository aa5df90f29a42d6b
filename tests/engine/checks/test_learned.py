"""A network is given what it learned from, or its user is told."""

import re

import pytest
from mmengine.config import Config

from mmaction.engine.checks.learned import check_input, config_warning
from mmaction.utils.streams import stream_config


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


def training(steps=(JOINTS, FRAMES), optimizer=(), loader=(), **model):
    loader = {"batch_size": 4, "dataset": {"ann_file": "a.pkl", "pipeline": list(steps)}, **dict(loader)}
    optimizer = {"type": "SGD", "lr": 0.1, **dict(optimizer)}
    return Config(
        {"model": {"type": "R", **model}, "train_dataloader": loader, "optim_wrapper": {"optimizer": optimizer}}
    )


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (training([{**JOINTS, "feats": ["b"]}, FRAMES]), r"dataset.pipeline.GenSkeFeat.feats is \['b'\], it was None"),
        (training([JOINTS]), r"pipeline is \['GenSkeFeat'\], it was \['GenSkeFeat', 'SampleFrames'\]"),
        (training(frozen_stages=1), "model.frozen_stages is 1, it was None"),
        (training(layout={"joints": ["a joint"] * 20}), "model.layout is another"),
        (training(optimizer={"type": "torch.optim.AdamW"}), "optimizer.type is 'AdamW', it was 'SGD'"),
        (training(loader={"batch_size": 8}), "train_dataloader.batch_size is 8, it was 4"),
    ],
)
def test_a_run_that_goes_on_names_what_its_config_has_other(now, said):
    before = {"cfg": training().pretty_text}
    warned = config_warning(now, before, "a.pth")
    assert re.search(f"a.pth was trained with another config: .*{said}", warned)
    assert config_warning(training(), {"cfg": now.pretty_text}, "a.pth") is not None
    assert config_warning(now, {"cfg": now.pretty_text}, "a.pth") is None


def test_moved_files_speed_and_learning_rates_are_not_named_as_another_config():
    moved = training(optimizer={"lr": 0.2, "type": "SGD"}, loader={"num_workers": 3}, pretrained="a.pth")
    moved.train_dataloader.dataset.ann_file = "b.pkl"
    assert config_warning(moved, {"cfg": training().pretty_text}, "a.pth") is None
    assert config_warning(moved, {}, "a.pth") is None
