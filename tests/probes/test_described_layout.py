"""The tools around a skeleton model on joints of a layout that only the config describes."""

import json

import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmaction.io.annotations import save_annotations
from mmaction.registry import MODELS
from mmaction.utils import register_all_modules

JOINTS = ("hub", "left_arm", "right_arm", "left_leg", "right_leg", "tail")
LAYOUT = dict(name="six", joints=JOINTS, limbs=[(0, joint) for joint in range(1, 6)])
HEATMAPS = """
pipeline = [
    dict(type="UniformSampleFrames", clip_len=4, test_mode=True), dict(type="PoseDecode"),
    dict(type="PoseCompact", hw_ratio=1.0), dict(type="Resize", scale=(16, 16), keep_ratio=False),
    dict(type="GeneratePoseTarget", layout=LAYOUT),
    dict(type="FormatShape", input_format="NCTHW_Heatmap"), dict(type="PackActionInputs")]
model = dict(
    type="Recognizer3D",
    backbone=dict(
        type="ResNet3dSlowOnly", depth=50, pretrained=None, in_channels=6, base_channels=8, num_stages=1,
        out_indices=(0,), stage_blocks=(1,), conv1_stride_s=1, pool1_stride_s=1, inflate=(1,), spatial_strides=(1,),
        temporal_strides=(1,), dilations=(1,)),
    cls_head=dict(type="I3DHead", in_channels=32, num_classes=2, average_clips="prob"))
"""
GRAPH = """
pipeline = [
    dict(type="PreNormalize2D"), dict(type="GenSkeFeat", dataset=LAYOUT, feats=["b"]),
    dict(type="UniformSampleFrames", clip_len=4, test_mode=True), dict(type="PoseDecode"),
    dict(type="FormatGCNInput", num_person=1), dict(type="PackActionInputs")]
model = dict(
    type="RecognizerGCN",
    backbone=dict(type="STGCN", graph_cfg=dict(layout=LAYOUT, mode="stgcn_spatial"), base_channels=8, num_stages=2,
                  inflate_stages=[], down_stages=[]),
    cls_head=dict(type="GCNHead", num_classes=2, in_channels=8))
"""
DATA = """
data = dict(type="PoseDataset", ann_file={ann!r}, num_classes=2, pipeline=pipeline, test_mode=True)
test_dataloader = dict(batch_size=2, num_workers=0, sampler=dict(type="DefaultSampler", shuffle=False), dataset=data)
train_dataloader = test_dataloader
test_evaluator = dict(type="AccMetric")
test_cfg = dict(type="TestLoop")
default_scope = "mmaction"
"""


@pytest.fixture(scope="module", params=["heatmaps", "graph"])
def described(request, tmp_path_factory):
    """Config and checkpoint of a tiny network for six joints."""
    folder, rng = tmp_path_factory.mktemp(request.param), np.random.default_rng(0)
    clips = [
        dict(
            frame_dir=f"clip{label}", label=label, img_shape=(64, 64), original_shape=(64, 64), total_frames=5,
            keypoint=rng.uniform(8, 56, (1, 5, 6, 2)).astype("f4"), keypoint_score=np.full((1, 5, 6), 0.9, "f4"))
        for label in (0, 1)
    ]  # fmt: skip
    save_annotations(folder / "six.pkl", clips)
    body = HEATMAPS if request.param == "heatmaps" else GRAPH
    config = folder / "six.py"
    config.write_text(f"LAYOUT = {LAYOUT!r}\n{body}{DATA.format(ann=str(folder / 'six.pkl'))}")
    register_all_modules()
    torch.save({"state_dict": MODELS.build(Config.fromfile(config).model).state_dict()}, folder / "six.pth")
    return str(config), str(folder / "six.pth")


def test_importance_and_robustness(described, tool, tmp_path, capsys):
    words = [*described, "--device", "cpu", "--num", "0", "--out", str(tmp_path)]
    assert tool("joint_importance")(words) == 0
    rows = json.loads((tmp_path / "importance.json").read_text())["joints"]
    assert sorted(row["joint"] for row in rows) == sorted(JOINTS)
    assert tool("pose_robustness")([*words, "--levels", "swapped_sides=0,1", "jitter=0.1"]) == 0
    assert set(json.loads((tmp_path / "robustness.json").read_text())["six"]["curves"]) == {"swapped_sides", "jitter"}
    assert "guessed" not in capsys.readouterr().out


def test_pictures(described, tool, tmp_path, capsys):
    assert tool("browse_dataset")([described[0], "--num", "1", "--out", str(tmp_path)]) == 0
    assert tool("gradcam")([*described, "0", "--device", "cpu", "--out", str(tmp_path)]) == 0
    assert len(list(tmp_path.glob("*.png"))) == 2
    assert "guessed" not in capsys.readouterr().out
