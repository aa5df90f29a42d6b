"""The networks of the streams of a skeleton see what they learned from."""

import pytest
from mmengine.config import Config

from mmaction.engine.streams import check_stream, stream_config


def config(**step):
    return Config({"test_pipeline": [{"type": "GenSkeFeat", "dataset": "coco", **step}, {"type": "PoseDecode"}]})


def test_a_network_of_bones_is_not_given_joints():
    joints = config()
    meta = {"cfg": stream_config(joints, "b").pretty_text}
    with pytest.raises(ValueError, match=r"bone.pth was trained with feats=\['b'\].*the config has feats=\['j'\]"):
        check_stream(joints, meta, "bone.pth")
    check_stream(stream_config(joints, "b"), meta, "bone.pth")
    check_stream(joints, {"cfg": config(feats=["j"]).pretty_text}, "joint.pth")


@pytest.mark.parametrize("meta", [{}, {"cfg": None}, {"cfg": "model = torch.nn.ReLU()"}, {"cfg": "work_dir = 'a'"}])
def test_a_checkpoint_that_does_not_tell_is_taken(meta):
    check_stream(config(), meta, "some.pth")
    check_stream(Config({"model": {}}), {"cfg": config(feats=["b"]).pretty_text}, "bone.pth")
