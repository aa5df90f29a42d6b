"""The fine-tune workflow of the README, command by command, on the demo data."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmaction.registry import MODELS
from mmaction.utils.config import load_config

ROOT = Path(__file__).resolve().parents[1]
NAME = "configs/recognition/slowfast/slowfast_r50_diving48.py"
SOURCE = "configs/recognition/slowfast/slowfast_r50_8x8x1_256e_kinetics400_rgb.py"
# what the test adds to the documented commands, to be done in seconds
SHORT = [
    "--cfg-options",
    "train_cfg.max_epochs=10",
    "train_cfg.val_begin=10",
    "train_dataloader.num_workers=0",
    "val_dataloader.num_workers=0",
    "test_dataloader.num_workers=0",
    "train_dataloader.batch_size=2",
    "test_dataloader.dataset.pipeline.1.num_clips=1",
]
SMALL_MODEL = """
model = dict(
    backbone=dict(
        resample_rate=4,
        speed_ratio=4,
        slow_pathway=dict(fusion_kernel=7, depth=18, base_channels=16),
        fast_pathway=dict(depth=18, base_channels=2),
    ),
    cls_head=dict(type="SlowFastHead", in_channels={channels}, num_classes={classes}),
)
"""


def edit(text: str, **values: str) -> str:
    """Set variables at the top of a config, as a user does in an editor."""
    for name, value in values.items():
        text, count = re.subn(rf"^{name} = .*$", f'{name} = "{value}"', text, flags=re.MULTILINE)
        assert count == 1, name
    return text


def run(folder: Path, *command: str) -> str:
    done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.fixture
def checkout(tmp_path, demo_data):
    """A folder with the configs and the tools, and Diving48-like data where the config expects it."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "tools").symlink_to(ROOT / "tools")
    data = tmp_path / "data/diving48"
    data.mkdir(parents=True)
    (data / "videos").symlink_to(demo_data / "videos")
    for split, count in (("train", 2), ("val", 2)):
        lines = (demo_data / f"{split}.txt").read_text().splitlines()[:count]
        (data / f"{split}.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.mark.integration
def test_copy_edit_train_test(checkout):
    text = (checkout / SOURCE).read_text()
    text = edit(
        text,
        dataset_type="VideoDataset",
        data_root="data/diving48/videos",
        data_root_val="data/diving48/videos",
        ann_file_train="data/diving48/train.txt",
        ann_file_val="data/diving48/val.txt",
        load_from="kinetics.pth",
    )
    text, count = re.subn(r"num_classes=400", "num_classes=48", text)
    assert count == 1
    full, _ = load_config(checkout / SOURCE)
    (checkout / NAME).write_text(text)
    edited, _ = load_config(checkout / NAME)
    assert edited.model.cls_head.num_classes == 48
    assert edited.model.backbone == full.model.backbone
    for name, file in (("train", "train"), ("val", "val"), ("test", "val")):
        dataset = edited[f"{name}_dataloader"].dataset
        assert dataset.ann_file == f"data/diving48/{file}.txt"
        assert dataset.data_prefix == dict(video="data/diving48/videos")

    # the same edits with a narrow network, and a checkpoint of 400 classes to start from
    channels = 8 * 16 + 8 * 2  # of the two pathways
    small = re.sub(
        r"^model = dict\(.*?^\)\n", SMALL_MODEL.format(channels=channels, classes=48), text, flags=re.S | re.M
    )
    (checkout / NAME).write_text(small)
    cfg, _ = load_config(checkout / NAME)
    cfg.model.cls_head.num_classes = 400
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), checkout / "kinetics.pth")

    work = "work_dirs/slowfast_diving48"
    shown = run(checkout, "tools/train.py", NAME, "--work-dir", work, *SHORT)
    assert "cls_head.fc_cls" in shown, "the head of another class count is named"
    best = f"{work}/best_acc_top1_epoch_10.pth"
    assert (checkout / best).is_file()
    shown = run(checkout, "tools/test.py", NAME, best, "--eval", "top_k_accuracy", *SHORT)
    assert "acc/top1" in shown
