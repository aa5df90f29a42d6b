"""Classes through their attributes: the part that any head can end with, and a head that adds it to another one."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from mmaction.label_spaces import UNSAID, LabelSpace, load_label_space
from mmaction.models.heads.base import views_per_sample
from mmaction.models.heads.wrapping import WrappingHead
from mmaction.models.labels import gather_labels, smooth_labels
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample

MODES = ("both", "attributes", "class")
UNSAID_INDEX = -1  # in the table of values: the last column


class Thresholds(nn.Module):
    """K - 1 rising thresholds on one output, which order the K values of an attribute that counts.

    The output f exceeds threshold k with probability sigmoid(f - t_k); the probability of a value is the difference of
    two neighbors (McCullagh, "Regression models for ordinal data", JRSS B 1980; as one output with shared weights Cao
    et al., "Rank consistent ordinal regression", Pattern Recognition Letters 2020). So a larger output never makes a
    smaller value likelier against a larger one. At first all values are alike where f is 0.
    """

    def __init__(self, num_values: int) -> None:
        super().__init__()
        start = torch.logit(torch.arange(1, num_values) / num_values)
        self.first = nn.Parameter(start[:1].clone())
        self.gaps = nn.Parameter(start.diff().expm1().log())  # before the softplus

    def forward(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the log-probabilities of the values, shape (V, K), from outputs (V, 1)."""
        gaps = F.softplus(self.gaps).clamp_min(1e-6)
        margins = outputs - torch.cat([self.first, self.first + gaps.cumsum(0)])
        above, below = F.logsigmoid(margins), F.logsigmoid(-margins)
        # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)), and a - b is the gap
        between = above[:, :-1] + below[:, 1:] + torch.log(-torch.expm1(-gaps))
        return torch.cat([below[:, :1], between, above[:, -1:]], dim=1)


class ClassAttributes(nn.Module):
    """Turn the outputs of a linear layer into the logits of classes that consist of attributes.

    The logit of a class is the weighted sum of the log-probabilities of its attribute values plus a term of its own,
    which is 0 for a class without training samples: such a class is predicted from its attributes. Each attribute has
    a softmax, or :class:`Thresholds` where it counts. A class that does not tell an attribute (``unsaid``) gets the
    logarithm of 1 / K from its K values, and its samples do not train it.

    The outputs stand side by side: ``num_classes`` terms of the classes (none with ``mode='attributes'``), then for
    each attribute K outputs, or 1 where it counts. Any head may end in a layer of ``num_outputs`` outputs and hand
    them to :meth:`forward`.

    Args:
        num_classes: Number of classes.
        label_space: Name or CSV file of a label space, or a :class:`~mmaction.label_spaces.LabelSpace`, also as the
            dict that ``dataclasses.asdict`` makes of it.
        mode: ``both``; ``attributes`` leaves the terms of the classes out; ``class`` leaves the attributes out.
        attributes: Those to use; None: all of the label space that have several values.
        ordinal: Those that count, ordered by their numbers; None: the ``numeric`` ones of the label space.
        loss_weight: Factor on the mean of the attributes' losses.
        hide_ratio: Share of the training samples, in [0, 1], whose class is treated as one without samples: its own
            term is 0, so that attributes learn to compete with the terms of other classes.
        unseen_bonus: Added in prediction to the logit of each class without training samples, whose combination of
            attributes the network has learned not to expect (Chao et al., "An empirical study and analysis of
            generalized zero-shot learning", ECCV 2016, equation 4). 0 where such classes do not occur.
    """

    seen: torch.Tensor
    table: torch.Tensor

    def __init__(
        self,
        num_classes: int,
        label_space: str | Path | LabelSpace | Mapping[str, Any],
        mode: str = "both",
        attributes: Sequence[str] | None = None,
        ordinal: Sequence[str] | None = None,
        loss_weight: float = 1.0,
        hide_ratio: float = 0.2,
        unseen_bonus: float = 2.0,
    ) -> None:
        super().__init__()
        if mode not in MODES:
            raise ValueError(f"mode must be one of {MODES}; got {mode!r}")
        if not 0 <= hide_ratio <= 1 or loss_weight < 0:
            raise ValueError(
                f"hide_ratio must lie in [0, 1] and loss_weight must be at least 0; got {hide_ratio}, {loss_weight}"
            )
        if isinstance(label_space, Mapping):
            label_space = LabelSpace.from_dict(label_space)
        space = label_space if isinstance(label_space, LabelSpace) else load_label_space(label_space)
        if len(space) != num_classes:
            raise ValueError(f"label space {space.title} has {len(space)} classes, but num_classes is {num_classes}")
        self.num_classes, self.mode, self.loss_weight = num_classes, mode, loss_weight
        self.hide_ratio, self.unseen_bonus = hide_ratio, unseen_bonus
        columns, numeric = value_columns(space, attributes, ordinal)
        columns = {} if mode == "class" else columns
        if not columns and mode != "class":
            raise ValueError(
                f"label space {space.title} has no attribute with several values; give it columns in a CSV file (see "
                "load_label_space), or set mode='class'"
            )
        self.values = {name: values for name, (values, _) in columns.items()}
        self.ordinal = tuple(name for name in columns if name in numeric)
        rows = [indices for _, indices in columns.values()]
        self.register_buffer("table", torch.tensor(rows, dtype=torch.int64).reshape(len(rows), num_classes))
        self.register_buffer("seen", torch.ones(num_classes, dtype=torch.bool))
        self.log_scale = nn.Parameter(torch.zeros(len(columns))) if columns else None
        self.thresholds = nn.ModuleDict({_key(name): Thresholds(len(self.values[name])) for name in self.ordinal})
        sizes = [1 if name in self.ordinal else len(values) for name, values in self.values.items()]
        self.sizes = [0 if mode == "attributes" else num_classes, *sizes]

    @property
    def num_outputs(self) -> int:
        """Length of the vectors of outputs."""
        return sum(self.sizes)

    def set_class_counts(self, counts: Sequence[int]) -> None:
        """Note which classes have training samples; the engine calls it before a training."""
        self.seen.copy_(torch.as_tensor([*counts, *[0] * self.num_classes][: self.num_classes]) > 0)

    def log_probabilities(self, outputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return for each attribute the log-probabilities of its values, shape (V, K), from outputs (V, ...)."""
        parts = outputs.float().split(self.sizes, dim=1)[1:]
        return {
            name: self.thresholds[_key(name)](part) if name in self.ordinal else part.log_softmax(dim=1)
            for name, part in zip(self.values, parts, strict=True)
        }

    def forward(self, outputs: torch.Tensor, hidden: torch.Tensor | None = None) -> torch.Tensor:
        """Return the logits of the classes, shape (V, num_classes), from outputs (V, num_outputs).

        ``hidden``, bool (V, num_classes), is true where a class is treated as one without samples.
        """
        logits = self.own_terms(outputs, hidden)
        found = self.log_probabilities(outputs).values()
        scales = () if self.log_scale is None else self.log_scale.exp()
        for scale, indices, log_probs in zip(scales, self.table, found, strict=True):
            with_unsaid = F.pad(log_probs, (0, 1), value=-math.log(log_probs.shape[1]))
            logits = logits + scale * with_unsaid[:, indices]
        return logits if self.training or not self.values else logits + self.unseen_bonus * ~self.seen

    def own_terms(self, outputs: torch.Tensor, hidden: torch.Tensor | None = None) -> torch.Tensor:
        """Return the terms of the classes, on average 0 over those with samples, 0 for the others."""
        if self.mode == "attributes":
            return outputs.new_zeros(len(outputs), self.num_classes, dtype=torch.float32)
        terms, seen = outputs[:, : self.num_classes].float(), self.seen[None]
        terms = terms - (terms * seen).sum(dim=1, keepdim=True) / seen.sum().clamp_min(1)
        return terms * (seen if hidden is None else seen & ~hidden)

    def hidden_classes(self, labels: torch.Tensor) -> torch.Tensor | None:
        """Draw the samples whose class is hidden, bool (V, num_classes), from labels (V,) or (V, num_classes)."""
        if not self.hide_ratio or self.mode != "both":
            return None
        own = labels > 0 if labels.is_floating_point() else F.one_hot(labels, self.num_classes).bool()
        return own & (torch.rand(len(labels), 1, device=labels.device) < self.hide_ratio)

    def losses(self, outputs: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return ``loss_attributes``, the mean cross entropy over attributes, and ``attributes_acc``, likewise.

        ``labels`` are class indices (V,) or probabilities of classes (V, num_classes); the values of an attribute get
        the sum over their classes.
        """
        if not self.values:
            return {}
        shares = labels if labels.is_floating_point() else F.one_hot(labels, self.num_classes)
        entropies, right = [], []
        for indices, log_probs in zip(self.table, self.log_probabilities(outputs).values(), strict=True):
            member = F.one_hot(indices.clamp_min(0), log_probs.shape[1]) * (indices >= 0)[:, None]
            target = shares.to(log_probs) @ member.to(log_probs)
            told = target.sum()  # samples, counted by the share of their classes that tell the attribute
            entropies.append(-(target * log_probs).sum() / told.clamp_min(1e-6))
            best = F.one_hot(log_probs.argmax(dim=1), log_probs.shape[1])
            right.append((target * best).sum() / told.clamp_min(1e-6))
        loss = torch.stack(entropies).mean() * self.loss_weight
        return {"loss_attributes": loss, "attributes_acc": torch.stack(right).mean().detach()}

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any) -> None:
        """Load the weights; ValueError where they belong to other values of the attributes."""
        stored = state_dict.get(f"{prefix}table")
        if stored is not None and stored.shape == self.table.shape and not torch.equal(stored.cpu(), self.table.cpu()):
            raise ValueError(
                f"{prefix}table: the checkpoint was trained with other attribute values, or another order of them, "
                "than the label space of the head has; use the label space of its training"
            )
        super()._load_from_state_dict(state_dict, prefix, *args)


def value_columns(
    space: LabelSpace, attributes: Sequence[str] | None, ordinal: Sequence[str] | None
) -> tuple[dict[str, tuple[tuple[str, ...], list[int]]], tuple[str, ...]]:
    """Return for each attribute its told values and the index of each class's value, and which attributes count."""
    numeric = tuple(space.numeric if ordinal is None else ordinal)
    for name in (*(attributes or ()), *(ordinal or ())):
        if name not in space.table:
            raise KeyError(f"label space {space.title}: no attribute {name!r}; it has {', '.join(space.table)}")
    columns = {}
    for name in attributes or space.table:
        values = tuple(value for value in dict.fromkeys(space.table[name]) if value != UNSAID)
        if name in numeric:
            try:
                values = tuple(sorted(values, key=float))
            except ValueError as error:
                raise ValueError(f"label space {space.title}: {name} counts nothing: {error}") from error
        index = {UNSAID: UNSAID_INDEX} | {value: i for i, value in enumerate(values)}
        if len(values) > 1:
            columns[name] = (values, [index[value] for value in space.table[name]])
    return columns, numeric


def _key(name: str) -> str:
    """Return the name of an attribute as a module may have it, without a dot."""
    return name.replace(".", "_")


@MODELS.register_module()
class AttributeHead(WrappingHead):
    """A head that predicts the attributes of classes, and the classes from them and a term of their own.

    It wraps a head of another type, whose pooling and layers it uses: the last layer gets the outputs of
    :class:`ClassAttributes` in place of logits. A sample that is predicted carries ``pred_attributes``, the likeliest
    value of each attribute.

    Args:
        num_classes: Number of classes.
        in_channels: Length of a pooled feature vector.
        label_space: Name or CSV file of a label space with attributes, or as in :class:`ClassAttributes`.
        head: Type of the head to wrap, such as ``I3DHead``, ``SlowFastHead``, ``TSMHead`` or ``GCNHead``.
        mode: ``both``; ``attributes`` leaves the terms of the classes out; ``class`` leaves the attributes out, which
            is the wrapped head alone.
        attributes: Attributes to use; None: all that have several values.
        ordinal: Attributes that count; None: the numeric ones of the label space.
        attribute_loss_weight: Factor on the mean of the attributes' losses.
        hide_ratio: Share of the training samples whose class is treated as one without samples.
        unseen_bonus: Added in prediction to the logits of classes without training samples.
        options: Arguments of the wrapped head, such as ``dropout_ratio``, ``loss_cls``, ``average_clips``.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        label_space: str | Path | LabelSpace | Mapping[str, Any],
        head: str = "I3DHead",
        mode: str = "both",
        attributes: Sequence[str] | None = None,
        ordinal: Sequence[str] | None = None,
        attribute_loss_weight: float = 1.0,
        hide_ratio: float = 0.2,
        unseen_bonus: float = 2.0,
        **options: Any,
    ) -> None:
        chosen = (mode, attributes, ordinal, attribute_loss_weight, hide_ratio, unseen_bonus)
        part = ClassAttributes(num_classes, label_space, *chosen)
        super().__init__(num_classes, in_channels, part.num_outputs, head, options)
        if self.multi_class:
            raise ValueError(
                "AttributeHead: multi_class=True, but a sample of several classes has no single attributes"
            )
        self.class_attributes = part

    def classify(self, pooled: Any, num_segs: int = 1) -> torch.Tensor:
        """Return the logits of the classes, shape (V', num_classes)."""
        return self.class_attributes(self.head.classify(pooled, num_segs))

    def loss_pooled(
        self, pooled: Any, data_samples: Sequence[ActionDataSample], num_segs: int = 1
    ) -> dict[str, torch.Tensor]:
        """Return the loss and the accuracies of the classes, and ``loss_attributes`` and ``attributes_acc``."""
        outputs = self.head.classify(pooled, num_segs)
        labels = gather_labels(data_samples, self.num_classes, multi_class=False).to(outputs.device)
        labels = labels.repeat_interleave(views_per_sample(outputs, data_samples), dim=0)
        hidden = self.class_attributes.hidden_classes(labels) if self.training else None
        losses = self.loss_by_feat(self.class_attributes(outputs, hidden), data_samples)
        if self.label_smooth_eps:
            labels = smooth_labels(labels, self.num_classes, self.label_smooth_eps)
        return {**losses, **self.class_attributes.losses(outputs, labels)}

    def predict_pooled(
        self, pooled: Any, data_samples: Sequence[ActionDataSample], num_segs: int = 1
    ) -> list[ActionDataSample]:
        """Return the samples with ``pred_score``, ``pred_label`` and ``pred_attributes``."""
        outputs = self.head.classify(pooled, num_segs)
        samples = self.predict_by_feat(self.class_attributes(outputs), data_samples)
        count = views_per_sample(outputs, data_samples)
        for name, log_probs in self.class_attributes.log_probabilities(outputs).items():
            best = log_probs.exp().unflatten(0, (-1, count)).mean(dim=1).argmax(dim=1)
            for sample, index in zip(samples, best.tolist(), strict=True):
                found: Mapping[str, str] = sample.get("pred_attributes") or {}
                value = self.class_attributes.values[name][index]
                sample.set_field({**found, name: value}, "pred_attributes", dtype=dict)
        return samples
