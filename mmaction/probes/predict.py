"""Scores of a model on a data set, outside of a Runner."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm

from mmaction.apis.clips import pipeline_config
from mmaction.engine.checks.unreadable import count_as_wrong
from mmaction.evaluation.metrics import single_labels
from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.registry import DATASETS
from mmaction.structures.scores import mean_score, to_numpy
from mmaction.utils.config import change_datasets, dataset_config


def build_test_set(cfg: Config, first: Sequence[Callable] = ()) -> Any:
    """Return the test set of a config; the functions ``first`` see each sample before its pipeline does."""
    config = dataset_config(cfg, inner=False)
    if not config:
        raise ValueError(f"config {cfg.filename or ''} has no test_dataloader.dataset (nor val_dataloader.dataset)")

    def prepared(part: Mapping[str, Any]) -> dict[str, Any]:
        steps = part.get("pipeline") or pipeline_config(cfg)
        return {**part, "pipeline": [*first, *steps], "test_mode": True}

    return DATASETS.build(change_datasets(config, prepared))


def choose_samples(count: int, wanted: int | None) -> list[int]:
    """Return all indices below ``count``, or ``wanted`` of them, evenly spread."""
    if not wanted or wanted >= count:
        return list(range(count))
    return [int((i + 0.5) * count / wanted) for i in range(wanted)]


def predict_scores(
    model: BaseRecognizer, dataset: Any, indices: Sequence[int], batch_size: int = 8, workers: int = 0, title: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores ``(N, C)`` and labels ``(N,)`` of the samples at ``indices``, with a progress bar.

    A sample that cannot be loaded has scores that are wrong, as in a test. Each needs exactly one label.
    """
    loader = DataLoader(Subset(dataset, indices), batch_size, num_workers=workers, collate_fn=pseudo_collate)
    scores, labels = [], []
    with torch.no_grad(), tqdm(total=len(indices), desc=title, leave=False) as bar:
        for batch in loader:
            for sample in model.test_step(batch):
                count_as_wrong(sample)
                scores.append(mean_score(sample.pred_score))
                labels.append(np.atleast_1d(to_numpy(sample.gt_label)))
            bar.update(len(batch["data_samples"]))
    return np.stack(scores), single_labels(labels, len(scores[0]))
