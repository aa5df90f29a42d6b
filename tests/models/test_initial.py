"""``init_cfg`` reads checkpoints without running code from them, whatever the default scope."""

import pytest
import torch
from mmengine.model import BaseModule
from mmengine.registry import DefaultScope

from mmaction.models import I3DHead, PoseGuide, Recognizer3D


class Surprise:
    """An object whose pickle would run code when it is read."""

    def __reduce__(self):
        return pytest.fail, ("the checkpoint ran code",)


class PlugIn(BaseModule):
    """A backbone that is no class of the package."""


BUILD = {
    "head": lambda init_cfg: I3DHead(3, 4, init_cfg=init_cfg),
    "neck": lambda init_cfg: PoseGuide(in_channels=4, num_joints=2, init_cfg=init_cfg),
    "backbone of a recognizer": lambda init_cfg: Recognizer3D({"type": PlugIn, "init_cfg": init_cfg}),
}


@pytest.mark.parametrize("name", BUILD)
def test_pretrained_runs_no_code(name, tmp_path):
    torch.save({"state_dict": {}, "note": Surprise()}, tmp_path / "net.pth")
    module = BUILD[name]({"type": "Pretrained", "checkpoint": str(tmp_path / "net.pth")})
    with (
        DefaultScope.overwrite_default_scope("mmengine"),
        pytest.raises(ValueError, match=r"net\.pth is refused: it holds"),
    ):
        module.init_weights()
