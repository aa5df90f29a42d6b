"""Where the evidence for a class lies: on the frames as they are, and on joints over time."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from stick_figure import write_video

from mmaction.apis.clips import Clip, as_clip
from mmaction.datasets.transforms.base import Transform
from mmaction.io.video import open_video
from mmaction.registry import TRANSFORMS
from mmaction.reports.curves import save_figure
from mmaction.reports.evidence import (
    channel_names,
    color_bar,
    colored,
    evidence_figure,
    evidence_on_frames,
    evidence_on_skeletons,
    graph_joints,
    joint_evidence,
    places_of_inputs,
)
from mmaction.reports.pictures import save_clips
from mmaction.skeletons import get_layout

START = [dict(type="SampleFrames", clip_len=4, frame_interval=2, num_clips=2, test_mode=True), dict(type="ArrayDecode")]
END = [dict(type="FormatShape", input_format="NCTHW"), dict(type="PackActionInputs")]


def steps(*geometry):
    return [*START, *geometry, *END]


@given(st.integers(40, 90), st.integers(40, 90), st.integers(24, 64), st.booleans())
def test_places_of_a_centered_crop(height, width, side, flips):
    clip = as_clip(np.zeros((20, height, width, 3), np.uint8))
    flip = [dict(type="Flip", flip_ratio=1.0 if flips else 0.0)]
    pipeline = steps(dict(type="Resize", scale=(-1, side)), dict(type="CenterCrop", crop_size=24), *flip)
    frames, places = places_of_inputs(clip, pipeline, (height, width))
    assert frames.shape == (2, 4) and (np.diff(frames) == 2).all()
    factor = min(height, width) / side
    a, b, c, d = places[0]
    assert (a, c) == pytest.approx((-factor if flips else factor, factor), rel=0.06)
    assert (23 / 2 * a + b, 23 / 2 * c + d) == pytest.approx(((width - 1) / 2, (height - 1) / 2), abs=factor + 0.5)


def test_three_crops_lie_beside_each_other():
    clip = as_clip(np.zeros((20, 50, 100, 3), np.uint8))
    frames, places = places_of_inputs(clip, steps(dict(type="ThreeCrop", crop_size=50)), (50, 100))
    assert frames.shape == (6, 4) and (frames[:2] == frames[2:4]).all()
    assert sorted(set(np.round(places[:, 1]))) == [0, 25, 50]
    assert np.allclose(places[:, [0, 2]], 1, atol=0.02)


@TRANSFORMS.register_module(force=True)
class Darken(Transform):
    """Colors that are no longer in proportion to what they were."""

    def transform(self, results):
        return {
            **results,
            "imgs": [(np.asarray(image, float) ** 2 / 255).astype(np.uint8) for image in results["imgs"]],
        }


def test_a_pipeline_that_changes_colors_is_refused():
    clip = as_clip(np.zeros((20, 50, 60, 3), np.uint8))
    with pytest.raises(ValueError, match="changes colors"):
        places_of_inputs(clip, steps(dict(type="Darken")), (50, 60))


def test_evidence_lies_on_the_whole_frame_where_the_crop_was(tmp_path):
    clip = as_clip(write_video(tmp_path / "a.mp4", 20, 96, 160))
    maps = np.zeros((2, 4, 24, 24), np.float32)
    maps[:, :, 0:8, 0:8] = 1  # the upper left third of the middle square
    pipeline = [
        dict(type="DecordInit"),
        *steps(dict(type="Resize", scale=(-1, 24)), dict(type="CenterCrop", crop_size=24)),
    ]
    pictures = evidence_on_frames(clip, pipeline, maps)
    assert pictures.shape == (2, 4, 96, 160, 3)
    plain = next(image for t, image in open_video(tmp_path / "a.mp4").images() if t == 2)
    changed = np.abs(pictures[0, 0].astype(int) - plain).max(axis=-1) > 40
    y, x = np.nonzero(changed[2:94, 34:126])  # inside the frame around the crop, which is 32 to 128
    assert (x.min() + 34, y.min() + 2) == pytest.approx((34, 2), abs=2)
    assert (x.max() + 34, y.max() + 2) == pytest.approx((64, 32), abs=4)
    assert evidence_on_frames(clip, pipeline, maps[:1], [1]).shape[0] == 1
    save_clips(tmp_path / "sheet.png", pictures, "a title", legend=color_bar)
    save_clips(tmp_path / "sheet.mp4", pictures, "a title", legend=color_bar)
    assert open_video(tmp_path / "sheet.mp4").info.width == 2 * 160 + 64


@pytest.mark.parametrize("kind", ["joints", "heatmaps"])
def test_evidence_is_read_at_the_joints(kind, tmp_path):
    layout = get_layout("coco17")
    maps = np.zeros((1, 3, 10, 20), np.float32)
    maps[0, 1, 4, 15] = 0.8
    if kind == "joints":
        inputs = torch.zeros(1, 1, 3, 17, 3)
        inputs[..., 2] = 1
        inputs[0, 0, :, 9] = torch.tensor([31.0, 9.0, 1.0])  # of an image twice as large
        inputs[0, 0, :, 4] = 0
    else:
        inputs = torch.zeros(1, 17, 3, 10, 20)
        inputs[0, :, :, 0, 0] = 1
        inputs[0, 9] = torch.zeros(3, 10, 20)
        inputs[0, 9, :, 4, 15] = 1
        inputs[0, 4] = 0
    joints, evidence = joint_evidence(inputs, maps, (20, 40))
    assert evidence.shape == (1, 1, 3, 17)
    assert evidence[0, 0, :, 9].tolist() == pytest.approx([0, 0.8, 0])
    assert np.isnan(evidence[0, 0, :, 4]).all() and np.nansum(evidence) == pytest.approx(0.8)
    pictures = evidence_on_skeletons(joints, evidence, layout)
    assert np.abs(pictures[0, 1].astype(int) - pictures[0, 0]).max() > 50
    names, found = channel_names(17, lambda count: layout, limbs=False)
    assert names[9] == "left_wrist" and found is layout
    figure = evidence_figure(pictures, evidence, names, "evidence")
    assert [text.get_text() for text in figure.axes[1].get_yticklabels()] == list(layout.joints)
    shown = figure.axes[1].images[0].get_array()
    assert shown.shape == (17, 3) and shown[9, 1] == pytest.approx(0.8) and shown.mask[4].all()
    save_figure(figure, tmp_path / "a.png")


def test_colors_rise_with_the_evidence():
    assert colored(np.array([0.0, 1.0, np.nan])).tolist()[0] == colored(np.array([0.0, 1.0, np.nan])).tolist()[2]
    bar = color_bar(120)
    assert bar.shape == (120, 64, 3) and bar[26, 10, 0] > bar[26, 10, 2]


GRAPH = [
    dict(type="GenSkeFeat", dataset="coco17", feats=["b"]),
    dict(type="UniformSampleFrames", clip_len=4, num_clips=2, test_mode=True),
    dict(type="PoseDecode"),
    dict(type="FormatGCNInput", num_person=2),
    dict(type="PackActionInputs"),
]


def test_joints_behind_the_bones_of_a_graph_network():
    keypoint = np.random.default_rng(0).uniform(0, 100, (1, 4, 17, 2)).astype(np.float32)
    keypoint[0, :, 0], keypoint[0, :, 1] = (0, 0), (100, 50)
    score = np.ones((1, 4, 17), np.float32)
    score[0, :, 5] = 0
    clip = as_clip({"keypoint": keypoint, "keypoint_score": score, "img_shape": (100, 100), "total_frames": 4})
    joints, seen = graph_joints(clip, GRAPH, chosen=[1])
    assert joints.shape == (1, 2, 4, 17, 2) and not seen[0, 1].any() and not seen[0, 0, :, 5].any()
    np.testing.assert_allclose(joints[0, 0], 2 * keypoint[0], rtol=1e-4)


@pytest.mark.parametrize("up", [1, 2])
def test_joints_in_space_are_shown_upright(up):
    keypoint = np.zeros((1, 4, 20, 3), np.float32)
    keypoint[..., up] = np.linspace(0, 2, 20)  # the last joint is on top
    keypoint[..., 0] = np.linspace(0, 1, 20)
    steps = [dict(step, dataset="kinect20") if step["type"] == "GenSkeFeat" else step for step in GRAPH]
    clip = Clip(
        "a", "skeleton", {"keypoint": keypoint, "total_frames": 4, "start_index": 0, "label": 0, "test_mode": True}
    )
    joints, seen = graph_joints(clip, steps)
    assert seen[:, 0].all() and not seen[:, 1].any()
    np.testing.assert_allclose(joints[0, 0, 0, -1], [100, -200], rtol=1e-4)
