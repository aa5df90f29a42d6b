"""Write the features of a data set."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmaction.engine.feature_rows import write_rows
from mmaction.engine.hooks.data_hooks import set_epoch
from mmaction.io.features import Features, FeatureWriter, load_features
from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.structures import ActionDataSample
from mmaction.structures.result import missing_reason
from mmaction.structures.sample_name import sample_name
from mmaction.structures.scores import WHY_NOT_FINITE, label_to_array, mean_score, to_numpy


def write_features(
    model: BaseRecognizer,
    dataset: Any,
    writer: FeatureWriter,
    facts: Mapping[str, Any],
    batch_size: int = 8,
    workers: int = 0,
    keep_views: bool = False,
    with_map: bool = False,
    title: str = "",
) -> None:
    """Write what ``model`` makes of each clip of ``dataset``, from the first on that ``writer`` lacks.

    Views are averaged, or kept. Whatever is random in the pipeline is drawn as in epoch 0, so that a run which is
    stopped and continued, with the same ``batch_size``, gives the same bits as one that is not.
    """

    def rows_of(batch: Any) -> list[dict[str, np.ndarray]]:
        samples = model.predict_features(**model.data_preprocessor(batch, False), with_map=with_map)
        return [_row(sample, keep_views) for sample in samples]

    set_epoch(dataset, 0)
    with torch.no_grad():
        write_rows(writer, dataset, rows_of, batch_size, workers, title, facts)


def join_folds(full: Features, parts: Sequence[Features], folds: np.ndarray, out: Path) -> list[float]:
    """Write features of training clips by models that have not seen them; return how well these speak one language.

    Each network has a basis of its own for its features. So the features of the model without fold k go through
    the linear map that takes its features of the other clips, which both models have seen, to the full model's: ridge
    regression, its strength by leave-one-out. Logits and scores need none.

    Args:
        full: All training clips, N of them, by the model that was trained on all.
        parts: The same by the model without each fold.
        folds: Which fold holds each clip, (N,).
        out: The folder to write.

    Returns:
        For each fold the share of the variance of the full model's features that the map explains, by leave-one-out.
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def mean(part: Features) -> np.ndarray:
        return np.asarray(part.features).reshape(len(part), -1, part.features.shape[-1]).mean(axis=1, dtype=np.float64)

    identity = {"parts": [part.facts["identity"] for part in (full, *parts)], "folds": folds.tolist()}
    writer = FeatureWriter(out, len(full), identity)
    if writer.finished:
        return load_features(out).facts["explained"]
    explained = []
    rows: list[dict[str, np.ndarray]] = [{} for _ in full.ids]
    target = mean(full)
    for fold, part in enumerate(parts):
        held = folds == fold
        seen = ~held & ~part.missing & ~full.missing
        mapping = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 5, 15))).fit(mean(part)[seen], target[seen])
        explained.append(float(1 + mapping[-1].best_score_ / max(target[seen].var(axis=0).mean(), 1e-12)))
        for i in np.flatnonzero(held):
            vector = part.features[i].reshape(-1, part.features.shape[-1])
            moved = mapping.predict(vector).reshape(part.features[i].shape) * ~part.missing[i]
            rows[i] = {"features": moved.astype(np.float32), "labels": part.labels[i], "missing": part.missing[i]}
            rows[i] |= {name: value[i] for name in ("logits", "scores") if (value := getattr(part, name)) is not None}
    if not writer.done:
        writer.write(rows)
    known = {"out_of_fold": len(parts), "explained": explained, "classes": full.facts.get("classes")}
    writer.finish(full.ids, known)
    return explained


def _row(sample: ActionDataSample, keep_views: bool) -> dict[str, np.ndarray]:
    """Return the arrays of one clip; 0 where it has no prediction."""
    found = {"features": sample.feature}
    if "logits" in sample:
        found["logits"] = sample.logits
    found |= {f"map_{index}": value for index, value in enumerate(sample.get("feature_maps") or ())}
    row = {name: to_numpy(value if keep_views else value.mean(dim=0)) for name, value in found.items()}
    if "pred_score" in sample:
        row["scores"] = mean_score(sample.pred_score)
    missing = missing_reason(sample) is not None
    row = {name: np.zeros_like(value) if missing else value for name, value in row.items()}
    if bad := [name for name, value in row.items() if not np.isfinite(value).all()]:
        raise ValueError(f"{sample_name(sample, 'a clip')}: {bad[0]} are not finite: {WHY_NOT_FINITE}")
    label = to_numpy(sample.gt_label)
    multi = len(label) != 1
    row["labels"] = label_to_array(row["scores"].size, label) if multi else label[0].astype(np.int64)
    return row | {"missing": np.array(missing)}
