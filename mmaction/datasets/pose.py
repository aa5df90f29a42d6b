"""Skeleton data sets."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from mmengine.logging import print_log

from mmaction.datasets.base import BaseActionDataset
from mmaction.datasets.transforms.base import needed_keys
from mmaction.io.annotations import check_annotation, load_annotations
from mmaction.io.file_list import resolve_name
from mmaction.io.pickles import as_numbers, load_pickle
from mmaction.registry import DATASETS
from mmaction.structures.sample_name import sample_name

BOX_THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
ANNOTATION_KEYS = ["frame_dir", "filename", "total_frames", "keypoint", "keypoint_score", "img_shape", "original_shape"]


@DATASETS.register_module()
class PoseDataset(BaseActionDataset):
    """Clips as skeletons, from an annotation file (see :func:`mmaction.io.annotations.load_annotations`).

    Args:
        ann_file: The pickle.
        pipeline: Transforms, as configs or callables.
        split: Name of the split in the file, for example ``xsub_train``; None: all clips.
        valid_ratio: Keep clips if at least this share of their frames holds a person found with a score of
            ``box_thr`` (Kinetics skeletons only, which count such frames in ``valid``). None or 0: keep all.
        box_thr: Score from which a found person counts, one of 0.5, 0.6, 0.7, 0.8 and 0.9.
        data_prefix: ``video``: folder that is put before the clips' names, whose videos (``filename``, by default the
            name with ``.mp4``) the pipeline can then read as well; ``skeleton``: folder of one pickle per clip
            that holds the skeleton, where the annotation file holds only labels (Kinetics).
        **kwargs: Arguments of :class:`~mmaction.datasets.base.BaseActionDataset`.

    Example:
        >>> PoseDataset("data/skeleton/gym_2d.pkl", pipeline=[], split="train", num_classes=99)  # doctest: +SKIP
    """

    sample_keys = (*BaseActionDataset.sample_keys, *ANNOTATION_KEYS)

    def __init__(
        self,
        ann_file: str,
        pipeline: Sequence[dict | Callable],
        split: str | None = None,
        valid_ratio: float | None = None,
        box_thr: float = 0.5,
        data_prefix: dict | None = None,
        **kwargs,
    ) -> None:
        if box_thr not in BOX_THRESHOLDS:
            raise ValueError(f"box_thr is one of {', '.join(map(str, BOX_THRESHOLDS))}; got {box_thr}")
        self.split = split
        self.valid_ratio = valid_ratio
        self.box_thr = box_thr
        kwargs.setdefault("modality", "Pose")
        super().__init__(ann_file, pipeline, data_prefix=data_prefix, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the annotation file; ValueError if an annotation is wrong or lacks what the pipeline reads."""
        annotations = load_annotations(self.ann_file, self.split)
        if self.data_prefix.get("video"):
            for info in annotations:
                info.setdefault("filename", f"{sample_name(info)}.mp4")
                for key in ("filename", "frame_dir"):
                    if key in info:
                        info[key] = self._resolve(str(info[key]), "video")
        if not self.data_prefix.get("skeleton"):
            self._check_keys(annotations)
        return annotations

    def _check_keys(self, annotations: list[dict], path: str | None = None) -> None:
        """Check that annotations, which lie in ``path`` or the annotation file, have all that the pipeline needs."""
        needed = needed_keys(self.pipeline.transforms)
        for key in set(ANNOTATION_KEYS) & set(needed):
            for info in annotations:
                if key not in info:
                    step = type(self.pipeline.transforms[needed[key]]).__name__
                    raise ValueError(
                        f"{path or self.ann_file} ({sample_name(info)}) has no {key}, which {step} of the pipeline "
                        "needs; add it, or leave the clip out"
                    )

    def _resolve(self, name: str, prefix: str) -> str:
        """Return the path of a file that the annotations name, which may not leave the folder of its kind."""
        try:
            return resolve_name(name, self.data_prefix[prefix])
        except ValueError as error:
            raise ValueError(f"{self.ann_file}: {error}") from None

    def filter_data(self) -> list[dict]:
        """Drop clips with too few valid frames, then check what is left."""
        if self.valid_ratio:
            self.data_list = [info for info in self.data_list if self._is_valid(info)]
            print_log(f"{len(self.data_list)} clips have enough valid frames", logger="current")
        self._check_joint_counts()
        return super().filter_data()

    def _check_joint_counts(self) -> None:
        """Raise ValueError naming a clip whose skeleton has another number of joints than most."""
        skeletons = ((info, np.shape(info.get("keypoint", 0))) for info in self.data_list)
        counts = [(info, shape[-2]) for info, shape in skeletons if len(shape) >= 3]
        (usual, _), *others = Counter(count for _, count in counts).most_common() or [(0, 0)]
        if others:
            name, odd = next((sample_name(info), count) for info, count in counts if count != usual)
            raise ValueError(
                f"{self.ann_file} ({name}): its skeleton has {odd} joints, but most clips have {usual}; correct "
                "the clip or leave it out"
            )

    def _is_valid(self, info: dict) -> bool:
        missing = [key for key in ("valid", "box_score", "total_frames") if key not in info]
        if missing:
            raise ValueError(
                f"{self.ann_file} ({sample_name(info)}) has no {', '.join(missing)}, which valid_ratio needs; "
                "only Kinetics skeletons have it, leave valid_ratio out for others"
            )
        boxes, valid = as_numbers(info["box_score"]), info["valid"]
        count = as_numbers(valid.get(self.box_thr)) if isinstance(valid, dict) else None
        if boxes is None or count is None or count.ndim:
            raise ValueError(
                f"{self.ann_file} ({sample_name(info)}): expected an array box_score, and valid as a dict from "
                f"{self.box_thr} (box_thr) and other scores to a number of frames"
            )
        info["anno_inds"] = boxes >= self.box_thr
        return bool(count / info["total_frames"] >= self.valid_ratio)

    def get_data_info(self, idx: int) -> dict:
        """Return annotation ``idx``, with the skeleton from its own file if there is a folder of those."""
        info = self.annotation(idx)
        if self.data_prefix.get("skeleton"):
            path = self._resolve(f"{sample_name(info)}.pkl", "skeleton")
            skeleton = load_pickle(path)
            if not isinstance(skeleton, dict):
                raise ValueError(f"{path} holds a {type(skeleton).__name__}; expected a dict with keypoint")
            info.update(skeleton)
            problem = check_annotation(info)
            if problem:
                raise ValueError(f"{path}: {problem}")
            self._check_keys([info], path)
        return info
