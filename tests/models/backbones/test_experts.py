import pytest
import torch

from mmaction.models import ExpertAttention, ExpertHead
from mmaction.registry import MODELS

SIZES = {"a": 6, "b": 3}


def experts(count=5, classes=4):
    """Features and log-probabilities of two experts, side by side, and the latter alone."""
    torch.manual_seed(0)
    chances = [torch.randn(count, classes).log_softmax(1) for _ in SIZES]
    parts = [part for size, own in zip(SIZES.values(), chances) for part in (torch.randn(count, size), own)]
    return torch.cat(parts, dim=1), torch.stack(chances)


def features_alone(x):
    """Features of the first expert as they count where both are there."""
    return torch.nn.functional.layer_norm(x[:, :6], (6,)) / 2


def build(**options):
    width = sum(SIZES.values()) if options.get("use_features", True) else 0
    model = dict(
        type="RecognizerFusion", backbone=dict(type="ExpertAttention", in_channels=SIZES, num_classes=4, **options)
    )
    return MODELS.build({**model, "cls_head": dict(type="ExpertHead", num_classes=4, in_channels=width)}).eval()


@torch.no_grad()
@pytest.mark.parametrize("use_features", [True, False])
def test_learning_starts_at_the_mean_of_the_log_probabilities(use_features):
    x, chances = experts()
    found = build(use_features=use_features)(x[:, None], mode="predict")
    torch.testing.assert_close(torch.stack([s.pred_score for s in found]), chances.mean(0).softmax(1))


@torch.no_grad()
def test_a_missing_expert_has_no_say():
    x, chances = experts()
    model = build()
    model.backbone.gate.weight.normal_()
    model.cls_head.fc_cls.weight.normal_()
    x[2, 10:] = torch.nan
    both = model(x[:, None], stage="head")
    assert both.isfinite().all()
    features, mixed = model.backbone(x).split([9, 4], dim=1)
    torch.testing.assert_close(mixed[2], chances[0, 2])
    assert (features[2, 6:] == 0).all()
    torch.testing.assert_close(features[2, :6], 2 * features_alone(x)[2])  # it stands for both
    x[2, :10] = torch.nan
    assert model(x[:, None], stage="head").isfinite().all()
    torch.testing.assert_close(model(x[:, None], stage="head")[[0, 1, 3, 4]], both[[0, 1, 3, 4]])


@torch.no_grad()
def test_experts_are_left_out_in_training_alone_and_never_all():
    x, chances = experts(200)
    layer = ExpertAttention(SIZES, 4, dropout=0.0, expert_dropout=0.6)
    mixed = layer.train()(x)[:, -4:]
    mean = chances.mean(0)
    kinds = [torch.isclose(mixed, part, atol=1e-5).all(1) for part in (chances[0], chances[1], mean)]
    assert torch.stack(kinds).any(0).all() and all(20 < kind.sum() < 140 for kind in kinds)
    torch.testing.assert_close(layer.eval()(x)[:, -4:], mean)


def test_the_order_of_clips_does_not_matter_and_every_weight_learns():
    x, _ = experts()
    layer, head = ExpertAttention(SIZES, 4, expert_dropout=0.0).train(), ExpertHead(4, 9)
    for module in (layer.gate, head.fc_cls):
        torch.nn.init.normal_(module.weight)
    head.classify(layer(x)).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for m in (layer, head) for p in m.parameters())
    layer.eval()
    torch.testing.assert_close(layer(x.flip(0)), layer(x).flip(0))


def test_wrong_widths_are_named():
    with pytest.raises(ValueError, match=r"{'a': 6, 'b': 3} features and 4 classes, 17 values in all; a sample has 9"):
        ExpertAttention(SIZES, 4)(torch.zeros(1, 9))
    with pytest.raises(ValueError, match="expert_dropout"):
        ExpertAttention(SIZES, 4, expert_dropout=1.0)
