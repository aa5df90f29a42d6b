"""What the checks find."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from stick_figure import annotation, walking

from mmaction.pose_viewer.checks import Limits, Report, check_clip, check_length, frame_ranges
from mmaction.preparation.demo.build import DemoSpec, draw_take
from mmaction.skeletons import get_layout
from mmaction.skeletons.frame_checks import clip_quality
from mmaction.visualization.poses import ClipPoses, clip_poses

LAYOUT = get_layout("coco17")
INFO = SimpleNamespace(source=Path("a.mp4"), width=200, height=150)


def clean(num_frames=20):
    """A body that moves gently to the right."""
    rng = np.random.default_rng(1)
    body = rng.uniform([60, 30], [120, 120], (17, 2))
    body[list(LAYOUT.left_joints), 0] += 25
    keypoint = body + np.arange(num_frames)[:, None, None] * np.array([1.5, 0.0])
    keypoint = keypoint[None].astype(np.float32)
    return keypoint, np.full(keypoint.shape[:3], 0.9, np.float32)


def check(keypoint, score, limits=Limits(), img_shape=(150, 200), rescaled=False):
    return check_clip(ClipPoses("a", keypoint, score, LAYOUT, img_shape), INFO, limits, rescaled)


def test_a_clean_clip():
    report = check(*clean())
    assert not report.problem_frames
    assert not report.is_suspicious
    assert report.quality == 1.0
    assert "clean" in report.lines()[0]


def damage(name, keypoint, score):
    if name == "no_person":
        score[:, 5:9] = 0
    elif name == "not_finite":
        keypoint[0, 5:9, 3] = np.nan
    elif name == "outside":
        keypoint[0, 5:9, 3] = [230, 20]
    elif name == "low_score":
        score[:, 5:9] = 0.1
    elif name == "jump":
        keypoint[0, 5:9:3, 9] += [90, -20]
    elif name == "swap":
        keypoint[0, 5:9] = keypoint[0, 5:9][:, list(LAYOUT.flip_order)]


@pytest.mark.parametrize("name", ["no_person", "not_finite", "outside", "low_score", "jump", "swap"])
def test_each_damage_is_named_in_its_frames(name):
    keypoint, score = clean()
    damage(name, keypoint, score)
    report = check(keypoint, score)
    assert report.frames[name] == ([5, 8] if name == "jump" else [5, 6, 7, 8])
    assert report.is_suspicious == (name != "jump")  # two of twenty frames are tolerated
    if name != "jump":
        assert report.excessive == [name]
    assert any(line.strip().startswith(name) for line in report.lines())


def test_a_bone_that_grows_is_named_and_a_zoom_is_not():
    keypoint, score = clean()
    keypoint = 0.3 * keypoint + 40
    zoomed = keypoint.copy()
    zoomed[:, 10:] = 2.6 * (zoomed[:, 10:] - 60) + 60
    assert not check(zoomed, score, img_shape=(400, 400)).frames["bones"]
    keypoint[0, 5:9, 9] += [90, 30]
    report = check(keypoint, score)
    assert report.frames["bones"] == [5, 6, 7, 8]
    quality = clip_quality(keypoint, score, LAYOUT, (150, 200))
    assert quality == {name: len(frames) for name, frames in report.frames.items() if frames}
    assert "bones" not in clip_quality(keypoint[:, :, :15], score[..., :15], LAYOUT, (150, 200))


def test_nobody_in_the_whole_clip():
    keypoint, score = clean()
    report = check(keypoint[:0], score[:0])
    assert report.frames["no_person"] == list(range(keypoint.shape[1]))
    assert report.excessive == ["no_person"]


def test_a_body_that_jumps_for_good():
    keypoint, score = clean()
    keypoint[0, 10:] += [-50, 90]
    assert check(keypoint, score).frames["jump"] == [10]


def test_tolerance():
    keypoint, score = clean()
    score[:, 3:6] = 0
    assert not check(keypoint, score, Limits(tolerance=0.2)).is_suspicious
    assert check(keypoint, score, Limits(tolerance=0.1)).excessive == ["no_person"]


def test_sizes_that_differ():
    keypoint, score = clean()
    report = check(keypoint, score, img_shape=(300, 400))
    assert report.is_suspicious
    assert "for an image of 400x300, the video is 200x150" in report.clip_findings[0]
    assert not check(keypoint, score, img_shape=(300, 400), rescaled=True).clip_findings


def test_lengths_that_differ():
    report = check(*clean())
    check_length(report, 20)
    assert not report.clip_findings
    check_length(report, 28, "invalid data")
    assert report.clip_findings == [
        "the video breaks off after 28 frames (invalid data)",
        "the annotation has 20 frames, the video 28",
    ]
    assert report.as_dict()["suspicious"] is True
    assert report.quality < 0


def test_dives_are_not_taken_for_swaps_or_jumps():
    """Twists turn left and right round for real, and somersaults are fast."""
    for index in range(6):
        take = draw_take(DemoSpec(), index)
        keypoint, score = take.detections()
        info = SimpleNamespace(source=Path("a.mp4"), width=160, height=120)
        report = check_clip(ClipPoses("a", keypoint, score, LAYOUT, (120, 160)), info)
        assert len(report.frames["swap"]) + len(report.frames["jump"]) + len(report.frames["bones"]) <= 0.1 * len(
            take.times
        )


@pytest.mark.parametrize(
    ("frames", "text"),
    [([], ""), ([4], "4"), ([1, 2, 3, 7], "1-3, 7"), (list(range(0, 40, 2)), "0, 2, 4, 6, 8, 10, 12, 14 and 12 more")],
)
def test_ranges(frames, text):
    assert frame_ranges(frames) == text


def test_worse_clips_have_lower_quality():
    few, many = Report("a", "a", 10, frames=dict(jump=[1])), Report("b", "b", 10, frames=dict(jump=[1, 2, 3]))
    broken = Report("c", "c", 10, clip_findings=["it breaks off"])
    assert few.quality > many.quality > broken.quality


@pytest.mark.parametrize(
    "change", [dict(low_score=1.5), dict(jump=-1.0), dict(swap=2.0), dict(bones=-1.0), dict(tolerance=-0.1)]
)
def test_wrong_limits(change):
    with pytest.raises(ValueError, match=f"{next(iter(change))}: expected a number"):
        Limits(**change)


VALUES = [
    (dict(scale=(1 / 128, 1 / 96)), "all coordinates are below 1.5.*multiply them by width and height"),
    (dict(score=90), "scores reach from .*divide percentages by 100"),
    (dict(shape=(128, 96)), "height, width.: exchange"),
]


@pytest.mark.parametrize(("change", "message"), VALUES, ids=["shares", "percent", "swapped size"])
def test_values_are_called_what_they_are(change, message):
    keypoint, score = walking()
    entry = annotation(
        "a",
        keypoint=keypoint * change.get("scale", 1),
        keypoint_score=score * change.get("score", 1),
        img_shape=change.get("shape", (96, 128)),
    )
    info = SimpleNamespace(source="a.mp4", height=96, width=128)
    report = check_clip(clip_poses(entry), info)
    assert [finding for finding in report.clip_findings if re.search(message, finding)]
    assert not any("--rescale" in finding for finding in report.clip_findings)


def test_exchanged_sizes_are_not_rescaled():
    with pytest.raises(ValueError, match="exchange"):
        clip_poses(annotation("a", img_shape=(128, 96))).rescaled(96, 128)
