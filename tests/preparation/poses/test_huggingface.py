"""Detectors and ViTPose of transformers: small random models, saved to disk and loaded by the real code."""

import numpy as np
import pytest
import torch

from mmaction.preparation.poses.backends import BackendOptions, build_backend

pytestmark = pytest.mark.slow
transformers = pytest.importorskip("transformers")
FRAME = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)


def resnet():
    return transformers.RTDetrResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1], out_features=["stage2", "stage3", "stage4"]
    )


SMALL = dict(
    encoder_hidden_dim=16,
    encoder_in_channels=[8, 8, 8],
    encoder_ffn_dim=16,
    encoder_attention_heads=2,
    d_model=16,
    num_queries=10,
    decoder_in_channels=[16, 16, 16],
    decoder_ffn_dim=16,
    decoder_layers=2,
    decoder_attention_heads=2,
    num_denoising=0,
    id2label={0: "dog", 1: "person"},
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """RT-DETRv2, and ViTPose without and with experts."""
    root = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    config = transformers.RTDetrV2Config(backbone_config=resnet(), **SMALL)
    transformers.RTDetrV2ForObjectDetection(config).save_pretrained(root / "detector")
    transformers.RTDetrImageProcessor(size={"height": 64, "width": 64}).save_pretrained(root / "detector")
    for name, experts in (("vitpose", 1), ("vitpose-plus", 3)):
        backbone = transformers.VitPoseBackboneConfig(
            image_size=[64, 48],
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_experts=experts,
            part_features=8,
            out_indices=[1],
        )
        labels = {joint: str(joint) for joint in range(17)}
        model = transformers.VitPoseForPoseEstimation(
            transformers.VitPoseConfig(backbone_config=backbone, id2label=labels, use_simple_decoder=True)
        )
        model.save_pretrained(root / name)
        transformers.VitPoseImageProcessor(size={"height": 64, "width": 48}).save_pretrained(root / name)
    return root


@pytest.mark.parametrize("pose", ["vitpose", "vitpose-plus"])
def test_models_from_folders_find_persons_and_joints(folders, pose):
    options = BackendOptions(weights=str(folders / pose), detector=str(folders / "detector"), person_thr=0.0)
    backend = build_backend("transformers", options)
    found, again = backend.estimate([FRAME, FRAME[:, ::-1].copy()])
    assert 0 < len(found) <= 10 and len(again)
    assert found.keypoint.shape == (len(found), 17, 2) and np.isfinite(found.keypoint).all()
    assert (found.scores > 0).all() and (found.keypoint_score <= 1).all()
    boxes = np.array([[10, 10, 60, 90], [50, 5, 120, 95.0]])
    given, nobody = backend.estimate([FRAME, FRAME], [boxes, boxes[:0]])
    np.testing.assert_array_equal(given.boxes, boxes)
    np.testing.assert_array_equal(given.scores, [1, 1])
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    reach = 1.25 * np.linalg.norm(boxes[:, 2:] - boxes[:, :2], axis=1)
    off = np.linalg.norm(given.keypoint - middle[:, None], axis=2)  # single joints of random heatmaps may lie anywhere
    assert (np.median(off, axis=1) < reach).all()
    assert len(nobody) == 0


def test_only_persons_are_kept(folders):
    options = BackendOptions(weights=str(folders / "vitpose"), detector=str(folders / "detector"), person_thr=0.0)
    backend = build_backend("transformers", options)
    kept = len(backend.estimate([FRAME])[0])
    backend._person = 7
    assert kept and len(backend.estimate([FRAME])[0]) == 0


def test_a_model_that_cannot_be_loaded_is_named(folders, tmp_path):
    with pytest.raises(ConnectionError, match=r"could not load .*nothing.* --detector"):
        build_backend("transformers", BackendOptions(detector=str(tmp_path / "nothing"), weights=str(folders)))
