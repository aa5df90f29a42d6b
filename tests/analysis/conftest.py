"""A browser without a window, for the pages that the tools write."""

import re
import runpy
import shutil
import subprocess

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--enable-logging=stderr", "--virtual-time-budget=10000", "--window-size=1280,2000"),
)


@pytest.fixture
def browse(tmp_path):
    """Opens an HTML file; returns the page as it stands after its scripts have run, and what the console says."""
    program = next((path for name in NAMES if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"no browser found, looked for {', '.join(NAMES)}; apt-get install chromium")

    def open_page(path):
        command = [program, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", path.resolve().as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900)
        assert done.stdout.strip(), done.stderr[-2000:]
        return done.stdout, re.findall(r"CONSOLE.*", done.stderr)

    return open_page


@pytest.fixture
def tool(root):
    """Returns the ``main`` of a tool in ``tools/analysis``, to be called in this process."""
    return lambda name: runpy.run_path(str(root / "tools/analysis" / f"{name}.py"))["main"]


POSE_CONFIG = """
default_scope = "mmaction"
pipeline = [
    dict(type="UniformSampleFrames", clip_len=8, num_clips={clips}, test_mode=True),
    dict(type="PoseDecode"),
    dict(type="PoseCompact", hw_ratio=1.0, allow_imgpad=True),
    dict(type="Resize", scale=(24, 24), keep_ratio=False),
    dict(type="GeneratePoseTarget", with_kp=True, with_limb=False),
    dict(type="FormatShape", input_format="NCTHW_Heatmap"),
    dict(type="PackActionInputs"),
]
model = dict(
    type="Recognizer3D",
    backbone=dict(
        type="ResNet3dSlowOnly", depth=50, pretrained=None, in_channels=17, base_channels=8, num_stages=3,
        out_indices=(2,), stage_blocks=(1, 1, 1), conv1_stride_s=1, pool1_stride_s=1, inflate=(0, 1, 1),
        spatial_strides=(2, 2, 2), temporal_strides=(1, 1, 2), dilations=(1, 1, 1)),
    cls_head=dict(type="I3DHead", in_channels=128, num_classes=5, dropout_ratio=0.5, average_clips="prob"))
loader = dict(batch_size=2, num_workers=0, sampler=dict(type="DefaultSampler", shuffle=False))
def data(split):
    return dict(type="PoseDataset", ann_file={ann!r}, split=split, pipeline=pipeline, num_classes=5, test_mode=True,
                metainfo=dict(label_space={classes!r}))
train_dataloader = dict(**loader, dataset=dict(type="RepeatDataset", times=2, dataset=data("train")))
train_dataloader["sampler"] = dict(type="DefaultSampler", shuffle=True)
test_dataloader = dict(**loader, dataset=data("val"))
val_dataloader = test_dataloader
test_evaluator = dict(type="AccMetric")
val_evaluator = test_evaluator
test_cfg = dict(type="TestLoop")
val_cfg = dict(type="ValLoop")
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=1)
optim_wrapper = dict(optimizer=dict(type="SGD", lr=0.01))
work_dir = {work!r}
del data
"""


@pytest.fixture(scope="session")
def pose_run(demo_data, tmp_path_factory):
    """A tiny PoseC3D on the small diving data: config and checkpoint (weights as drawn)."""
    import torch
    from mmengine.config import Config

    from mmaction.registry import MODELS
    from mmaction.utils import register_all_modules

    folder = tmp_path_factory.mktemp("pose")
    names = {"ann": str(demo_data / "skeletons.pkl"), "classes": str(demo_data / "classes.csv")}
    config = folder / "tiny_pose.py"
    config.write_text(POSE_CONFIG.format(clips=2, work=str(folder / "work"), **names))
    register_all_modules()
    torch.manual_seed(0)
    torch.save({"state_dict": MODELS.build(Config.fromfile(config).model).state_dict()}, folder / "tiny.pth")
    return config, folder / "tiny.pth"
