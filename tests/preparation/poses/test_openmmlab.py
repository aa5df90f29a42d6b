"""MMPose and MMDetection without compiled operations: the stand-ins, and, where they are installed, real networks."""

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from torchvision.ops import RoIAlign, nms

from mmaction.apis import detection_inference, pose_inference
from mmaction.preparation.poses.backends import BackendOptions, build_backend
from mmaction.preparation.poses.openmmlab import EXTENSION, openmmlab

FRAME = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
needs_packages = pytest.mark.skipif(not (find_spec("mmdet") and find_spec("mmpose")), reason="needs make openmmlab")


@pytest.fixture(scope="module")
def operations():
    """MMCV's operations, which are forgotten afterwards."""
    with openmmlab():
        ops = importlib.import_module("mmcv.ops")
    yield ops
    if not find_spec("mmdet"):
        for name in [name for name in sys.modules if name.startswith("mmcv.ops")]:
            del sys.modules[name]


@pytest.mark.skipif(find_spec(EXTENSION) is not None, reason="MMCV has its compiled operations")
def test_operations_are_answered_by_torchvision_or_raise(operations):
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(40, 2, generator=generator) * 30
    boxes = torch.cat([corner, corner + 20], 1)
    scores = torch.rand(40, generator=generator)
    _, indices = operations.nms(boxes, scores, 0.5)
    torch.testing.assert_close(indices, nms(boxes, scores, 0.5))
    features = torch.rand(1, 2, 30, 30, generator=generator)
    rois = torch.cat([torch.zeros(40, 1), boxes], 1)
    for ratio in (0, 2):
        mine = operations.RoIAlign(5, 0.5, ratio)(features, rois)
        torch.testing.assert_close(mine, RoIAlign(5, 0.5, ratio or -1, aligned=True)(features, rois))
    with pytest.raises(NotImplementedError, match="nms_match"):
        operations.nms_match(torch.cat([boxes, scores[:, None]], 1), 0.5)
    with pytest.raises(NotImplementedError, match="pool_mode"):
        operations.RoIAlign(5, 0.5, 2, pool_mode="max")(features, rois)


def test_nothing_is_left_behind():
    modules, scope = set(sys.modules), DefaultScope.get_current_instance()
    with pytest.raises(RuntimeError), openmmlab():
        DefaultScope.get_instance("another", scope_name="mmdet")
        raise RuntimeError
    assert not {name.partition(".")[0] for name in set(sys.modules) - modules} & {"mmcv", "xtcocotools", "imgaug"}
    assert DefaultScope.get_current_instance() is scope


def config(package, path):
    return str(Path(importlib.util.find_spec(package).origin).parent / ".mim" / "configs" / path)


def _all_kept(test_cfg):
    """Random weights are unsure: boxes of any score count."""
    (test_cfg.rcnn if "rcnn" in test_cfg else test_cfg).score_thr = 0.0
    return test_cfg


@pytest.fixture
def picture(tmp_path):
    import cv2

    cv2.imwrite(str(tmp_path / "a.png"), FRAME)
    return str(tmp_path / "a.png")


@needs_packages
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["rtmdet/rtmdet_tiny_8xb32-300e_coco", "faster_rcnn/faster-rcnn_r50_fpn_1x_coco"])
def test_detectors_of_mmdetection_run(name, picture, tmp_path):
    from mmengine import Config

    with openmmlab():
        cfg = Config.fromfile(config("mmdet", f"{name}.py"))
    cfg.model.backbone.init_cfg = None  # no weights are fetched
    cfg.test_pipeline[1].scale = cfg.test_dataloader.dataset.pipeline[1].scale = (160, 160)
    cfg.model.test_cfg = _all_kept(cfg.model.test_cfg)
    cfg.dump(str(tmp_path / "c.py"))
    torch.manual_seed(0)
    boxes, samples = detection_inference(str(tmp_path / "c.py"), None, [picture], 0.0, device="cpu", with_score=True)
    assert len(boxes) == len(samples) == 1
    assert boxes[0].ndim == 2 and boxes[0].shape[1] == 5
    found = samples[0].pred_instances.bboxes
    assert len(found) and torch.isfinite(found).all() and (found[:, 2:] >= found[:, :2]).all()


@needs_packages
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    ["topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192", "rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192"],
)
def test_top_down_models_of_mmpose_run(name, picture):
    path = config("mmpose", f"body_2d_keypoint/{name}.py")
    boxes = np.array([[10, 10, 60, 90], [50, 5, 120, 95.0]])
    poses, _ = pose_inference(path, None, [picture], [boxes], device="cpu")
    assert poses[0]["keypoints"].shape == (2, 17, 2)
    backend = build_backend("mmpose", BackendOptions(weights="none", pose_config=path))
    (persons,) = backend.estimate([FRAME], [boxes])
    assert persons.keypoint.shape == (2, 17, 2)
    assert np.isfinite(persons.keypoint).all()
