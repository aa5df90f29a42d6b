"""Tiny recognizers as config and checkpoint files, and one short video in several forms."""

from pathlib import Path

import numpy as np
import pytest
import torch

BACKBONE = """
    backbone=dict(
        type="ResNet3dSlowOnly", depth=50, base_channels=4, in_channels={channels}, num_stages=1, stage_blocks=(1,),
        out_indices=(0,), spatial_strides=(1,), temporal_strides=(1,), dilations=(1,), inflate=(0,),
        pretrained="torchvision://resnet50"),
    cls_head=dict(type="I3DHead", in_channels=16, num_classes=3),
"""
RGB = (
    "model = dict(type='Recognizer3D',"
    + BACKBONE.format(channels=3)
    + """
    data_preprocessor=dict(
        type="ActionDataPreprocessor", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
        format_shape="NCTHW"))
pipeline = [
    dict(type="DecordInit"),
    dict(type="SampleFrames", clip_len=4, frame_interval=2, num_clips=2, test_mode=True),
    dict(type="DecordDecode"),
    dict(type="Resize", scale=(-1, 24)),
    dict(type="CenterCrop", crop_size=24),
    dict(type="FormatShape", input_format="NCTHW"),
    dict(type="PackActionInputs"),
]
test_dataloader = dict(dataset=dict(
    type="VideoDataset", pipeline=pipeline, metainfo=dict(classes=["jump", "turn", "rest"])))
"""
)
POSE = (
    "model = dict(type='Recognizer3D',"
    + BACKBONE.format(channels=17)
    + """)
test_pipeline = [
    dict(type="UniformSampleFrames", clip_len=6, num_clips=2, test_mode=True),
    dict(type="PoseDecode"),
    dict(type="PoseCompact", hw_ratio=1.0),
    dict(type="Resize", scale=(-1, 16)),
    dict(type="CenterCrop", crop_size=16),
    dict(type="GeneratePoseTarget"),
    dict(type="FormatShape", input_format="NCTHW_Heatmap"),
    dict(type="PackActionInputs"),
]
"""
)


def write_recognizer(folder: Path, text: str) -> tuple[Path, Path]:
    """Write a config and a checkpoint with random weights."""
    from mmengine.config import Config

    from mmaction.apis.inference import without_pretrained
    from mmaction.registry import MODELS
    from mmaction.utils import register_all_modules

    register_all_modules()
    config = folder / "config.py"
    config.write_text(text)
    torch.manual_seed(0)
    model = MODELS.build(without_pretrained(Config.fromfile(config).model))
    torch.save({"state_dict": model.state_dict(), "meta": {}}, folder / "weights.pth")
    return config, folder / "weights.pth"


@pytest.fixture(scope="session")
def rgb(tmp_path_factory) -> tuple[Path, Path]:
    """Config and checkpoint of a model of RGB clips with three named classes."""
    return write_recognizer(tmp_path_factory.mktemp("rgb"), RGB)


@pytest.fixture(scope="session")
def pose(tmp_path_factory) -> tuple[Path, Path]:
    """Config and checkpoint of a model of COCO skeletons with three classes."""
    return write_recognizer(tmp_path_factory.mktemp("pose"), POSE)


@pytest.fixture(scope="session")
def clip_files(tmp_path_factory) -> dict[str, object]:
    """40 frames at 10 frames a second as ``video`` (path), ``frames`` (folder) and ``array``."""
    import cv2

    from mmaction.io.video import open_video
    from mmaction.io.video.writers import VideoSink

    base = tmp_path_factory.mktemp("clip")
    rng = np.random.default_rng(0)
    sink = VideoSink(base / "clip.mp4", 10)
    noise = cv2.resize(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8), (96, 72))
    for t in range(40):
        sink.write(np.roll(noise, 2 * t, axis=1))
    sink.close()
    array = np.stack([frame.rgb() for _, frame in open_video(base / "clip.mp4", "decord").frames(range(40))])
    (base / "frames").mkdir()
    for index, image in enumerate(array, 1):
        cv2.imwrite(str(base / "frames" / f"img_{index:05d}.png"), image[..., ::-1])
    return {"video": base / "clip.mp4", "frames": base / "frames", "array": array}
