"""The heatmaps of a config's own pipeline."""

import numpy as np
import pytest
from stick_figure import annotation

from mmaction.visualization.heatmap_view import clip_heatmaps, heatmap_panel
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
model = dict(data_preprocessor=dict(type="ActionDataPreprocessor"))
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
