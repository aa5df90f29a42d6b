"""Whether the values of skeletons are what networks expect: pixels inside the image, scores from 0 to 1."""

from typing import Any

import numpy as np

from mmaction.datasets.functional.keypoints import split_scores
from mmaction.structures.sample_name import sample_name

MAX_SCORE = 1.5  # peaks of heatmaps exceed 1 a little
OUTSIDE, MARGIN = 0.1, 0.05  # share of joints outside, beyond this share of the image's size, that is remarkable
ADVICE = {
    "relative-coordinates": "multiply them by width and height",
    "swapped-size": "img_shape and original_shape are (height, width): exchange the two numbers",
    "odd-scores": "divide percentages by 100",
    "depth": "keep (x, y), or (x, y, score), for joints in an image; leave img_shape out for joints in space",
}


def share_outside(points: np.ndarray, height: int, width: int, margin: float = MARGIN) -> float:
    """Return the share of points ``(N, 2)`` that lie outside an image, by more than ``margin`` of its size."""
    size = np.array([width, height], dtype=np.float32)
    return float(((points < -margin * size) | (points > (1 + margin) * size)).any(-1).mean())


def odd_places(points: np.ndarray, height: int, width: int, outside: float = OUTSIDE) -> tuple[str, str] | None:
    """Return a code and a sentence if points that were seen, ``(N, 2)``, cannot be pixels of an image of this size."""
    if min(height, width) > 16 and np.abs(points).max() <= MAX_SCORE:
        return "relative-coordinates", f"all coordinates are below {MAX_SCORE} in an image of {width}x{height}"
    share = share_outside(points, height, width)
    if share > outside and share_outside(points, width, height) <= outside / 5:
        where = f"{100 * share:.0f} % of the joints lie outside the image of {width}x{height}"
        return "swapped-size", f"{where}, but not of {height}x{width}"
    return None


def odd_scores(score: np.ndarray, is_third_channel: bool) -> tuple[str, str] | None:
    """Return a code and a sentence if scores of joints do not lie between 0 and 1."""
    if not score.size or (score.max() <= MAX_SCORE and score.min() >= 0):
        return None
    sentence = f"scores reach from {score.min():.3g} to {score.max():.3g}"
    if is_third_channel:
        return "depth", f"the third channel of keypoint is read as score; {sentence}"
    return "odd-scores", sentence


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


def check_skeletons(dataset: Any, split: str, count: int = 8) -> list[str]:
    """Look at the values of a few skeletons of a data set, evenly spread, before a run.

    Args:
        dataset: A data set without wrappers.
        split: What to call it in messages: ``train``, ``val``, ``test``.
        count: How many samples to look at.

    Returns:
        Sentences about values that are odd and legal: scores above 1 that a few joints have.

    Raises:
        ValueError: If coordinates are shares of the image, height and width are exchanged, or scores are percentages or
            a depth; names file and clip and says what to do.
    """
    warnings = []
    for index in sorted(set(np.linspace(0, len(dataset) - 1, min(count, len(dataset))).astype(int).tolist())):
        try:
            info = dataset.get_data_info(index)
        except (OSError, ValueError):  # a file of its own that is broken: the run names it
            continue
        found = odd_values(info)
        if found is None:
            continue
        code, sentence = found
        message = f"{split} set {dataset.ann_file}, {sample_name(info)}: {sentence}; {ADVICE[code]}"
        score = info.get("keypoint_score")
        if code == "odd-scores" and score is not None and np.median(score[score > 0]) <= 1 and score.min() >= 0:
            warnings.append(message)
        else:
            raise ValueError(message)
    return warnings
