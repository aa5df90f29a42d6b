"""Losses against torch, scikit-learn and the formulas of the papers written out."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mmaction.models.losses import BCELossWithLogits, CBFocalLoss, CrossEntropyLoss
from mmaction.registry import MODELS


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(6, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)


LABELS = torch.tensor([0, 3, 1, 1, 2, 0])
WEIGHT = [0.5, 2.0, 1.0, 3.0]


def test_cross_entropy_equals_sklearn(logits):
    from sklearn.metrics import log_loss

    expected = log_loss(LABELS.numpy(), logits.double().softmax(1).detach().numpy(), labels=range(4))
    assert CrossEntropyLoss()(logits, LABELS).item() == pytest.approx(expected, abs=1e-5)


def test_loss_weight_scales_value_and_gradient(logits):
    plain = torch.autograd.grad(CrossEntropyLoss()(logits, LABELS), logits)[0]
    tripled = torch.autograd.grad(CrossEntropyLoss(loss_weight=3.0)(logits, LABELS), logits)[0]
    torch.testing.assert_close(tripled, 3 * plain)


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_one_hot_probabilities_cost_as_much_as_class_indices(logits, weight):
    loss = CrossEntropyLoss(class_weight=weight)
    hard, soft = loss(logits, LABELS), loss(logits, F.one_hot(LABELS, 4).float())
    torch.testing.assert_close(hard, soft)
    expected = F.cross_entropy(logits, LABELS, weight=None if weight is None else torch.tensor(weight))
    torch.testing.assert_close(hard, expected)


def test_soft_labels_mix_the_losses_of_their_classes(logits):
    other = LABELS.roll(1)
    mixed = 0.3 * F.one_hot(LABELS, 4) + 0.7 * F.one_hot(other, 4)
    expected = 0.3 * F.cross_entropy(logits, LABELS) + 0.7 * F.cross_entropy(logits, other)
    torch.testing.assert_close(CrossEntropyLoss()(logits, mixed), expected)


def test_square_batches_are_told_apart_by_dtype():
    scores = torch.randn(4, 4, generator=torch.Generator().manual_seed(1))
    hard = torch.tensor([1, 0, 0, 1])
    soft = torch.eye(4)[hard]
    torch.testing.assert_close(CrossEntropyLoss()(scores, hard), CrossEntropyLoss()(scores, soft))


def test_bce_equals_its_formula(logits):
    target = (torch.rand(6, 4, generator=torch.Generator().manual_seed(2)) > 0.5).float()
    p = logits.sigmoid()
    entropy = -(target * p.log() + (1 - target) * (1 - p).log())
    torch.testing.assert_close(BCELossWithLogits()(logits, target), entropy.mean())
    weighted = BCELossWithLogits(class_weight=WEIGHT)(logits, target)
    torch.testing.assert_close(weighted, (entropy * torch.tensor(WEIGHT)).mean())


def cb_focal_by_hand(x: np.ndarray, labels: np.ndarray, counts: list[int], beta: float, gamma: float) -> float:
    """Cui et al. 2019: each class one sigmoid, focal factor (1 - p_t)^gamma, weight (1 - beta) / (1 - beta^n)."""
    weights = np.array([(1 - beta) / (1 - beta**n) if n else 0.0 for n in counts])
    weights *= np.count_nonzero(counts) / weights.sum()
    total = 0.0
    for row, label in zip(x, labels, strict=True):
        for c, value in enumerate(row):
            p_t = 1 / (1 + np.exp(-value if c == label else value))
            total -= weights[label] * (1 - p_t) ** gamma * np.log(p_t)
    return total / len(labels)


@settings(deadline=None, max_examples=30)
@given(
    beta=st.floats(0, 0.9999),
    gamma=st.floats(0, 4),
    counts=st.lists(st.integers(1, 5000), min_size=4, max_size=4),
    seed=st.integers(0, 100),
)
def test_cb_focal_equals_its_formula(beta, gamma, counts, seed):
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(seed)) * 3
    ours = CBFocalLoss(samples_per_cls=counts, beta=beta, gamma=gamma)(x, LABELS).item()
    expected = cb_focal_by_hand(x.numpy().astype(np.float64), LABELS.numpy(), counts, beta, gamma)
    assert ours == pytest.approx(expected, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    ("loss", "label"),
    [
        (CrossEntropyLoss(class_weight=[0.0, 1.0, 0.0, 2.0]), torch.tensor([0, 2, 2, 0, 0, 2])),
        (CrossEntropyLoss(class_weight=[0.0, 1.0, 0.0, 2.0]), torch.eye(4)[[0, 2, 2, 0, 0, 2]]),
        (CBFocalLoss(samples_per_cls=[1, 2, 3, 4]), torch.zeros(6, 4)),
    ],
)
def test_a_batch_of_no_weight_costs_nothing(logits, loss, label):
    value = loss(logits, label)
    value.backward()
    assert value == 0
    assert not logits.grad.any()


def test_weighted_cross_entropy_leaves_out_what_torch_does(logits):
    label = torch.tensor([0, -100, 1, 1, -100, 0])
    expected = F.cross_entropy(logits, label, weight=torch.tensor(WEIGHT))
    torch.testing.assert_close(CrossEntropyLoss(class_weight=WEIGHT)(logits, label), expected)


def test_cb_focal_stays_finite_at_extreme_logits():
    x = torch.tensor([[200.0, -200.0], [-200.0, 200.0]], requires_grad=True)
    loss = CBFocalLoss(samples_per_cls=[10, 20])(x, torch.tensor([0, 0]))
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(x.grad).all() and loss > 100


def test_cb_focal_gives_a_class_without_samples_no_weight():
    loss = CBFocalLoss(samples_per_cls=[10, 0, 10], beta=0.9)
    assert loss.numbers(torch.zeros(1, 3)).tolist() == pytest.approx([1.0, 0.0, 1.0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("loss", [CrossEntropyLoss(class_weight=WEIGHT), CBFocalLoss(samples_per_cls=[1, 9, 2, 30])])
def test_half_precision_scores_lose_nothing_in_the_loss(logits, loss, dtype):
    x = logits.detach().to(dtype)
    value = loss(x, F.one_hot(LABELS, 4).float())
    assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    torch.testing.assert_close(value.double(), loss(x.double(), F.one_hot(LABELS, 4).double()), atol=1e-6, rtol=1e-6)


def test_losses_are_built_from_configs(logits):
    loss = MODELS.build({"type": "CrossEntropyLoss", "class_weight": WEIGHT, "loss_weight": 2})
    torch.testing.assert_close(loss(logits, LABELS), 2 * CrossEntropyLoss(class_weight=WEIGHT)(logits, LABELS))


def test_class_weights_are_no_part_of_the_state():
    assert not CrossEntropyLoss(class_weight=WEIGHT).state_dict()
    assert not CBFocalLoss(samples_per_cls=[1, 2]).state_dict()


@pytest.mark.parametrize(
    ("loss", "label", "error", "message"),
    [
        (CrossEntropyLoss(), F.one_hot(LABELS, 4), ValueError, r"class indices must have shape \(6,\).*got \(6, 4\)"),
        (CrossEntropyLoss(), torch.rand(6), ValueError, r"floating-point labels .*shape \(6, 4\).*got \(6,\)"),
        (CrossEntropyLoss(class_weight=[1.0, 2.0]), LABELS, ValueError, "class_weight has 2 entries.*4 classes"),
        (BCELossWithLogits(), LABELS, TypeError, "multi_class=True"),
        (CBFocalLoss(samples_per_cls=[1, 2]), LABELS, ValueError, "samples_per_cls has 2 entries.*4 classes"),
    ],
)
def test_labels_that_do_not_fit_are_explained(logits, loss, label, error, message):
    with pytest.raises(error, match=message):
        loss(logits, label)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples_per_cls": [0, 0]}, "sample count of every class"),
        ({"samples_per_cls": [1, -2]}, "sample count of every class"),
        ({"samples_per_cls": [1, 2], "beta": 1.0}, r"beta must lie in \[0, 1\)"),
        ({"samples_per_cls": [1, 2], "gamma": -1}, "gamma must be at least 0"),
    ],
)
def test_cb_focal_refuses_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        CBFocalLoss(**options)
