"""Losses for long tails, with counts from the config or from the training set."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmaction.models.losses import BalancedSoftmaxLoss, CBFocalLoss, ClassBalancedLoss, LogitAdjustedLoss
from mmaction.registry import MODELS

COUNTS = [100, 10, 1, 50]
LABELS = torch.tensor([0, 1, 2, 3, 3, 0])


@pytest.fixture
def logits():
    return torch.randn(6, 4, generator=torch.Generator().manual_seed(0))


def test_balanced_softmax_equals_its_formula(logits):
    x = logits.double().numpy()
    weighted = np.array(COUNTS) * np.exp(x)  # Ren et al., equation 4
    chance = weighted / weighted.sum(1, keepdims=True)
    expected = -np.log(chance[np.arange(6), LABELS]).mean()
    assert BalancedSoftmaxLoss(class_counts=COUNTS)(logits, LABELS).item() == pytest.approx(expected, rel=1e-5)


def test_logit_adjustment_equals_its_formula(logits):
    prior = np.array(COUNTS) / sum(COUNTS)  # Menon et al., equation 10
    x = torch.tensor(logits.numpy() + 0.7 * np.log(prior).astype(np.float32))
    loss = LogitAdjustedLoss(tau=0.7, class_counts=COUNTS)
    torch.testing.assert_close(loss(logits, LABELS), F.cross_entropy(x, LABELS))
    torch.testing.assert_close(loss(logits, F.one_hot(LABELS, 4).float()), F.cross_entropy(x, LABELS))
    torch.testing.assert_close(
        LogitAdjustedLoss(tau=0.0, class_counts=COUNTS)(logits, LABELS), F.cross_entropy(logits, LABELS)
    )


def test_class_balanced_loss_weighs_by_the_effective_number(logits):
    weights = torch.tensor([(1 - 0.99) / (1 - 0.99**n) for n in COUNTS])
    expected = F.cross_entropy(logits, LABELS, weight=weights)
    torch.testing.assert_close(ClassBalancedLoss(beta=0.99, class_counts=COUNTS)(logits, LABELS), expected)


@pytest.mark.parametrize("kind", [LogitAdjustedLoss, BalancedSoftmaxLoss, ClassBalancedLoss, CBFocalLoss])
def test_counts_come_from_the_training_set_unless_the_config_gives_them(logits, kind):
    name = kind.counts_name
    given, told = kind(**{name: COUNTS}), kind()
    with pytest.raises(ValueError, match=name):
        told(logits, LABELS)
    told.set_class_counts(COUNTS)
    given.set_class_counts([1, 1, 1, 1])
    torch.testing.assert_close(told(logits, LABELS), given(logits, LABELS))
    told.set_class_counts([5, 2])  # the last classes have no samples
    padded = kind(**{name: [5, 2, 0, 0]})
    torch.testing.assert_close(told(logits, LABELS), padded(logits, LABELS))
    told.set_class_counts([1] * 5)
    with pytest.raises(ValueError, match="5 entries"):
        told(logits, LABELS)
    assert not told.state_dict()


def test_smoothed_labels_stay_finite_where_a_class_has_no_sample(logits):
    soft = 0.9 * F.one_hot(LABELS, 4) + 0.025
    assert torch.isfinite(BalancedSoftmaxLoss(class_counts=[9, 3, 0, 1])(logits, soft))


def test_a_head_takes_them_by_name(logits):
    head = MODELS.build(
        {"type": "I3DHead", "num_classes": 4, "in_channels": 4, "loss_cls": {"type": "BalancedSoftmaxLoss"}}
    )
    for part in head.modules():
        if hasattr(part, "set_class_counts"):
            part.set_class_counts(COUNTS)
    torch.testing.assert_close(head.loss_cls(logits, LABELS), BalancedSoftmaxLoss(class_counts=COUNTS)(logits, LABELS))
