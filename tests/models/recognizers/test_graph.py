"""Exported graphs of the families of networks give PyTorch's scores; they draw the heatmaps that the pipeline draws."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from tiny import shrink_config

from mmaction.apis.clips import pipeline_config
from mmaction.apis.example_clips import run_examples
from mmaction.apis.export import drawn_inside, export_model, predict, score_graph
from mmaction.apis.inference import init_recognizer
from mmaction.io.exported import open_exported
from mmaction.utils.config import load_config


def frames(side):
    return [
        dict(type="VideoInit"),
        dict(type="UniformSampleFrames", clip_len=4, num_clips=2, test_mode=True),
        dict(type="VideoDecode"),
        dict(type="Resize", scale=(-1, side)),
        dict(type="CenterCrop", crop_size=side),
        dict(type="FormatShape", input_format="NCTHW"),
        dict(type="PackActionInputs"),
    ]


FRAMES = frames(24)
SINGLE = [
    dict(type="SampleFrames", clip_len=1, num_clips=4, test_mode=True)
    if step["type"] == "UniformSampleFrames"
    else step
    for step in FRAMES
]
SINGLE[-2] = dict(type="FormatShape", input_format="NCHW")
GRAPH = [
    dict(type="PreNormalize2D"),
    dict(type="GenSkeFeat", dataset="coco", feats=["j"]),
    dict(type="UniformSampleFrames", clip_len=6, num_clips=2, test_mode=True),
    dict(type="PoseDecode"),
    dict(type="FormatGCNInput", num_person=2),
    dict(type="PackActionInputs"),
]
JOINTS = [
    dict(type="UniformSampleFrames", clip_len=6, num_clips=2, test_mode=True),
    dict(type="PoseDecode"),
    dict(type="PoseCompact", hw_ratio=1.0),
    dict(type="Resize", scale=(16, 16), keep_ratio=False),
]
HEATMAPS = dict(with_limb=True, skeletons=[[5, 7], [6, 8], [11, 12]], left_kp=[1, 5, 7], right_kp=[2, 6, 8])
DRAWN = [
    *JOINTS,
    dict(type="GeneratePoseTarget", double=True, left_limb=[0], right_limb=[1], **HEATMAPS),
    dict(type="FormatShape", input_format="NCTHW_Heatmap"),
    dict(type="PackActionInputs"),
]
ONE_STAGE = dict(num_stages=1, out_indices=(0,))
SLOW_ONLY = dict(
    **ONE_STAGE, type="ResNet3dSlowOnly", depth=50, base_channels=4, stage_blocks=(1,), spatial_strides=(1,),
    temporal_strides=(1,), dilations=(1,), inflate=(1,), pretrained=None,
)  # fmt: skip
GRAPH_NET = dict(base_channels=8, num_stages=2, inflate_stages=(2,), down_stages=(2,), graph_cfg=dict(layout="coco"))
RGB = dict(type="ActionDataPreprocessor", mean=[120, 115, 100], std=[58, 57, 56], format_shape="NCTHW")
EXPERTS = dict(a=6, b=3)
UNIFORMER = dict(
    input_resolution=32, return_list=[1, 2], mlp_dropout=[0.5, 0.5], no_lmhra=False, clip_pretrained=False, t_size=4
)


def recognizer(kind, backbone, head, **more):
    return dict(type=kind, backbone=backbone, cls_head=dict(num_classes=3, average_clips="prob", **head), **more)


def graph_network(name, **more):
    return recognizer("RecognizerGCN", dict(GRAPH_NET, type=name, **more), dict(type="GCNHead", in_channels=16))


MODELS = {
    "3D": (recognizer("Recognizer3D", SLOW_ONLY, dict(type="I3DHead", in_channels=16), data_preprocessor=RGB), FRAMES),
    "TSM": (
        recognizer(
            "Recognizer2D",
            dict(ONE_STAGE, type="ResNetTSM", depth=18, num_segments=4, strides=(1,), dilations=(1,)),
            dict(type="TSMHead", in_channels=64, num_segments=4),
            data_preprocessor=dict(RGB, format_shape="NCHW"),
        ),
        SINGLE,
    ),
    "X3D": (
        recognizer(
            "Recognizer3D",
            dict(type="X3D", num_stages=2, spatial_strides=(2, 2), base_channels=8),
            dict(type="X3DHead", in_channels=16, spatial_type="avg"),
            data_preprocessor=RGB,
        ),
        FRAMES,
    ),
    "MViT": (
        recognizer(
            "Recognizer3D",
            dict(
                type="MViT",
                arch=dict(embed_dims=8, num_layers=3, num_heads=1, downscale_indices=[1]),
                spatial_size=32,
                temporal_size=4,
            ),
            dict(type="MViTHead", in_channels=16),
            data_preprocessor=RGB,
        ),
        frames(32),
    ),
    "UniFormerV2": (
        recognizer(
            "Recognizer3D",
            dict(type="UniFormerV2", width=24, layers=3, heads=2, n_layers=2, n_dim=24, n_head=2, **UNIFORMER),
            dict(type="UniFormerHead", in_channels=24),
            data_preprocessor=RGB,
        ),
        frames(32),
    ),
    "PoseC3D": (
        recognizer("Recognizer3D", dict(SLOW_ONLY, in_channels=20), dict(type="I3DHead", in_channels=16)),
        DRAWN,
    ),
    "ST-GCN": (graph_network("STGCN"), GRAPH),
    "CTR-GCN": (graph_network("CTRGCN"), GRAPH),
    "fusion": (
        recognizer(
            "RecognizerFusion",
            dict(type="ExpertAttention", in_channels=EXPERTS, num_classes=3, width=8, num_heads=2),
            dict(type="ExpertHead", in_channels=sum(EXPERTS.values())),
        ),
        [dict(type="PackActionInputs")],
    ),
}
SHIPPED = [
    "slowfast_r50_1xb8-u32-30e_gym99-rgb",
    "i3d_r50_1xb8-u32-30e_gym99-rgb",
    "r2plus1d_r34_1xb8-u64-30e_gym99-rgb",
    "tsn_r50_1xb8-u16-30e_gym99-rgb",
    "slowonly_r50_8xb16-16x4x1-256e_kinetics400-flow",
    "slowonly_r50_1xb16-u48-240e_gym99-limb",
    "c3d-light_1xb16-u32-100e_utd-mhad-keypoint",
    "rgbpose-conv3d_r50_1xb6-u8-u32-30e_gym99-rgb-pose",
    "2s-agcn_8xb16-joint-u100-80e_ntu60-xsub-keypoint-3d",
    "stgcnpp_1xb16-bone-motion-u100-80e_gym99-keypoint-2d",
    "ctrgcn-light_1xb16-joint-u32-100e_nucla-keypoint-3d",
    "videomae-b_1xb8-u16-30e_gym99-rgb",
    "vjepa2-l-probe_1xb8-32x2x1-30e_gym99-rgb",
    "clip-b16-difference-adapter_1xb8-u32-30e_gym99-rgb",
    "mvit-v2-s_1xb8-u16-30e_gym99-rgb",
    "swin3d-t_1xb8-u32-30e_gym99-rgb",
    "timesformer_divST_8xb8-8x32x1-15e_kinetics400-rgb",
    "swin-tiny-p244-w877_in1k-pre_8xb8-amp-32x2x1-30e_kinetics400-rgb",
    "vit-base-p16_videomae-k400-pre_16x4x1_kinetics-400",
]


def check(cfg, tmp_path, target):
    """Export a network that tells clips apart; its scores of one clip and of three are PyTorch's."""
    torch.manual_seed(0)
    model = init_recognizer(cfg, device="cpu")
    given, packed = run_examples(model.cfg, [pipeline_config(model.cfg), drawn_inside(model)[0]], 3)
    with torch.no_grad():
        model.train()  # norms learn these clips: with random statistics all would look alike
        for _ in range(20):
            predict(model, given)
        expected = predict(model.eval(), given)
    torch.save({"state_dict": model.state_dict()}, tmp_path / "weights.pth")
    file = tmp_path / f"net{'.onnx' if target == 'onnx' else '.pt2'}"
    done = export_model(cfg, tmp_path / "weights.pth", file, target, rounds=0)
    assert np.ptp(expected, axis=0).max() > 100 * done.difference and done.spread > 0
    exported = open_exported(file, "cpu")
    for count in (1, 3):
        parts = [part["inputs"] for part in packed[:count]]
        several = isinstance(parts[0], dict)
        batch = {k: np.stack([p[k] for p in parts]) for k in parts[0]} if several else np.stack(parts)
        np.testing.assert_allclose(exported(batch), expected[:count], atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_the_graph_of_a_family_has_the_scores_of_a_test(name):
    model, pipeline = MODELS[name]
    model = init_recognizer(Config(dict(model=model, test_pipeline=pipeline)), device="cpu")
    steps, draw = drawn_inside(model)
    given, packed = run_examples(model.cfg, [pipeline_config(model.cfg), steps], 3)
    with torch.no_grad():
        graph, inputs = score_graph(model, draw, packed)
        for count in (1, 3):
            found = graph(*(torch.as_tensor(values[:count]) for values in inputs.values()))
            np.testing.assert_allclose(found, predict(model, given[:count]), atol=1e-6)


# torch's exporter takes 5 to 20 seconds for each
@pytest.mark.slow
@pytest.mark.parametrize("target", ["onnx", "torch"])
@pytest.mark.parametrize("name", MODELS)
def test_scores_of_an_exported_family(name, target, tmp_path):
    model, pipeline = MODELS[name]
    check(Config(dict(model=model, test_pipeline=pipeline)), tmp_path, target)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["onnx", "torch"])
@pytest.mark.parametrize("name", SHIPPED)
def test_scores_of_a_shipped_config(name, target, tmp_path):
    cfg = load_config(name)[0]
    shrink_config(cfg)
    check(cfg, tmp_path, target)


@pytest.mark.slow
def test_any_number_of_persons(tmp_path):
    """Persons that nobody sees change nothing, and one person is enough."""
    model, pipeline = MODELS["PoseC3D"]
    cfg = Config(dict(model=model, test_pipeline=pipeline))
    export_model(cfg, None, tmp_path / "net.onnx", rounds=0)
    exported = open_exported(tmp_path / "net.onnx", "cpu")
    rng = np.random.default_rng(0)
    joints = rng.uniform(0, 16, (2, 2, 1, 6, 17, 3)).astype(np.float32)
    joints[..., 2] = 0.5
    unseen = np.concatenate([joints, np.where(np.arange(3) < 2, joints, 0)], axis=2)
    np.testing.assert_allclose(exported(joints), exported(unseen), atol=1e-6)
    with pytest.raises(ValueError, match="takes keypoint of the shape"):
        exported(joints[:, :1])
