"""Whoever follows the page of five minutes gets from 60 clips in class folders to a report and a labeled video."""

from pathlib import Path

import numpy as np
import pytest
from page_commands import README, START_PAGE, commands
from workspace import Workspace

from mmaction.io.video.writers import VideoSink

STEPS = [words for words in commands(START_PAGE) if words[0] != "make"]
CLASSES = ("backhand", "forehand", "serve")
# what makes the commands short: the recipe and its files stay, with a small network and few, small frames
SHORTER = {
    "new": "--weights none --frames 8 --gpus 0",
    "train": "--epochs 1",
    "test": "--cfg-options test_dataloader.num_workers=0",
}
NARROW = """
model = dict(
    backbone=dict(
        resample_rate=4,
        speed_ratio=4,
        slow_pathway=dict(depth=18, base_channels=8, fusion_kernel=7),
        fast_pathway=dict(depth=18, base_channels=1),
    ),
    cls_head=dict(in_channels=72, num_classes=num_classes),
)
train_dataloader.update(num_workers=0)
val_dataloader.update(num_workers=0)
"""


def write_clip(path: Path, direction: int, rng: np.random.Generator) -> None:
    """Write a noisy clip in which a bar moves down, to the right, or stands still."""
    image = rng.integers(0, 120, (64, 80, 3)).astype(np.uint8)
    image[rng.integers(8, 50) :][:8] += 120
    sink = VideoSink(path, 25)
    for frame in range(16):
        sink.write(np.roll(image, ((frame, 0), (0, frame), (0, 0))[direction], (0, 1)))
    sink.close()


def test_six_commands_are_enough():
    assert len(STEPS) <= 6
    assert [words[1] for words in STEPS[1:]] == ["new", "check", "train", "test", "infer"]
    assert [words for words in commands(README) if words[0] != "make"] == STEPS, "README and page say the same"


@pytest.mark.slow
@pytest.mark.integration
def test_from_class_folders_to_report_and_labeled_video(demo_data, tmp_path):
    workspace = Workspace(tmp_path, demo_data)
    rng = np.random.default_rng(0)
    for index in range(60):
        folder = tmp_path / "data/mine/videos" / CLASSES[index % 3]
        folder.mkdir(parents=True, exist_ok=True)
        write_clip(folder / f"{index:02}.mp4", index % 3, rng)
    said = {}
    for words in STEPS[1:]:  # pip has been run before the tests
        said[words[1]] = workspace.run([*words, *SHORTER.get(words[1], "").split()])
        if words[1] == "new":
            config = tmp_path / "mine.py"
            text = config.read_text()
            assert "slowfast_r50.py" in text
            config.write_text(text + NARROW)
    assert "48 train, 12 val clips of 3 classes" in said["new"]
    assert "0 errors" in said["check"]
    (report,) = (tmp_path / "work_dirs/mine").glob("test_best_*/report.html")
    assert all(name in report.read_text() for name in CLASSES)
    assert (tmp_path / "labeled.mp4").stat().st_size > 1000
    assert any(name in said["infer"] for name in CLASSES)
