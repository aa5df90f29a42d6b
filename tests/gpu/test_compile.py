"""``compile=True`` compiles the networks of all families as one graph each."""

import pytest
import torch
from tiny import shallow, shrink_config
from torch.utils._pytree import tree_leaves

from mmaction.engine.device import compile_parts
from mmaction.probes.made_up import FAMILIES, made_up_batch
from mmaction.registry import MODELS
from mmaction.utils.config import load_config

MORE = {
    "ctrgcn": "ctrgcn_1xb16-joint-u100-80e_gym99-keypoint-2d",
    "tsm": "tsm_r50_1xb8-u16-30e_gym99-rgb",
    "rgbpose": "rgbpose-conv3d_r50_1xb6-u8-u32-30e_gym99-rgb-pose",
}
OWN = {name: path for name, path in (FAMILIES | MORE).items() if name not in ("videomae", "clip-adapter")}
"""Networks of this package; transformers are written by other libraries, which promise no single graph."""


@pytest.mark.slow
@pytest.mark.parametrize("family", OWN)
def test_a_network_is_one_graph_in_training_and_testing(family):
    cfg, _ = load_config(OWN[family])
    shrink_config(cfg)
    shallow(cfg.model.backbone)
    model = MODELS.build(cfg.model)
    inputs = model.data_preprocessor(made_up_batch(cfg, 2), False)["inputs"]
    for training in (True, False):
        model.train(training)
        torch.manual_seed(0)
        with torch.set_grad_enabled(training):
            wanted, _ = model.extract_feat(inputs, stage="head")
    names = list(model.state_dict())
    assert compile_parts(model, {"backend": "eager", "fullgraph": True})[0] == "backbone"
    assert list(model.state_dict()) == names
    with torch.no_grad():
        torch.testing.assert_close(model.extract_feat(inputs, stage="head")[0], wanted, atol=1e-4, rtol=1e-4)
    model.train()
    logits, _ = model.extract_feat(inputs, stage="head")
    sum(part.sum() for part in tree_leaves(logits)).backward()


def test_the_runner_compiles_what_the_config_says(pose_run, tmp_path):
    from mmaction.engine import build_runner

    cfg, _ = load_config(pose_run[0], {"compile": {"backend": "eager"}, "train_cfg.max_epochs": 1})
    cfg.work_dir = str(tmp_path)
    runner = build_runner(cfg)
    runner.train()
    assert runner.model.backbone._compiled_call_impl is not None
    assert "backbone.conv1.conv.weight" in runner.model.state_dict()
    cfg.compile = "yes"
    with pytest.raises(TypeError, match="compile"):
        build_runner(cfg).train()
