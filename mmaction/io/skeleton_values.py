"""Whether the values of a skeleton can be pixels of its image and scores from 0 to 1."""

import numpy as np

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
