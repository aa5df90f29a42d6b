"""Clips as the features that several networks make of them."""

import logging
import os.path
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from mmengine.logging import print_log

from mmaction.datasets.base import BaseActionDataset
from mmaction.io.features import FACTS, Features, load_features
from mmaction.io.names import match_names
from mmaction.registry import DATASETS
from mmaction.structures.scores import WHY_NOT_FINITE, as_probabilities
from mmaction.utils.text import class_difference

SMALLEST = 1e-6  # probability whose logarithm is taken


@DATASETS.register_module()
class FeatureDataset(BaseActionDataset):
    """Clips as what several experts make of them, from folders that ``tools/extract_features.py`` wrote.

    A sample's ``imgs`` is float32 ``(1, D)``: for each expert its features and the logarithm of its probabilities, side
    by side; NaN where it has none of the clip. Clips are matched by id, and the first expert gives their order. Views
    that are kept apart are averaged.

    Args:
        experts: Name and folder of each expert.
        pipeline: Transforms; by default ``PackActionInputs`` alone.
        ann_file: What messages call the set; by default the facts of the first expert.
        **kwargs: Arguments of :class:`~mmaction.datasets.base.BaseActionDataset`.

    Raises:
        ValueError: If an expert lacks a clip or has one more, has other labels or classes, no scores, or features that
            are not finite.
    """

    sample_keys = (*BaseActionDataset.sample_keys, "imgs")

    def __init__(
        self,
        experts: Mapping[str, str],
        pipeline: Sequence[dict | Callable] | None = None,
        ann_file: str = "",
        **kwargs,
    ) -> None:
        if not experts:
            raise ValueError("experts names no folder; give dict(NAME=FOLDER, ...)")
        root = kwargs.get("data_root") or ""
        self.experts = {name: load_features(os.path.join(root, folder)) for name, folder in experts.items()}
        first = next(iter(experts.values()))
        classes = next(iter(self.experts.values())).facts.get("classes")
        kwargs.setdefault("metainfo", {"classes": classes} if classes else None)
        kwargs = {"modality": "Feature", **kwargs}
        steps = [{"type": "PackActionInputs"}] if pipeline is None else pipeline
        super().__init__(ann_file or os.path.join(first, FACTS), steps, **kwargs)
        self._metainfo["bases"] = self.bases  # goes into checkpoints of a fusion

    @property
    def widths(self) -> dict[str, int]:
        """Length of the features of each expert."""
        return {name: expert.features.shape[-1] for name, expert in self.experts.items()}

    @property
    def bases(self) -> dict[str, str]:
        """SHA-256 of the checkpoint in whose basis the features of each expert are."""
        return {name: expert.basis for name, expert in self.experts.items()}

    def load_data_list(self) -> list[dict]:
        """Match the clips of the experts, and compare their labels."""
        (leader, first), *others = self.experts.items()
        classes = {name: None if e.scores is None else e.scores.shape[1] for name, e in self.experts.items()}
        several = any(expert.labels.ndim > 1 for expert in self.experts.values())
        if None in classes.values() or len(set(classes.values())) > 1 or several:
            raise ValueError(f"every expert needs scores of the same classes, and each clip one label; got {classes}")
        for name, expert in self.experts.items():
            _check_finite(name, expert)
        rows = {leader: np.arange(len(first))}
        for name, other in others:
            owner, advice = f"expert {name} ({other.folder})", "extract the same split with every expert"
            rows[name] = np.array(match_names(other.ids, first.ids, owner, advice))
            if len(other) > len(first):
                match_names(first.ids, other.ids, f"expert {leader} ({first.folder})", advice)
            wrong = np.flatnonzero(np.asarray(other.labels)[rows[name]] != first.labels)
            if wrong.size:
                raise ValueError(f"{owner} has another label of {first.ids[wrong[0]]!r} than {leader}: {advice}")
            if difference := class_difference(first.facts.get("classes"), other.facts.get("classes")):
                print_log(
                    f"{leader} and {owner} name their classes differently, and labels count: {difference}",
                    logger="current",
                    level=logging.WARNING,
                )
        self._say_memorized()
        self._rows = [(self.experts[name], index) for name, index in rows.items()]
        scores = [self.experts[name].scores for name in rows]
        chances = [as_probabilities(part) for part in scores if part is not None]
        self._chances = [np.log(np.maximum(part, SMALLEST)).astype(np.float32) for part in chances]
        return [
            {"frame_dir": name, "label": int(label), "row": i}
            for i, (name, label) in enumerate(zip(first.ids, first.labels, strict=True))
        ]

    def _say_memorized(self) -> None:
        """Warn where experts that were trained on these clips are to be learned from."""
        known = [name for name, part in self.experts.items() if part.is_memorized]
        if known and not self.test_mode:
            print_log(
                f"the features of {', '.join(known)} are of models that were trained on the same clips; a fusion that "
                "learns from them trusts them too much: take features of tools/extract_features.py --folds",
                logger="current",
                level=logging.WARNING,
            )

    def get_data_info(self, idx: int) -> dict:
        """Return the annotation of sample ``idx`` with what the experts make of it."""
        info = self.annotation(idx)
        parts = []
        for (expert, index), chances in zip(self._rows, self._chances, strict=True):
            row = index[info["row"]]
            vector = np.asarray(expert.features[row], np.float32).reshape(-1, expert.features.shape[-1]).mean(axis=0)
            part = np.concatenate([vector, chances[row]])
            parts.append(np.full_like(part, np.nan) if expert.missing[row] else part)
        info["imgs"] = np.concatenate(parts)[None]
        return info

    def _shows_nobody(self, info: dict) -> bool:
        """Return whether no expert has anything of the clip."""
        return bool(np.isnan(info["imgs"]).all())


def _check_finite(name: str, expert: Features) -> None:
    """Raise ValueError where features of a clip that is there are NaN or infinite."""
    known = np.isfinite(np.asarray(expert.features)).reshape(len(expert), -1).all(axis=1)
    bad = np.flatnonzero(~known & ~np.asarray(expert.missing))
    if bad.size:
        raise ValueError(
            f"expert {name} ({expert.folder}): the features of {bad.size} clips, such as {expert.ids[bad[0]]!r}, are "
            f"not finite: {WHY_NOT_FINITE}"
        )
