"""Heads: pooling, logits, losses, merged views."""

import pytest
import torch
import torch.nn.functional as F

from mmaction.models.heads import BaseHead, GCNHead, I3DHead, RGBPoseHead, SlowFastHead, TSMHead, TSNHead, X3DHead
from mmaction.models.losses import BaseWeightedLoss
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample


def features(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def labelled(*labels: int | list[int]) -> list[ActionDataSample]:
    return [ActionDataSample().set_gt_label(label) for label in labels]


def linear(x: torch.Tensor, layer: torch.nn.Linear) -> torch.Tensor:
    return x @ layer.weight.T + layer.bias


CLIP = (4, 6, 2, 3, 3)  # V, C, T, H, W
FRAMES = (8, 6, 3, 3)
CASES = {
    "I3DHead": ({"in_channels": 6}, features(*CLIP)),
    "SlowFastHead": ({"in_channels": 8}, (features(*CLIP), features(4, 2, 8, 3, 3))),
    "X3DHead": ({"in_channels": 6}, features(*CLIP)),
    "TSNHead": ({"in_channels": 6}, features(*FRAMES)),
    "TSMHead": ({"in_channels": 6, "num_segments": 2}, features(*FRAMES)),
    "GCNHead": ({"in_channels": 6}, features(4, 2, 6, 5, 17)),
    "RGBPoseHead": ({"in_channels": (6, 2)}, (features(*CLIP), features(4, 2, 8, 3, 3))),
}


@pytest.mark.parametrize("name", CASES)
def test_trains_predicts_and_starts_from_the_stated_weights(name):
    options, feats = CASES[name]
    head = MODELS.build({"type": name, "num_classes": 50, "average_clips": "prob", **options})
    torch.manual_seed(0)
    head.init_weights()
    for key, value in head.named_parameters():
        std = 0.001 if name == "TSMHead" else 0.01
        assert value.std().item() == pytest.approx(std if key.endswith("weight") else 0, rel=0.25), key
    losses = head.loss(feats, labelled(3, 49, 0, 7), num_segs=2)
    total = sum(value for key, value in losses.items() if "loss" in key)
    total.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in head.parameters() if p.ndim == 1)
    samples = head.eval().predict(feats, labelled(0, 0), num_segs=4)
    for sample in samples:
        scores = sample.pred_score.values() if isinstance(sample.pred_score, dict) else [sample.pred_score]
        assert all(score.sum().item() == pytest.approx(1, abs=1e-5) for score in scores)
        assert sample.pred_label.tolist() == [sum(scores).argmax().item()]


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("I3DHead", {"fc_cls.weight", "fc_cls.bias"}),
        ("SlowFastHead", {"fc_cls.weight", "fc_cls.bias"}),
        ("TSNHead", {"fc_cls.weight", "fc_cls.bias"}),
        ("TSMHead", {"fc_cls.weight", "fc_cls.bias"}),
        ("X3DHead", {"fc1.weight", "fc2.weight", "fc2.bias"}),
        ("GCNHead", {"fc.weight", "fc.bias"}),
        ("RGBPoseHead", {"fc_rgb.weight", "fc_rgb.bias", "fc_pose.weight", "fc_pose.bias"}),
    ],
)
def test_published_weight_names(name, keys):
    assert set(MODELS.build({"type": name, "num_classes": 3, **CASES[name][0]}).state_dict()) == keys


def test_3d_heads_pool_over_time_and_space():
    x = features(*CLIP)
    head = I3DHead(5, 6).eval()
    torch.testing.assert_close(head(x), linear(x.mean((2, 3, 4)), head.fc_cls))
    head = I3DHead(5, 6, spatial_type="max").eval()
    torch.testing.assert_close(head(x), linear(x.amax((2, 3, 4)), head.fc_cls))
    head = I3DHead(5, 108, spatial_type=None).eval()
    torch.testing.assert_close(head(x), linear(x.flatten(1), head.fc_cls))
    head = I3DHead(5, 6).eval()
    torch.testing.assert_close(head(x[..., 0, 0, 0]), linear(x[..., 0, 0, 0], head.fc_cls))


def test_slowfast_puts_the_fast_pathway_first():
    slow, fast = CASES["SlowFastHead"][1]
    head = SlowFastHead(5, 8).eval()
    both = torch.cat([fast.mean((2, 3, 4)), slow.mean((2, 3, 4))], 1)
    torch.testing.assert_close(head((slow, fast)), linear(both, head.fc_cls))


def test_x3d_has_a_hidden_layer():
    x = features(*CLIP)
    head = X3DHead(5, 6, fc1_bias=True).eval()
    hidden = torch.relu(linear(x.mean((2, 3, 4)), head.fc1))
    torch.testing.assert_close(head(x), linear(hidden, head.fc2))


def test_tsn_averages_features_and_tsm_averages_logits():
    x = features(*FRAMES)
    tsn = TSNHead(5, 6).eval()
    torch.testing.assert_close(tsn(x, num_segs=4), linear(x.mean((2, 3)).view(2, 4, 6).mean(1), tsn.fc_cls))
    tsm = TSMHead(5, 6, num_segments=4, dropout_ratio=0.5)
    torch.manual_seed(0)
    out = tsm(x)
    torch.manual_seed(0)
    frame_logits = linear(F.dropout(x.mean((2, 3)), 0.5), tsm.fc_cls)
    torch.testing.assert_close(out, frame_logits.view(2, 4, 5).mean(1))
    assert len(TSMHead(5, 6, num_segments=4, temporal_pool=True)(x)) == 4


def test_gcn_averages_over_persons_joints_and_time():
    x = CASES["GCNHead"][1]
    head = GCNHead(5, 6).eval()
    torch.testing.assert_close(head(x), linear(x.mean((1, 3, 4)), head.fc))


def test_rgb_and_pose_are_trained_by_their_weights_and_predicted_apart():
    feats = CASES["RGBPoseHead"][1]
    head = RGBPoseHead(5, (6, 2), loss_weights=[1.0, 3.0], dropout=0.0, average_clips="score")
    samples = labelled(0, 1, 2, 3)
    losses = head.loss(feats, samples)
    labels = torch.arange(4)
    rgb = linear(feats[0].mean((2, 3, 4)), head.fc_rgb)
    pose = linear(feats[1].mean((2, 3, 4)), head.fc_pose)
    torch.testing.assert_close(losses["rgb_loss_cls"], F.cross_entropy(rgb, labels))
    torch.testing.assert_close(losses["pose_loss_cls"], 3 * F.cross_entropy(pose, labels))
    assert {"rgb_top1_acc", "pose_top5_acc"} <= losses.keys()
    head.predict(feats, samples[:2], num_segs=2)
    torch.testing.assert_close(samples[1].pred_score["pose"], pose[2:].mean(0))
    assert samples[1].pred_label.item() == (rgb[2:].mean(0) + pose[2:].mean(0)).argmax().item()


@pytest.mark.parametrize("name", ["rgb", "pose"])
def test_a_modality_that_is_not_trained_does_not_predict(name):
    feats = CASES["RGBPoseHead"][1]
    head = RGBPoseHead(5, (6, 2), loss_components=[name], dropout={"rgb": 0.1, "pose": 0.2}, average_clips="score")
    layers = {"rgb": head.fc_rgb, "pose": head.fc_pose}
    layers.pop(name).bias.data[2] = 1e3
    layers.popitem()[1].bias.data[4] = 1e6
    samples = labelled(0, 1, 2, 3)
    assert {key for key in head.loss(feats, samples) if "loss" in key} == {f"{name}_loss_cls"}
    for sample in head.eval().predict(feats, samples):
        assert set(sample.pred_score) == {name}
        assert sample.pred_label.tolist() == [2]


@MODELS.register_module(force=True)
class TwoPartLoss(BaseWeightedLoss):
    """Two losses and a figure to log."""

    def _forward(self, cls_score, label, **kwargs):
        spread = cls_score.square().mean()
        return {"loss_cls": F.cross_entropy(cls_score, label), "loss_spread": spread, "spread": spread}


def test_a_loss_may_have_several_parts():
    loss_cls = {"type": "TwoPartLoss", "loss_weight": 2.0}
    logits = features(2, 4)
    losses = I3DHead(4, 6, loss_cls=loss_cls).loss_by_feat(logits, labelled(0, 3))
    assert set(losses) == {"loss_cls", "loss_spread", "spread", "top1_acc", "top5_acc"}
    torch.testing.assert_close(losses["loss_cls"], 2 * F.cross_entropy(logits, torch.tensor([0, 3])))
    torch.testing.assert_close(losses["loss_spread"], 2 * losses["spread"])
    pair = RGBPoseHead(4, (6, 2), loss_cls=loss_cls, loss_weights=[1.0, 3.0]).loss_by_feat(
        {"rgb": logits, "pose": logits}, labelled(0, 3)
    )
    torch.testing.assert_close(pair["pose_loss_spread"], 6 * pair["pose_spread"])
    torch.testing.assert_close(pair["pose_loss_spread"], 3 * pair["rgb_loss_spread"])


def test_a_head_is_told_of_views_only_where_its_forward_asks():
    class Plain(I3DHead):
        def forward(self, x):
            return self.fc_cls(x.mean((2, 3, 4)))

    class Keywords(I3DHead):
        def forward(self, x, **kwargs):
            assert kwargs == {"num_segs": 2}
            return super().forward(x, **kwargs)

    feats, expected = features(*CLIP), None
    for kind in (I3DHead, Plain, Keywords):
        torch.manual_seed(0)
        head = kind(5, 6, dropout_ratio=0.0, average_clips="score")
        losses = head.loss(feats, labelled(0, 1), num_segs=2)
        sample = head.predict(feats, labelled(0, 1), num_segs=2)[0]
        expected = expected or (losses["loss_cls"], sample.pred_score)
        torch.testing.assert_close((losses["loss_cls"], sample.pred_score), expected)


def test_a_head_without_logits_says_what_to_write():
    with pytest.raises(NotImplementedError, match="BaseHead has neither classify nor forward"):
        BaseHead(5, 6)(features(*CLIP))


def scores_of(head: I3DHead, logits: torch.Tensor, count: int) -> torch.Tensor:
    return torch.stack([s.pred_score for s in head.predict_by_feat(logits, labelled(*[0] * count))])


def test_views_are_merged_as_told():
    logits = features(6, 4, seed=1) * 3
    by_sample = logits.view(2, 3, 4)
    prob = scores_of(I3DHead(4, 6, average_clips="prob"), logits, 2)
    torch.testing.assert_close(prob, by_sample.softmax(2).mean(1))
    score = scores_of(I3DHead(4, 6, average_clips="score"), logits, 2)
    torch.testing.assert_close(score, by_sample.mean(1))
    torch.testing.assert_close(scores_of(I3DHead(4, 6), logits, 6), logits)
    with pytest.raises(ValueError, match="3 views, but average_clips=None"):
        scores_of(I3DHead(4, 6), logits, 2)


def test_half_precision_scores_are_merged_in_float32():
    logits = (features(4, 4) * 3).bfloat16()
    score = scores_of(I3DHead(4, 6, average_clips="prob"), logits, 2)
    assert score.dtype == torch.float32
    torch.testing.assert_close(score, logits.float().view(2, 2, 4).softmax(2).mean(1))


def test_accuracies_equal_sklearn():
    from sklearn.metrics import top_k_accuracy_score

    logits, labels = features(40, 6, seed=2), torch.arange(40) % 6
    losses = I3DHead(6, 6, topk=(1, 2, 5)).loss_by_feat(logits, labelled(*labels.tolist()))
    for k in (1, 2, 5):
        expected = top_k_accuracy_score(labels.numpy(), logits.numpy(), k=k, labels=range(6))
        assert losses[f"top{k}_acc"].item() == pytest.approx(expected)
    assert set(I3DHead(6, 6, topk=()).loss_by_feat(logits, labelled(*labels.tolist()))) == {"loss_cls"}
    assert I3DHead(3, 6).loss_by_feat(logits[:, :3], labelled(*(labels % 3).tolist()))["top5_acc"] == 1


def test_views_share_the_label_of_their_sample():
    logits = features(6, 4)
    loss = I3DHead(4, 6).loss_by_feat(logits, labelled(1, 3))["loss_cls"]
    torch.testing.assert_close(loss, F.cross_entropy(logits, torch.tensor([1, 1, 1, 3, 3, 3])))


def test_label_smoothing_equals_torch():
    logits = features(3, 4)
    loss = I3DHead(4, 6, label_smooth_eps=0.1).loss_by_feat(logits, labelled(1, 3, 0))["loss_cls"]
    torch.testing.assert_close(loss, F.cross_entropy(logits, torch.tensor([1, 3, 0]), label_smoothing=0.1))


def test_soft_labels_of_blending_are_used_and_have_no_accuracy():
    logits, samples = features(2, 4), labelled(0, 1)
    soft = torch.tensor([[0.7, 0.3, 0, 0], [0, 0.5, 0, 0.5]])
    for sample, score in zip(samples, soft, strict=True):
        sample.set_field(score, "gt_score", dtype=torch.Tensor)
    losses = I3DHead(4, 6).loss_by_feat(logits, samples)
    assert set(losses) == {"loss_cls"}
    torch.testing.assert_close(losses["loss_cls"], F.cross_entropy(logits, soft))


def test_several_labels_become_a_multi_hot_vector():
    logits = features(2, 4)
    head = I3DHead(4, 6, loss_cls={"type": "BCELossWithLogits"}, multi_class=True)
    target = torch.tensor([[1.0, 0, 1, 0], [0, 0, 0, 1]])
    expected = F.binary_cross_entropy_with_logits(logits, target)
    for samples in (labelled([0, 2], 3), labelled([1, 0, 1, 0], [0, 0, 0, 1])):
        torch.testing.assert_close(head.loss_by_feat(logits, samples)["loss_cls"], expected)
    with pytest.raises(ValueError, match=r"num_classes=4 is read as zeros and ones.*\[0, 1, 2, 3\]"):
        head.loss_by_feat(logits, labelled([0, 1, 2, 3], 3))


@pytest.mark.parametrize(
    ("multi_class", "loss", "activation"),
    [
        (True, "CrossEntropyLoss", torch.sigmoid),
        (False, "BCELossWithLogits", torch.sigmoid),
        (False, "CrossEntropyLoss", lambda x: x.softmax(-1)),
    ],
)
def test_classes_of_several_labels_do_not_exclude_each_other(multi_class, loss, activation):
    head = I3DHead(4, 6, multi_class=multi_class, loss_cls={"type": loss}, average_clips="prob")
    logits = features(6, 4)
    expected = activation(logits).unflatten(0, (2, 3)).mean(1)
    torch.testing.assert_close(head.average_clip(logits, 3), expected)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (labelled(4), r"label 4 is outside the 4 classes \(0 to 3\)"),
        (labelled(-1), "label -1 is outside"),
        (labelled([0, 1]), r"2 labels, \[0, 1\].*multi_class=True"),
        ([ActionDataSample(metainfo={"frame_dir": "dive_3"}).set_gt_label(9)], "sample dive_3: label 9"),
        ([ActionDataSample(metainfo={"filename": "a.mp4"})], "sample a.mp4 has no gt_label; its fields are none"),
    ],
)
def test_bad_labels_are_named(samples, message):
    with pytest.raises(ValueError, match=message):
        I3DHead(4, 6).loss_by_feat(features(1, 4), samples)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: I3DHead(4, 512)(features(*CLIP)),
            ValueError,
            "I3DHead was built for in_channels=512.* have 6 channels",
        ),
        (lambda: SlowFastHead(4, 8)(features(*CLIP)), TypeError, "several pathways.*use I3DHead"),
        (lambda: TSMHead(4, 6, num_segments=3)(features(*FRAMES)), ValueError, "clips of 3 frames.* 8 frames in all"),
        (
            lambda: I3DHead(4, 6)((features(*CLIP), features(*CLIP))),
            TypeError,
            "I3DHead needs the features of one stage, got 2 .*out_indices",
        ),
        (
            lambda: I3DHead(4, 6).loss(features(*CLIP), labelled(0, 1, 2)),
            ValueError,
            "4 rows of scores for 3 samples.*num_clips",
        ),
        (
            lambda: TSMHead(4, 6).predict(features(*FRAMES), labelled(0, 1)),
            ValueError,
            "1 rows of scores for 2 samples.*num_clips",
        ),
        (lambda: I3DHead(4, 6, average_clips="mean"), ValueError, "average_clips must be one of .*'mean'"),
        (lambda: I3DHead(4, 6, spatial_type="mean"), ValueError, "spatial_type must be one of .*'mean'"),
        (lambda: I3DHead(4, 6, label_smooth_eps=1.0), ValueError, r"label_smooth_eps must lie in \[0, 1\)"),
        (lambda: I3DHead(4, 6, topk=0), ValueError, "topk must hold numbers from 1 on"),
        (lambda: I3DHead(0, 6), ValueError, "num_classes must be at least 1"),
        (lambda: TSNHead(4, 6, consensus={"type": "Max"}), ValueError, "consensus must be .*AvgConsensus"),
        (lambda: RGBPoseHead(4, (6, 2), loss_components=["flow"]), ValueError, "loss_components must name some of"),
        (lambda: RGBPoseHead(4, (6, 2), loss_weights=[1.0]), ValueError, "one number per loss component"),
    ],
)
def test_bad_options_and_features_are_explained(call, error, message):
    with pytest.raises(error, match=message):
        call()
