"""Classes through their attributes."""

import json
from dataclasses import asdict

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from mmaction.label_spaces import UNSAID, LabelSpace, load_label_space
from mmaction.models.heads import AttributeHead
from mmaction.models.heads.attributes import ClassAttributes, Thresholds
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample

SHAPES = [("round", "1"), ("round", "2"), ("round", "3"), ("square", "1"), ("square", "2"), ("square", "3")]
SPACE = LabelSpace(
    "toys",
    tuple(" ".join(pair) for pair in SHAPES),
    {"shape": tuple(shape for shape, _ in SHAPES), "dots": tuple(dots for _, dots in SHAPES)},
    numeric=("dots",),
)


def features(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def labelled(*labels):
    return [ActionDataSample().set_gt_label(label) for label in labels]


def head_of(**options):
    torch.manual_seed(0)
    head = AttributeHead(6, 8, SPACE, **{"average_clips": "prob", "dropout_ratio": 0.0, **options})
    head.init_weights()
    return head


CASES = {
    "I3DHead": ({"in_channels": 6}, features(4, 6, 2, 3, 3)),
    "SlowFastHead": ({"in_channels": 8}, (features(4, 6, 2, 3, 3), features(4, 2, 8, 3, 3))),
    "X3DHead": ({"in_channels": 6}, features(4, 6, 2, 3, 3)),
    "TSNHead": ({"in_channels": 6}, features(8, 6, 3, 3)),
    "TSMHead": ({"in_channels": 6, "num_segments": 2}, features(8, 6, 3, 3)),
    "GCNHead": ({"in_channels": 6}, features(4, 2, 6, 5, 17)),
    "TokenHead": ({"in_channels": 6, "norm": True}, features(4, 5, 6)),
    "AttentiveHead": ({"in_channels": 6, "num_heads": 2, "depth": 1}, features(4, 5, 6)),
}


@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_pooling_trains_and_predicts(name):
    if name == "AttentiveHead":
        pytest.importorskip("transformers")
    options, feats = CASES[name]
    head = MODELS.build(
        {"type": "AttributeHead", "head": name, "num_classes": 48, "label_space": "diving48", "average_clips": "prob"}
        | options
    )
    losses = head.loss(feats, labelled(3, 47, 0, 7), num_segs=2)
    assert set(losses) == {"loss_cls", "loss_attributes", "attributes_acc", "top1_acc", "top5_acc"}
    (losses["loss_cls"] + losses["loss_attributes"]).backward()
    trained = [p for key, p in head.named_parameters() if "pooler" not in key]  # biases of keys cancel out
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in trained)
    samples = head.eval().predict(feats, labelled(0, 0), num_segs=4)
    for sample in samples:
        assert sample.pred_score.shape == (48,) and sample.pred_score.sum().item() == pytest.approx(1, abs=1e-5)
        assert sample.pred_attributes.keys() == load_label_space("diving48").table.keys()


@pytest.mark.parametrize("name", ["gym99", "gym288"])
def test_every_label_space_with_attributes_serves(name):
    space = load_label_space(name)
    head = AttributeHead(len(space), 6, name, average_clips="prob")
    assert set(head.class_attributes.ordinal) == set(space.numeric)
    assert UNSAID not in {value for values in head.class_attributes.values.values() for value in values}
    losses = head.loss(features(4, 6, 1, 1, 1), labelled(0, 5, 70, 98))
    assert all(torch.isfinite(value) for value in losses.values())


def test_the_state_dict_names_its_parts():
    keys = {"head.fc_cls.weight", "head.fc_cls.bias", "class_attributes.log_scale", "class_attributes.table"}
    keys |= {"class_attributes.seen", "class_attributes.thresholds.dots.first", "class_attributes.thresholds.dots.gaps"}
    assert set(head_of().state_dict()) == keys
    assert head_of().head.fc_cls.weight.shape == (6 + 2 + 1, 8)
    assert head_of(mode="attributes").head.fc_cls.weight.shape == (2 + 1, 8)


def test_class_alone_is_the_wrapped_head():
    head, x = head_of(mode="class").eval(), features(3, 8)
    torch.testing.assert_close(head(x).softmax(1), head.head(x).softmax(1))
    assert set(head.loss(x, labelled(0, 1, 2))) == {"loss_cls", "top1_acc", "top5_acc"}


def test_class_scores_are_the_weighted_sum_of_attributes_and_own_terms():
    head, x = head_of().eval(), features(3, 8)
    part = head.class_attributes
    part.log_scale.data = torch.tensor([0.3, -0.2])
    outputs = head.head(x)
    own = outputs[:, :6] - outputs[:, :6].mean(1, keepdim=True)
    shape, dots = outputs[:, 6:8].log_softmax(1), part.thresholds["dots"](outputs[:, 8:])
    for label, (name, count) in enumerate(SHAPES):
        attributes = 0.3**0 * torch.exp(torch.tensor(0.3)) * shape[:, ("round", "square").index(name)]
        attributes = attributes + torch.exp(torch.tensor(-0.2)) * dots[:, int(count) - 1]
        torch.testing.assert_close(head(x)[:, label], own[:, label] + attributes)


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=7), st.floats(-50, 50), st.floats(0, 20))
def test_thresholds_are_ordered_and_a_larger_output_never_favors_a_smaller_value(raw, output, step):
    layer = Thresholds(len(raw) + 1)
    layer.first.data, layer.gaps.data = torch.tensor(raw[:1]), torch.tensor(raw[1:])
    low, high = layer(torch.tensor([[output], [output + step]]))
    assert low.exp().sum().item() == pytest.approx(1, abs=1e-3) and torch.isfinite(low).all()
    ratio = high - low  # of likelihoods; rises with the value
    assert (ratio.diff() >= -1e-3).all()
    assert (high.exp().cumsum(0) <= low.exp().cumsum(0) + 1e-4).all()


def test_thresholds_start_with_like_chances():
    torch.testing.assert_close(Thresholds(5)(torch.zeros(1, 1)).exp(), torch.full((1, 5), 0.2))


def fitted(x, labels, counts, epochs=150, **options):
    head = head_of(**options)
    head.class_attributes.set_class_counts(counts)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    for _ in range(epochs):
        losses = head.loss(x, labelled(*labels))
        total = sum(value for key, value in losses.items() if "loss" in key)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    return head.eval(), losses


def toy_features(labels, seed):
    """Features in which shape and dots can be read off, with noise."""
    values = torch.tensor([[float(SHAPES[c][0] == "round"), float(SHAPES[c][1])] for c in labels])
    return torch.cat([values - values.mean(0), torch.zeros(len(labels), 6)], 1) + 0.1 * features(
        len(labels), 8, seed=seed
    )


@pytest.mark.parametrize("mode", ["both", "attributes", "class"])
def test_a_class_without_training_samples_is_predicted_from_its_attributes(mode):
    train = [c for c in (0, 1, 2, 3, 5) for _ in range(8)]
    every = [c for c in range(6) for _ in range(8)]
    x = toy_features(every, 1)
    keep = torch.tensor([c != 4 for c in every])
    head, losses = fitted(x[keep], train, [8, 8, 8, 8, 0, 8], mode=mode)
    assert losses["top1_acc"] == 1
    predicted = head(toy_features(every, 2)).argmax(1)
    right = predicted == torch.tensor(every)
    assert right[keep].float().mean() > 0.9
    unseen = right[~keep].float().mean()
    assert unseen == 0 if mode == "class" else unseen > 0.7


def test_the_bonus_is_for_classes_without_samples_in_prediction_alone():
    part, x = ClassAttributes(6, SPACE, unseen_bonus=1.5), features(2, 9)
    trained = part(x)
    torch.testing.assert_close(part.eval()(x), trained)
    part.set_class_counts([1, 1, 1, 0, 1, 1])
    torch.testing.assert_close(part(x) - part.train()(x), 1.5 * torch.eye(6)[3].expand(2, 6))


def test_own_terms_of_unseen_and_hidden_classes_are_zero():
    part = ClassAttributes(6, SPACE)
    part.set_class_counts([3, 1, 2, 0])
    outputs = features(2, part.num_outputs)
    terms = part.own_terms(outputs)
    assert part.seen.tolist() == [True, True, True, False, False, False]
    assert (terms[:, 3:] == 0).all() and terms[:, :3].sum(1).abs().max() < 1e-6
    hidden = torch.zeros(2, 6, dtype=torch.bool)
    hidden[1, 2] = True
    torch.testing.assert_close(part.own_terms(outputs, hidden)[0], terms[0])
    assert part.own_terms(outputs, hidden)[1, 2] == 0
    part.hide_ratio = 1.0
    assert part.hidden_classes(torch.tensor([4, 1])).nonzero().tolist() == [[0, 4], [1, 1]]


def test_attributes_that_a_name_does_not_tell_are_not_trained():
    space = LabelSpace("t", ("a", "b", "c"), {"side": ("left", "right", UNSAID), "all": ("x", "x", "x")})
    part = ClassAttributes(3, space, mode="attributes")
    assert part.values == {"side": ("left", "right")}  # what is the same in all classes tells nothing
    outputs = features(2, 2)
    chance = outputs.log_softmax(1)
    half = torch.full((2, 1), 0.5).log()
    torch.testing.assert_close(part(outputs), torch.cat([chance, half], 1))
    alone = part.losses(outputs[:1], torch.tensor([1]))["loss_attributes"]
    torch.testing.assert_close(part.losses(outputs, torch.tensor([1, 2]))["loss_attributes"], alone)
    assert part.losses(outputs, torch.tensor([2, 2]))["loss_attributes"] == 0


def test_blended_and_smoothed_labels_blend_their_attributes():
    part = ClassAttributes(6, SPACE)
    outputs = features(1, part.num_outputs)
    first, second = (part.losses(outputs, torch.tensor([c]))["loss_attributes"] for c in (0, 5))
    mixed = 0.3 * F.one_hot(torch.tensor([0]), 6) + 0.7 * F.one_hot(torch.tensor([5]), 6)
    torch.testing.assert_close(part.losses(outputs, mixed)["loss_attributes"], 0.3 * first + 0.7 * second)
    smooth = head_of(label_smooth_eps=0.1).loss(features(2, 8), labelled(0, 5))
    plain = head_of().loss(features(2, 8), labelled(0, 5))
    assert smooth["loss_attributes"] != plain["loss_attributes"]


def test_weights_of_other_attribute_values_are_refused():
    swapped = LabelSpace("toys", SPACE.names, {**SPACE.table, "shape": SPACE.table["shape"][::-1]}, numeric=("dots",))
    head = AttributeHead(6, 8, swapped)
    head.load_state_dict(head_of().state_dict())  # values are numbered in the order of the classes: the same table
    other = LabelSpace("toys", SPACE.names, {**SPACE.table, "dots": ("1", "2", "1", "3", "2", "3")}, numeric=("dots",))
    with pytest.raises(ValueError, match="other attribute values"):
        AttributeHead(6, 8, other).load_state_dict(head_of().state_dict())


def test_a_label_space_may_be_given_as_plain_values():
    plain = json.loads(json.dumps(asdict(SPACE)))
    assert AttributeHead(6, 8, plain).class_attributes.table.equal(head_of().class_attributes.table)


def test_exports():
    head, x = head_of().eval(), features(2, 8, 1, 1, 1)
    exported = torch.export.export(head, (x,)).module()
    torch.testing.assert_close(exported(x), head(x))


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"mode": "all"}, ValueError, "mode"),
        ({"num_classes": 5}, ValueError, "num_classes is 5"),
        ({"attributes": ["size"]}, KeyError, "size"),
        ({"ordinal": ["shape"]}, ValueError, "counts nothing"),
        ({"hide_ratio": 2}, ValueError, "hide_ratio"),
        ({"multi_class": True}, ValueError, "multi_class"),
        ({"head": "RGBPoseHead", "in_channels": (6, 2)}, TypeError, "RGBPoseHead"),
        ({"label_space": LabelSpace("plain", ("a", "b"), {}), "num_classes": 2}, ValueError, "no attribute"),
    ],
)
def test_wrong_arguments_are_named(options, error, match):
    with pytest.raises(error, match=match):
        AttributeHead(**{"num_classes": 6, "in_channels": 8, "label_space": SPACE, **options})
