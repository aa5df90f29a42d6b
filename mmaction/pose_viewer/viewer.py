"""Draw one clip from its settings to its output and report what the checks found."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import zip_longest
from pathlib import Path

import numpy as np

from mmaction.io.video import VideoReader
from mmaction.io.video.writers import write_image
from mmaction.label_spaces import read_label_map
from mmaction.pose_viewer.checks import Report, check_clip, check_length
from mmaction.pose_viewer.settings import AUTO_SCALE, Settings, frame_range
from mmaction.skeletons import AUTO, Layout, get_layout, layout_of_config
from mmaction.utils.config import load_config
from mmaction.utils.files import claim, read_scores
from mmaction.visualization.overlay import Look, Overlay, Panel
from mmaction.visualization.poses import ClipPoses
from mmaction.visualization.sinks import SHEET_HEIGHT, open_sink

_KINDS = {".mp4": "mp4", ".gif": "gif", ".png": "sheet", ".jpg": "sheet", ".jpeg": "sheet", "": "frames"}
_SUFFIXES = {"mp4": (".mp4",), "gif": (".gif",), "sheet": (".png", ".jpg", ".jpeg"), "frames": ("",)}
GOOD_SIDE, MOST, WIDEST = 480, 4.0, 1920


@dataclass(frozen=True)
class Classes:
    """Names of the classes, may be empty, and scores ``(num_classes,)`` of each clip by its name."""

    names: tuple[str, ...] = ()
    scores: dict[str, np.ndarray] | None = None

    def captions(self, poses: ClipPoses) -> tuple[str, ...]:
        """The lines that name the true class and the predicted one."""
        lines = [] if poses.label is None else [f"label: {self.name(poses.label)}"]
        scores = (self.scores or {}).get(poses.name)
        if scores is not None:
            best = int(np.argmax(scores))
            lines.append(f"predicted: {self.name(best)} ({scores[best]:.2f})")
        return tuple(lines)

    def name(self, label: int) -> str:
        """The class's name, or its number."""
        return self.names[label] if 0 <= label < len(self.names) else str(label)


def read_classes(settings: Settings) -> Classes:
    """Read the label map and the scores that the settings name."""
    names: tuple[str, ...] = ()
    if settings.label_map:
        names = read_label_map(settings.label_map)
    if not settings.scores:
        return Classes(names)
    arrays = read_scores(settings.scores)
    ids, scores = arrays["ids"], arrays["scores"]
    if ids.ndim != 1 or scores.ndim != 2 or scores.dtype.kind != "f" or len(ids) != len(scores) or not scores.size:
        raise ValueError(
            f"{settings.scores}: expected ids (N,) and scores (N, C), got {ids.shape} and {scores.shape} {scores.dtype}"
        )
    return Classes(names, dict(zip(map(str, ids.tolist()), scores, strict=True)))


def chosen_layout(settings: Settings) -> str | Layout:
    """Return the layout that is set, or the one that the config of ``heatmap`` or ``dataset`` states, or ``auto``."""
    if settings.layout != AUTO:
        return get_layout(settings.layout)
    config = settings.heatmap or settings.dataset
    return (layout_of_config(load_config(config)[0]) if config else None) or AUTO


def output_kind(settings: Settings) -> str:
    """The kind of output, ``mp4``, ``gif``, ``frames`` or ``sheet``."""
    suffix = Path(settings.output).suffix.lower()
    kind = _KINDS.get(suffix) if settings.kind == "auto" else settings.kind
    if kind is None or suffix not in _SUFFIXES[kind]:
        wanted = ".mp4, .gif, .png, .jpg or no suffix (a folder)" if kind is None else f"{_SUFFIXES[kind]} for {kind}"
        raise ValueError(f"output: expected the suffix {wanted}, got {settings.output!r}")
    return kind


def picture_scale(settings: Settings, shape: tuple[int, int]) -> float:
    """Return the factor by which a video of height and width ``shape`` is drawn, where ``auto`` leaves it open.

    Pictures of a sheet get its height. Others are made ``GOOD_SIDE`` pixels at their shorter side if they are smaller,
    at most ``MOST`` times as large, and shrunk so that what stands side by side is at most ``WIDEST`` pixels wide.
    """
    if settings.scale != AUTO_SCALE:
        return settings.scale
    if not settings.window and output_kind(settings) == "sheet":
        return SHEET_HEIGHT / shape[0]
    widest = WIDEST / (shape[1] * (2 if settings.side_by_side else 1))
    return min(widest, float(np.clip(GOOD_SIDE / min(shape), 1.0, MOST)))


def make_overlay(
    poses: ClipPoses,
    settings: Settings,
    report: Report,
    classes: Classes,
    panel: Panel | None,
    shape: tuple[int, int],
) -> Overlay:
    """Build the drawing of a clip, a video of height and width ``shape``, from the settings."""
    chosen = {setting.name: getattr(settings, setting.name) for setting in fields(Look)}
    look = Look(**chosen | {"scale": picture_scale(settings, shape)})
    problems: dict[int, list[str]] = {}
    for name, frames in report.frames.items():
        for frame in frames:
            problems.setdefault(frame, []).append(name)
    return Overlay(poses, look, classes.captions(poses), problems, panel)


def draw_clip(
    reader: VideoReader,
    poses: ClipPoses,
    settings: Settings,
    classes: Classes = Classes(),
    panel: Panel | None = None,
    progress: bool = True,
) -> Report:
    """Check a clip and write it as ``settings`` say.

    The length is checked if the video was read to its end or to a damage. ``panel`` gives a picture beside each frame.
    """
    info = reader.info
    if settings.rescale:
        poses = poses.rescaled(info.height, info.width)
    report = check_clip(poses, info, settings.limits, settings.rescale)
    overlay = make_overlay(poses, settings, report, classes, panel, info.shape)
    kind, output = output_kind(settings), Path(settings.output)
    problem_folder = Path(settings.problem_frames) if settings.problem_frames else None
    inputs: list[str | Path] = [reader.name, *settings.inputs]
    claim(output, settings.overwrite, inputs, is_folder=kind == "frames")
    if problem_folder is not None:
        claim(problem_folder, settings.overwrite, inputs, is_folder=True)
    if settings.report:
        claim(Path(settings.report), settings.overwrite, inputs)
    start, stop = frame_range(settings.frames)
    total = info.num_frames or poses.num_frames
    stop_at = min(stop or total, total)
    chosen = _sheet_frames(start, stop_at, settings.sheet_frames, report) if kind == "sheet" else None
    columns = max(1, round(settings.sheet_frames**0.5))
    seen = 0
    with open_sink(kind, output, settings.speed / info.frame_time, columns) as sink:
        for t, image in _with_progress(reader, start, stop, total, progress):
            seen = t + 1
            is_chosen, is_problem = chosen is None or t in chosen, t in report.problem_frames
            if not is_chosen and not (is_problem and problem_folder):
                continue
            picture = overlay.render(image, t)
            if is_chosen:
                sink.write(picture, float(info.times[t] - info.times[start]) / settings.speed)
            if is_problem and problem_folder:
                problem_folder.mkdir(parents=True, exist_ok=True)
                write_image(problem_folder / f"{poses.name}_{t:06d}.png".replace("/", "_"), picture)
        if progress and (left_out := getattr(sink, "note", "")):
            print(f"{output}: a GIF has {left_out}; an .mp4 has all")
        if not seen:
            raise ValueError(f"frames: {settings.frames!r} holds no frame of {reader.name}, which has {total}")
    if stop is None or reader.problem:
        check_length(report, seen, reader.problem)
    return report


def _sheet_frames(start: int, stop: int, count: int, report: Report) -> set[int]:
    """Return frames of a contact sheet: up to three quarters with findings, each kind in turn, then others, spread."""
    queues = [[t for t in frames if start <= t < stop] for frames in report.frames.values()]
    spread = [[frames[i] for i in _spread_order(len(frames))] for frames in queues if frames]
    found = list(dict.fromkeys(t for turn in zip_longest(*spread) for t in turn if t is not None))[: 3 * count // 4]
    chosen = set(found)
    even = np.linspace(start, max(stop - 1, start), max(min(count - len(found), stop - start), 1)).astype(int).tolist()
    for t in [*even, *(start + i for i in _spread_order(stop - start))]:
        if len(chosen) < count:
            chosen.add(t)
    return chosen


def _spread_order(count: int) -> list[int]:
    """Return the indices below ``count`` so that the first few are spread over all: both ends, the middle, ..."""
    steps = 2 ** np.arange(max(count - 1, 1).bit_length() + 1)
    order = (round(i * (count - 1) / step) for step in steps for i in range(step + 1))
    return list(dict.fromkeys(order)) if count > 0 else []


def _with_progress(
    reader: VideoReader, start: int, stop: int | None, total: int, progress: bool
) -> Iterator[tuple[int, np.ndarray]]:
    from tqdm import tqdm

    count = max(min(stop or total, total) - start, 0)
    frames = reader.images(start, stop)
    return iter(tqdm(frames, total=count or None, desc=Path(reader.name).name, unit="frame", disable=not progress))


def show_window(reader: VideoReader, overlay: Overlay, settings: Settings) -> None:
    """Show the clip in a window: space pauses, ``.`` steps on, ``,`` back, ``q`` or Escape ends."""
    import os
    import sys

    import cv2

    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise ValueError("window: there is no display (DISPLAY is not set); leave --window out and open the output")
    delay = max(1, round(1000 * reader.info.frame_time / settings.speed))
    start, stop = frame_range(settings.frames)
    frames = reader.images(start, stop)
    kept: list[np.ndarray] = []
    position, paused = -1, False
    while True:
        if position + 1 >= len(kept):
            item = next(frames, None)
            if item is None:
                break
            kept = [*kept[-99:], overlay.render(item[1], item[0])[..., ::-1]]
            position = len(kept) - 1
        else:
            position += 1
        while True:
            cv2.imshow("pose_visualizer", kept[position])
            key = cv2.waitKey(0 if paused else delay) & 0xFF
            if key in (ord("q"), 27):
                cv2.destroyAllWindows()
                return
            if key == ord(","):
                paused, position = True, max(position - 1, 0)
                continue
            if key in (ord("."), ord(" ")):
                paused = key == ord(".") or not paused
            break
    cv2.destroyAllWindows()
