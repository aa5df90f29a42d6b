"""Whether the values of the skeletons of a data set are what networks expect."""

from typing import Any

import numpy as np

from mmaction.datasets.functional.keypoints import shows_nobody, split_scores
from mmaction.io.skeleton_values import ADVICE, odd_places, odd_scores
from mmaction.structures.sample_name import sample_name


def odd_values(info: dict) -> tuple[str, str] | None:
    """Return a code and a sentence if the skeleton of an annotation cannot be what it says to be."""
    keypoint = info.get("keypoint")
    if keypoint is None or np.ndim(keypoint) != 4 or "img_shape" not in info:  # in space; or not grouped by person
        return None
    points, score = split_scores(np.asarray(keypoint), info.get("keypoint_score"), True)
    if score is not None and (found := odd_scores(np.asarray(score), info.get("keypoint_score") is None)):
        return found
    seen = points[(points != 0).any(-1) if score is None else np.asarray(score) > 0].astype(np.float32)
    height, width = (int(side) for side in info["img_shape"])
    return odd_places(seen, height, width) if len(seen) else None


def is_tolerable(code: str, info: dict) -> bool:
    """Whether what :func:`odd_values` found is legal: a few scores above 1."""
    score = info.get("keypoint_score")
    return code == "odd-scores" and score is not None and score.min() >= 0 and bool(np.median(score[score > 0]) <= 1)


def check_skeletons(dataset: Any, split: str, count: int = 8) -> list[str]:
    """Look at the values of ``count`` skeletons of a data set without wrappers, evenly spread, before a run.

    Returns sentences about values that are odd and legal: scores above 1 that a few joints have, nobody in any of these
    skeletons. ValueError if coordinates are shares of the image, height and width are exchanged, or scores are
    percentages or a depth; names file and clip and says what to do.
    """
    warnings, empty, looked = [], 0, 0
    for index in sorted(set(np.linspace(0, len(dataset) - 1, min(count, len(dataset))).astype(int).tolist())):
        try:
            info = dataset.get_data_info(index)
        except (OSError, ValueError):  # a file of its own that is broken: the run names it
            continue
        if np.ndim(info.get("keypoint", 0)) == 4:
            empty += shows_nobody(*split_scores(info["keypoint"], info.get("keypoint_score"), "img_shape" in info))
            looked += 1
        found = odd_values(info)
        if found is None:
            continue
        code, sentence = found
        message = f"{split} set {dataset.ann_file}, {sample_name(info)}: {sentence}; {ADVICE[code]}"
        if is_tolerable(code, info):
            warnings.append(message)
        else:
            raise ValueError(message)
    if 0 < looked == empty:
        warnings.append(
            f"{split} set {dataset.ann_file}: each of {looked} clips looked at shows nobody, as all its scores, or "
            "places, are 0; leave keypoint_score out where there are no scores"
        )
    return warnings
