"""Find what is wrong with the skeletons of a clip, without torch.

Joints are ``(M, T, V, 2)`` in pixels, scores ``(M, T, V)``, 0 for a joint that was not seen.
"""

from dataclasses import asdict, dataclass, field

import numpy as np

from mmaction.io.skeleton_values import ADVICE, odd_places, odd_scores
from mmaction.io.video import VideoInfo
from mmaction.skeletons.frame_checks import FRAME_CHECKS, Limits, frame_checks, visible_joints
from mmaction.utils.text import first_few
from mmaction.visualization.poses import ClipPoses


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


def check_clip(poses: ClipPoses, info: VideoInfo, limits: Limits | None = None, rescaled: bool = False) -> Report:
    """Check the skeletons of a clip against each other and against the video's header.

    With ``rescaled`` joints, which fit the video's size, a different ``img_shape`` is no finding.
    """
    report = Report(str(info.source), poses.name, poses.num_frames, tolerance=(limits or Limits()).tolerance)
    report.layout = poses.layout_note or f"layout: {poses.layout.name}"
    size = (info.height, info.width) if rescaled or not poses.img_shape else poses.img_shape
    report.clip_findings += _wrong_values(poses, size, (info.height, info.width))
    masks = dict(frame_checks(poses.keypoint, poses.score, poses.layout, size, limits or Limits()))
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
