import json

import pytest
from mmengine.config import Config

from mmaction.probes.flops import count, describe, human, input_shape, model_without_values
from mmaction.registry import MODELS
from mmaction.utils.config import load_config


def recognizer(backbone, head, kind="Recognizer3D"):
    return MODELS.build({"type": kind, "backbone": backbone, "cls_head": head})


def test_multiply_adds_of_the_published_slowonly(root):
    """54.75 G and 32.45 M stand in the published table (8 frames of 256x256)."""
    cfg = Config.fromfile(root / "configs/recognition/slowonly/slowonly_r50_8xb16-8x8x1-256e_kinetics400-rgb.py")
    cfg.model.backbone.pretrained = None
    assert input_shape(cfg) == (3, 8, 256, 256)
    counts = count(MODELS.build(cfg.model), (3, 8, 32, 32))
    assert counts["macs"] * 64 == pytest.approx(54.75e9, rel=0.01)
    assert counts["params"] == pytest.approx(32.45e6, rel=0.001)
    assert counts["flops"] == 2 * counts["macs"]


@pytest.mark.parametrize(("layout", "joints", "published"), [("2d", 17, 3.8e9), ("3d", 25, 5.7e9)])
def test_multiply_adds_of_the_published_stgcn(root, layout, joints, published):
    path = root / f"configs/skeleton/stgcn/stgcn_8xb16-joint-u100-80e_ntu60-xsub-keypoint-{layout}.py"
    cfg, _ = load_config(path)
    assert input_shape(cfg) == (2, 100, joints, 3)
    counts = count(model_without_values(cfg), input_shape(cfg))
    assert counts["macs"] == pytest.approx(published, rel=0.02)
    assert counts["params"] == pytest.approx(3.1e6, rel=0.01)


def test_parts_add_up(pose_run):
    cfg = Config.fromfile(pose_run[0])
    assert input_shape(cfg) == (17, 8, 24, 24)
    model = MODELS.build(cfg.model)
    counts = count(model, (17, 8, 24, 24))
    assert sum(part["params"] for part in counts["parts"].values()) == counts["params"]
    assert sum(part["macs"] for part in counts["parts"].values()) == counts["macs"]
    assert counts["parts"]["cls_head"]["macs"] == 128 * 5
    twice = count(model, (17, 16, 24, 24))["parts"]["backbone"]["macs"]
    assert twice == 2 * counts["parts"]["backbone"]["macs"]


def test_model_of_frames_and_skeletons():
    pose = dict(num_stages=3, stage_blocks=(1, 1, 1), in_channels=17, base_channels=4, conv1_kernel=(1, 3, 3))
    pose.update(inflate=(0, 1, 1), spatial_strides=(2, 2, 2), temporal_strides=(1, 1, 1), dilations=(1, 1, 1))
    pose.update(lateral=True, lateral_inv=True, lateral_activate=(0, 1, 1), out_indices=(2,))
    pose.update(conv1_stride_s=1, conv1_stride_t=1, pool1_stride_s=1, pool1_stride_t=1)
    model = dict(
        type="MMRecognizer3D",
        backbone=dict(type="RGBPoseConv3D", rgb_pathway=dict(base_channels=8), pose_pathway=pose),
        cls_head=dict(type="RGBPoseHead", num_classes=5, in_channels=(256, 64)),
    )
    pipeline = [
        dict(type="MMUniformSampleFrames", clip_len=dict(RGB=8, Pose=32), num_clips=10, test_mode=True),
        dict(type="Resize", scale=(64, 32), keep_ratio=False),
        dict(type="GeneratePoseTarget", scaling=0.25),
    ]
    shape = input_shape(Config(dict(model=model, test_dataloader=dict(dataset=dict(pipeline=pipeline)))))
    assert shape == {"imgs": (3, 8, 32, 64), "heatmap_imgs": (17, 32, 8, 16)}
    counts = count(MODELS.build(model), shape)
    assert counts["parts"]["cls_head"]["macs"] == (256 + 64) * 5 and counts["parts"]["backbone"]["macs"] > 1e6
    assert "view: imgs (3, 8, 32, 64), heatmap_imgs (17, 32, 8, 16)\n" in describe(json.loads(json.dumps(counts)))
    with pytest.raises(ValueError, match=r"several inputs, .*; leave --shape out"):
        count(MODELS.build(model), (3, 8, 32, 64))


def test_mistakes_are_named(pose_run):
    cfg = Config.fromfile(pose_run[0])
    with pytest.raises(ValueError, match=r"cannot take an input of shape \(3, 8, 24, 24\)"):
        count(MODELS.build(cfg.model), (3, 8, 24, 24))
    cfg.test_dataloader.dataset.pipeline = [{"type": "PoseDecode"}]
    with pytest.raises(ValueError, match=r"cannot be worked out .*--shape"):
        input_shape(cfg)


def test_human():
    assert [human(n) for n in (12, 2000, 2.04e6, 54.75e9, 1.2e12)] == ["12", "2 k", "2.04 M", "54.8 G", "1.2 T"]


def test_tools(pose_run, tool, tmp_path, capsys):
    assert tool("get_flops")([str(pose_run[0]), "--json", "--device", "cpu"]) == 0
    assert json.loads(capsys.readouterr().out)["shape"] == [17, 8, 24, 24]
    main = tool("print_config")
    assert main([str(pose_run[0]), "--key", "model.cls_head.num_classes"]) == 0
    assert capsys.readouterr().out == "5\n"
    assert main([str(pose_run[0]), "--key", "test_dataloader.dataset.pipeline.0.clip_len"]) == 0
    assert capsys.readouterr().out == "8\n"
    out = tmp_path / "whole.py"
    assert main([str(pose_run[0]), "--cfg-options", "model.cls_head.num_classes=7", "--out", str(out)]) == 0
    assert Config.fromfile(out).model.cls_head.num_classes == 7
    with pytest.raises(KeyError, match="there is no 'cls_hea'; did you mean cls_head"):
        main([str(pose_run[0]), "--key", "model.cls_hea"])
    with pytest.raises(KeyError, match="'num_classes' is 5 and has no parts"):
        main([str(pose_run[0]), "--key", "model.cls_head.num_classes.x"])
