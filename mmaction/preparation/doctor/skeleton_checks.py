"""Checks of one skeleton, read as ``PoseDataset`` reads it."""

import hashlib
from collections.abc import Iterator

import numpy as np

from mmaction.datasets.functional.keypoints import group_persons, split_scores
from mmaction.io.annotations import check_annotation
from mmaction.io.file_list import resolve_name
from mmaction.io.pickles import load_pickle
from mmaction.io.skeleton_values import ADVICE, OUTSIDE, odd_places, odd_scores, share_outside
from mmaction.preparation.doctor.findings import Finding
from mmaction.preparation.doctor.read_samples import Sample
from mmaction.skeletons.frame_checks import FRAME_CHECKS

MISSING_SHARE = 0.5  # a larger share of missing joints is reported
EMPTY_SHARE = 0.3  # the same for frames without a person
ODD_SHARE = 0.1  # the same for frames with a jump, an odd bone or exchanged sides
MAX_PERSONS = 10  # of a frame, where a file lists the persons found in each frame


def check_skeleton(sample: Sample) -> Iterator[Finding]:
    """Check a skeleton, and note its frames, size, persons, joints and missing joints in ``sample``."""
    try:
        keypoint, score, finite = _read(sample)
    except FileNotFoundError as error:
        yield sample.finding("missing-file", str(error))
        return
    except (TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
        yield sample.finding(_code_of(str(error)), str(error))
        return
    sample.persons, sample.frames = keypoint.shape[:2]
    sample.joints = keypoint.shape[2:]
    seen = np.asarray(keypoint.any(-1) if score is None else score > 0)
    drawn = (values[:, sample.frames // 2] for values in (keypoint, seen if score is None else score))
    points, scores = (np.nan_to_num(values.astype(np.float32)) for values in drawn)
    sample.middle = points, scores
    sample.digest = hashlib.blake2b(keypoint.tobytes(), digest_size=16).digest()
    if not finite:
        yield sample.finding("not-finite", "a coordinate or score is NaN or infinite")
        return
    if not seen.any():
        yield sample.finding("nobody", "no joint is seen in any frame: all scores are 0")
        return
    if score is not None and (odd := odd_scores(score, "keypoint_score" not in (sample.info or {}))):
        yield sample.finding("odd-scores", f"{odd[1]}; {ADVICE[odd[0]]}")
    if sample.height and keypoint.shape[-1] == 2:
        yield from _check_places(sample, keypoint[seen].astype(np.float32))
    sample.missing = 1 - float(seen.mean((1, 2)).max())  # of the person seen best
    if sample.missing > MISSING_SHARE:
        yield sample.finding("missing-joints", f"{100 * sample.missing:.0f} % of the joints are missing")
    empty = 1 - float(seen.any((0, 2)).mean())
    if empty > EMPTY_SHARE:
        yield sample.finding("empty-frames", f"{100 * empty:.0f} % of the frames are without a person")
    yield from _check_motion(sample)
    if sample.frames > 4 and (keypoint[:, 1:] == keypoint[:, :-1]).all():
        yield sample.finding("frozen", f"all {sample.frames} frames are the same")


def _check_motion(sample: Sample) -> Iterator[Finding]:
    """Check what the extraction has counted, see :func:`clip_quality`."""
    counted = (sample.info or {}).get("quality")
    if not isinstance(counted, dict):
        return
    for name in ("jump", "bones", "swap"):
        number = counted.get(name, 0)
        if isinstance(number, int) and number > ODD_SHARE * sample.frames:
            yield sample.finding("odd-motion", f"{FRAME_CHECKS[name]} in {number} of {sample.frames} frames")


def _check_places(sample: Sample, points: np.ndarray) -> Iterator[Finding]:
    """Check where joints lie; ``points`` are those seen, shape (N, 2)."""
    height, width = sample.height, sample.width
    sample.outside = share_outside(points, height, width)
    if odd := odd_places(points, height, width):
        yield sample.finding(odd[0], f"{odd[1]}; {ADVICE[odd[0]]}")
    elif sample.outside > OUTSIDE:
        where = f"{100 * sample.outside:.0f} % of the joints lie outside the image of {width}x{height}"
        yield sample.finding("outside-image", where)


def _read(sample: Sample) -> tuple[np.ndarray, np.ndarray | None, bool]:
    """Return joints ``(M, T, V, C)``, scores ``(M, T, V)`` and whether all are finite; note the image's size."""
    info = dict(sample.info or {})
    if sample.split.skeletons:
        own = load_pickle(resolve_name(f"{sample.name}.pkl", str(sample.split.skeletons)))
        if not isinstance(own, dict):
            raise ValueError(f"the skeleton file holds a {type(own).__name__}, expected a dict with keypoint")
        info.update(own)
    raw = {key: info[key] for key in ("keypoint", "keypoint_score") if key in info}
    if problem := check_annotation(info):
        raise ValueError(problem)
    if "keypoint" not in info:
        raise ValueError("keypoint is missing")
    if "img_shape" in info:
        sample.height, sample.width = (int(side) for side in info["img_shape"])
    finite = all(np.isfinite(values).all() for values in raw.values())
    keypoint, score = info["keypoint"], info.get("keypoint_score")
    if keypoint.ndim == 4:
        return *split_scores(keypoint, score, in_image="img_shape" in info), finite
    frames = np.asarray(info["frame_inds"])  # one row for each person found
    total = int(info.get("total_frames", frames.max(initial=-1) + 1))
    if not frames.size or (np.diff(frames) < 0).any() or frames.min() < 0 or keypoint.shape[-1] != 3:
        raise ValueError("frame_inds must rise, and keypoint must have the shape (K, V, 3): x, y, score")
    if frames.max() >= total:
        raise ValueError(f"total_frames is {total}, but a person is found in frame {frames.max()} (counted from 0)")
    return *group_persons(frames, keypoint, total, MAX_PERSONS), finite


def _code_of(problem: str) -> str:
    for word, code in (("total_frames", "frame-count"), ("label", "bad-label"), ("pickle", "unreadable-file")):
        if word in problem:
            return code
    return "bad-shape"
