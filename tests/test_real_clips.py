"""Twelve real gymnastics clips: a small SlowOnly trains on eight of them by heart, and the other four are tested."""

import re

import cv2
import numpy as np
import pytest

from mmaction.engine import build_runner
from mmaction.io.video.writers import VideoSink
from mmaction.utils.config import load_config

APPARATUS = ("bb", "fx", "ub", "vt")  # balance beam, floor exercise, uneven bars, vault


def to_videos(clips, folder):
    """Convert the GIFs to MP4 and list them: the third of each apparatus is held out."""
    (folder / "videos").mkdir()
    lines = {"train": [], "val": []}
    for path in sorted(clips.glob("*.gif")):
        apparatus, number = re.search(r"_(\w\w)_(\d+)_", path.name).groups()
        capture = cv2.VideoCapture(str(path))
        frames = []
        while (read := capture.read())[0]:
            frames.append(cv2.resize(read[1], (160, 120))[:, :, ::-1])
        sink = VideoSink(folder / "videos" / f"{path.stem}.mp4", fps=12)
        for frame in frames:
            sink.write(np.ascontiguousarray(frame))
        sink.close()
        lines["val" if number == "03" else "train"].append(f"{path.stem}.mp4 {APPARATUS.index(apparatus)}\n")
    for split, content in lines.items():
        (folder / f"{split}.txt").write_text("".join(content))
    return {split: len(content) for split, content in lines.items()}


@pytest.mark.slow
@pytest.mark.integration
def test_real_clips_are_learnt_by_heart(shared, root, tmp_path):
    assert to_videos(shared / "data/finegym_clips", tmp_path) == {"train": 8, "val": 4}
    cfg, _ = load_config(root / "configs/recognition/slowonly/slowonly_r18_1xb16-u24-100e_demo-rgb.py")
    for name, split in (("train", "train"), ("val", "train"), ("test", "val")):  # validated on what it trains on
        dataset = cfg[f"{name}_dataloader"].dataset
        dataset.update(ann_file=str(tmp_path / f"{split}.txt"), data_prefix=dict(video=str(tmp_path / "videos")))
        dataset.metainfo = dict(classes=APPARATUS)
        dataset.pipeline = [dict(step) for step in dataset.pipeline if step["type"] != "ColorJitter"]
        dataset.pipeline[1].update(clip_len=8)
        cfg[f"{name}_dataloader"].update(num_workers=0, persistent_workers=False, batch_size=4)
    cfg.model.cls_head.update(num_classes=4, dropout_ratio=0.0)
    cfg.train_cfg.update(max_epochs=60, val_begin=60, val_interval=60)
    cfg.param_scheduler = None
    cfg.optim_wrapper.optimizer.lr = 1e-3
    cfg.update(work_dir=str(tmp_path / "work"), launcher="none", randomness=dict(seed=0))
    runner = build_runner(cfg)
    runner.train()
    assert runner.message_hub.get_scalar("val/acc/top1").current() == 1.0
    assert runner.test()["acc/top1"] * 4 in range(5)  # the four clips held out, not the eight trained on
