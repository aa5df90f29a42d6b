"""Frames to joints to an action, in one network."""

import numpy as np
import pytest
import torch

from mmaction.models.necks import PoseReader
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample

SIZE = (8, 12)
NETWORK = {"type": "C3D", "base_channels": 4, "num_stages": 3, "temporal_downsample": False}


def reader(**options):
    torch.manual_seed(0)
    neck = PoseReader((3, 5), NETWORK, num_segments=4, num_joints=2, width=16, num_features=3, **options)
    neck.init_weights()
    return neck


def maps(clips=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(4 * clips, c, *size, generator=generator) for c, size in ((3, SIZE), (5, (4, 6)))]


def sample(point, score=1.0):
    made = ActionDataSample(metainfo={"img_shape": SIZE}).set_gt_label(0)
    made.set_field(np.broadcast_to(np.float32(point), (1, 4, 2, 2)).copy(), "keypoint")
    made.set_field(np.full((1, 4, 2), score, np.float32), "keypoint_score")
    return made


def test_one_row_of_features_per_clip_and_no_loss_without_samples():
    feats, losses = reader()(maps())
    assert feats.shape[:3] == (2, 32, 4)
    assert losses == {}


def test_the_loss_is_the_cross_entropy_with_gaussians_at_the_joints():
    neck = reader(loss_weight=1.0).eval()
    clips = [sample((3, 2)), sample((9, 5))]
    loss = neck(maps(), clips)[1]["loss_pose"]
    assert loss.item() == pytest.approx(np.log(SIZE[0] * SIZE[1]), abs=0.3)  # at first a joint may be anywhere
    target = neck.targets(torch.Size((2, 2, 4, *SIZE)), clips)
    share = target / target.sum((-1, -2), keepdim=True)
    perfect = share.clamp(min=1e-12).log()
    entropy = -(share * perfect).sum((-1, -2)).mean()
    torch.testing.assert_close(neck._error(perfect, clips), entropy)
    assert entropy < 2.5


@pytest.mark.parametrize("left_out", [sample((-20, 2)), sample((3, 2), score=0.0)])
def test_joints_outside_the_frame_or_unseen_teach_nothing(left_out):
    neck = reader().eval()
    both = neck._error(torch.randn(2, 2, 4, *SIZE).flatten(3).log_softmax(-1).unflatten(3, SIZE), [left_out] * 2)
    assert both.item() == 0


def test_it_learns_where_a_spot_is():
    """Two frames of maps in which the channel shows the joint: the heatmap finds it, and the gradient reaches all."""
    neck = reader()
    optimizer = torch.optim.Adam(neck.parameters(), lr=0.01)
    generator = torch.Generator().manual_seed(0)
    for _ in range(60):
        places = torch.randint(1, 7, (2, 2), generator=generator)
        big = torch.zeros(8, 3, *SIZE)
        for clip, (x, y) in enumerate(places.tolist()):
            big[4 * clip : 4 * clip + 4, 0, y, x] = 5.0
        feats, losses = neck([big, maps()[1]], [sample((x + 0.0, y + 0.0)) for x, y in places.tolist()])
        loss = losses["loss_pose"] + 0.0 * feats.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses["loss_pose"].item() / neck.loss_weight < 3.0 < np.log(96)
    assert all(parameter.grad is not None for parameter in neck.parameters())


def test_one_map_alone_is_refused():
    with pytest.raises(TypeError, match="stages of TimmImage"):
        reader()(maps()[0])


@pytest.mark.parametrize(("model", "size"), [("test_efficientnet", 32), ("test_vit", 128)])
def test_the_whole_network_trains_and_predicts(model, size):
    pytest.importorskip("timm")
    backbone = {"type": "TimmImage", "model": model, "stages": (0, 1), "num_segments": 4, "frozen": True}
    if model == "test_vit":
        backbone["img_size"] = size
    widths = [part.shape[1] for part in MODELS.build(backbone)(torch.zeros(4, 3, size, size))]
    neck = {"type": "PoseReader", "in_channels": widths, "network": NETWORK, "num_segments": 4, "num_joints": 2}
    head = {"type": "I3DHead", "num_classes": 3, "in_channels": 32, "average_clips": "prob"}
    net = MODELS.build({"type": "Recognizer2D", "backbone": backbone, "neck": neck, "cls_head": head})
    net.init_weights()
    frames = torch.rand(2, 4, 3, size, size, generator=torch.Generator().manual_seed(0))
    losses = net.loss(frames, [sample((3, 2)), sample((9, 5))])
    assert {"loss_cls", "loss_pose"} <= set(losses)
    sum(value for name, value in losses.items() if "loss" in name).backward()
    assert all(parameter.grad is None for parameter in net.backbone.parameters())
    net.eval()
    twice = torch.cat([frames, frames.flip(-1)], dim=1)  # two clips for each sample
    with torch.no_grad():
        scores = torch.stack([one.pred_score for one in net.predict(twice)])
        alone = torch.stack([one.pred_score for one in net.predict(frames)])
    assert scores.shape == (2, 3)
    assert not torch.equal(scores, alone)
    torch.testing.assert_close(scores.sum(1), torch.ones(2))
