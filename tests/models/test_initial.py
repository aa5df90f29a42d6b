"""``init_cfg`` reads checkpoints without running code from them, whatever the default scope."""

import pytest
from mmengine.model import BaseModule
from mmengine.registry import DefaultScope

from mmaction.models import I3DHead, PoseGuide, Recognizer3D


class PlugIn(BaseModule):
    """A backbone that is no class of the package."""


BUILD = {
    "head": lambda init_cfg: I3DHead(3, 4, init_cfg=init_cfg),
    "neck": lambda init_cfg: PoseGuide(in_channels=4, num_joints=2, init_cfg=init_cfg),
    "backbone of a recognizer": lambda init_cfg: Recognizer3D({"type": PlugIn, "init_cfg": init_cfg}),
}


@pytest.mark.parametrize("name", BUILD)
def test_pretrained_runs_no_code(name, hostile_checkpoint):
    module = BUILD[name]({"type": "Pretrained", "checkpoint": hostile_checkpoint})
    with (
        DefaultScope.overwrite_default_scope("mmengine"),
        pytest.raises(ValueError, match=r"net\.pth is refused: it holds"),
    ):
        module.init_weights()
