"""Our side of MMDetection and MMPose, which stand-ins play."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from mmaction.apis import detection_inference, pose_inference


class Instances(SimpleNamespace):
    """What both packages call instance data."""

    def cpu(self):
        return self

    def numpy(self):
        return Instances(**{key: value.numpy() for key, value in vars(self).items()})

    def to_dict(self):
        return vars(self)


@pytest.fixture
def packages(monkeypatch):
    """Install the stand-ins; returns the calls they saw."""
    calls = []

    def module(name, **functions):
        package = ModuleType(name)
        vars(package).update(functions)
        monkeypatch.setitem(sys.modules, name, package)

    def detect(model, path):
        calls.append(("detect", path))
        return SimpleNamespace(
            pred_instances=Instances(
                bboxes=torch.arange(16.0).view(4, 4),
                scores=torch.tensor([0.95, 0.5, 0.99, 0.92]),
                labels=torch.tensor([0, 0, 7, 0]),
            )
        )

    def pose(model, path, boxes, bbox_format):
        calls.append(("pose", path, boxes.shape, bbox_format))
        return [Instances(keypoints=np.ones((1, 17, 2)), keypoint_scores=np.ones((1, 17))) for _ in boxes]

    def merge(samples):
        keys = ("keypoints", "keypoint_scores")
        merged = {key: np.concatenate([getattr(sample, key) for sample in samples]) for key in keys}
        return SimpleNamespace(pred_instances=Instances(**merged))

    module("mmdet")
    module(
        "mmdet.apis", init_detector=lambda config, checkpoint, device: calls.append(device), inference_detector=detect
    )
    module("mmpose")
    module("mmpose.apis", init_model=lambda config, checkpoint, device: None, inference_topdown=pose)
    module("mmpose.structures", merge_data_samples=merge)
    return calls


def test_confident_persons_are_kept(packages):
    boxes, samples = detection_inference("c", "w", ["a.jpg", "b.jpg"], device="cpu")
    assert packages == [torch.device("cpu"), ("detect", "a.jpg"), ("detect", "b.jpg")]
    assert len(samples) == 2 and boxes[0].tolist() == [[0, 1, 2, 3], [12, 13, 14, 15]]
    scored, _ = detection_inference("c", "w", ["a.jpg"], det_score_thr=0.4, device="cpu", with_score=True)
    assert scored[0][:, 4] == pytest.approx([0.95, 0.5, 0.92])
    other, _ = detection_inference("c", "w", ["a.jpg"], det_cat_id=7, device="cpu")
    assert other[0].tolist() == [[8, 9, 10, 11]]


def test_poses_of_the_boxes(packages):
    poses, _ = pose_inference("c", "w", ["a.jpg", "b.jpg"], [np.zeros((2, 5)), np.zeros((1, 4))], device="cpu")
    assert [pose["keypoints"].shape for pose in poses] == [(2, 17, 2), (1, 17, 2)]
    assert packages == [("pose", "a.jpg", (2, 4), "xyxy"), ("pose", "b.jpg", (1, 4), "xyxy")]
    with pytest.raises(ValueError, match="one entry per frame: 1 for 2 frames"):
        pose_inference("c", "w", ["a.jpg", "b.jpg"], [np.zeros((1, 4))])


@pytest.mark.parametrize(("package", "name"), [("mmdet", "MMDetection"), ("mmpose", "MMPose")])
def test_an_absent_package_is_named(monkeypatch, package, name):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, f"{package}.apis", None)
    with pytest.raises(ImportError, match=rf"{name} is not installed.*extract_poses\.py"):
        if package == "mmdet":
            detection_inference("c", "w", [])
        else:
            pose_inference("c", "w", [], [])
