"""Find what is wrong with the skeletons of a clip, without torch.

Joints are ``(M, T, V, 2)`` in pixels, scores ``(M, T, V)``, 0 for a joint that was not seen.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from mmaction.io.skeleton_values import ADVICE, odd_places, odd_scores
from mmaction.io.video import VideoInfo
from mmaction.skeletons import Layout
from mmaction.utils.text import first_few
from mmaction.visualization.draw import visible_joints
from mmaction.visualization.poses import ClipPoses

# What each frame check means, in the order of the report.
FRAME_CHECKS = {
    "no_person": "nobody is seen",
    "not_finite": "a joint has a score but its position is not a number",
    "outside": "a joint lies outside the image",
    "low_score": "the joints are unsure",
    "jump": "the body or a joint jumps",
    "swap": "left and right are swapped",
}


@dataclass(frozen=True)
class Limits:
    """When a frame, and when a clip, is suspicious."""

    low_score: float = 0.3  # mean score of the joints seen below which a frame is unsure
    jump: float = 0.6  # way of a joint between two frames, as a share of the body's diagonal, that is a jump
    swap: float = 0.4  # a frame is swapped if exchanging left and right shortens the way to its neighbors to this share
    tolerance: float = 0.1  # share of the frames that a check may name before the clip is suspicious

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0.0 <= value <= (np.inf if name == "jump" else 1.0):
                raise ValueError(f"{name}: expected a number from 0 to 1 (jump: any positive number), got {value}")


@dataclass
class Report:
    """What the checks found in one clip."""

    video: str  # path of the video
    annotation: str  # ``frame_dir`` of the annotation
    num_frames: int  # frames of the annotation
    decoded: int | None = None  # frames that the video gave, None while it has not been read to its end
    # sentences about the clip as a whole; any of them makes it suspicious
    clip_findings: list[str] = field(default_factory=list)
    frames: dict[str, list[int]] = field(default_factory=dict)  # for each check the frames it names
    tolerance: float = 0.1  # share of the frames that a check may name
    layout: str = ""  # name of the layout, or how it was guessed

    @property
    def problem_frames(self) -> set[int]:
        """Every frame that some check names."""
        return {frame for frames in self.frames.values() for frame in frames}

    @property
    def excessive(self) -> list[str]:
        """The checks that name more frames than tolerated."""
        return [name for name, frames in self.frames.items() if len(frames) > self.tolerance * self.num_frames]

    @property
    def is_suspicious(self) -> bool:
        """Whether a person should look at the clip."""
        return bool(self.clip_findings or self.excessive)

    @property
    def quality(self) -> float:
        """1 for a clip without findings, less with every frame named, below 0 with findings about the whole clip."""
        return 1.0 - len(self.problem_frames) / max(self.num_frames, 1) - len(self.clip_findings)

    def as_dict(self) -> dict:
        """The report as plain values, for JSON."""
        verdict = dict(suspicious=self.is_suspicious, quality=round(self.quality, 4), excessive=self.excessive)
        return asdict(self) | verdict

    def findings(self) -> list[str]:
        """The layout and what was found, a sentence each."""
        found = [self.layout, *self.clip_findings] if self.layout else list(self.clip_findings)
        for name, frames in self.frames.items():
            if frames:
                mark = " (more than tolerated)" if name in self.excessive else ""
                found.append(f"{name}: {FRAME_CHECKS[name]} in {len(frames)} frames: {frame_ranges(frames)}{mark}")
        return found

    def lines(self) -> list[str]:
        """The report for the screen."""
        verdict = "SUSPICIOUS" if self.is_suspicious else "clean"
        first = f"{self.annotation} on {self.video}: {verdict}, {self.num_frames} annotated frames"
        return [first, *(f"  {finding}" for finding in self.findings())]


def frame_ranges(frames: list[int], limit: int = 8) -> str:
    """Write sorted frame numbers as ranges, such as ``3-7, 12``; at most ``limit`` of them."""
    starts = [frame for index, frame in enumerate(frames) if index == 0 or frames[index - 1] != frame - 1]
    ends = [frame for index, frame in enumerate(frames) if index + 1 == len(frames) or frames[index + 1] != frame + 1]
    ranges = [str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True)]
    return first_few(ranges, limit)


def check_clip(poses: ClipPoses, info: VideoInfo, limits: Limits = Limits(), rescaled: bool = False) -> Report:
    """Check the skeletons of a clip against each other and against the video's header.

    With ``rescaled`` joints, which fit the video's size, a different ``img_shape`` is no finding.
    """
    report = Report(str(info.source), poses.name, poses.num_frames, tolerance=limits.tolerance)
    report.layout = poses.layout_note or f"layout: {poses.layout.name}"
    size = (info.height, info.width) if rescaled or not poses.img_shape else poses.img_shape
    report.clip_findings += _wrong_values(poses, size, (info.height, info.width))
    masks = dict(frame_checks(poses.keypoint, poses.score, poses.layout, size, limits))
    report.frames = {name: [int(t) for t in np.flatnonzero(masks[name])] for name in FRAME_CHECKS}
    return report


def _wrong_values(poses: ClipPoses, size: tuple[int, int], video: tuple[int, int]) -> list[str]:
    """Return what is wrong with scores, positions and image size, and what to do; sizes are height and width."""
    points = poses.keypoint[visible_joints(poses.keypoint, poses.score)]
    found = (odd_scores(poses.score, poses.third_is_score), odd_places(points, *size) if len(points) else None)
    odd = dict(pair for pair in found if pair is not None)
    findings = [f"{sentence}; {ADVICE[code]}" for code, sentence in odd.items()]
    if size == video or "swapped-size" in odd:
        return findings
    rescale = "rescale the joints (rescale = yes, --rescale) if they belong together"
    advice = ADVICE["swapped-size"] if size == video[::-1] else rescale
    return [
        *findings,
        f"the joints are for an image of {size[1]}x{size[0]}, the video is {video[1]}x{video[0]}; {advice}",
    ]


def check_length(report: Report, decoded: int, decode_error: str = "") -> None:
    """Add what is known when the video has been read to its end."""
    report.decoded = decoded
    if decode_error:
        report.clip_findings.append(f"the video breaks off after {decoded} frames ({decode_error})")
    if decoded != report.num_frames:
        report.clip_findings.append(f"the annotation has {report.num_frames} frames, the video {decoded}")


def frame_checks(
    keypoint: np.ndarray, score: np.ndarray, layout: Layout, size: tuple[int, int], limits: Limits
) -> Iterator[tuple[str, Any]]:
    """Yield the name of each check and the frames it names, shape ``(T,)``, bool; ``size`` is height and width."""
    seen = visible_joints(keypoint, score)
    yield "no_person", ~seen.any(axis=(0, 2))
    yield "not_finite", ((score > 0) & ~np.isfinite(keypoint).all(axis=-1)).any(axis=(0, 2))
    points = np.where(seen[..., None], keypoint, 0.0).astype(np.float64)
    limit = np.array([size[1], size[0]]) - 0.5
    yield "outside", (((points < -0.5) | (points > limit)).any(axis=-1) & seen).any(axis=(0, 2))
    mean = np.where(seen, score, 0.0).sum(axis=-1) / np.maximum(seen.sum(axis=-1), 1)
    yield "low_score", seen.any(axis=(0, 2)) & (mean.max(axis=0, initial=0.0) < limits.low_score)
    diagonal = body_diagonal(points, seen)
    yield "jump", _jumps(points, seen, diagonal, limits.jump).any(axis=0)
    yield "swap", _swaps(points, seen, diagonal, layout, limits.swap).any(axis=0)


def body_diagonal(points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The median over time of the diagonal of each person's box in pixels, shape ``(M,)``, at least 1."""
    low = np.where(seen[..., None], points, np.inf).min(axis=2)
    high = np.where(seen[..., None], points, -np.inf).max(axis=2)
    present = seen.sum(axis=-1) > 1
    diagonal = np.linalg.norm(np.where(present[..., None], high - low, 0.0), axis=-1)
    lengths = [float(np.median(d[p])) if p.any() else 0.0 for d, p in zip(diagonal, present, strict=True)]
    return np.maximum(lengths, 1.0)


def _steps(points: np.ndarray, seen: np.ndarray, lag: int) -> np.ndarray:
    """Way of each joint over ``lag`` frames in pixels, NaN where it is not seen at both ends, ``(M, T - lag, V)``."""
    way = np.linalg.norm(points[:, lag:] - points[:, :-lag], axis=-1)
    return np.where(seen[:, lag:] & seen[:, :-lag], way, np.nan)


def _jumps(points: np.ndarray, seen: np.ndarray, diagonal: np.ndarray, share: float) -> np.ndarray:
    """Frames in which most of the body moves too far, or a joint goes too far and comes back at once, ``(M, T)``."""
    jumps = np.zeros(seen.shape[:2], bool)
    limit = share * diagonal[:, None]
    step = _steps(points, seen, 1)
    known = np.isfinite(step)
    far = (np.where(known, step, 0.0) > limit[..., None]).sum(axis=-1)
    jumps[:, 1:] = (far > 0) & (far > 0.5 * known.sum(axis=-1))
    if seen.shape[1] > 2:
        there, back, net = step[:, :-1], step[:, 1:], _steps(points, seen, 2)
        with np.errstate(invalid="ignore"):
            spike = (np.minimum(there, back) > limit[..., None]) & (net < 0.5 * limit[..., None])
        jumps[:, 1:-1] |= spike.any(axis=-1)
    return jumps


def _swaps(points: np.ndarray, seen: np.ndarray, diagonal: np.ndarray, layout: Layout, share: float) -> np.ndarray:
    """Frames that fit the frames beside them much better with left and right exchanged, ``(M, T)``."""
    swaps = np.zeros(seen.shape[:2], bool)
    order = list(layout.flip_order)
    pairs = [joint for joint, other in enumerate(order) if joint != other]
    num_frames = seen.shape[1]
    for person in range(len(seen) if pairs else 0):
        now, there = points[person][:, pairs], seen[person][:, pairs]
        mirrored, mirrored_there = points[person][:, order][:, pairs], seen[person][:, order][:, pairs]
        reference, reference_there = now.copy(), there.copy()  # the frames before, put right as far as known
        for t in range(1, num_frames):
            both = there[t] & mirrored_there[t] & reference_there[t - 1]
            if both.sum() >= max(4, len(pairs) // 3):
                same = np.linalg.norm(now[t] - reference[t - 1], axis=-1)[both].mean()
                other = np.linalg.norm(mirrored[t] - reference[t - 1], axis=-1)[both].mean()
                if same > 0.08 * diagonal[person] and other < share * same:
                    swaps[person, t] = True
                    reference[t], reference_there[t] = mirrored[t], mirrored_there[t]
    return swaps
