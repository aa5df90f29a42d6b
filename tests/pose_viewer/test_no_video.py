"""Skeletons are drawn on black where there is no video."""

import json
from pathlib import Path

import numpy as np
import pytest
from stick_figure import FRAMES, HEIGHT, WIDTH, annotation, pictures, walking

from mmaction.io.annotations import save_annotations
from mmaction.pose_viewer.command import main
from mmaction.skeletons import get_layout
from mmaction.visualization.draw import side_colors

CLEAN = 0


@pytest.fixture
def clip(tmp_path):
    save_annotations(tmp_path / "poses.pkl", [annotation("other", label=0), annotation("walk")])
    return tmp_path


def without_video(folder, *options, annotation="poses.pkl", output="out"):
    paths = ["--annotation", folder / annotation, "--output", folder / output, "--workers", "1"]
    return main(Path("config.ini"), ["--no-config", "--quiet", *map(str, [*paths, *options])])


def test_a_clip_without_a_video_is_drawn_on_black(clip):
    assert without_video(clip, "--clip", "walk", "--no-captions", "--scale", "1") == CLEAN
    drawn = pictures(clip / "out")
    assert len(drawn) == FRAMES and drawn[0].shape == (HEIGHT, WIDTH, 3)
    assert (drawn[0] == 0).mean() > 0.5
    x, y = np.round(walking()[0][0, 0, 10]).astype(int)
    assert tuple(drawn[0][y, x]) == side_colors(get_layout("coco17"))[10]
    with pytest.raises(ValueError, match="window: it shows one clip; name its --video or --clip"):
        without_video(clip, "--window")
    with pytest.raises(ValueError, match="holds no frame of a black video, which has 12"):
        without_video(clip, "--clip", "walk", "--frames", "90:", output="late")


def test_joints_without_an_image_are_fitted_into_the_picture(clip):
    head, feet = 0, 15
    for name, up in (("space", 1), ("plane", -1)):
        keypoint = np.random.default_rng(0).normal(0, 0.01, (1, 3, 17, 3 if up == 1 else 2))
        keypoint[..., head, 1] += up
        keypoint[..., feet, 1] -= up
        save_annotations(clip / f"{name}.pkl", [dict(frame_dir="a", label=0, keypoint=keypoint, total_frames=3)])
        report = clip / f"{name}.json"
        options = ["--clip", "0", "--no-captions", "--scale", "1", "--report", report]
        without_video(clip, *options, annotation=f"{name}.pkl", output=name)
        drawn = pictures(clip / name)[0]
        rows = np.flatnonzero(drawn.any(axis=(1, 2)))
        assert drawn.shape == (480, 480, 3) and 40 <= rows[0] <= 60 and 420 <= rows[-1] <= 440
        assert side_colors(get_layout("coco17"))[head] in set(map(tuple, drawn[:100].reshape(-1, 3).tolist()))
        assert "no video: on black" in json.loads(report.read_text())["layout"]


def test_batch_without_videos_draws_every_annotation(clip):
    entries = [annotation("../a b"), annotation(".. a b"), annotation("c")]
    save_annotations(clip / "p.pkl", entries, dict(val=["c"], train=["../a b", ".. a b"]))
    assert without_video(clip, annotation="p.pkl") == CLEAN
    sheets = sorted(path.name for path in (clip / "out/sheets").iterdir())
    assert sheets == ["00000_.._a_b.jpg", "00001_.._a_b.jpg", "00002_c.jpg"]
    assert all(f'src="sheets/{name}"' in (clip / "out/index.html").read_text() for name in sheets)
    (clip / "config.py").write_text(
        f"val_dataloader = dict(dataset=dict(ann_file={str(clip / 'p.pkl')!r}, split='val'))"
    )
    options = ["--no-config", "--quiet", "--dataset", str(clip / "config.py"), "--output", str(clip / "val")]
    assert main(Path("config.ini"), options) == CLEAN
    assert [path.name for path in (clip / "val/sheets").iterdir()] == ["00002_c.jpg"]
