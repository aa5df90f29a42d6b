"""The pose estimators, with random weights or stand-ins for their libraries."""

import sys
import types
from urllib.error import URLError

import numpy as np
import pytest
import torch

from mmaction.preparation.poses.backends import BackendOptions, build_backend

FRAME = np.random.default_rng(0).integers(0, 256, (72, 96, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def rcnn():
    torch.manual_seed(0)
    return build_backend("torchvision", BackendOptions(weights="none", min_size=64, person_thr=0.0))


def test_weights_that_cannot_be_downloaded_are_named(monkeypatch, tmp_path):
    def no_network(*args, **kwargs):
        raise URLError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", no_network)
    monkeypatch.setattr("torch.hub.urlopen", no_network)
    with pytest.raises(ConnectionError, match=r"download \S+keypointrcnn\S+: .*no network.* file with --weights"):
        build_backend("torchvision", BackendOptions())


def test_torchvision_finds_persons_within_the_frame(rcnn):
    (persons,) = rcnn.estimate([FRAME])
    assert len(persons) > 0
    assert persons.boxes.shape == (len(persons), 4)
    assert persons.keypoint.shape == (len(persons), 17, 2)
    assert (persons.keypoint_score >= 0).all() and (persons.keypoint_score <= 1).all()
    assert (persons.boxes > -1e-3).all() and (persons.boxes < np.array([96, 72, 96, 72]) + 1e-3).all()


def test_torchvision_puts_joints_into_given_boxes(rcnn):
    boxes = np.array([[10, 5, 40, 60], [50, 20, 90, 70]], np.float32)
    persons, none = rcnn.estimate([FRAME, FRAME], [boxes, boxes[:0]])
    np.testing.assert_allclose(persons.boxes, boxes)
    low, high = boxes[:, None, :2] - 0.5, boxes[:, None, 2:] + 0.5
    assert (persons.keypoint >= low).all() and (persons.keypoint <= high).all()
    assert len(none) == 0


def test_given_boxes_agree_with_the_networks_own(rcnn):
    """In the boxes that the network found, the joints are those that it found there."""
    (found,) = rcnn.estimate([FRAME])
    (again,) = rcnn.estimate([FRAME], [found.boxes])
    np.testing.assert_allclose(again.keypoint, found.keypoint, atol=0.5)
    np.testing.assert_allclose(again.keypoint_score, found.keypoint_score, atol=1e-3)


def test_weights_from_a_file(tmp_path, rcnn):
    state = {name: torch.full_like(value, 0.01) for name, value in rcnn._model.state_dict().items()}
    torch.save(dict(model=state), tmp_path / "w.pth")
    backend = build_backend("torchvision", BackendOptions(weights=str(tmp_path / "w.pth"), min_size=64))
    assert float(backend._model.roi_heads.keypoint_predictor.kps_score_lowres.weight.detach().mean()) == pytest.approx(
        0.01
    )
    with pytest.raises(FileNotFoundError, match=r"checkpoint .*none.pth does not exist"):
        build_backend("torchvision", BackendOptions(weights=str(tmp_path / "none.pth"), min_size=64))


def test_unknown_backend():
    with pytest.raises(KeyError, match="'torchvison' is unknown; did you mean torchvision"):
        build_backend("torchvison", BackendOptions())


@pytest.mark.parametrize(("name", "hint"), [("rtmlib", r"pip install .\[pose\]"), ("mmpose", "docs/poses.md")])
def test_a_library_that_is_not_installed(name, hint, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, f"{name}.apis", None)
    with pytest.raises(ImportError, match=f"backend {name}: .*{hint}"):
        build_backend(name, BackendOptions())


def test_rtmlib_gets_bgr_and_boxes(monkeypatch):
    class Body:
        one_stage = False

        def __init__(self, **options):
            assert options == dict(pose=None, mode="lightweight", backend="onnxruntime", device="cuda")
            self.det_model = lambda image: [[0, 0, image[0, 0, 0], 50]]
            self.pose_model = lambda image, bboxes: (np.tile(bboxes[:, None, 2:], (1, 17, 1)), np.full((1, 17), 1.3))

    monkeypatch.setitem(sys.modules, "rtmlib", types.SimpleNamespace(Body=Body))
    backend = build_backend("rtmlib", BackendOptions(device="cuda:1", mode="lightweight"))
    (found,) = backend.estimate([FRAME])
    assert found.boxes[0, 2] == FRAME[0, 0, 2]  # the first channel that it sees is blue
    assert (found.keypoint_score == 1.0).all()
    (given,) = backend.estimate([FRAME], [np.array([[1, 2, 3, 4, 0.5]])])
    np.testing.assert_array_equal(given.boxes, [[1, 2, 3, 4]])
    assert (given.keypoint == [3, 4]).all()
    assert len(backend.estimate([FRAME], [np.zeros((0, 4))])[0]) == 0


def test_mmpose_gets_bgr_and_boxes(monkeypatch, tmp_path):
    weights = tmp_path / "w.pth"
    weights.touch()

    def infer(model, image, boxes):
        assert model == ("c.py", str(weights), "cpu")
        assert image[0, 0, 0] == FRAME[0, 0, 2]
        joints = np.full((1, 17, 2), 7.0)
        return [
            types.SimpleNamespace(
                pred_instances=types.SimpleNamespace(keypoints=joints, keypoint_scores=joints[..., 0] / 10)
            )
        ] * len(boxes)

    apis = types.SimpleNamespace(
        inference_topdown=infer, init_model=lambda config, weights, device: (config, weights, device)
    )
    monkeypatch.setitem(sys.modules, "mmpose", types.SimpleNamespace(apis=apis))
    monkeypatch.setitem(sys.modules, "mmpose.apis", apis)
    with pytest.raises(ValueError, match="needs --pose-config and --weights"):
        build_backend("mmpose", BackendOptions())
    backend = build_backend("mmpose", BackendOptions(pose_config="c.py", weights=str(weights)))
    (persons,) = backend.estimate([FRAME], [np.array([[0, 0, 9, 9], [1, 1, 5, 5.0]])])
    assert persons.keypoint.shape == (2, 17, 2)
    np.testing.assert_allclose(persons.scores, 1)  # how sure the joints are does not say whether somebody is there
    np.testing.assert_allclose(persons.keypoint_score, 0.7)
