"""Simulated test results on the real label lists."""

import json

import numpy as np
import pytest
import torch

from mmaction.datasets.label_spaces import load_label_space
from mmaction.evaluation import Predictions
from mmaction.structures import ActionDataSample


@pytest.fixture
def samples():
    """Makes the samples that a model would return out of scores (or dicts of them) and labels."""

    def make(scores, labels):
        out = [ActionDataSample().set_gt_label(label) for label in labels]
        for sample, score in zip(out, scores):
            if isinstance(score, dict):
                sample.set_field({name: torch.as_tensor(part) for name, part in score.items()}, "pred_score")
            else:
                sample.set_pred_score(score)
        return out

    return make


def confuse(labels, targets, num_classes, share, rng):
    """Scores that are right but for ``share`` of the samples, where a class out of ``targets[label]`` wins."""
    predicted = labels.copy()
    for i, label in enumerate(labels):
        if len(targets[label]) and rng.random() < share:
            predicted[i] = rng.choice(targets[label])
    logits = rng.normal(size=(len(labels), num_classes)).astype(np.float32)
    logits[np.arange(len(labels)), labels] += 7
    logits[np.arange(len(labels)), predicted] += 9
    return logits


@pytest.fixture(scope="session")
def diving_twist_misses(shared):
    """The Diving48 V2 test list, scored by a model that misses nothing but the twist."""
    space = load_label_space("diving48")
    entries = json.loads((shared / "data/diving48/Diving48_V2_test.json").read_text())
    train = json.loads((shared / "data/diving48/Diving48_V2_train.json").read_text())
    labels = np.array([entry["label"] for entry in entries])
    targets = [space.siblings(c, "twists") for c in range(len(space))]
    scores = confuse(labels, targets, len(space), 0.5, np.random.default_rng(0))
    meta = {"frames": np.array([entry["end_frame"] for entry in entries])}
    predictions = Predictions([entry["vid_name"] for entry in entries], labels, scores, space.names, meta)
    return predictions, space, np.bincount([entry["label"] for entry in train], minlength=len(space)).tolist()


@pytest.fixture(scope="session", params=["gym99", "gym288"])
def gym_element_misses(shared, request):
    """A FineGym val list, scored by a model that finds the set and often misses the element."""
    space = load_label_space(request.param)
    rows = [line.split() for line in (shared / f"data/finegym/{request.param}_val_element.txt").open() if line.strip()]
    labels = np.array([int(label) for _, label in rows])
    targets = [space.siblings(c) for c in range(len(space))]
    scores = confuse(labels, targets, len(space), 0.4, np.random.default_rng(1))
    return Predictions([name for name, _ in rows], labels, scores, space.names), space
