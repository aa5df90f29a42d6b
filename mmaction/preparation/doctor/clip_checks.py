"""Checks of one clip: does it decode, do the numbers agree, is its label one of the classes."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmaction.io.downloads import file_sha256
from mmaction.io.images import read_image
from mmaction.io.suffixes import is_image
from mmaction.io.video import VideoError, check_video
from mmaction.preparation.doctor.findings import Finding
from mmaction.preparation.doctor.read_samples import Sample
from mmaction.preparation.doctor.skeleton_checks import check_skeleton
from mmaction.structures.sample_name import outside_classes

if TYPE_CHECKING:
    import av


SHORT_FRAMES = 4  # fewer frames than this are reported
FLAT = 1.5  # standard deviation of gray levels (0 to 255) below which a frame shows one color


def check_sample(sample: Sample, quick: bool = False) -> list[Finding]:
    """Check one clip, note frames, size and so on in it, and return what is wrong.

    ``quick`` reads videos without decoding every frame, and only the first image of a folder.
    """
    problems = (outside_classes(label, sample.split.num_classes) for label in sample.labels)
    findings = [sample.finding("bad-label", problem) for problem in problems if problem]
    path = sample.path or Path(sample.name)
    if sample.split.kind == "video":
        findings += _check_video(sample, path, quick)
    elif sample.split.kind == "frames":
        findings += _check_frames(sample, path, quick)
    else:
        findings += check_skeleton(sample)
        if sample.split.root and sample.frames:
            findings += _compare_with_video(sample)
    if 0 < sample.frames < SHORT_FRAMES:
        findings.append(sample.finding("short-clip", f"has {sample.frames} frames"))
    return findings


def _check_video(sample: Sample, path: Path, quick: bool) -> Iterator[Finding]:
    if not path.is_file():
        yield sample.finding("missing-file", f"there is no file {path}")
        return
    contrasts: list[float] = []
    sizes: dict[tuple[int, int], None] = {}  # in the order in which they occur
    seen = itertools.count()

    def watch(frame: "av.VideoFrame") -> None:
        sizes[frame.width, frame.height] = None
        if next(seen) % 8 == 0:
            contrasts.append(_contrast(frame))

    try:
        info = check_video(path, decode=not quick, watch=watch)
        sample.digest = bytes.fromhex(file_sha256(path))
    except (VideoError, OSError) as error:
        yield sample.finding("unreadable-file", str(error))
        return
    sample.frames, (sample.height, sample.width) = info.num_frames, info.shape
    if len(sizes) > 1:
        found = ", ".join(f"{width}x{height}" for width, height in sizes)
        yield sample.finding("size-changes", f"frames are {found}; all are scaled to the first size")
    if max(contrasts, default=0.0) < FLAT:
        yield sample.finding("blank-video", f"no frame has a contrast of {FLAT} gray levels or more")


def _contrast(frame: "av.VideoFrame") -> float:
    """Return the standard deviation of the first plane (gray levels of most videos), from every 8th pixel."""
    plane = frame.planes[0]
    lines = np.frombuffer(bytes(plane), np.uint8).reshape(plane.height, -1)
    return float(lines[::8, : plane.width : 8].std())


def _check_frames(sample: Sample, folder: Path, quick: bool) -> Iterator[Finding]:
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
        try:
            sample.height, sample.width = read_image(path, gray=True).shape
        except ValueError as error:
            yield sample.finding("unreadable-file", str(error))
            return


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
        told = f"img_shape is {sample.height}x{sample.width}, {sample.path} has {video.height}x{video.width}"
        yield sample.finding("other-size", f"{told} (height x width)")
