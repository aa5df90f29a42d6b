"""Scores after a test for classes that are all alike frequent, from a model that learned their frequencies."""

from dataclasses import replace

import numpy as np

from mmaction.structures import Result
from mmaction.structures.scores import as_probabilities


def adjust_for_counts(result: Result, tau: float = 1.0) -> Result:
    """Return the result with each probability divided by the class's share of the training samples to the power tau.

    Menon et al., "Long-tail learning via logit adjustment", ICLR 2021, equation 9. A class without samples counts as
    having one. The new scores are probabilities again. ValueError where ``tau`` is no finite number from 0 on, the
    result does not know the training samples of each class, or samples have several labels.
    """
    if not 0 <= tau < np.inf:
        raise ValueError(f"tau must be a finite number from 0 (nothing changes) on; got {tau}")
    if result.train_counts is None:
        raise ValueError("the result does not hold the training samples of each class; test the checkpoint again")
    if result.is_multi_label:
        raise ValueError("samples have several labels; the adjustment is for classes that exclude each other")
    counts = np.maximum(np.asarray(result.train_counts, dtype=np.float64), 1)
    scores = as_probabilities(result.scores) / (counts / counts.sum()) ** tau
    facts = {**result.run, "adjusted_tau": tau, "identity": {"adjusted": result.run.get("identity"), "tau": tau}}
    return replace(result, scores=scores / scores.sum(axis=1, keepdims=True), run=facts)
