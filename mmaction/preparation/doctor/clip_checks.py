"""Looking at single clips: does it decode, do numbers agree, is the skeleton plausible."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmaction.datasets.functional.keypoints import split_scores
from mmaction.datasets.plausible import ADVICE, odd_places, odd_scores, share_outside
from mmaction.io.annotations import check_annotation
from mmaction.io.suffixes import is_image
from mmaction.io.video import VideoError, check_video
from mmaction.preparation.doctor.findings import Finding
from mmaction.preparation.doctor.read_samples import Sample
from mmaction.structures.sample_name import outside_classes

if TYPE_CHECKING:
    import av


@dataclass(frozen=True)
class Thresholds:
    """From where on a clip is remarkable.

    Attributes:
        short_frames: Fewer frames than this are reported.
        missing_share: Share of missing joints.
        empty_share: Share of frames without a person.
        outside_share: Share of the joints seen that lie outside the image, beyond ``margin``.
        margin: Share of the image size by which a joint may lie outside.
        flat: Standard deviation of grey levels (0 to 255) below which a frame shows one colour.
    """

    short_frames: int = 4
    missing_share: float = 0.5
    empty_share: float = 0.3
    outside_share: float = 0.1
    margin: float = 0.05
    flat: float = 1.5


def check_sample(sample: Sample, limits: Thresholds, quick: bool = False) -> list[Finding]:
    """Look at one clip, note what was found in it, and return what is wrong.

    Args:
        sample: The clip; frames, size and so on are filled in.
        limits: From where on something is remarkable.
        quick: Read videos without decoding every frame.
    """
    looks = {"video": _look_at_video, "frames": _look_at_frames, "pose": _look_at_skeleton}
    findings = [*_check_labels(sample), *looks[sample.split.kind](sample, limits, quick)]
    if 0 < sample.frames < limits.short_frames:
        findings.append(sample.finding("short-clip", f"has {sample.frames} frames"))
    return findings


def _check_labels(sample: Sample) -> Iterator[Finding]:
    count = sample.split.num_classes
    for label in sample.labels:
        if problem := outside_classes(label, count):
            yield sample.finding("bad-label", problem)


def _file_digest(path: Path) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.digest()


def _look_at_video(sample: Sample, limits: Thresholds, quick: bool) -> Iterator[Finding]:
    if not sample.path.is_file():
        yield sample.finding("missing-file", f"there is no file {sample.path}")
        return
    contrasts: list[float] = []
    sizes: dict[tuple[int, int], None] = {}  # in the order in which they occur
    seen = itertools.count()

    def watch(frame: av.VideoFrame) -> None:
        sizes[frame.width, frame.height] = None
        if next(seen) % 8 == 0:
            contrasts.append(_contrast(frame))

    try:
        info = check_video(sample.path, decode=not quick, watch=watch)
        sample.digest = _file_digest(sample.path)
    except (VideoError, OSError) as error:
        yield sample.finding("unreadable-file", str(error))
        return
    sample.frames, (sample.height, sample.width), sample.fps = info.num_frames, info.shape, info.fps
    if len(sizes) > 1:
        found = ", ".join(f"{width}x{height}" for width, height in sizes)
        yield sample.finding("size-changes", f"frames are {found}; all are scaled to the first size")
    if max(contrasts, default=0.0) < limits.flat:
        yield sample.finding("blank-video", f"no frame has a contrast of {limits.flat} grey levels or more")


def _contrast(frame: av.VideoFrame) -> float:
    """Return the standard deviation of the first plane (grey levels of most videos), from every 8th pixel."""
    plane = frame.planes[0]
    lines = np.frombuffer(plane, np.uint8).reshape(plane.height, -1)
    return float(lines[::8, : plane.width : 8].std())


def _look_at_frames(sample: Sample, limits: Thresholds, quick: bool) -> Iterator[Finding]:
    import cv2

    folder = sample.path
    if not folder.is_dir():
        yield sample.finding("missing-file", f"there is no folder {folder}")
        return
    images = sorted(path for path in folder.iterdir() if is_image(path))
    flow = [path for path in images if path.name.startswith(("x_", "flow_x"))]
    rgb = [path for path in images if not path.name.startswith(("x_", "y_", "flow_"))]
    sample.frames = len((flow or rgb) if sample.split.is_flow else (rgb or flow))
    if sample.frames < sample.offset + (sample.listed_frames or 1):
        after = f" after the first {sample.offset}" if sample.offset else ""
        message = f"{sample.listed_frames} frames{after} are listed, the folder {folder} has {sample.frames}"
        yield sample.finding("frame-count", message)
    elif lost := [name for name in sample.image_names() if not (folder / name).is_file()]:
        expected = "expected by filename_tmpl, start_index and the list"
        yield sample.finding("missing-file", f"{folder} lacks {len(lost)} images {expected}, the first {lost[0]}")
    for path in images[: 1 if quick else None]:
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if image is None:
            yield sample.finding("unreadable-file", f"{path} is no readable image")
            return
        sample.height, sample.width = image.shape


def _look_at_skeleton(sample: Sample, limits: Thresholds, quick: bool) -> Iterator[Finding]:
    info = dict(sample.info)
    try:
        problem = check_annotation(info) or _check_values(info)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        problem = f"cannot be checked: {error}"
    if problem or np.ndim(info.get("keypoint")) != 4:
        yield sample.finding(_code_of(problem or ""), problem or "keypoint is missing or not of shape (M, T, V, C)")
        return
    keypoint, score = split_scores(info["keypoint"], info.get("keypoint_score"), "img_shape" in info)
    sample.persons, sample.frames = keypoint.shape[:2]
    sample.height, sample.width = (int(side) for side in info.get("img_shape", (0, 0)))
    sample.digest = hashlib.blake2b(keypoint.tobytes(), digest_size=16).digest()
    if not all(np.isfinite(sample.info[key]).all() for key in ("keypoint", "keypoint_score") if key in info):
        yield sample.finding("not-finite", "a coordinate or score is NaN or infinite")
        return
    seen = keypoint.any(-1) if score is None else score > 0
    sample.missing = 1 - float(seen.mean((1, 2)).max())  # of the person seen best
    if not seen.any():
        yield sample.finding("nobody", "every joint has score 0 in every frame")
        return
    yield from _check_presence(sample, seen, limits)
    if score is not None and (found := odd_scores(score, "keypoint_score" not in info)):
        yield sample.finding("odd-scores", found[1])
    if sample.frames > 4 and (keypoint[:, 1:] == keypoint[:, :-1]).all():
        yield sample.finding("frozen", f"all {sample.frames} frames are the same")
    if keypoint.shape[-1] == 2 and sample.height:
        yield from _check_places(sample, keypoint[seen], limits)
    if sample.split.root:
        yield from _compare_with_video(sample)


def _check_values(info: dict) -> str | None:
    if "keypoint_score" in info and np.asarray(info["keypoint_score"]).dtype.kind not in "fiub":
        return "keypoint_score is an array of numbers"
    if not np.isfinite(np.asarray(info.get("img_shape", (1, 1)), float)).all():
        return f"img_shape is height and width in pixels; got {info['img_shape']!r}"
    return None


def _code_of(problem: str) -> str:
    for word, code in (("total_frames", "frame-count"), ("label", "bad-label")):
        if word in problem:
            return code
    return "bad-shape"


def _check_presence(sample: Sample, seen: np.ndarray, limits: Thresholds) -> Iterator[Finding]:
    if sample.missing > limits.missing_share:
        yield sample.finding("missing-joints", f"{100 * sample.missing:.0f} % of the joints are missing")
    empty = 1 - float(seen.any((0, 2)).mean())
    if empty > limits.empty_share:
        yield sample.finding("empty-frames", f"{100 * empty:.0f} % of the frames are without a person")


def _check_places(sample: Sample, points: np.ndarray, limits: Thresholds) -> Iterator[Finding]:
    """Check where joints lie; ``points`` are those seen, shape (N, 2)."""
    height, width = sample.height, sample.width
    sample.outside = share_outside(points, height, width, limits.margin)
    if found := odd_places(points, height, width, limits.outside_share):
        yield sample.finding(found[0], f"{found[1]}; {ADVICE[found[0]]}")
    elif sample.outside > limits.outside_share:
        where = f"{100 * sample.outside:.0f} % of the joints lie outside the image of {width}x{height}"
        yield sample.finding("outside-image", where)


def _compare_with_video(sample: Sample) -> Iterator[Finding]:
    if sample.path is None:
        yield sample.finding("missing-file", f"there is no video of this name below {sample.split.root}")
        return
    try:
        video = check_video(sample.path)
    except VideoError as error:
        yield sample.finding("unreadable-file", str(error))
        return
    if video.num_frames != sample.frames:
        yield sample.finding("frame-count", f"{sample.frames} frames, the video {sample.path} has {video.num_frames}")
    if sample.height and video.shape != (sample.height, sample.width):
        message = f"img_shape is {sample.height}x{sample.width}, that of {sample.path} {video.height}x{video.width}"
        yield sample.finding("swapped-size", f"{message} (height x width)")
