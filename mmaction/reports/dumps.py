"""Read the scores that other programs dump: pickles of MMAction2's ``--dump`` and of PYSKL's ``--out``."""

import io
import math
import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmaction.engine.results.writer import unique_ids
from mmaction.io.features import FACTS, Features, load_features
from mmaction.io.pickles import RestrictedUnpickler, load_pickle
from mmaction.structures import Result
from mmaction.structures.result import MISSING
from mmaction.structures.scores import mean_score, to_numpy

PICKLES = (".pkl", ".pickle")
SCORE_KEYS = {"pred_score", "pred_scores"}
MEMORIZED = "memorized"  # fact of a result: whether the model was trained on the samples
ID_KEYS = ("frame_dir", "filename", "video_id")


def _load_storage(data: bytes) -> tuple[torch.TypedStorage]:
    """Stands for ``torch.storage._load_from_bytes``: read the numbers of a tensor and nothing else.

    They come in a tuple, which has no attributes that the pickle could change.
    """
    try:
        storage = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # damaged bytes make PyTorch raise anything
        raise pickle.UnpicklingError(f"refused: a damaged tensor ({error})") from error
    if not isinstance(storage, torch.TypedStorage):
        raise pickle.UnpicklingError(f"refused: a tensor made of {type(storage).__name__}")
    return (storage,)


def _build_tensor(loaded: Any, offset: int, size: Sequence, stride: Sequence, *rest: Any) -> np.ndarray:
    """Stands for ``torch._utils._rebuild_tensor_v2``: make an array of the tensor."""
    plain = all(isinstance(number, int) for number in (offset, *size, *stride))
    if not plain or any(isinstance(item, tuple) for item in rest):
        raise pickle.UnpicklingError("refused: a tensor whose shape is no list of numbers")
    try:
        storage = loaded[0]
        whole = torch.empty(0, dtype=storage.dtype).set_(storage)
        if math.prod(size) > whole.numel():  # it repeats a few numbers
            raise RuntimeError("it is larger than its data")
        return to_numpy(whole.as_strided(tuple(size), tuple(stride), offset)).copy()
    except (RuntimeError, AttributeError, TypeError) as error:
        raise pickle.UnpicklingError(f"refused: a damaged tensor ({error})") from error


_TENSORS: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch._utils", "_rebuild_tensor_v2"): _build_tensor,
    ("torch.storage", "_load_from_bytes"): _load_storage,
}


class ScoreUnpickler(RestrictedUnpickler):
    """The restricted unpickler, which here also reads tensors, as arrays."""

    def find_class(self, module: str, name: str) -> object:
        """Return what stands for a global of the pickle."""
        function = _TENSORS.get((module, name))
        return self.stand_in(function) if function else super().find_class(module, name)


def load_any(path: str | Path, reference: Result | None = None) -> Result:
    """Read scores: a test's folder, a ``scores.npz``, extracted features, or a pickle of MMAction2 or PYSKL.

    Args:
        path: Folder or file.
        reference: A test of the same list in the same order. It gives ids and labels to a pickle that has none.

    Raises:
        ValueError: If the content is none of these, would build other objects, or needs a reference of its length.
    """
    if (Path(path) / FACTS).is_file():
        return _of_features(load_features(path))
    if Path(path).suffix not in PICKLES:
        return Result.load(path)
    content = load_pickle(path, ScoreUnpickler)
    if not isinstance(content, list) or not content:
        raise ValueError(f"{path} holds a {type(content).__name__}; expected a list with the scores of each sample")
    dicts = all(isinstance(item, Mapping) for item in content)
    try:
        scores = np.stack([_score(item) if dicts else np.asarray(item, dtype=np.float32) for item in content])
        labels = _labels(content) if dicts else None
        ids: Sequence[str] | None = _ids(content) if dicts else None
        if reference is not None and (labels is None or ids is None) and len(reference) != len(content):
            raise ValueError(f"it has {len(content)} samples without names or labels, the others {len(reference)}")
        if labels is None:
            if reference is None:
                raise ValueError("it holds no labels; name a result with labels of the same list before it")
            labels = reference.labels
        if ids is None:
            ids = reference.ids if reference is not None else [f"sample {i}" for i in range(len(content))]
        classes = reference.classes if reference is not None and reference.num_classes == scores.shape[1] else ()
        columns = {name: [float(bool(item.get(name))) for item in content] for name in MISSING} if dicts else {}
        meta = {name: np.array(column) for name, column in columns.items() if any(column)}
        return Result(unique_ids(ids), labels, scores, classes, meta)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{path}: {error.args[0] if error.args else error}") from error


def _of_features(found: Features) -> Result:
    """Return the scores that were written beside features."""
    if found.scores is None:
        raise ValueError(f"{found.folder} holds features of a model without a head, so there are no scores")
    classes = found.facts.get("classes") or ()
    classes = classes if len(classes) == found.scores.shape[1] else ()
    meta = {"broken": found.missing.astype(float)} if found.missing.any() else {}
    run = {"checkpoint_sha256": found.basis, MEMORIZED: found.is_memorized}
    return Result(found.ids, np.asarray(found.labels), np.asarray(found.scores), classes, meta, run=run)


def is_dump(path: str | Path) -> bool:
    """Return whether ``path`` is a pickle that ``--dump`` has written: a list of samples with scores."""
    try:
        content = load_pickle(path, ScoreUnpickler)
    except (OSError, ValueError):
        return False
    samples = content if isinstance(content, list) else []
    return bool(samples) and all(isinstance(item, Mapping) and not SCORE_KEYS.isdisjoint(item) for item in samples)


def _score(sample: Mapping[str, Any]) -> np.ndarray:
    """Return the scores of one dumped sample; ``pred_scores.item`` is what MMAction2 1.0 wrote."""
    score = sample.get("pred_score", sample.get("pred_scores"))
    if score is None:
        raise KeyError(f"a sample has no pred_score, it has {', '.join(map(str, sample))}")
    return mean_score(score)


def _labels(content: Sequence[Mapping[str, Any]]) -> np.ndarray | None:
    labels = [sample.get("gt_label", sample.get("gt_labels")) for sample in content]
    labels = [next(iter(label.values()), None) if isinstance(label, Mapping) else label for label in labels]
    if any(label is None for label in labels):
        return None
    return np.stack([np.atleast_1d(np.asarray(label)) for label in labels])


def _ids(content: Sequence[Mapping[str, Any]]) -> list[str] | None:
    key = next((key for key in ID_KEYS if all(sample.get(key) for sample in content)), None)
    return [str(sample[key]) for sample in content] if key else None
