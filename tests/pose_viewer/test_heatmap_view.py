"""The heatmaps of a config's own pipeline."""

import numpy as np
import pytest
from stick_figure import annotation

from mmaction.pose_viewer import heatmap_view
from mmaction.pose_viewer.heatmap_view import clip_heatmaps, heatmap_panel
from mmaction.skeletons import get_layout
from mmaction.visualization.draw import limb_colors, side_colors
from mmaction.visualization.poses import clip_poses

CONFIG = """
pipeline = [
    dict(type="UniformSampleFrames", clip_len=6, test_mode=True),
    dict(type="PoseDecode"),
    dict(type="PoseCompact", hw_ratio=1.0, allow_imgpad=True),
    dict(type="Resize", scale=(32, 32), keep_ratio=False),
    dict(type="GeneratePoseTarget", with_kp={joints}, with_limb={limbs}),
    dict(type="FormatShape", input_format="NCTHW_Heatmap"),
    dict(type="PackActionInputs"),
]
val_dataloader = dict(dataset=dict(pipeline=pipeline))
model = dict(type="Recognizer3D")
"""


@pytest.fixture
def config(tmp_path):
    def write(joints=True, limbs=False):
        path = tmp_path / f"config_{joints}_{limbs}.py"
        path.write_text(CONFIG.format(joints=joints, limbs=limbs))
        return str(path)

    return write


@pytest.mark.parametrize("limbs", [False, True])
def test_volume_and_its_frames(config, limbs):
    heatmaps, frames, _ = clip_heatmaps(config(not limbs, limbs), annotation())
    assert heatmaps.shape == (17, 6, 32, 32)
    assert frames.shape == (6,) and (np.diff(frames) > 0).all() and frames.max() < 12
    assert heatmaps.max() == pytest.approx(0.9, abs=0.1)


def test_panel_shows_the_nearest_frame_at_the_height_of_the_picture(config):
    entry = annotation()
    panel = heatmap_panel(config(), entry, clip_poses(entry))
    _, frames, _ = clip_heatmaps(config(), entry)
    picture = panel(int(frames[2]), 96)
    assert picture.shape == (96, 96, 3) and picture.any()
    assert (panel(int(frames[0]), 96) != panel(int(frames[-1]), 96)).any()


@pytest.mark.parametrize(("limbs", "pairs"), [(False, [(0, 0), (1, 1)]), (True, [(0, 1), (0, 2)])])
def test_what_each_channel_is_drawn_between(config, limbs, pairs):
    assert clip_heatmaps(config(not limbs, limbs), annotation())[2][:2] == pairs


def test_channels_have_the_colors_of_what_is_drawn(config, monkeypatch):
    layout, entry, asked = get_layout("coco17"), annotation(), []
    monkeypatch.setattr(heatmap_view, "color_heatmaps", lambda heatmaps, colors: asked.append(colors))
    for joints, limbs in ((True, False), (False, True), (True, True)):
        heatmap_panel(config(joints, limbs), entry, clip_poses(entry))
    assert asked == [side_colors(layout), limb_colors(layout), side_colors(layout) + limb_colors(layout)]


PUBLISHED = "slowonly_r50_8xb16-u48-240e_gym"


@pytest.mark.parametrize(("kind", "pairs"), [("keypoint", [(0, 0), (1, 1)]), ("limb", [(0, 5), (0, 6)])])
def test_published_configs_and_an_annotation_of_the_bare_minimum(root, kind, pairs):
    entry = {key: annotation()[key] for key in ("frame_dir", "img_shape", "keypoint")}
    heatmaps, _, drawn = clip_heatmaps(str(root / f"configs/skeleton/posec3d/{PUBLISHED}-{kind}.py"), entry)
    assert heatmaps.shape == (17, 48, 64, 64)
    assert drawn[:2] == pairs


def test_an_annotation_without_a_size_is_named(config):
    with pytest.raises(ValueError, match=r"annotation 'walk': the heatmap view needs its img_shape"):
        clip_heatmaps(config(), {key: value for key, value in annotation().items() if key != "img_shape"})


def test_a_config_without_a_model(tmp_path):
    (tmp_path / "c.py").write_text("a = 1\n")
    with pytest.raises(ValueError, match="needs a config with a model and a val_dataloader"):
        clip_heatmaps(str(tmp_path / "c.py"), annotation())


def test_model_rendered_heatmaps_agree_with_the_frames(root):
    configs = sorted((root / "configs/skeleton").rglob("*demo*keypoint.py"))
    if not configs:
        pytest.skip("no demo config in configs/skeleton")
    heatmaps, frames, _ = clip_heatmaps(str(configs[0]), annotation())
    assert heatmaps.shape[0] == 17 and heatmaps.shape[1] == len(frames)
    assert 0.3 < heatmaps.max() <= 1.01
