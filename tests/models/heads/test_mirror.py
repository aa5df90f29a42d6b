"""A head that learns from mirror images."""

import numpy as np
import pytest
import torch

from mmaction.registry import MODELS, TRANSFORMS
from mmaction.structures import ActionDataSample


def sides(mirrored):
    """Two classes that differ in their side alone, each clip plain or mirrored: features (4, 1), samples."""
    feats = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]]) * (1 - 2 * torch.tensor(mirrored)).unsqueeze(1)
    samples = [ActionDataSample(metainfo={"flip": bool(flip)}).set_gt_label(i % 2) for i, flip in enumerate(mirrored)]
    return feats, samples


def trained(**head):
    torch.manual_seed(0)
    head = MODELS.build(dict(num_classes=2, in_channels=1, dropout_ratio=0.0, average_clips="prob", **head))
    optimizer = torch.optim.SGD(head.parameters(), lr=0.5)
    feats, samples = sides([0, 0, 1, 1])
    for _ in range(50):
        loss = head.loss(feats, samples)["loss_cls"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return head, loss.item()


def test_sides_are_told_apart_although_clips_are_mirrored():
    head, loss = trained(type="MirrorHead", head="I3DHead")
    feats, samples = sides([0, 0, 0, 0])
    scores = torch.stack([sample.pred_score for sample in head.predict(feats, samples)])
    assert loss < 0.2
    assert (scores[[0, 2], 0] > 0.8).all()
    assert (scores[[1, 3], 1] > 0.8).all()
    _, plain = trained(type="I3DHead")
    assert plain == pytest.approx(np.log(2), abs=1e-3)


def test_both_terms_make_the_logits_of_each_view():
    head = MODELS.build(dict(type="MirrorHead", num_classes=3, in_channels=4, head="GCNHead", average_clips="score"))
    feats = torch.randn(4, 2, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    samples = [ActionDataSample(metainfo={"flip": flip}).set_gt_label(1) for flip in (True, False)]
    common, side = head.head.fc(head.pool_feats(feats)).chunk(2, dim=1)
    signs = torch.tensor([-1.0, -1.0, 1.0, 1.0]).unsqueeze(1)
    expected = torch.nn.functional.cross_entropy(common + signs * side, torch.ones(4, dtype=torch.long))
    torch.testing.assert_close(head.loss(feats, samples)["loss_cls"], expected)
    scores = torch.stack([sample.pred_score for sample in head.predict(feats, samples)])
    torch.testing.assert_close(scores, (common + side).unflatten(0, (2, 2)).mean(1))


@pytest.mark.parametrize("pack", ["PackActionInputs", "PackPoseInputs"])
def test_samples_say_whether_they_are_mirrored(pack):
    results = dict(keypoint=np.ones((1, 4, 17, 2), np.float32), img_shape=(8, 8), num_clips=1, clip_len=4, label=1)
    for ratio in (0.0, 1.0):
        flip = TRANSFORMS.build(dict(type="Flip", flip_ratio=ratio, layout="coco"))
        sample = TRANSFORMS.build(dict(type=pack))(flip(dict(results)))["data_samples"]
        assert sample.flip == bool(ratio)


def test_a_head_of_two_streams_is_refused():
    with pytest.raises(TypeError, match="RGBPoseHead"):
        MODELS.build(dict(type="MirrorHead", num_classes=3, in_channels=[4, 4], head="RGBPoseHead"))
