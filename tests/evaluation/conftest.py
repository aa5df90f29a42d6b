"""Samples as a model returns them."""

import pytest
import torch

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
